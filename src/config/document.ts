/**
 * The file's text as a tree whose nodes know their places. What YAML itself forbids ends here, with one problem: after a
 * slip of syntax the rest of the tree is guesswork, and a slip such as one wrong indent makes many errors.
 *
 * Messages are our own, by error code, because the parser's quote the text, which may hold a secret.
 */
import { type Document, LineCounter, parseDocument, type YAMLError } from 'yaml';

/** Largest file that is read. */
export const MAX_BYTES = 1_000_000;

export interface SyntaxProblem {
  readonly offset: number;
  readonly message: string;
}
export interface Tree {
  readonly document: Document.Parsed;
  /** Line and column of an offset, from 1. */
  position(offset: number): { readonly line: number; readonly column: number };
  readonly syntax: SyntaxProblem | undefined;
}

const SENTENCES: Readonly<Record<string, string>> = {
  BAD_ALIAS: 'a value that begins with * must be in quotes',
  BAD_DIRECTIVE: 'a line that begins with % is not possible here',
  BAD_DQ_ESCAPE: 'unknown escape after a backslash, use single quotes if the backslash is meant',
  BAD_INDENT: 'the indent does not fit, or a closing } or ] is missing before this line',
  BAD_SCALAR_START: 'a value cannot begin with this character, put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping begins in the middle of a line, check the indent or put the value in quotes',
  BLOCK_IN_FLOW: 'an indented block cannot stand inside { } or [ ]',
  MISSING_CHAR: 'a closing quote, bracket or the colon after a key is missing',
  MULTILINE_IMPLICIT_KEY: 'this line is no `key` and value, check the indent and the colon',
  MULTIPLE_DOCS: 'the file holds more than one document, delete this line and what follows',
  RESOURCE_EXHAUSTION: 'the file is nested too deeply',
  TAB_AS_INDENT: 'a tab cannot indent, use spaces',
  TAG_RESOLVE_FAILED: 'tags such as !secret are not known, use an environment variable or password_file for a secret',
  UNEXPECTED_TOKEN: 'this does not belong here, check the indent, the quotes and the brackets',
};

const UNQUOTED_VARIABLE = 'inside { } or [ ] a value with an environment variable must be in quotes';

/** `cron: *\/5 * * * *`: an unquoted value that begins with an asterisk, on the line of an error. Its offset. */
function unquotedAsterisk(text: string, offset: number): number | undefined {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const match = /[:,[{]\s+(?=\*)/.exec(text.slice(start, offset + 1));
  return match ? start + match.index + match[0].length : undefined;
}

function firstProblem(text: string, errors: readonly YAMLError[]): SyntaxProblem | undefined {
  const error = errors.toSorted((a, b) => a.pos[0] - b.pos[0])[0];
  if (!error) return undefined;
  const asterisk =
    error.code === 'UNEXPECTED_TOKEN' || error.code === 'BAD_ALIAS' ? unquotedAsterisk(text, error.pos[0]) : undefined;
  if (error.code === 'UNEXPECTED_TOKEN' && text[error.pos[0] - 1] === '$') {
    return { offset: error.pos[0] - 1, message: UNQUOTED_VARIABLE };
  }
  if (asterisk !== undefined) return { offset: asterisk, message: SENTENCES.BAD_ALIAS! };
  return {
    offset: error.pos[0],
    message: SENTENCES[error.code] ?? 'this is not YAML, check the indent and the quotes',
  };
}

/** Characters that YAML 1.2 section 5.1 does not allow in a stream. */
const FORBIDDEN = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]/;

export function parseTree(text: string): Tree {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Warnings are problems here, below; the level `silent` would hide that there are two documents.
    logLevel: 'error',
    version: '1.2',
    // Told apart by the checker, which knows the path.
    uniqueKeys: false,
  });
  const control = FORBIDDEN.exec(text);
  return {
    document,
    position(offset) {
      const { line, col } = lines.linePos(offset);
      return { line: Math.max(line, 1), column: Math.max(col, 1) };
    },
    syntax: control
      ? { offset: control.index, message: 'a control character is not possible in YAML, delete it' }
      : firstProblem(text, [...document.errors, ...document.warnings]),
  };
}
