/**
 * A board in a temporary directory: device nodes, sysfs, config.txt, groups and programs as a healthy Raspberry Pi has
 * them, simulated chips on its buses, a broker that answers. A test breaks one thing and asks the doctor.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { simulations } from '../../drivers/sim.ts';
import type { Buses } from '../../src/bus/buses.ts';
import { environment } from '../../src/bus/environment.ts';
import { type SimulatedBuses, simulatedBuses } from '../../src/bus/simulated-buses.ts';
import type { CommandIo } from '../../src/cli/command.ts';
import { doctorOf } from '../../src/cli/doctor.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { ServiceReport } from '../../src/status/report.ts';
import { type Finished, type System, systemFiles, type User } from '../../src/system.ts';
import { type ScriptedBroker, startScriptedBroker } from '../uplink/scripted-broker.ts';

export const NOW = Date.UTC(2026, 10, 22, 12);
export const BUILT = Date.UTC(2026, 10, 1);
/** Not the one who runs the tests, who owns everything here: rights come from the group alone. */
const SOMEBODY = 54_321;
const GROUP = process.getgid?.() ?? 0;

export interface Told {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'fault';
  readonly message: string;
  readonly fix?: string;
}

export interface FakeBoard {
  /** What the board's own paths are below. */
  readonly root: string;
  /** Where the doctor is called, with sedge.yaml in it. */
  readonly cwd: string;
  readonly broker: ScriptedBroker;
  readonly simulated: SimulatedBuses;
  /** Changed by a test before it asks. */
  machine: {
    buses: Buses;
    clock: Clock;
    user: User;
    nodeVersion: string;
    packages: Record<string, unknown>;
    programs: Record<string, Finished>;
    /** What a running service says of itself. */
    service: ServiceReport | undefined;
  };
  write(path: string, text?: string, mode?: number): void;
  link(path: string, to: string): void;
  remove(path: string): void;
  config(text: string): void;
  /** Runs `sedge doctor --json`. */
  ask(options?: { env?: NodeJS.ProcessEnv }): Promise<{ readonly status: number; readonly told: readonly Told[] }>;
  /** Runs `sedge doctor`. */
  askText(options?: { terminal?: boolean; env?: NodeJS.ProcessEnv }): Promise<string>;
  close(): Promise<void>;
}

