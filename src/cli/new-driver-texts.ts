/**
 * What `sedge drivers --new` writes: an imagined thermometer with all that a chip on I2C usually has (an id, a setting, a
 * conversion that takes time, a status bit, a checksum), to be changed into the real one. The texts need no import that is
 * not beside them, so that they run wherever Sedge or Node does.
 */

export const DRIVER = `/**
 * my-chip: what it measures.
 *
 * Write here what the datasheet says and the code relies on, by the title of its section: the modes and how long each takes
 * at most, what its registers hold, how a value is made of them, what it does when it is read too early.
 *
 * Here: an imagined thermometer. A write of 0x01 and the setting starts a measurement, which takes 10 ms for each sample;
 * register 0x00 gives status (bit 7: measuring), two bytes of two's complement in 1/128 Cel, and their CRC-8.
 *
 * @typedef {import('sedge/driver').PollDriver<'i2c'>} Driver
 */

const RESULT = { register: 0x00, length: 4 };
const START = 0x01;
const ID = 0x0f;
const OUR_ID = 0x7c;
const MEASURING = 0x80;
/** By what the option samples says. */
const SETTINGS = { 1: 0x00, 4: 0x01, 16: 0x02 };
const MS_PER_SAMPLE = 10;
/** What the transfers of one read take on a bus of 100 kHz, rounded up. */
const BUS_MS = 2;

/**
 * Two bytes to Cel. Maths that is a function of its own can be tested without a chip.
 * @param {number} high
 * @param {number} low
 */
export const celsius = (high, low) => ((((high << 8) | low) << 16) >> 16) / 128;

/** @type {Driver} */
const driver = {
  api: 1,
  id: 'my-chip',
  title: 'My chip: an imagined thermometer',
  datasheet: 'a link to it, or where it is',
  kind: 'poll',
  bus: 'i2c',
  // The first is the default.
  addresses: [0x42, 0x43],
  channels: {
    // A quantity fixes the unit: see docs/drivers.md for all of them; a new one says its unit itself.
    temperature: { quantity: 'temperature', min: -40, max: 125, resolution: 1 / 128, decimals: 2 },
  },
  options: {
    samples: { kind: 'choice', choices: [1, 4, 16], default: 1, doc: 'Samples of one measurement: more have less noise.' },
  },
  // Longest that a read takes by the datasheet: what takes twice as long and two seconds more is given up.
  worstCaseMs: MS_PER_SAMPLE * 16 + BUS_MS,
  variant: ({ samples }) => ({ worstCaseMs: MS_PER_SAMPLE * Number(samples) + BUS_MS }),

  // What answers here, from an id register, for sedge scan: it only reads.
  async identify(device) {
    const [id] = await device.writeRead([ID], 1);
    return id === OUR_ID ? 'MY-CHIP' : undefined;
  },

  // Called at the start and after each failure. It throws what fail() makes, with a code and a sentence that says what to do.
  async open({ device, options, wait, fail, crc8 }) {
    const samples = /** @type {1 | 4 | 16} */ (options.samples);
    const [id] = await device.writeRead([ID], 1);
    if (id !== OUR_ID) throw fail('sensor.identity', 'my-chip: another chip answers here: check address and wiring');

    return {
      async read(signal) {
        await device.write(START, SETTINGS[samples]);
        // Waits at least so long, and rejects when the read is called off.
        await wait(MS_PER_SAMPLE * samples, signal);
        const reply = await device.writeRead([RESULT.register], RESULT.length);
        const [status = 0, high = 0, low = 0, crc = 0] = reply;
        if (crc8(reply.subarray(0, 3)) !== crc) {
          throw fail('sensor.crc', 'my-chip: the checksum of a reply is wrong: shorten the wires or slow the bus');
        }
        // Never an old value, never NaN: what is not fresh and right is an error, or the channel is left out.
        if (status & MEASURING) throw fail('sensor.not-ready', 'my-chip: it has not measured in its time: check its supply');
        return { temperature: celsius(high, low) };
      },
      // Leaves the chip idle; must not fail when it is gone.
      async close() {},
    };
  },
};

export default driver;
`;

export const SIMULATION = `/**
 * A simulated my-chip, written from the datasheet and not from the driver: if both made the same mistake, no test could see
 * it. sedge run --simulate finds it because it is beside the driver under this name.
 *
 * Not modelled: say here what the chip has and this has not.
 */

/** @type {Readonly<Record<number, number>>} */
const SAMPLES = { 0: 1, 1: 4, 2: 16 };
const MS_PER_SAMPLE = 10;

/**
 * CRC-8 of the datasheet, bit by bit.
 * @param {readonly number[]} bytes
 */
function checksum(bytes) {
  let register = 0xff;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const feedback = ((register >> 7) ^ (byte >> bit)) & 1;
      register = ((register << 1) & 0xff) ^ (feedback ? 0x31 : 0);
    }
  }
  return register;
}

/** @type {import('sedge/simulation').I2cSimulation} */
export const simulation = {
  bus: 'i2c',
  // A chip at power-on. world.value(what) says what is the case around it.
  create(world) {
    let pointer = 0;
    let measured = 0;
    let endsMs = Number.NEGATIVE_INFINITY;
    let isMeasuring = false;

    const settle = () => {
      if (!isMeasuring || world.clock.monotonic() < endsMs) return;
      measured = Math.round(Math.min(125, Math.max(-40, world.value('temperature', endsMs))) * 128);
      isMeasuring = false;
    };
    return {
      // False is: not acknowledged.
      write(bytes) {
        settle();
        pointer = bytes[0] ?? pointer;
        if (pointer === 0x01 && bytes.length > 1) {
          endsMs = world.clock.monotonic() + MS_PER_SAMPLE * (SAMPLES[bytes[1] ?? 0] ?? 1);
          isMeasuring = true;
        }
        return true;
      },
      read(length) {
        settle();
        const result = [isMeasuring ? 0x80 : 0x00, (measured >> 8) & 0xff, measured & 0xff];
        const bytes = pointer === 0x0f ? [0x7c] : [...result, checksum(result)];
        return Uint8Array.from({ length }, (_, at) => bytes[at] ?? 0xff);
      },
    };
  },
};
`;

