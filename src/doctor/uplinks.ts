/**
 * The check of each uplink, step by step as a connection is made: the name, TCP, TLS, the login, and a message at QoS 1 to
 * `<base>/doctor` that comes back. Under MQTT 3.1.1 a broker may acknowledge what it throws away, so coming back is the
 * proof. Nothing retained is left and no session; the client id is not the station's, whose connection stays.
 */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import type { Clock } from '../clock.ts';
import type { MqttUplinkConfig } from '../config/types.ts';
import { codeOf, messageOf, SedgeError } from '../errors.ts';
import type { MqttConnection } from '../uplink/mqtt-connection.ts';
import { createDial, parseBroker } from '../uplink/mqtt-dial.ts';
import type { BrokerPlace } from '../uplink/mqtt-errors.ts';
import { certificateFindings } from './certificate.ts';
import { type Check, type DoctorContext, type Finding, fault, halves, ok, warning } from './types.ts';

const STEP_MS = 5_000;
/** For a message to come back that is already acknowledged. */
const RETURN_MS = 2_000;
const KEEPALIVE_MS = 30_000;
const ABSENT = { because: 'absent' } as const;

export const uplinksCheck: Check = {
  id: 'uplinks',
  async run(context) {
    const { config } = context.configuration;
    if (!config) return [];
    if (config.uplinks.length === 0) return [ok('none is configured: readings stay in the journal')];
    const found = await Promise.all(config.uplinks.map((uplink) => examine(uplink, config.device, context)));
    return found.flat();
  },
};

async function examine(uplink: MqttUplinkConfig, device: string, context: DoctorContext): Promise<readonly Finding[]> {
  const id = `${uplink.clientId ?? `sedge-${device}-${uplink.name}`}-doctor`;
  const { place } = parseBroker(uplink.url, id);
  const about = uplink.name;
  const steps = [
    () => resolves(place, context.clock),
    () => connects(place, context.clock),
    ...(place.tls ? [() => certificateFindings(place, uplink, context.clock)] : []),
    () => roundTrip(uplink, place, `${uplink.topics.prefix}/${device}/doctor`, context),
  ];
  const found: Finding[] = [];
  for (const step of steps) {
    const findings = await step();
    found.push(...findings.map((one) => ({ about, ...one })));
    if (findings.some(({ state }) => state === 'fault')) return found;
  }
  // What works for us and not for the service: another client with its id, rights of its own, an old configuration.
  const report = context.service?.uplinks[uplink.name];
  if (report?.state === 'offline')
    found.push(
      fault(`the running service is not connected (${report.message ?? report.error ?? 'no reason given'})`, {
        about,
        ...ABSENT,
        fix: 'sudo systemctl restart sedge, then journalctl -u sedge -n 30',
      }),
    );
  if (report?.warning !== undefined)
    found.push(
      warning(`the running service: ${report.warning}`, { about, fix: 'give each station a `device:` of its own' }),
    );
  return found;
}

/** The first of two: the work, or undefined after the step's time. */
export async function within<T>(clock: Clock, work: Promise<T>, ms = STEP_MS): Promise<T | undefined> {
  const timer = new AbortController();
  try {
    return await Promise.race([work, clock.sleep(ms, timer.signal).then(() => undefined)]);
  } finally {
    timer.abort();
  }
}

async function resolves({ host }: BrokerPlace, clock: Clock): Promise<readonly Finding[]> {
  const found = await within(
    clock,
    lookup(host).catch((error: NodeJS.ErrnoException) => error),
  );
  if (found === undefined || (found instanceof Error && found.code === 'EAI_AGAIN'))
    return [
      fault(`the name server does not answer for ${host}`, {
        ...ABSENT,
        fix: `getent hosts ${host}; check the network: ip route; cat /etc/resolv.conf`,
      }),
    ];
  if (found instanceof Error)
    return [
      fault(`the name ${host} is not known`, { ...ABSENT, fix: `correct the host in url:, or try ping ${host}` }),
    ];
  return [];
}

