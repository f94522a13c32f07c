/** The demo's configuration: the same YAML that a station would have, with a broker and a journal of its own. */

export interface DemoPlaces {
  readonly port: number;
  /** Absolute. */
  readonly journalDirectory: string;
  /** Whether the page is served, on a free port of the loopback interface. */
  readonly isPageOn: boolean;
}

/** The device id, and with the default prefix the base of every topic: `sedge/demo`. */
export const DEMO_DEVICE = 'demo';
export const DEMO_UPLINK = 'broker';
export const DEMO_READINGS_TOPIC = `sedge/${DEMO_DEVICE}/readings`;

export const demoConfig = ({ port, journalDirectory, isPageOn }: DemoPlaces): string => `\
version: 1
device: ${DEMO_DEVICE}
sensors:
  air:     { driver: bme280, address: 0x76, every: 1s }
  cabinet: { driver: sht4x, every: 1s }
  light:   { driver: bh1750, every: 1s }
  motor:   { driver: adxl345, every: 2s, options: { mode: burst, rate: 100Hz, window: 1s } }
  door:    { driver: gpio-input, line: 17, options: { debounce: 20ms } }
  shock:   { driver: sw420, line: 27, every: 1s }
  board:   { driver: host, every: 2s }
  wave:    { driver: mock, every: 1s, options: { wave: sine, min: 0, max: 10, period: 30s } }
journal:
  directory: ${JSON.stringify(journalDirectory)}
  commit_every: 1s
  max_size: 64MB
uplinks:
  ${DEMO_UPLINK}: { type: mqtt, url: "mqtt://127.0.0.1:${port}", batch: { max_wait: 1s } }
simulation: { seed: 20, speed: 300 }
${isPageOn ? 'api: { listen: "127.0.0.1:0" }\n' : ''}`;
