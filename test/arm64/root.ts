/**
 * A Debian for arm64 in a directory, whose programs run under emulation: for tests. Nothing of it is mocked, but the kernel is that
 * of this machine, so there are no buses and no service manager. What it mounts and registers is gone after `close`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Raspberry Pi OS Trixie is made of it. */
const SUITE = 'trixie';
const MIRROR = 'http://deb.debian.org/debian';
/** What the package depends on comes with it; systemd for its sysusers, as on any Debian. */
const PACKAGES = 'nodejs,systemd';
const BINFMT = '/proc/sys/fs/binfmt_misc';
const NAME = 'qemu-aarch64';
/** Of qemu-user-static: how the kernel knows a program for arm64, and by what it runs it. */
const RULE = `/usr/lib/binfmt.d/${NAME}.conf`;
const TOOLS = {
  mmdebstrap: 'mmdebstrap',
  'qemu-aarch64-static': 'qemu-user-static',
  'aarch64-linux-gnu-g++': 'crossbuild-essential-arm64',
} as const;

/** Why it cannot be done here, as a sentence; undefined where it can. */
export function unavailable(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64' || process.getuid?.() !== 0)
    return 'needs root on a Debian on amd64';
  const missing = Object.entries(TOOLS).filter(([tool]) => spawnSync('which', [tool]).status !== 0);
  if (missing.length > 0) return `needs: sudo apt install ${missing.map(([, name]) => name).join(' ')}`;
  return existsSync(RULE) ? undefined : `needs ${RULE}, of qemu-user-static`;
}

export interface EmulatedRoot {
  /** Seen from outside. */
  readonly directory: string;
  /** The command that runs a command inside. */
  readonly enter: readonly [program: string, ...args: string[]];
  /** Runs a shell script inside and gives what it printed; throws if it fails. */
  run(script: string, timeoutMs?: number): string;
  close(): void;
}

/** Five minutes, nearly all of it emulated; `SEDGE_ARM64_ROOT` names a tar of one that was made before. */
export function makeRoot(): EmulatedRoot {
  const undo: (() => unknown)[] = [];
  const execute = (program: string, ...args: string[]) =>
    execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const close = () => {
    for (const step of undo.splice(0).reverse()) step();
  };
  try {
    if (!existsSync(join(BINFMT, 'register'))) {
      execute('mount', '-t', 'binfmt_misc', 'binfmt_misc', BINFMT);
      undo.push(() => execute('umount', BINFMT));
    }
    if (!existsSync(join(BINFMT, NAME))) {
      writeFileSync(join(BINFMT, 'register'), readFileSync(RULE, 'utf8').trim().split('\n').at(-1)!);
      undo.push(() => writeFileSync(join(BINFMT, NAME), '-1'));
    }
    const directory = mkdtempSync(join(tmpdir(), 'sedge-arm64-'));
    undo.push(() => rmSync(directory, { recursive: true, force: true }));
    const made = process.env.SEDGE_ARM64_ROOT;
    if (made) execute('tar', '-C', directory, '-xf', made);
    else
      execute(
        'mmdebstrap',
        '--quiet',
        '--architectures=arm64',
        '--variant=minbase',
        `--include=${PACKAGES}`,
        SUITE,
        directory,
        MIRROR,
      );
    mkdirSync(join(directory, 'proc'), { recursive: true });
    execute('mount', '-t', 'proc', 'proc', join(directory, 'proc'));
    undo.push(() => execute('umount', join(directory, 'proc')));
    copyFileSync('/etc/resolv.conf', join(directory, 'etc/resolv.conf'));
    const env = ['env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'NO_COLOR=1'];
    const enter = ['chroot', directory, ...env, 'DEBIAN_FRONTEND=noninteractive'] as const;
    return {
      directory,
      enter: [...enter],
      run(script, timeoutMs = 120_000) {
        const { status, stdout, stderr } = spawnSync(enter[0], [...enter.slice(1), 'sh', '-ec', script], {
          encoding: 'utf8',
          timeout: timeoutMs,
        });
        if (status !== 0) throw new Error(`status ${status}: ${script}\n${stdout}\n${stderr}`);
        return stdout;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
