/**
 * `sedge journal`: what is stored and what is still to be delivered, read from the files alone, so that it is safe beside
 * a running service and works when none runs. A journal that does not exist yet is an empty one.
 */
import { inspectJournal } from '../journal/inspect.ts';
import type { Gap, JournalRecord } from '../journal/types.ts';
import { type Command, type CommandArgs, type CommandIo, EXIT } from './command.ts';

/** The outer contract, design section 9. Consumers ignore members they do not know. */
export interface JournalReport {
  readonly stream: string | null;
  readonly pending: Readonly<Record<string, number>>;
  readonly first: number | null;
  readonly last: number | null;
  readonly oldest: string | null;
  readonly size: number;
  readonly max_size: number;
  readonly gaps: readonly (Gap & { readonly uplink: string })[];
}

/** What the command needs to know from the configuration. */
export interface JournalPlace {
  readonly directory: string;
  readonly maxSizeBytes: number;
  /** The time of a record as it would be published: the journal itself cannot look into one. */
  readonly timeOf: (record: JournalRecord) => string | undefined;
}

export async function journalReport({ directory, maxSizeBytes, timeOf }: JournalPlace): Promise<JournalReport> {
  const status = await inspectJournal(directory);
  return {
    stream: status.stream,
    pending: status.pending,
    first: status.first,
    last: status.last,
    oldest: (status.oldest && timeOf(status.oldest)) ?? null,
    size: status.sizeBytes,
    max_size: maxSizeBytes,
    gaps: Object.entries(status.gaps).flatMap(([uplink, gaps]) => gaps.map((gap) => ({ ...gap, uplink }))),
  };
}

/** Most gaps that the table lists. */
const MAX_SHOWN_GAPS = 20;

export function renderJournal(report: JournalReport, directory: string): string {
  if (report.last === null && report.size === 0) return `No journal yet in ${directory}.\n`;
  const pending = Object.entries(report.pending);
  const rows: [string, string][] = [
    ['directory', directory],
    ['stream', report.stream ?? 'none'],
    ['records', report.last === null ? 'none yet' : `accepted through ${report.last}`],
    ...pending.map(([name, count]): [string, string] => [
      `pending ${name}`,
      count === 0 ? 'nothing' : `${count} records`,
    ]),
    [
      'oldest',
      report.first === null ? 'nothing is pending' : `number ${report.first}, ${report.oldest ?? 'time unknown'}`,
    ],
    ['size', `${megabytes(report.size)} of ${megabytes(report.max_size)}`],
  ];
  if (report.gaps.length === 0) rows.push(['gaps', 'none']);
  for (const gap of report.gaps.slice(0, MAX_SHOWN_GAPS)) {
    rows.push([`gap ${gap.uplink}`, `${gap.from} to ${gap.to}: ${gap.lost} lost, ${gap.reason}, stream ${gap.stream}`]);
  }
  const unshown = report.gaps.length - MAX_SHOWN_GAPS;
  if (unshown > 0) rows.push(['gaps', `and ${unshown} more (--json lists all)`]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}

const megabytes = (bytes: number): string =>
  bytes < 1e6 ? `${Math.round(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;

/** The command, given the way from the options to the place: the configuration is read by the composition. */
export const journalCommand = (placeOf: (io: CommandIo, args: CommandArgs) => Promise<JournalPlace>): Command => ({
  name: 'journal',
  summary: 'what is stored and waits to be delivered',
  usage: 'sedge journal [--json] [--config FILE] [--directory DIR]',
  help: [
    'Shows the journal: its stream, what is pending for each uplink, the oldest record, the size and the gaps.',
    'Reads only, and may be used while the service runs: acknowledgements of the last 5 s may be missing then.',
    '',
    '  --json            one line of JSON',
    '  --config FILE     the configuration that names the journal',
    '  --directory DIR   the journal in this directory instead',
    '',
  ].join('\n'),
  options: { json: { type: 'boolean' }, config: { type: 'string' }, directory: { type: 'string' } },
  maxPositionals: 0,
  async run(io, args) {
    const place = await placeOf(io, args);
    const report = await journalReport(place);
    io.stdout.write(args.values.json === true ? `${JSON.stringify(report)}\n` : renderJournal(report, place.directory));
    return EXIT.done;
  },
});
