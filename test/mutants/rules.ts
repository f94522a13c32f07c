/**
 * Typical driver bugs as rules on a driver's text. A rule names a pattern and what is written instead; each place where it
 * fits is one mutant. Comments, imports and the data table at the end of a file are left alone.
 */

export interface Mutant {
  readonly rule: string;
  /** Counts from 1; 0 for a bug that is not in one place. */
  readonly line: number;
  /** The line as it is, trimmed: what an explanation is found by. */
  readonly was: string;
  readonly is: string;
  readonly text: string;
}

interface Rule {
  readonly name: string;
  readonly pattern: RegExp;
  /** What stands there instead; undefined where the rule does not fit after all. */
  readonly instead: (match: RegExpExecArray, line: string, following: string) => string | undefined;
  /** The pattern ends with an opening bracket, and all up to where that closes is replaced too. */
  readonly brackets?: true;
}

/** One thing between operators: `reply[0]!`, `data[at + 1]!`, `low!`. */
const OPERAND = String.raw`[\w.]+(?:\[[^\]]+\])?!?`;
/** How much shorter a wait is that is too short. */
const HASTE = 0.8;
const BETWEEN_LOOKS = /POLL_MS|RETRY_MS|lookAgainMs|rateHz\) \/ 4/;
/** So far may the `throw` of a check be below its `if`. */
const CHECK_LINES = 2;

const inHex = (text: string, value: number): string => {
  const digits = text.replace(/^0[xb]|_/g, '').length;
  return text.startsWith('0b')
    ? `0b${value.toString(2).padStart(digits, '0')}`
    : `0x${value.toString(16).padStart(digits, '0')}`;
};
/** Neighbouring ones, and zeros below them: 0x60. */
function isOneRun(value: number): boolean {
  const ones = value.toString(2).replace(/0+$/, '');
  return !ones.includes('0');
}
/** Where the bracket that opens at `from` closes. */
function closing(line: string, from: number): number {
  let depth = 0;
  for (let at = from; at < line.length; at++) {
    if (line[at] === '(') depth += 1;
    if (line[at] === ')') depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

export const RULES: readonly Rule[] = [
  {
    name: 'byte order',
    pattern: new RegExp(`\\((${OPERAND}) << 8\\) \\| (${OPERAND})`),
    instead: ([, high, low]) => `(${low} << 8) | ${high}`,
  },
  {
    name: 'byte order',
    pattern: /\b(get(?:Int|Uint)16\([^(),]+)(, true)?\)/,
    instead: ([, call, little]) => (little ? `${call})` : `${call}, true)`),
  },
  {
    name: 'sign',
    pattern: /\bget(Int|Uint)(8|16)\(/,
    instead: ([, kind, bits]) => `get${kind === 'Int' ? 'Uint' : 'Int'}${bits}(`,
  },
  { name: 'sign', pattern: /\((\(\w+) << (16|24)\) >> \2\)/, instead: ([, word]) => `${word}))` },
  {
    name: 'shift',
    pattern: /(<<|>>) (\d+)(n?)\b/,
    instead: ([, arrow, count, big]) => `${arrow} ${Number(count) + 1}${big}`,
  },
  {
    name: 'wait too short',
    pattern: /\bawait wait\(/,
    brackets: true,
    instead: ([inside]) => {
      const [, ms = '', rest = ''] = /^await wait\((.*?)(, signal)?\)$/.exec(inside) ?? [];
      // Between two looks any time may pass.
      return BETWEEN_LOOKS.test(ms) ? undefined : `await wait(${HASTE} * (${ms})${rest})`;
    },
  },
  { name: 'checksum not checked', pattern: /crc8\(.*\) === [^;?]+?(?=[;,)]|\s\?|$)/, instead: () => 'true' },
  { name: 'checksum not checked', pattern: /crc8\(.*\) !== [^)]+(?=\))/, instead: () => 'false' },
  { name: 'checksum not checked', pattern: /!isSound\([^)]*\)/, instead: () => 'false' },
  {
    name: 'wrong register',
    pattern: /\b0[xb][0-9a-f_]+\b/,
    instead: ([text]) => {
      const value = Number(text.replaceAll('_', ''));
      // A bit, or neighbouring bits: one place lower.
      const isMask = value > 1 && value % 2 === 0 && isOneRun(value);
      return inHex(text, isMask ? value / 2 : value + 1);
    },
  },
  {
    name: 'check left out',
    pattern: /\bif \(/,
    brackets: true,
    instead: (match, line, following) => {
      const after = line.slice(match.index + match[0].length).trim();
      const throws = /^throw\b/.test(after) || ((after === '{' || after === '') && /^\s*throw\b/.test(following));
      return throws ? 'if (false)' : undefined;
    },
  },
  { name: 'wrong level', pattern: /\? (0|1) : (0|1)\b/, instead: ([, yes, no]) => `? ${no} : ${yes}` },
  { name: 'wrong level', pattern: / === (0|1)\b/, instead: ([, level]) => ` === ${1 - Number(level)}` },
  { name: 'scale', pattern: / \* scale\b/, instead: () => ' / scale' },
  {
    name: 'scale',
    pattern: / ([*/]) (1_000|1000|100)\b/,
    instead: ([, sign, by]) => ` ${sign === '*' ? '/' : '*'} ${by}`,
  },
];

/** What is said to people is not what is done. */
const IS_TEXT = /^`|^[:?] `|reason: `/;
const DATA_TABLE = /^const \w+: (?:Poll|Event|Counter)Driver/;

/** Which lines are code that does something. */
function codeLines(lines: readonly string[]): readonly number[] {
  const found: number[] = [];
  let isComment = false;
  let isImport = false;
  for (const [at, line] of lines.entries()) {
    if (DATA_TABLE.test(line)) break;
    const trimmed = line.trim();
    if (trimmed.startsWith('/*')) isComment = true;
    if (/^(import|type|interface|export interface)\b/.test(line)) isImport = true;
    if (!isComment && !isImport && !trimmed.startsWith('//') && trimmed !== '' && !IS_TEXT.test(trimmed))
      found.push(at);
    if (trimmed.endsWith('*/')) isComment = false;
    if (/;$|^}$/.test(line)) isImport = false;
  }
  return found;
}

export function mutantsOf(text: string): readonly Mutant[] {
  const lines = text.split('\n');
  return codeLines(lines).flatMap((at) =>
    RULES.flatMap(({ name, pattern, instead, brackets }) => {
      const line = lines[at]!;
      return [...line.matchAll(new RegExp(pattern.source, 'g'))].flatMap((match): Mutant[] => {
        const end = brackets ? closing(line, match.index + match[0].length - 1) + 1 : match.index + match[0].length;
        // A condition over several lines is left alone.
        if (end === 0) return [];
        match[0] = line.slice(match.index, end);
        const other = instead(match, line, lines.slice(at + 1, at + CHECK_LINES).join('\n'));
        if (other === undefined) return [];
        const is = line.slice(0, match.index) + other + line.slice(end);
        const changed = [...lines.slice(0, at), is, ...lines.slice(at + 1)].join('\n');
        return [{ rule: name, line: at + 1, was: line.trim(), is: is.trim(), text: changed }];
      });
    }),
  );
}
