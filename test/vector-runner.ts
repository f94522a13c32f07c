/**
 * Runs reference vectors against the real drivers: one line a file, `sensor: passed/total`, where total is every row of
 * the file, or `sensor: skipped` when nothing of ours computes what the file, or a part of it, is about. Rows that do
 * have an owner are run in either case, and a row that fails always shows.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VectorFile } from './vector-judge.ts';
import { type RowRunner, rowRunners, UNOWNED } from './vector-rows.ts';

export interface FileResult {
  readonly sensor: string;
  readonly total: number;
  readonly unowned: number;
  /** One sentence for each row that fails. */
  readonly failures: readonly string[];
}

export async function runFile(
  file: VectorFile,
  runners: Readonly<Record<string, RowRunner>> = rowRunners,
): Promise<FileResult> {
  const rows = file.vectors ?? [];
  const runner = runners[file.sensor];
  const failures: string[] = [];
  let unowned = 0;
  for (const row of rows) {
    // A row that makes the code throw has failed like any other.
    const verdict = runner ? await runner(row, file).catch(String) : UNOWNED;
    if (verdict === UNOWNED) unowned += 1;
    else if (verdict !== undefined) failures.push(`${row.id}: ${verdict}${row.note ? ` (${row.note})` : ''}`);
  }
  return { sensor: file.sensor, total: rows.length, unowned, failures };
}

export function lineOf({ sensor, total, unowned, failures }: FileResult): string {
  if (failures.length === 0 && (unowned > 0 || total === 0)) return `${sensor}: skipped`;
  return `${sensor}: ${total - unowned - failures.length}/${total}`;
}

/** Runs every file of a directory. Returns the exit status: 1 if a row fails, a file cannot be read, or there is none. */
export async function runVectors(
  directory: string,
  print: (line: string) => void,
  complain: (line: string) => void,
): Promise<number> {
  let status = 0;
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.json')).sort();
  if (names.length === 0) {
    complain(`${directory} holds no vectors: name a directory of .json files in SEDGE_VECTORS`);
    return 1;
  }
  for (const name of names) {
    try {
      const file = JSON.parse(await readFile(join(directory, name), 'utf8')) as VectorFile;
      // A file of facts (behaviour.json) names no sensor.
      const result = await runFile({ ...file, sensor: file.sensor ?? name.replace(/\.json$/, '') });
      print(lineOf(result));
      for (const failure of result.failures) complain(failure);
      if (result.failures.length > 0) status = 1;
      else if (result.unowned > 0 && result.unowned < result.total) {
        complain(`${result.sensor}: ${result.total - result.unowned} of ${result.total} rows have an owner and pass`);
      }
    } catch (error) {
      complain(`${name} cannot be read as vectors: ${String(error)}`);
      status = 1;
    }
  }
  return status;
}
