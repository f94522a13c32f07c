/** docs/vibration.md: its configuration is accepted as it stands, and the bands it names are those of the drivers. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { drivers } from '../../drivers/index.ts';
import { parseConfig } from '../../src/config/load.ts';
import { BURST_OPTIONS, type Channels } from '../../src/driver.ts';
import { catalogueSensor } from '../../src/sensors.ts';
import { optionsOf } from '../rig.ts';

const page = readFileSync(new URL('../../docs/vibration.md', import.meta.url), 'utf8');
const parse = (text: string) => parseConfig(text, { file: 'sedge.yaml', env: {}, cwd: '/', drivers, hostname: 'hall' });

describe('docs/vibration.md', () => {
  const configurations = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);

  it.each(configurations)('shows a configuration that is valid: %#', async (text) => {
    const parsed = await parse(text);
    if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
    expect(catalogueSensor(parsed.config.sensors[0]!).channels.velocity).toEqual({
      quantity: 'velocity',
      unit: 'mm/s',
      band_hz: [10, 360],
    });
  });

  it.each([
    ['adxl345', 800, 360],
    ['adxl345', 200, 90],
    ['mpu6050', 500, 184],
    ['lis3dh', 1_344, 604.8],
  ])('names the band of %s at %i Hz', (name, rate, toHz) => {
    const driver = drivers[name]!;
    const { channels } = driver.variant!(optionsOf(driver, { mode: 'burst', rate })) as { channels: Channels };
    expect(channels.velocity!.bandHz).toEqual([10, toHz]);
    expect(page).toContain(`${toHz} Hz`);
  });

  it('names every option of its own and every feature', () => {
    const { channels } = drivers.adxl345!.variant!(optionsOf(drivers.adxl345!, { mode: 'burst', bands: '10-60' }));
    const features = Object.keys(channels!).filter((channel) => !/_[xyz]$/.test(channel));
    for (const name of [...Object.keys(BURST_OPTIONS), ...features]) expect(page).toContain(`\`${name}`);
  });
});

it('points at the options when those of a burst do not go together', async () => {
  const motor = (options: string) => `version: 1
sensors:
  motor:
    driver: adxl345
    every: 1m
    options: { mode: burst, ${options} }
`;
  const problemOf = async (options: string) => {
    const parsed = await parse(motor(options));
    return 'problems' in parsed ? parsed.problems : [];
  };
  expect(await problemOf('rate: 1.6kHz')).toEqual([
    expect.objectContaining({
      line: 6,
      column: 14,
      path: 'sensors.motor.options',
      message: expect.stringContaining('400 kHz carries 800 Hz and not 1600 Hz: lower the rate'),
    }),
  ]);
  expect(await problemOf('raw: trigger')).toHaveLength(1);
  expect(await problemOf('raw: trigger, trigger_rms: 2')).toEqual([]);
});
