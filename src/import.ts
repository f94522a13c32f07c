/**
 * import() of a file that is known only at run time: a user's driver. The built program runs inside a vm.Script, which has
 * no import() of its own; the launcher (scripts/launcher.mjs) lends it one under this name.
 */
declare const SEDGE_IMPORT: ((specifier: string) => Promise<unknown>) | undefined;

export const importFile = (specifier: string): Promise<unknown> =>
  typeof SEDGE_IMPORT === 'function' ? SEDGE_IMPORT(specifier) : import(specifier);
