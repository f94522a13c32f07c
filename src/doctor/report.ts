/** The findings for people and for programs: one line each, in a stable order, the fix below it to be copied. */
import type { Diagnosis } from './diagnose.ts';
import type { State } from './types.ts';

const COLOURS: Readonly<Record<State, string>> = { ok: '32', warning: '33', fault: '31' };
const STATE_WIDTH = 7;

export function diagnosisText(found: readonly Diagnosis[], { colour }: { readonly colour: boolean }): string {
  const width = Math.max(0, ...found.map(({ check }) => check.length));
  const paint = (state: State) => {
    const padded = state.padEnd(STATE_WIDTH);
    return colour ? `\x1b[${COLOURS[state]}m${padded}\x1b[0m` : padded;
  };
  const indent = ' '.repeat(STATE_WIDTH + 2 + width + 2);
  const lines = found.flatMap(({ check, state, message, fix }) => [
    `${paint(state)}  ${check.padEnd(width)}  ${message}`,
    ...(fix === undefined ? [] : [`${indent}fix: ${fix}`]),
  ]);
  return `${lines.join('\n')}\n${summary(found)}\n`;
}

function summary(found: readonly Diagnosis[]): string {
  const count = (state: State, name: string) => {
    const many = found.filter((one) => one.state === state).length;
    return many === 0 ? [] : [`${many} ${name}${many === 1 ? '' : 's'}`];
  };
  const counts = [...count('fault', 'fault'), ...count('warning', 'warning')];
  return counts.length === 0 ? 'All is well.' : `${counts.join(', ')}.`;
}

export function diagnosisJson(found: readonly Diagnosis[]): string {
  return `${JSON.stringify(
    found.map(({ check, state, message, fix }) => ({ check, state, message, ...(fix !== undefined && { fix }) })),
  )}\n`;
}
