/** What the API is given of the running station. It knows neither buses nor journal files. */
import type { Catalogue } from '../reading.ts';
import type { ServiceReport } from '../status/report.ts';
import type { StateMessage } from '../uplink/types.ts';
import type { WaitingPage } from '../waiting.ts';

export interface ApiStation {
  /** What `sedge status --json` says. */
  report(): Promise<ServiceReport>;
  /** What the health topic says. */
  health(): Promise<Readonly<Record<string, unknown>>>;
  catalogue(): Catalogue;
  /** Each reading as it is taken. Returns what ends it. */
  onReading(callback: (reading: StateMessage) => void): () => void;
  /** One more reading, now; undefined when a filter kept it back. Rejects as the sensor fails. */
  readNow(sensor: string): Promise<StateMessage | undefined>;
  /** What some uplink has not delivered yet, from a number on. */
  waiting(fromSeq: number, maxRecords: number): Promise<WaitingPage>;
}

/** What the API counts of itself. */
export interface ApiCounts {
  requests: number;
  /** For want of a right Host, Origin, token, or rate. */
  refused: number;
  liveClients: number;
  /** Live clients that did not keep up. */
  liveDropped: number;
}
