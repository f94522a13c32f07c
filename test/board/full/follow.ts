/**
 * Does what a fix of the doctor says, to the letter: a command is run in the board as it stands, an edit is made to the file it
 * names. What only hands can do (a wire, a program to end) is the test's to do.
 */
import { dirname, resolve } from 'node:path';
import { guest, put } from '../rig.ts';

/** A remark for the reader stands behind three blanks. */
const REMARK = / {3}.*$/;
const EDIT = /^set (\w+): (.+?) for (\w+) in (\S+)$/;
const SECTION_EDIT = /^set journal: \{ (\w+): (.+?) \}/;

/** One key of a flow mapping on one line. */
function withKey(line: string, key: string, value: string): string {
  const present = new RegExp(`\\b${key}: [^,}]+?(?=,| \\})`);
  return present.test(line) ? line.replace(present, `${key}: ${value}`) : line.replace('{ ', `{ ${key}: ${value}, `);
}

async function edit(file: string, entry: string, key: string, value: string): Promise<void> {
  const text = await guest(`cat ${file}`);
  const lines = text
    .split('\n')
    .map((line) => (line.trim().startsWith(`${entry}:`) ? withKey(line, key, value) : line));
  await put(file, lines.join('\n'));
}

/** `file` is the configuration that a fix means which names none. */
export async function follow(fix: string, file: string): Promise<void> {
  const [, key, value, sensor, named] = EDIT.exec(fix) ?? [];
  if (key && value && sensor && named) return edit(resolve(dirname(file), named), sensor, key, value);
  const [, journalKey, journalValue] = SECTION_EDIT.exec(fix) ?? [];
  if (journalKey && journalValue) return edit(file, 'journal', journalKey, journalValue);
  await guest(fix.replace(REMARK, '').replaceAll('sudo ', ''));
}
