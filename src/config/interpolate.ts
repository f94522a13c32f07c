/**
 * `${NAME}` inside a text reads the environment; `$${` stands for `${` itself. Only in values, never in keys. What a
 * variable holds never appears in a message: it may be a secret.
 */

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const NO_NAME = `has a \${ without the name of an environment variable: write \${NAME}, or $\${ for the two characters themselves`;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export type Interpolated =
  | { readonly text: string /** True when a variable was read. */; readonly read: boolean }
  | { readonly wrong: string };

export function interpolate(text: string, env: Readonly<Record<string, string | undefined>>): Interpolated {
  if (!text.includes('${')) return { text, read: false };
  let read = false;
  let wrong: string | undefined;
  const result = text.replaceAll(REFERENCE, (whole, name: string | undefined, end: string | undefined) => {
    if (whole === '$${') return '${';
    if (name === undefined || end === '' || !NAME.test(name)) {
      wrong ??= NO_NAME;
      return '';
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value === undefined) wrong ??= `needs the environment variable ${name}, which is not set`;
    read = true;
    return value ?? '';
  });
  return wrong === undefined ? { text: result, read } : { wrong };
}
