/** The topic names of one station (design: MQTT). A topic that is turned off is undefined, and then nothing is published there. */
import type { TopicsConfig } from '../config/types.ts';

export interface Topics {
  readonly readings: string | undefined;
  readonly status: string | undefined;
  readonly info: string | undefined;
  readonly health: string | undefined;
  /** `<state>/<sensor>` is made by `ofSensor`. */
  readonly state: string | undefined;
}

export function topicsOf(config: TopicsConfig, device: string): Topics {
  const name = (part: 'readings' | 'state' | 'status' | 'info' | 'health') => {
    const own = config[part];
    return own === false ? undefined : (own ?? `${config.prefix}/${device}/${part}`);
  };
  return {
    readings: name('readings'),
    status: name('status'),
    info: name('info'),
    health: name('health'),
    state: name('state'),
  };
}

export const ofSensor = (topic: string, sensor: string): string => `${topic}/${sensor}`;
