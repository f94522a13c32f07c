/** `sedge journal`: what waits in the journal, since when, how large. Reads files only: safe beside a running service. */
import { resolve } from 'node:path';
import { anchorOf } from '../anchors.ts';
import { blockCodec } from '../block-codec.ts';
import { unpack } from '../codec.ts';
import { nearest } from '../config/nearest.ts';
import type { Config } from '../config/types.ts';
import { timeOf } from '../delivery.ts';
import { SedgeError } from '../errors.ts';
import { inspectJournal, type StoredStatus } from '../journal/inspect.ts';
import type { Gap } from '../journal/types.ts';
import { cardSentence } from '../status/card.ts';
import { shownSize } from '../status/words.ts';
import { type Command, type CommandArgs, EXIT } from './command.ts';
import { CONFIG_HELP, CONFIG_OPTION, requireConfig, serviceEnv } from './configuration.ts';
import { exportCommand, verifyCommand } from './journal-files.ts';

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
  /** Written to the device, headers and cursors included, in this and earlier runs; null while it is too early to say. */
  readonly bytes_per_day: number | null;
  /** What that means for a card, in a sentence. */
  readonly card: string;
  /** Damaged files that an opening moved out of the way, with their whole path. */
  readonly kept_aside: readonly string[];
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
    bytes_per_day: status.bytesPerDay,
    card: cardSentence(status.bytesPerDay),
    kept_aside: status.keptAside,
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
    ['written in a day', report.bytes_per_day === null ? '–' : shownSize(report.bytes_per_day)],
    ['the card', report.card],
    ...report.gaps
      .slice(0, MAX_SHOWN_GAPS)
      .map(
        ({ uplink, stream, from, to, lost, reason }) =>
          [`gap for ${uplink}`, `${lost} lost of ${from} to ${to} (${reason}) in stream ${stream}`] as const,
      ),
    ...report.kept_aside.map((path) => ['damaged, kept aside', path] as const),
    ...(unshown > 0 ? [['gaps', `and ${unshown} more (--json lists all)`] as const] : []),
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, text]) => `${label.padEnd(width)}  ${text}\n`).join('');
}

/** Design section 5. */
const DEVICE_ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;
/** Only these have the options of their own. */
const SUBCOMMANDS = ['verify', 'export'] as const;
const OPTIONS_OF: Readonly<Record<string, readonly string[]>> = {
  '': ['config', 'json', 'directory'],
  verify: ['config', 'json', 'directory'],
  export: ['config', 'directory', 'device', 'format', 'out'],
};

export const journal: Command = {
  name: 'journal',
  summary: 'Show what waits in the journal; verify it; export it.',
  usage: 'sedge journal [verify|export] [--directory DIR] [--json] [--format jsonl|csv] [--out FILE] [--config FILE]',
  help: `Without a word: what waits, since when, how large, what is missing, what was kept aside.

  verify   read everything and say exactly what is damaged: file, byte, numbers; exit 1 if anything is, else 0
  export   write every record that is there, and the gaps, as \`sedge receive\` does; exit 1 if damage was met

${CONFIG_HELP}
      --directory DIR  a copy of a journal instead of the configured one
      --json           one object, for programs (not with export)
      --format jsonl|csv  of the export: one record a line, or one value a row (default jsonl)
      --out FILE       export to this new file (default: standard output)
      --device ID      the device in the export (default: the configured one)

Safe beside the running service: it only reads, and holds nothing. Counts accepted records only; acknowledgements of the last
5 s may not be in it yet. No journal yet is an empty one.`,
  options: {
    ...CONFIG_OPTION,
    json: { type: 'boolean' },
    directory: { type: 'string' },
    device: { type: 'string' },
    format: { type: 'string' },
    out: { type: 'string' },
  },
  maxPositionals: 1,
  async run(io, { values, positionals }) {
    const [what = ''] = positionals;
    checkUsage(what, values);
    const copy = typeof values.directory === 'string' ? resolve(io.cwd, values.directory) : undefined;
    const device = typeof values.device === 'string' ? values.device : undefined;
    if (copy !== undefined && (what === 'verify' || device !== undefined)) {
      if (what === 'verify') return verifyCommand(io, copy, values.json === true);
      return exportCommand(io, { directory: copy, device: device!, ...exportOptions(values) });
    }
    const found = await requireConfig(values.config, { ...io, env: await serviceEnv(values.config, io) });
    if (!found) return EXIT.config;
    const directory = copy ?? found.config.journal.directory;
    if (what === 'verify') return verifyCommand(io, directory, values.json === true);
    if (what === 'export') {
      return exportCommand(io, { directory, device: device ?? found.config.device, ...exportOptions(values) });
    }
    const report = journalReport(await inspectJournal(directory, { codec: blockCodec }), found.config);
    io.stdout.write(values.json === true ? `${JSON.stringify(report)}\n` : reportText(report, directory));
    return EXIT.done;
  },
};

/** Throws `usage` for a word that is none of ours, and for an option of another. */
function checkUsage(what: string, values: CommandArgs['values']): void {
  const allowed = Object.hasOwn(OPTIONS_OF, what) ? OPTIONS_OF[what] : undefined;
  if (!allowed) {
    const near = nearest(what, SUBCOMMANDS);
    throw new SedgeError(
      'usage',
      `there is no sedge journal ${JSON.stringify(what)}${near ? `; did you mean ${near}?` : ': verify and export are there'}`,
    );
  }
  for (const option of Object.keys(values)) {
    if (option === 'help' || allowed.includes(option)) continue;
    const command = `sedge journal ${what}`.trimEnd();
    throw new SedgeError('usage', `--${option} is not for ${command}; see sedge journal --help`);
  }
  const { format, device } = values;
  if (format !== undefined && format !== 'jsonl' && format !== 'csv') {
    throw new SedgeError('usage', `--format is jsonl or csv, not ${String(format)}.`);
  }
  if (typeof device === 'string' && !DEVICE_ID.test(device)) {
    throw new SedgeError('usage', `--device ${JSON.stringify(device)} is no device id: a to z, 0 to 9, _ and -.`);
  }
}

const exportOptions = ({ format, out }: CommandArgs['values']) => ({
  format: format === 'csv' ? ('csv' as const) : ('jsonl' as const),
  out: typeof out === 'string' ? out : undefined,
});
