/**
 * One client id, one client: a broker ends the connection of a client when another one comes with its id (MQTT 5.0 section
 * 3.1.4), so two uplinks that share one would throw each other out for ever. Ids that are not written differ, since names do.
 */
import type { Checker } from './checker.ts';
import { join } from './nodes.ts';
import type { MqttUplinkConfig, UplinkConfig } from './types.ts';

/** IANA: mqtt, secure-mqtt, http and https. */
const PORTS: Readonly<Record<string, string>> = { 'mqtt:': '1883', 'mqtts:': '8883', 'ws:': '80', 'wss:': '443' };
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** The same for two uplinks only if they surely reach one broker: another port or path may be another broker. */
function brokerOf({ url }: MqttUplinkConfig): string {
  const { hostname, port, protocol, pathname } = new URL(url);
  const host = LOOPBACK.test(hostname) ? 'localhost' : hostname;
  return `${host}:${port || PORTS[protocol]}${/^wss?:$/.test(protocol) ? pathname : ''}`;
}

export function oneClientEach(
  uplinks: readonly UplinkConfig[],
  file: Readonly<Record<string, object | undefined>>,
  device: string,
  checker: Checker,
): void {
  const taken = new Map<string, string>();
  for (const uplink of uplinks) {
    if (uplink.type !== 'mqtt') continue;
    const { name, clientId = `sedge-${device}-${name}` } = uplink;
    const key = `${brokerOf(uplink)} ${clientId}`;
    const other = taken.get(key);
    taken.set(key, other ?? name);
    if (other === undefined) continue;
    // The one that is written; the later one, if both are.
    const written = checker.has(file[name]!, 'client_id') ? name : other;
    const rival = written === name ? other : name;
    checker.report(
      checker.offsetOf(file[written]!, 'client_id'),
      join(join('uplinks', written), 'client_id'),
      `is also the client id of \`${rival}\` at the same broker, and they would throw each other out for ever: give each an id of its own, or leave it out`,
    );
  }
}
