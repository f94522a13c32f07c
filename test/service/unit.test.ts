/** The shipped unit: what the program relies on, what it must not say, and how exposed systemd finds it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const FILE = join(import.meta.dirname, '..', '..', 'systemd', 'sedge.service');
const UNIT = readFileSync(FILE, 'utf8');
const directives = UNIT.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
/** In tenths; 0 is best. A unit without a sandbox has 96. */
const MOST_EXPOSURE = 18;

describe('the unit', () => {
  it.each([
    ['reports that it is ready and alive', ['Type=notify', 'WatchdogSec=30s']],
    ['is killed soon after it hung, also when it is stopped', ['TimeoutAbortSec=5s']],
    ['has time for a last commit and to drain', ['TimeoutStopSec=20s', 'KillMode=mixed']],
    [
      'is started again without end, but not after wrong usage or a wrong configuration',
      ['Restart=always', 'StartLimitIntervalSec=0', 'RestartPreventExitStatus=2 78'],
    ],
    ['keeps a stuck bus from holding up the journal', ['Environment=UV_THREADPOOL_SIZE=8']],
    ['keeps its state to itself', ['StateDirectory=sedge', 'StateDirectoryMode=0700', 'UMask=0077']],
    ['writes no core dump, which would hold passwords', ['LimitCORE=0']],
    [
      'is bounded in memory, tasks and lines of log',
      ['MemoryMax=256M', 'MemoryHigh=192M', 'TasksMax=64', 'LogRateLimitBurst=300'],
    ],
    ['has the reason of an end among the warnings of its log', ['SyslogLevel=warning']],
    ['has no capabilities', ['CapabilityBoundingSet=', 'AmbientCapabilities=', 'NoNewPrivileges=yes', 'User=sedge']],
    [
      'sees I2C buses and GPIO chips, and no other device',
      ['DevicePolicy=closed', 'DeviceAllow=char-i2c rw', 'DeviceAllow=char-gpiochip rw'],
    ],
    ['may use GPIO through sysfs', ['ReadWritePaths=-/sys/class/gpio -/sys/devices/platform']],
    ['is given a password that only root can read on the card', ['LoadCredential=sedge.password']],
  ])('%s', (_what, lines) => {
    expect(directives).toEqual(expect.arrayContaining(lines));
  });

  it('allows no other device and loads no credential that must be there', () => {
    expect(directives.filter((line) => line.startsWith('DeviceAllow='))).toHaveLength(2);
    // With a path of its own, a file that is missing would stop the start.
    expect(directives.filter((line) => /^LoadCredential=.*:/.test(line))).toEqual([]);
  });

  it('leaves out what Node or the buses do not survive', () => {
    // V8 needs pages that are writable and executable in turn; PrivateDevices= hides the buses; the boot id is in /proc/sys.
    for (const name of ['MemoryDenyWriteExecute', 'PrivateDevices', 'ProcSubset'])
      expect(directives.filter((line) => line.startsWith(`${name}=`))).toEqual([]);
  });

  const hasAnalyzer = spawnSync('systemd-analyze', ['--version']).status === 0;
  it.skipIf(!hasAnalyzer)(
    `has an exposure of at most ${MOST_EXPOSURE / 10}${hasAnalyzer ? '' : ' (systemd-analyze is missing: runs in CI)'}`,
    () => {
      const args = ['security', '--offline=true', '--no-pager', `--threshold=${MOST_EXPOSURE}`, FILE];
      const { status, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
      expect(stdout).toMatch(/Overall exposure level for sedge\.service: \d/);
      expect(status, stdout.trim().split('\n').at(-1)).toBe(0);
    },
  );
});
