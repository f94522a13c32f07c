/**
 * `sedge journal verify` and `sedge journal export`: the journal's files as they are, on a copy or beside the running
 * service. Never write to the journal and never hold it. Exit status 1 when damage was found, and each damage in a sentence.
 */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { anchorOf } from '../anchors.ts';
import { blockCodec } from '../block-codec.ts';
import { unpack } from '../codec.ts';
import { timeOf } from '../delivery.ts';
import { messageOf, SedgeError } from '../errors.ts';
import { inspectJournal } from '../journal/inspect.ts';
import type { StoredRecord } from '../journal/types.ts';
import { type Damage, type Verified, verifyJournal } from '../journal/verify.ts';
import { FORMATS, type Format, type FormatName } from '../receive/formats.ts';
import { recordOf } from '../receive/incoming.ts';
import { counted, shownSize } from '../status/words.ts';
import { recordJson } from '../uplink/batch-json.ts';
import { type CommandIo, EXIT } from './command.ts';

/** Most damages that are listed for people; `--json` has all. */
const MAX_SHOWN_DAMAGES = 50;
/** Text gathered before it is written. */
const PIECE_CHARS = 256 * 1024;

function damageText({ file, offset, from, to, stream, what }: Damage): string {
  const place = offset === null ? file : `${file}, byte ${offset}`;
  if (from === null || to === null) return `${place}: ${what}`;
  return `${place}: ${counted(to - from + 1, 'record')} lost, ${from} to ${to} of stream ${stream} (${what})`;
}

/** What was found, a line each. */
export function verifiedText(found: Verified, directory: string): string {
  const { damages, keptAside } = found;
  const lines = [
    `${directory}: ${counted(found.records, 'record')} intact in ${counted(found.segments, 'segment')}, ${shownSize(found.bytes)} read`,
    ...damages.slice(0, MAX_SHOWN_DAMAGES).map((damage) => `damaged: ${damageText(damage)}`),
    ...(damages.length > MAX_SHOWN_DAMAGES
      ? [`and ${damages.length - MAX_SHOWN_DAMAGES} more (--json lists all)`]
      : []),
    ...keptAside.map(({ file, bytes }) => `kept aside, for you to look at or remove: ${file} (${shownSize(bytes)})`),
    damages.length === 0 ? 'sound' : `${counted(damages.length, 'damage')} found`,
  ];
  return lines.map((line) => `${line}\n`).join('');
}

export async function verifyCommand(io: CommandIo, directory: string, isJson: boolean): Promise<number> {
  const { notes: _notes, ...found } = await verifyJournal(directory, { codec: blockCodec });
  const report = {
    directory,
    segments: found.segments,
    records: found.records,
    bytes: found.bytes,
    damages: found.damages,
    kept_aside: found.keptAside,
  };
  io.stdout.write(isJson ? `${JSON.stringify(report)}\n` : verifiedText({ ...found, notes: {} }, directory));
  return found.damages.length === 0 ? EXIT.done : EXIT.failed;
}

export interface ExportOptions {
  readonly directory: string;
  readonly device: string;
  readonly format: FormatName;
  /** Undefined: standard output. */
  readonly out: string | undefined;
}

export async function exportCommand(io: CommandIo, options: ExportOptions): Promise<number> {
  const { directory, device } = options;
  const format = FORMATS[options.format];
  const { notes, gaps } = await inspectJournal(directory, { codec: blockCodec });
  const sink = options.out === undefined ? streamSink(io.stdout) : await fileSink(resolve(io.cwd, options.out));
  let unknown = 0;
  let text = format.header;
  const pieces = async (more: string, isLast = false) => {
    text += more;
    if (text.length < PIECE_CHARS && !isLast) return;
    const piece = text;
    text = '';
    await sink.write(piece);
  };
  const known = new Map(Object.values(gaps).flatMap((list) => list.map((gap) => [`${gap.stream}/${gap.from}`, gap])));
  for (const gap of known.values()) await pieces(format.write({ device, gap }));
  const found = await verifyJournal(directory, {
    codec: blockCodec,
    async onRecords(records, { stream, bootId }) {
      const anchor = anchorOf({ note: (key) => notes[key] }, bootId);
      for (const stored of records) {
        const line = lineOf(stored, stream, bootId, anchor, device, format);
        if (line === undefined) unknown += 1;
        else await pieces(line);
      }
    },
  });
  for (const { stream, from, to } of found.damages) {
    if (stream === null || from === null || to === null || known.has(`${stream}/${from}`)) continue;
    await pieces(format.write({ device, gap: { stream, from, to, lost: to - from + 1, reason: 'damaged' } }));
  }
  await pieces('', true);
  await sink.close();
  const left = unknown > 0 ? `, ${counted(unknown, 'record')} of a newer program left out` : '';
  io.stderr.write(`${counted(found.records - unknown, 'record')} exported${left}\n`);
  for (const damage of found.damages.slice(0, MAX_SHOWN_DAMAGES)) io.stderr.write(`damaged: ${damageText(damage)}\n`);
  return found.damages.length === 0 ? EXIT.done : EXIT.failed;
}

/** Undefined for a record of a kind or version that this program does not know. */
function lineOf(
  stored: StoredRecord,
  stream: string,
  bootId: string,
  anchor: ReturnType<typeof anchorOf>,
  device: string,
  format: Format,
): string | undefined {
  const reading = unpack(stored);
  if (!reading) return undefined;
  const { kind, sensor, valuesJson, durationMs } = reading;
  const record = {
    seq: stored.seq,
    kind,
    sensor,
    valuesJson,
    ...(durationMs !== undefined && { durationMs }),
    ...timeOf(reading.at, bootId, anchor),
  };
  return format.write({ device, stream, record: recordOf(kind, JSON.parse(recordJson(record))) });
}

interface Sink {
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

const cannotWrite = (where: string, error: unknown): SedgeError =>
  new SedgeError('export.output', `Cannot write to ${where}: ${messageOf(error)}.`, { cause: error });

function streamSink(stream: NodeJS.WriteStream): Sink {
  return {
    write: (text) =>
      new Promise((done, fail) => {
        stream.write(text, (error) => (error ? fail(cannotWrite('standard output', error)) : done()));
      }),
    close: () => Promise.resolve(),
  };
}

/** A file of its own, flushed at the end: nothing is ever overwritten. */
async function fileSink(path: string): Promise<Sink> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  const file = await open(path, flags, 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') throw new SedgeError('usage', `${path} is there already: give another --out.`);
    throw cannotWrite(path, error);
  });
  return {
    write: (text) =>
      file.appendFile(text).catch((error) => {
        throw cannotWrite(path, error);
      }),
    async close() {
      try {
        await file.sync();
      } catch (error) {
        throw cannotWrite(path, error);
      } finally {
        await file.close();
      }
    },
  };
}
