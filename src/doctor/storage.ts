/** The checks of the journal: its directory and space, what is in it, and how much it writes. Reads only, without the lock. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { blockCodec } from '../block-codec.ts';
import { unpack } from '../codec.ts';
import type { Config } from '../config/types.ts';
import { isoTime } from '../delivery.ts';
import { codeOf, messageOf } from '../errors.ts';
import { BLOCK_BYTES } from '../journal/format.ts';
import { inspectJournal } from '../journal/inspect.ts';
import { cardSentence } from '../status/card.ts';
import { systemFiles } from '../system.ts';
import { mayUse } from './access.ts';
import { type Check, type DoctorContext, type Finding, fault, ok, warning } from './types.ts';

/** The smallest that journal.max_size may be. */
const LEAST_BYTES = 4_000_000;
/** tmpfs and ramfs, statfs(2). */
const IN_MEMORY = new Set([0x01021994, 0x858458f6]);
const NEARLY_FULL = 0.9;
const LONG_WAIT_MS = 3_600_000;
const DAY_MS = 86_400_000;
const OWN_FILES = systemFiles();

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
const hours = (ms: number): string => `${(ms / 3_600_000).toFixed(1)} h`;

/** The directory, or the nearest one above that is there. */
async function standing(directory: string): Promise<string> {
  for (let at = directory; ; at = dirname(at)) if ((await OWN_FILES.facts(at)) || at === dirname(at)) return at;
}

/** Where the file system begins that holds this directory: the highest one above it on the same device. */
async function mountOf(directory: string): Promise<string> {
  const { dev } = await stat(directory);
  let at = directory;
  while (at !== dirname(at) && (await stat(dirname(at))).dev === dev) at = dirname(at);
  return at;
}

/** What makes room: on the system's disk, packages and logs that can be had again; on another only its owner knows. */
const roomFix = (mount: string): string =>
  mount === '/'
    ? 'sudo apt clean && sudo journalctl --vacuum-size=50M'
    : `sudo du -xh ${mount} | sort -h | tail -n 20   (shows what fills it: delete what is not needed)`;

export const storageCheck: Check = {
  id: 'storage',
  async run(context) {
    const { config } = context.configuration;
    if (!config) return [];
    return [...(await room(config, context)), ...(await wear(config, context))];
  },
};

async function room({ journal }: Config, { subject }: DoctorContext): Promise<readonly Finding[]> {
  const { directory, maxSizeBytes } = journal;
  const there = await standing(directory);
  const facts = await OWN_FILES.facts(there);
  const because = { because: 'configuration' } as const;
  const owned = `sudo mkdir -p ${directory} && sudo chown ${subject.name} ${directory} && sudo chmod 700 ${directory}`;
  if (facts && !facts.isDirectory)
    return [
      fault(`${there} is no directory, so the journal cannot be in ${directory}`, {
        ...because,
        fix: `sudo mv ${there} ${there}.old`,
      }),
    ];
  if (facts && !mayUse(subject, facts))
    return [fault(`${subject.name} may not write to ${there}, where the journal is to be`, { ...because, fix: owned })];
  const isReadOnly = await access(there, constants.W_OK).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'EROFS',
  );
  if (isReadOnly)
    return [
      fault(`the file system of ${there} is read-only: the card may be failing`, {
        fix: `sudo mount -o remount,rw ${await mountOf(there)}   (if it does not stay so, replace the card: dmesg | tail -n 30)`,
      }),
    ];

  const space = await OWN_FILES.space(there);
  if (!space) return [warning(`nothing is known of the space in ${there}`, { fix: `df -h ${there}` })];
  const used = await sizeOf(directory);
  const free = space.availableBytes;
  const found: Finding[] = [];
  if (free + used < LEAST_BYTES)
    found.push(
      fault(`${there} has ${megabytes(free)} free: no room for a journal`, {
        fix: roomFix(await mountOf(there)),
      }),
    );
  else if (free + used < maxSizeBytes)
    found.push(
      warning(`journal.max_size is ${megabytes(maxSizeBytes)}, but ${there} has room for ${megabytes(free + used)}`, {
        fix: `set journal: { max_size: ${Math.max(4, Math.floor(((free + used) * NEARLY_FULL) / 1e6))}MB }, or free space`,
      }),
    );
  else found.push(ok(`${megabytes(free)} free at ${there}; the journal takes at most ${megabytes(maxSizeBytes)}`));
  if (IN_MEMORY.has(space.type))
    found.push(
      warning(`${there} is in memory: the journal does not survive a power cut`, {
        fix: 'set journal: { directory: /var/lib/sedge }',
      }),
    );
  return found;
}

async function sizeOf(directory: string): Promise<number> {
  const status = await inspectJournal(directory, { codec: blockCodec }).catch(() => undefined);
  return status?.sizeBytes ?? 0;
}