export const SHOWN = (values: Readonly<Record<string, string | number>> = {}): Finished => ({
  status: 0,
  stderr: '',
  stdout: Object.entries({
    LoadState: 'loaded',
    ActiveState: 'active',
    SubState: 'running',
    Result: 'success',
    NRestarts: 0,
    ExecMainStatus: 0,
    UnitFileState: 'enabled',
    ...values,
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join(''),
});

/** A broker that gives each message back to whoever subscribed. */
async function echoingBroker(): Promise<ScriptedBroker> {
  const broker = await startScriptedBroker();
  broker.script.onPublish = ({ topic, payload, client }) => {
    if (broker.subscriptions.includes(topic))
      client.send({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false });
    return true;
  };
  return broker;
}

export async function fakeBoard(): Promise<FakeBoard> {
  const base = mkdtempSync(join(tmpdir(), 'sedge-board-'));
  const [root, cwd] = [join(base, 'root'), join(base, 'home')];
  const full = (path: string) => join(root, path);
  const write = (path: string, text = '', mode = 0o644) => {
    mkdirSync(dirname(full(path)), { recursive: true });
    writeFileSync(full(path), text);
    chmodSync(full(path), mode);
  };
  const link = (path: string, to: string) => {
    mkdirSync(dirname(full(path)), { recursive: true });
    symlinkSync(to, full(path));
  };
  mkdirSync(join(cwd, 'journal'), { recursive: true });
  for (const directory of [base, cwd, join(cwd, 'journal')]) chmodSync(directory, 0o770);

  write('/proc/device-tree/model', 'Raspberry Pi 4 Model B Rev 1.4\0');
  write('/boot/firmware/config.txt', '# firmware\ndtparam=i2c_arm=on\n');
  write('/usr/bin/raspi-config');
  write('/etc/group', `root:x:0:\ni2c:x:${GROUP}:pi\n`);
  write('/etc/passwd', `root:x:0:0::/root:/bin/sh\npi:x:${SOMEBODY}:${SOMEBODY}::/home/pi:/bin/sh\n`);
  write('/dev/i2c-1', '', 0o660);
  write('/sys/bus/i2c/devices/i2c-1/name', 'bcm2835 (i2c@7e804000)\n');
  write('/sys/class/gpio/export', '', 0o660);
  write('/run/systemd/timesync/synchronized');
  mkdirSync(full('/run/systemd/system'));

  const broker = await echoingBroker();
  const { world } = environment({ seed: 1, speed: 1, clock: systemClock });
  const i2c = (id: string, driver: string, address: number) => ({
    id,
    driver,
    place: { bus: 'i2c', on: 1, address } as const,
  });
  const simulated = simulatedBuses({
    placements: [i2c('air', 'bme280', 0x76), i2c('lamp', 'bh1750', 0x23)],
    simulations,
    world,
    seed: 1,
    clock: systemClock,
  });
  const clock: Clock = { ...systemClock, now: () => NOW };
  const machine: FakeBoard['machine'] = {
    buses: simulated,
    clock,
    user: { uid: SOMEBODY, gids: [SOMEBODY, GROUP] },
    nodeVersion: '20.20.2',
    packages: { 'i2c-bus': { openSync() {} }, onoff: { Gpio() {} }, 'node-unix-socket': { DgramSocket() {} } },
    programs: { systemctl: SHOWN() },
    service: undefined,
  };
  const config = (text: string) => writeFileSync(join(cwd, 'sedge.yaml'), text);
  config(HEALTHY(broker.url));

  const command = doctorOf(() => {
    const system: System = {
      root,
      files: systemFiles(root),
      run: async (program) => machine.programs[program],
      user: machine.user,
      platform: 'linux',
      nodeVersion: machine.nodeVersion,
      path: join(root, 'usr/bin'),
      load: async (name) => {
        const found = machine.packages[name];
        if (found instanceof Error) throw found;
        return found;
      },
    };
    const { buses, clock } = machine;
    return { system, buses, clock, builtAtMs: BUILT, ask: async () => machine.service };
  });
  const run = async (values: Record<string, boolean>, env: NodeJS.ProcessEnv, terminal: boolean) => {
    const stdout = Object.assign(new PassThrough(), { isTTY: terminal });
    const signal = new AbortController().signal;
    const io = { stdout, stderr: new PassThrough(), env, cwd, version: '0', signal } as unknown as CommandIo;
    const status = await command.run(io, { values, positionals: [] });
    return { status, text: String(stdout.read() ?? '') };
  };
  return {
    root,
    cwd,
    broker,
    simulated,
    machine,
    write,
    link,
    remove: (path) => rmSync(full(path), { recursive: true }),
    config,
    async ask({ env = {} } = {}) {
      const { status, text } = await run({ json: true }, env, false);
      return { status, told: JSON.parse(text) as Told[] };
    },
    askText: async ({ terminal = false, env = {} } = {}) => (await run({}, env, terminal)).text,
    async close() {
      await broker.close();
      rmSync(base, { recursive: true });
    },
  };
}

/** Two sensors, one uplink; the journal in a directory that everybody here may use. */
export const HEALTHY = (url: string, more = ''): string => `version: 1
device: greenhouse-1
sensors:
  air: { driver: bme280, every: 10s }
  lamp: { driver: bh1750, every: 1m }
${more}
journal: { directory: ./journal, max_size: 4MB }
uplinks:
  cloud: { type: mqtt, url: "${url}" }
`;
