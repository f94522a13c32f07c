/**
 * The terminal while the live view runs: alternate screen, hidden cursor, single keys. Whatever ends the process, the
 * user's screen and cursor come back.
 */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(frame: string): void;
  /** Idempotent. */
  close(): void;
}

export interface TerminalOptions {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly onKey: (key: string) => void;
  readonly onResize: () => void;
}

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[2J';
const LEAVE = '\u001b[?25h\u001b[?1049l';
/** What a terminal that does not know its size is taken for. */
export const FALLBACK = { columns: 80, rows: 24 };

export function openTerminal({ stdin, stdout, onKey, onResize }: TerminalOptions): Terminal {
  let open = true;
  // In raw mode Ctrl-C is a key like any other (U+0003); the caller decides what it does.
  const onData = (data: Buffer | string) => {
    const text = data.toString();
    // An arrow or function key is one escape sequence, not a row of letters.
    if (!text.startsWith('\u001b')) for (const key of text) onKey(key);
  };
  const close = () => {
    if (!open) return;
    open = false;
    process.off('exit', close);
    stdout.off('resize', onResize);
    stdin.off('data', onData);
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
    stdout.write(LEAVE);
  };

  process.once('exit', close);
  stdout.on('resize', onResize);
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', onData);
  stdin.resume();
  stdout.write(ENTER);
  return {
    get columns() {
      return stdout.columns || FALLBACK.columns;
    },
    get rows() {
      return stdout.rows || FALLBACK.rows;
    },
    // A slow line (SSH over a bad link) gets fewer frames, not a growing queue of old ones.
    write: (frame) => void (open && !stdout.writableNeedDrain && stdout.write(frame)),
    close,
  };
}
