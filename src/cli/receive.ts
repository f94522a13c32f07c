/** `sedge receive`: a small cloud side. Options and exit status here; the work is in src/receive/. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { systemClock } from '../clock.ts';
import { messageOf, SedgeError } from '../errors.ts';
import { FORMATS, type FormatName, type Item, skips } from '../receive/formats.ts';
import { createLedger, type Ledger } from '../receive/ledger.ts';
import { fileOutput, lazyOutput, type Output, streamOutput } from '../receive/output.ts';
import { receiveBatches } from '../receive/receiver.ts';
import { createSummary } from '../receive/summary.ts';
import { parseBroker } from '../uplink/mqtt-dial.ts';
import { type Command, type CommandArgs, EXIT } from './command.ts';

const DEFAULT_TOPIC = 'sedge/+/readings';

export const receive: Command = {
  name: 'receive',
  summary: 'Subscribe durably, remove duplicates, report gaps, write records',
  usage:
    'sedge receive --url URL [--topic TOPIC] [--out FILE] [--format jsonl|csv] [--username NAME] [--password-file FILE] [--ca FILE]',
  help: `Receives the batches of one or many stations and writes each record once.

  --url URL             mqtt://host[:port], mqtts://host[:port], or ws:// and wss:// with a path
  --topic TOPIC         what to subscribe to (default ${DEFAULT_TOPIC})
  --out FILE            append to this file (default: standard output)
  --format jsonl|csv    one record a line, or one value a row (default jsonl)
  --username NAME       for the broker
  --password-file FILE  the password for the broker is in this file
  --ca FILE             trust this authority (PEM) for mqtts and wss

The subscription is durable: the broker keeps what comes while this command is away. A message is acknowledged when its
lines are written and flushed. What FILE holds is read at the start, so that duplicates are removed across restarts.
Missing is a number that neither came, nor is named by a gap, nor was counted as skipped, which an uplink with include or
exclude says of its batches: gaps are lines of FILE too, what was skipped is kept in FILE.skipped. Nothing is said of numbers before the first that came, nor of
those after the last. Without --out each start begins anew.
SIGTERM and SIGINT print a summary per sensor and channel on stderr.
`,
  options: {
    url: { type: 'string' },
    topic: { type: 'string' },
    out: { type: 'string' },
    format: { type: 'string' },
    username: { type: 'string' },
    'password-file': { type: 'string' },
    ca: { type: 'string' },
  },
  maxPositionals: 0,
  async run(io, { values }) {
    const url = text(values, 'url');
    if (url === undefined) throw new SedgeError('usage', 'The broker is missing: give --url mqtt://host.');
    const topic = text(values, 'topic') ?? DEFAULT_TOPIC;
    if (!isTopicFilter(topic)) throw new SedgeError('usage', `${JSON.stringify(topic)} is no MQTT topic filter.`);
    const formatName = text(values, 'format') ?? 'jsonl';
    if (!isFormat(formatName)) throw new SedgeError('usage', `--format is jsonl or csv, not ${formatName}.`);
    const format = FORMATS[formatName];
    const outName = text(values, 'out');
    const out = outName === undefined ? undefined : resolve(io.cwd, outName);
    const broker = parseBroker(url, clientIdOf(url, topic, out));
    const username = text(values, 'username') ?? broker.username;
    const passwordFile = text(values, 'password-file');
    const password =
      passwordFile === undefined ? broker.password : (await read(io.cwd, passwordFile)).replace(/\r?\n$/, '');
    const caFile = text(values, 'ca');
    const ca = caFile === undefined ? undefined : await read(io.cwd, caFile);

    const ledger = createLedger();
    const summary = createSummary();
    const restore = (item: Item) => {
      if ('gap' in item) ledger.restoreGap(item.device, item.gap);
      else {
        const { device, stream, record } = item;
        ledger.restoreRecord(device, stream, record.seq);
        summary.add(device, record.sensor, record.values);
      }
    };
    const output = out === undefined ? streamOutput(io.stdout) : await fileOutput(out, format, restore);
    const skipped = out === undefined ? undefined : await skippedOutput(out, ledger);
    const held = ledger.counts.records;
    const tell = (line: string) => void io.stderr.write(`${line}\n`);
    if (held > 0) tell(`${outName} holds ${held} records.`);
    try {
      if (out === undefined && format.header !== '') await output.write(format.header);
      await receiveBatches({
        broker,
        topic,
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        ...(ca === undefined ? {} : { ca }),
        format,
        output,
        ...(skipped && { skipped }),
        ledger,
        summary,
        clock: systemClock,
        random: Math.random,
        tell,
        signal: io.signal,
      });
    } finally {
      await output.close();
      await skipped?.close();
      io.stderr.write(summary.text(ledger));
    }
    return EXIT.done;
  },
};

/** Read after the records, because what those are not is what was skipped. A device or a pipe keeps nothing, so nor does this. */
async function skippedOutput(out: string, ledger: Ledger): Promise<Output | undefined> {
  if (!(await stat(out)).isFile()) return undefined;
  const path = `${out}.skipped`;
  return lazyOutput(path, () =>
    fileOutput(path, skips, ({ device, skipped }) => ledger.restoreSkipped(device, skipped)),
  );
}

const text = (values: CommandArgs['values'], name: string): string | undefined => {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
};
const isFormat = (name: string): name is FormatName => Object.hasOwn(FORMATS, name);

/** MQTT 5 section 4.7.1: `+` and `#` stand for whole levels, `#` for the last. */
const isTopicFilter = (topic: string): boolean =>
  topic !== '' &&
  topic
    .split('/')
    .every(
      (level, index, all) => level === '+' || (level === '#' && index === all.length - 1) || !/[+#\0]/.test(level),
    );

/** The same for the same call, so that the broker's session is found again. Credentials are no part of it. */
function clientIdOf(url: string, topic: string, out: string | undefined): string {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  const key = JSON.stringify([address?.protocol, address?.host, topic, out ?? null]);
  return `sedge-receive-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
}

async function read(cwd: string, name: string): Promise<string> {
  try {
    return await readFile(resolve(cwd, name), 'utf8');
  } catch (error) {
    throw new SedgeError('usage', `Cannot read ${name}: ${messageOf(error)}.`, { cause: error });
  }
}
