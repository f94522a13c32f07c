/** `sedge journal`: what waits in the journal, since when, how large. Reads files only: safe beside a running service. */
import { anchorOf } from '../anchors.ts';
import { blockCodec } from '../block-codec.ts';
import { unpack } from '../codec.ts';
import type { Config } from '../config/types.ts';
import { timeOf } from '../delivery.ts';
import { inspectJournal, type StoredStatus } from '../journal/inspect.ts';
import type { Gap } from '../journal/types.ts';
import { shownSize } from '../status/words.ts';
import { type Command, EXIT } from './command.ts';
import { CONFIG_HELP, CONFIG_OPTION, requireConfig, serviceEnv } from './configuration.ts';

/** The report of the outer contract (design section 9). */
export interface JournalReport {
  readonly stream: string | null;
  readonly pending: Readonly<Record<string, number>>;
  readonly first: number | null;
  readonly last: number | null;
  readonly oldest: string | null;
  readonly size: number;
  readonly max_size: number;
  /** Of every uplink, with its name where there is more than one. */
  readonly gaps: readonly (Gap & { readonly uplink: string })[];
}

export function journalReport(
  status: StoredStatus,
  { journal, uplinks }: Pick<Config, 'journal' | 'uplinks'>,
): JournalReport {
  const reading = status.oldest && unpack(status.oldest);
  const anchor = status.oldest && anchorOf({ note: (key) => status.notes[key] }, status.oldest.bootId);
  // An uplink that never ran waits for everything; one that is no longer configured is no news.
  const pending = Object.fromEntries(uplinks.map(({ name }) => [name, status.pending[name] ?? stored(status)]));
  const isPending = uplinks.length === 0 || Object.values(pending).some((count) => count > 0);
  return {
    stream: status.stream,
    pending,
    first: isPending ? status.first : null,
    last: status.last,
    oldest:
      isPending && reading && status.oldest ? timeOf(reading.at, status.oldest.bootId, anchor ?? undefined).time : null,
    size: status.sizeBytes,
    max_size: journal.maxSizeBytes,
    gaps: Object.entries(status.gaps).flatMap(([uplink, gaps]) => gaps.map((gap) => ({ ...gap, uplink }))),
  };
}

const stored = ({ first, last }: StoredStatus): number => (first === null || last === null ? 0 : last - first + 1);

/** Most gaps that the table lists. */
const MAX_SHOWN_GAPS = 20;

export function reportText(report: JournalReport, directory: string): string {
  if (report.last === null && report.size === 0) return `No journal yet in ${directory}.\n`;
  const unshown = report.gaps.length - MAX_SHOWN_GAPS;
  const rows: readonly (readonly [string, string])[] = [
    ['journal', directory],
    ['stream', report.stream ?? 'none yet'],
    ['accepted through', report.last === null ? 'nothing yet' : String(report.last)],
    ...Object.entries(report.pending).map(([uplink, count]) => [`waits for ${uplink}`, String(count)] as const),
    ['oldest that waits', report.oldest === null ? 'none' : `${report.first} of ${report.oldest}`],
    ['size', `${shownSize(report.size)} of at most ${shownSize(report.max_size)}`],
    ...report.gaps
      .slice(0, MAX_SHOWN_GAPS)
      .map(
        ({ uplink, stream, from, to, lost, reason }) =>
          [`gap for ${uplink}`, `${lost} lost of ${from} to ${to} (${reason}) in stream ${stream}`] as const,
      ),
    ...(unshown > 0 ? [['gaps', `and ${unshown} more (--json lists all)`] as const] : []),
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)}  ${text}\n`).join('');
}

export const journal: Command = {
  name: 'journal',
  summary: 'Show what waits in the journal, since when, and how large it is.',
  usage: 'sedge journal [--json] [--config FILE]',
  help: `${CONFIG_HELP}
      --json         one object, for programs

Safe beside the running service: it only reads, and holds nothing. Counts accepted records only; acknowledgements of the last
5 s may not be in it yet. No journal yet is an empty one.`,
  options: { ...CONFIG_OPTION, json: { type: 'boolean' } },
  maxPositionals: 0,
  async run(io, { values }) {
    const found = await requireConfig(values.config, { ...io, env: await serviceEnv(values.config, io) });
    if (!found) return EXIT.config;
    const { directory } = found.config.journal;
    const report = journalReport(await inspectJournal(directory, { codec: blockCodec }), found.config);
    io.stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : reportText(report, directory));
    return EXIT.done;
  },
};
