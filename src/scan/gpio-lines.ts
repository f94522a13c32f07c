/** Who uses which GPIO line, from the output of gpioinfo, versions 1 and 2. Pure text. */

export interface LineUse {
  readonly line: number;
  readonly name?: string;
  /** What the kernel or a program says it is. */
  readonly user: string;
}

/**
 * Version 1: `line  17: "GPIO17" "sedge" input active-high [used]`, a free one says `unused`.
 * Version 2: `line  17: "GPIO17" input consumer="sedge"`, a free one has no consumer.
 */
export function lineUses(output: string): readonly LineUse[] {
  return [...output.matchAll(/^\s*line\s+(\d+):\s+(?:"([^"]*)"|unnamed)\s+(.*)$/gm)].flatMap(
    ([, line, name, rest = '']) => {
      const [, consumer] = /consumer="?([^"\s]+)"?/.exec(rest) ?? /^"([^"]*)"/.exec(rest) ?? [];
      // A kernel driver that does not say its name.
      const user = consumer ?? (/\[.*used/.test(rest) || /^kernel\b/.test(rest) ? 'kernel' : undefined);
      return user === undefined ? [] : [{ line: Number(line), user, ...(name !== undefined && { name }) }];
    },
  );
}
