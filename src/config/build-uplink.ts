/** An uplink of the configuration: what all types share, the files that it names, and one row per type. */
import { buildFile, type FileFile } from './build-file.ts';
import { buildHttp, type HttpFile } from './build-http.ts';
import { buildMqtt, type MqttFile } from './build-mqtt.ts';
import type { Checker } from './checker.ts';
import { cronProblem } from './cron.ts';
import { readText } from './files.ts';
import { join } from './nodes.ts';
import { MAY_BE_READ } from './secrets.ts';
import type { CommonUplinkConfig, UplinkConfig } from './types.ts';

/** The keys of every type. */
export interface CommonUplinkFile {
  readonly batch?: { readonly max_readings: number; readonly max_bytes: number; readonly max_wait: number };
  readonly include?: readonly (string | undefined)[];
  readonly exclude?: readonly (string | undefined)[];
  readonly max_rate?: number;
  readonly window?: { readonly cron?: string; readonly for?: number; readonly timezone?: string };
}
export type UplinkFile = CommonUplinkFile & (MqttFile | HttpFile | FileFile | { readonly type?: undefined });

/** What a row may ask and say. */
export interface UplinkDesk {
  readonly common: CommonUplinkConfig;
  readonly checker: Checker;
  readonly path: string;
  report(key: string, message: string): void;
  warn(message: string): void;
  /** The text of a file that a key names; undefined without one, or after a report. */
  textOf(key: string, options: { readonly maxBytes: number; readonly isSecret?: boolean }): Promise<string | undefined>;
}

/** How a configuration names a file that systemd hands to the service. */
const CREDENTIAL = /\$\{CREDENTIALS_DIRECTORY\}/;

export async function buildUplink(
  name: string,
  file: UplinkFile,
  checker: Checker,
  sensorIds: readonly string[],
): Promise<{ readonly uplink: UplinkConfig; readonly warnings: readonly string[] } | undefined> {
  const path = join('uplinks', name);
  const warnings: string[] = [];
  const values = file as Readonly<Record<string, unknown>>;
  /** The value is that of a misspelt key, which is reported already: what is wrong with it would be a second mistake. */
  const isGuess = (key: string) => values[key] !== undefined && !checker.has(file, key);
  const report = (key: string, message: string) => {
    if (!isGuess(key)) checker.report(checker.offsetOf(file, key), join(path, key), message);
  };
  const common = await buildCommon(name, file, checker, path);
  for (const key of ['include', 'exclude'] as const) {
    for (const glob of common[key] ?? []) {
      const pattern = new RegExp(`^${glob.replaceAll('*', '.*')}$`);
      if (!sensorIds.some((id) => pattern.test(id))) warnings.push(`${join(path, key)}: \`${glob}\` fits no sensor`);
    }
  }
  const desk: UplinkDesk = {
    common,
    checker,
    path,
    report,
    warn: (message) => warnings.push(`${path}${message}`),
    async textOf(key, { maxBytes, isSecret = false }) {
      const named = values[key];
      if (typeof named !== 'string') return undefined;
      const found = await readText(named, maxBytes);
      if ('wrong' in found) {
        const written = checker.written(file, key);
        // systemd.exec(5), LoadCredential=: files are handed over when the service starts, and then stay as they were.
        const hint = CREDENTIAL.test(written)
          ? ': put it in /etc/credstore, then sudo systemctl restart sedge, since systemd hands credentials over at a start'
          : '';
        report(key, `${written} ${found.wrong}${hint}`);
        return undefined;
      }
      if (isSecret && found.open) {
        warnings.push(`${join(path, key)}: \`${named}\` ${MAY_BE_READ}: run chmod 600 on it`);
      }
      return found.text;
    },
  };
  if (file.type === undefined) return undefined;
  // One row per type.
  const build = {
    mqtt: () => buildMqtt(file as MqttFile, desk),
    http: () => buildHttp(file as HttpFile, desk),
    file: () => buildFile(file as FileFile, desk),
  };
  const uplink = await build[file.type]();
  return uplink && { uplink, warnings };
}

async function buildCommon(
  name: string,
  { batch, include, exclude, max_rate: maxRate, window }: UplinkFile,
  checker: Checker,
  path: string,
): Promise<CommonUplinkConfig> {
  const globs = (list: readonly (string | undefined)[]) => list.filter((glob) => glob !== undefined);
  if (window?.cron !== undefined) {
    const problem = await cronProblem(window.cron);
    if (problem !== undefined)
      checker.report(checker.offsetOf(window, 'cron'), join(join(path, 'window'), 'cron'), problem);
  }
  return {
    name,
    batch: { maxReadings: batch?.max_readings ?? 1, maxBytes: batch?.max_bytes ?? 0, maxWaitMs: batch?.max_wait ?? 0 },
    ...(include && { include: globs(include) }),
    ...(exclude && { exclude: globs(exclude) }),
    ...(maxRate !== undefined && { maxRate }),
    ...(window?.cron !== undefined &&
      window.for !== undefined && {
        window: { cron: window.cron, timezone: window.timezone ?? 'UTC', forMs: window.for },
      }),
  };
}
