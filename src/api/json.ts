/** Readings as the API writes them: as in a batch. Values are the digits that were rounded once, never parsed again. */
import type { StateMessage } from '../uplink/types.ts';
import type { WaitingRecord } from '../waiting.ts';

type Said = Pick<StateMessage, 'sensor' | 'time' | 'durationMs' | 'unsynced' | 'valuesJson'>;

/** Ids, times and channel names are ASCII without anything to escape: their patterns are part of the contract. */
function members({ sensor, time, durationMs, unsynced, valuesJson }: Said): string {
  let json = `"time":"${time}","sensor":"${sensor}","values":${valuesJson}`;
  if (durationMs !== undefined) json += `,"duration_ms":${durationMs}`;
  if (unsynced) json += `,"clock":"unsynced","boot":"${unsynced.boot}","mono_ms":${Math.round(unsynced.monoMs)}`;
  return json;
}

export const readingJson = (reading: StateMessage): string => `{${members(reading)}}`;

export const waitingJson = (record: WaitingRecord): string =>
  `{"stream":"${record.stream}","seq":${record.seq},"kind":"${record.kind}",${members(record)}}`;
