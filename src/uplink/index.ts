/** The table of uplink types. A type is loaded when the configuration names it. */
import type { UplinkConfig } from '../config/types.ts';
import type { Uplink, UplinkContext } from './types.ts';

type Make<C> = (config: C, context: UplinkContext) => Uplink;
type Table = { readonly [T in UplinkConfig['type']]: () => Promise<Make<Extract<UplinkConfig, { type: T }>>> };

const TYPES: Table = {
  mqtt: async () => (await import('./mqtt.ts')).mqttUplink,
  http: async () => (await import('./http.ts')).httpUplink,
  file: async () => (await import('./file.ts')).fileUplink,
};

/** What makes an uplink of this configuration. */
export async function loadUplink(config: UplinkConfig): Promise<(context: UplinkContext) => Uplink> {
  const make = (await TYPES[config.type]()) as Make<UplinkConfig>;
  return (context) => make(config, context);
}