/** At least one block a commit, and at most one commit per commit interval. */
function dailyBytes({ sensors, journal }: Config): number {
  const perDay = sensors.reduce(
    (sum, { schedule }) => sum + (schedule?.kind === 'every' ? DAY_MS / schedule.everyMs : 0),
    0,
  );
  return Math.round(Math.min(perDay, DAY_MS / Math.max(1, journal.commitEveryMs))) * BLOCK_BYTES;
}

/** What is written, by the running service's own count, else by the schedules; and what a card may have to say. */
async function wear(config: Config, { system, service }: DoctorContext): Promise<readonly Finding[]> {
  const counted = service?.journal.bytes_per_day ?? undefined;
  const bytes = counted ?? dailyBytes(config);
  const said = `writes ${megabytes(bytes)} a day${counted === undefined ? ' by the schedules' : ''}; ${cardSentence(bytes)}`;
  // The kernel counts for ext4, since the file system was made; an SD card itself tells nothing.
  const volumes = (await system.files.list('/sys/fs/ext4')).filter((name) => /^(mmcblk|sd|nvme)/.test(name));
  const written = await Promise.all(
    volumes.map(async (name) => {
      const kilobytes = Number(await system.files.text(`/sys/fs/ext4/${name}/lifetime_write_kbytes`));
      return Number.isFinite(kilobytes) && kilobytes > 0
        ? [`${name}: ${(kilobytes / 1e6).toFixed(0)} GB so far, by all programs`]
        : [];
    }),
  );
  const found = [ok([said, ...written.flat()].join('; '))];
  // eMMC, JEDEC 84-B51 section 7.4 (device life time estimation): steps of 10 %, 0x0b is past its life.
  for (const disk of (await system.files.list('/sys/block')).filter((name) => name.startsWith('mmcblk'))) {
    const life = (await system.files.text(`/sys/block/${disk}/device/life_time`))?.split(/\s+/).map(Number) ?? [];
    const worst = Math.max(0, ...life.filter(Number.isFinite));
    if (worst >= 9)
      found.push(
        warning(`${disk} has used ${Math.min(100, worst * 10)} % of its life`, {
          fix: `back up the configuration and replace ${disk}`,
        }),
      );
  }
  return found;
}

export const journalCheck: Check = {
  id: 'journal',
  async run({ configuration: { config }, clock, running, system }) {
    if (!config) return [];
    const { directory, maxSizeBytes, whenFull } = config.journal;
    const facts = await OWN_FILES.facts(directory);
    if (!facts) return [ok(`no journal yet in ${directory}`)];
    if (!mayUse({ name: '', isService: false, ...system.user }, facts))
      return [warning(`${directory} may not be read by this user`, { fix: 'sudo sedge doctor' })];
    const status = await inspectJournal(directory, { codec: blockCodec }).catch((error: unknown) => ({ error }));
    if ('error' in status)
      return [
        fault(`the journal cannot be read (${codeOf(status.error) ?? ''} ${messageOf(status.error)})`, {
          fix: 'dmesg | tail -n 30   (a failing card shows there)',
        }),
      ];

    const found: Finding[] = [];
    const share = status.sizeBytes / maxSizeBytes;
    const full = {
      drop_oldest: 'the oldest readings are dropped',
      reject_new: 'new readings are refused',
      thin: 'old readings are thinned',
    };
    if (share > NEARLY_FULL)
      found.push(
        warning(
          `the journal is at ${Math.round(share * 100)} % of ${megabytes(maxSizeBytes)}; when full, ${full[whenFull]}`,
          {
            fix: `bring the broker back, or raise journal.max_size above ${megabytes(maxSizeBytes)}`,
          },
        ),
      );
    for (const [uplink, gaps] of Object.entries(status.gaps)) {
      const lost = gaps.reduce((sum, gap) => sum + gap.lost, 0);
      const reasons = [...new Set(gaps.map(({ reason }) => reason))].join(', ');
      if (lost > 0)
        found.push(
          warning(`${uplink} will miss ${lost} readings (${reasons})`, {
            fix: reasons.includes('damaged')
              ? 'dmesg | tail -n 30   (replace a card that fails)'
              : 'sedge journal   (shows which)',
          }),
        );
    }
    const pending = Object.values(status.pending).reduce((sum, count) => Math.max(sum, count), 0);
    const oldest = status.oldest && unpack(status.oldest);
    const waitMs = oldest ? clock.now() - oldest.at.wallMs : 0;
    if (pending > 0 && waitMs > LONG_WAIT_MS)
      found.push(
        warning(`${pending} readings wait, the oldest since ${isoTime(oldest!.at.wallMs)} (${hours(waitMs)})`, {
          fix: running
            ? 'see uplinks below, and journalctl -u sedge -n 30'
            : 'sudo systemctl start sedge   (nothing delivers them now)',
        }),
      );
    if (found.length > 0) return found;
    return [ok(`${megabytes(status.sizeBytes)}, ${pending} waiting, nothing missing`)];
  },
};
