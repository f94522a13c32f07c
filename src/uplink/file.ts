/**
 * The file uplink: batches as lines in files that a person fetches, on a stick or a share. A batch is acknowledged when it is
 * on the storage device. A stick that is not there, full or read-only is an outage like any other: readings wait in the
 * journal, and the stick is looked for every few seconds.
 */
import type { FileUplinkConfig } from '../config/types.ts';
import { createFileStore } from './file-store.ts';
import { CSV_HEADER, csv } from './formats/csv.ts';
import { encodeLines } from './formats/lines.ts';
import { encodingFor } from './formats/types.ts';
import { type Destination, requestUplink } from './request-uplink.ts';
import type { BatchMessage } from './sender.ts';
import type { Uplink, UplinkContext } from './types.ts';

/** What the last file's number is remembered under. */
const NUMBER = 'file.number';

const FORMATS = {
  jsonl: { header: '', encode: encodeLines },
  csv: { header: CSV_HEADER, encode: csv.encode },
} as const;

export function fileUplink(config: FileUplinkConfig, context: UplinkContext): Uplink {
  return requestUplink({
    config,
    context,
    // As near as can be: looked at every few seconds.
    host: 'localhost',
    place: config.directory,
    open: async () => openDirectory(config, context),
  });
}

function openDirectory(config: FileUplinkConfig, { name, station, clock, memory }: UplinkContext): Destination {
  const { header, encode } = FORMATS[config.format];
  const { device } = station;
  const store = createFileStore({
    directory: config.directory,
    ...(config.mountPoint !== undefined && { mountPoint: config.mountPoint }),
    prefix: `${device}-${name}`,
    ending: config.format,
    header,
    maxBytes: config.rotate.sizeBytes,
    maxAgeMs: config.rotate.everyMs,
    clock,
    numbers: {
      get: () => Number(memory.get(NUMBER) ?? 0),
      set: (number) => memory.set(NUMBER, String(number)),
    },
  });
  const encoding = encodingFor(station, config.batch.maxBytes + header.length);
  return {
    encode: (batch) => encode(batch, encoding),
    deliver: ({ payload }: BatchMessage) => store.append(String(payload).slice(header.length)),
    // Nothing refuses a record here.
    bury: () => Promise.resolve(),
    pauseMs: () => 0,
    close: () => undefined,
  };
}
