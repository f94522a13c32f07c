/** The topic names of one station (design: MQTT). A topic that is turned off is undefined, and then nothing is published there. */
import type { HomeAssistantConfig, TopicsConfig } from '../config/types.ts';

export interface Topics {
  readonly readings: string | undefined;
  readonly status: string | undefined;
  readonly info: string | undefined;
  readonly health: string | undefined;
  readonly alert: string | undefined;
  /** Records that the broker refused for good. */
  readonly deadLetter: string | undefined;
  /** `<state>/<sensor>` is made by `ofSensor`. */
  readonly state: string | undefined;
  /** `/<verb>` follows. */
  readonly request: string;
  readonly response: string;
  /** Of Home Assistant. */
  readonly discovery: string | undefined;
}

export function topicsOf(config: TopicsConfig, device: string, homeAssistant?: HomeAssistantConfig): Topics {
  const name = (part: Exclude<keyof TopicsConfig, 'prefix' | 'request' | 'response'>) => {
    const own = config[part];
    return own === false ? undefined : (own ?? `${config.prefix}/${device}/${part.replace('_', '-')}`);
  };
  const base = `${config.prefix}/${device}`;
  return {
    readings: name('readings'),
    status: name('status'),
    info: name('info'),
    health: name('health'),
    alert: name('alert'),
    deadLetter: name('dead_letter'),
    state: name('state'),
    request: config.request ?? `${base}/request`,
    response: config.response ?? `${base}/response`,
    discovery: homeAssistant && discoveryTopic(homeAssistant, device),
  };
}

export const ofSensor = (topic: string, sensor: string): string => `${topic}/${sensor}`;

const discoveryTopic = ({ discoveryPrefix, nodeId }: HomeAssistantConfig, device: string): string =>
  `${discoveryPrefix}/device/${nodeId === undefined ? '' : `${nodeId}/`}sedge-${device}/config`;