function connects({ host, port }: BrokerPlace, clock: Clock): Promise<readonly Finding[]> {
  const socket = connect({ host, port });
  const tried = new Promise<readonly Finding[]>((resolve) => {
    socket.once('connect', () => resolve([]));
    socket.once('error', ({ code }: NodeJS.ErrnoException) =>
      resolve([
        code === 'ECONNREFUSED'
          ? fault(`nothing listens at ${host}:${port}`, {
              ...ABSENT,
              fix: 'on the broker: sudo systemctl restart mosquitto, and "listener 1883" in its configuration; or correct url:',
            })
          : fault(`${host}:${port} cannot be reached (${code})`, { ...ABSENT, fix: `ip route; ping ${host}` }),
      ]),
    );
  });
  const late = [
    fault(`${host}:${port} does not answer`, {
      ...ABSENT,
      fix: `open TCP port ${port} in the firewalls on the way: nc -vz ${host} ${port}`,
    }),
  ];
  return within(clock, tried)
    .then((found) => found ?? late)
    .finally(() => socket.destroy());
}

const LOGIN_FIXES: Readonly<Record<string, string>> = {
  'uplink.version': 'update the broker: it must speak MQTT 3.1.1 or 5',
  'uplink.timeout': 'check that the port of url: is one of MQTT (1883, or 8883 with mqtts://)',
};

async function roundTrip(
  uplink: MqttUplinkConfig,
  place: BrokerPlace,
  topic: string,
  { clock, signal }: DoctorContext,
): Promise<readonly Finding[]> {
  const { username, password, tls } = uplink;
  const token = randomBytes(8).toString('hex');
  let comesBack: () => void = () => {};
  const back = new Promise<true>((resolve) => {
    comesBack = () => resolve(true);
  });
  let connection: MqttConnection;
  try {
    connection = await createDial()({
      place,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      tls,
      keepaliveMs: KEEPALIVE_MS,
      clock,
      signal,
      async onMessage(_topic, payload) {
        if (Buffer.from(payload).toString() === token) comesBack();
      },
    });
  } catch (error) {
    const code = codeOf(error) ?? '';
    const { what, remedy } = halves(messageOf(error));
    const fix = LOGIN_FIXES[code] ?? remedy;
    // A broker that refuses us is there.
    return [fault(what, { ...(code !== 'uplink.refused' && ABSENT), ...(fix !== undefined && { fix }) })];
  }
  const version = connection.protocolVersion === 5 ? 'MQTT 5' : 'MQTT 3.1.1';
  const rule = (access: string) =>
    `add "topic ${access} ${topic.replace(/doctor$/, '#')}" to the broker's access rules for this user`;
  try {
    const subscribed = await within(
      clock,
      connection.subscribe(topic).then(() => true as const, asError),
    );
    const published = await within(
      clock,
      connection.publish(topic, token, { qos: 1, retain: false }).then(() => true as const, asError),
    );
    if (published !== true)
      return [
        fault(
          published === undefined
            ? `the broker does not acknowledge a message to ${topic}`
            : halves(published.message).what,
          {
            fix: rule('write'),
            ...(published === undefined && ABSENT),
          },
        ),
      ];
    if (subscribed === true && (await within(clock, back, RETURN_MS)) === true)
      return [ok(`${version}: a message to ${topic} was acknowledged and came back`)];
    // MQTT 5 refuses openly what it does not take; a station has no need to read.
    if (connection.protocolVersion === 5)
      return [
        warning(`${version}: a message to ${topic} was acknowledged, but this user may not read it back`, {
          fix: rule('readwrite'),
        }),
      ];
    return [
      fault(
        `${version}: a message to ${topic} was acknowledged, but did not come back: the broker may throw away what we send`,
        {
          fix: rule('readwrite'),
        },
      ),
    ];
  } finally {
    await connection.end();
  }
}

const asError = (error: unknown): SedgeError =>
  error instanceof SedgeError ? error : new SedgeError('uplink.lost', messageOf(error));