export const TEST = `/** node --test my-chip.test.js: the real driver on the simulated chip, with time and surroundings in the test's hands. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import driver, { celsius } from './my-chip.js';
import { simulation } from './my-chip.sim.js';

/** The chip on a bus of its own. Everything that went over the wire is in wire; damage changes replies. */
function setUp(options = {}) {
  let nowMs = 1_000;
  const clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep: async (ms) => void (nowMs += Math.max(0, ms)),
    after: () => () => {},
  };
  const stage = { temperature: 21.5, plugged: true, hurry: 1, damage: (reply) => reply };
  const world = { clock, value: () => stage.temperature, random: () => 0.5 };
  let chip = simulation.create(world);
  const wire = [];
  const hex = (bytes) => Buffer.from(bytes).toString('hex');
  const fail = (code, message) => Object.assign(new Error(message), { code });
  const transfer = async (tx, length) => {
    if (!stage.plugged || (tx.length > 0 && !chip.write(Uint8Array.from(tx)))) throw fail('bus.nack', 'nobody there');
    const reply = length === 0 ? new Uint8Array(0) : chip.read(length);
    if (reply === null) throw fail('bus.nack', 'nobody there');
    wire.push((tx.length > 0 ? 'w ' + hex(tx) : '') + (length > 0 ? ' r ' + hex(reply) : ''));
    return stage.damage(reply);
  };
  const device = {
    address: driver.addresses[0],
    clockHz: 100_000,
    write: async (...bytes) => void (await transfer(bytes, 0)),
    read: (length) => transfer([], length),
    writeRead: (bytes, length) => transfer(bytes, length),
  };
  const crc8 = (bytes) => {
    let crc = 0xff;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x31) & 0xff : crc << 1;
    }
    return crc;
  };
  const wait = async (ms) => clock.sleep(ms * stage.hurry);
  const defaults = Object.fromEntries(Object.entries(driver.options).map(([name, spec]) => [name, spec.default]));
  const context = { device, clock, options: { ...defaults, ...options }, fail, wait, crc8 };
  return {
    stage,
    wire,
    clock,
    open: () => driver.open(context),
    powerCycle: () => {
      chip = simulation.create(world);
    },
  };
}
const signal = new AbortController().signal;
const near = (value, truth) => assert.ok(Math.abs(value - truth) <= 1 / 128, value + ' instead of ' + truth);

test('the maths has its sign', () => {
  assert.equal(celsius(0x0c, 0x80), 25);
  assert.equal(celsius(0xf3, 0x80), -25);
});

test('reports what is the case over the whole range, and never an old value', async () => {
  const { open, stage } = setUp();
  const sensor = await open();
  for (const temperature of [-40, -0.5, 0, 21.5, 85, 125]) {
    stage.temperature = temperature;
    near((await sensor.read(signal)).temperature, temperature);
  }
  await sensor.close();
});

for (const [samples, setting] of [[1, '00'], [4, '01'], [16, '02']]) {
  test('says on the wire what the datasheet asks for with samples ' + samples + ', in its time', async () => {
    const { open, wire, clock } = setUp({ samples });
    const sensor = await open();
    const beganMs = clock.monotonic();
    await sensor.read(signal);
    assert.deepEqual(wire.map((line) => line.split(' r ')[0]), ['w 0f', 'w 01' + setting, 'w 00']);
    assert.ok(clock.monotonic() - beganMs <= driver.variant({ samples }).worstCaseMs);
  });
}

test('refuses another chip', async () => {
  const { open, stage } = setUp();
  stage.damage = (reply) => reply.fill(0x5a);
  await assert.rejects(open(), { code: 'sensor.identity' });
});

test('refuses a reply in which a bit is wrong', async () => {
  const { open, stage } = setUp();
  const sensor = await open();
  stage.damage = (reply) => reply.map((byte, at) => (at === 2 ? byte ^ 0x04 : byte));
  await assert.rejects(sensor.read(signal), { code: 'sensor.crc' });
});

test('refuses what it read before the chip had measured', async () => {
  const { open, stage } = setUp();
  const sensor = await open();
  stage.hurry = 0.9;
  await assert.rejects(sensor.read(signal), { code: 'sensor.not-ready' });
});

test('says when nobody is there, and reads on when it is back', async () => {
  const { open, stage, powerCycle } = setUp();
  const sensor = await open();
  stage.plugged = false;
  await assert.rejects(sensor.read(signal), { code: 'bus.nack' });
  stage.plugged = true;
  powerCycle();
  near((await sensor.read(signal)).temperature, 21.5);
});

test('says who it is', async () => {
  assert.equal(driver.api, 1);
  assert.equal(driver.id, 'my-chip');
});
`;
