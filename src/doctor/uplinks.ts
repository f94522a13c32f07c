/**
 * The check of each uplink (HTTP and files: outlets.ts), step by step as a connection is made: the name, TCP, TLS, the login, and a message at QoS 1 to
 * `<base>/doctor` that comes back. Under MQTT 3.1.1 a broker may acknowledge what it throws away, so coming back is the
 * proof. Nothing retained is left and no session; the client id is not the station's, whose connection stays.
 */
import { randomBytes } from 'node:crypto';
import type { MqttUplinkConfig, UplinkConfig } from '../config/types.ts';
import { codeOf, messageOf, SedgeError } from '../errors.ts';
import type { MqttConnection } from '../uplink/mqtt-connection.ts';
import { createDial, parseBroker } from '../uplink/mqtt-dial.ts';
import type { BrokerPlace } from '../uplink/mqtt-errors.ts';
import { certificateFindings } from './certificate.ts';
import { ABSENT, connects, resolves, within } from './network.ts';
import { outletSteps } from './outlets.ts';
import { type Check, type DoctorContext, type Finding, fault, halves, ok, warning } from './types.ts';

/** For a message to come back that is already acknowledged. */
const RETURN_MS = 2_000;
const KEEPALIVE_MS = 30_000;
const BROKER_FIX =
  'on the broker: sudo systemctl restart mosquitto, and "listener 1883" in its configuration; or correct url:';

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

export type Step = () => Promise<readonly Finding[]>;

function mqttSteps(uplink: MqttUplinkConfig, device: string, context: DoctorContext): readonly Step[] {
  const id = `${uplink.clientId ?? `sedge-${device}-${uplink.name}`}-doctor`;
  const { place } = parseBroker(uplink.url, id);
  return [
    () => resolves(place, context.clock),
    () => connects(place, context.clock, BROKER_FIX),
    ...(place.tls ? [() => certificateFindings(place, uplink, context.clock)] : []),
    () => roundTrip(uplink, place, `${uplink.topics.prefix}/${device}/doctor`, context),
  ];
}

async function examine(uplink: UplinkConfig, device: string, context: DoctorContext): Promise<readonly Finding[]> {
  const about = uplink.name;
  const steps = uplink.type === 'mqtt' ? mqttSteps(uplink, device, context) : outletSteps(uplink, context);
  const found: Finding[] = [];
  for (const step of steps) {
    const findings = await step();
    found.push(...findings.map((one) => ({ about, ...one })));
    // A stick that is away says all there is to say.
    if (findings.some(({ state }) => state === 'fault' || (uplink.type === 'file' && state !== 'ok'))) return found;
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
