/**
 * Loading an optional package with native code. Whatever the reason that it does not load, the error is `bus.package` and
 * one sentence: what is missing and how to get it. Loaded when first needed, so that a board without it still runs.
 */
import { SedgeError } from '../errors.ts';

/** Where the Debian package keeps the program. */
const PACKAGED = '/usr/lib/sedge/';

/** What a CommonJS package looks like through `import()`. */
type Imported<T> = T | { readonly default: T };

/** The package, or `bus.package`. A failure is not kept: after an install the next try may succeed. */
export async function loadNative<T extends object>(
  name: string,
  load: () => Promise<unknown>,
  platform: NodeJS.Platform = process.platform,
): Promise<T> {
  if (platform !== 'linux') {
    throw new SedgeError(
      'bus.package',
      `real buses need Linux and this is ${platform}: run with --simulate, or on the board`,
    );
  }
  try {
    const loaded = (await load()) as Imported<T>;
    return 'default' in loaded ? loaded.default : loaded;
  } catch (cause) {
    throw new SedgeError('bus.package', why(name, cause), { cause });
  }
}

function why(name: string, cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const text = cause instanceof Error ? cause.message : String(cause);
  // `bindings` lists where it looked. In the Debian package there are binaries for some versions of Node, and nothing to build.
  if (text.includes('Could not locate the bindings file') && text.includes(PACKAGED)) {
    const [major] = process.versions.node.split('.');
    return `the Debian package sedge holds no ${name} for Node ${major}: install the Node of this Debian (sudo apt install nodejs), or a package made with --node ${major}`;
  }
  // `bindings` throws this text without a code when install scripts were blocked (npm 12) or there was no compiler.
  if (text.includes('Could not locate the bindings file')) {
    return `the package ${name} is installed but was not compiled: sudo apt install build-essential python3, then npm rebuild ${name}`;
  }
  // Its native code is bound to one ABI of Node.
  if (code === 'ERR_DLOPEN_FAILED') {
    return `the package ${name} was compiled for another version of Node or another processor: npm rebuild ${name}`;
  }
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') {
    return `the optional package ${name} is not installed: sudo apt install build-essential python3, then npm install ${name}`;
  }
  return `the package ${name} does not load (${text.split('\n')[0]}): npm rebuild ${name}`;
}
