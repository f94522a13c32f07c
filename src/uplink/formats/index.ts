/** The table of formats. One is read only when an uplink uses it. */
import type { FormatName } from '../../config/types.ts';
import type { BatchFormat } from './types.ts';

const FORMATS: Readonly<Record<FormatName, () => Promise<BatchFormat>>> = {
  json: async () => (await import('./json.ts')).json,
  senml: async () => (await import('./senml.ts')).senml,
  influx: async () => (await import('./influx.ts')).influx,
  csv: async () => (await import('./csv.ts')).csv,
};

export const loadFormat = (name: FormatName): Promise<BatchFormat> => FORMATS[name]();
