/** Where the programs that tests start answer `sedge status`: one directory for a run, removed with what the killed left. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'sedge-run-'));
  process.env.XDG_RUNTIME_DIR = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
