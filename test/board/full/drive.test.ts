/** The drive of the board keeps its own promise: what was flushed, across a power cut, and nothing else. */
import { beforeAll, describe, expect, it } from 'vitest';
import { attempt, cutAndBoot, guest, UP_TIMEOUT_MS, unavailable, up } from '../rig.ts';

const reason = unavailable();

describe.skipIf(reason !== undefined)(`the data disk${reason === undefined ? '' : ` (${reason})`}`, () => {
  beforeAll(up, UP_TIMEOUT_MS);

  it('keeps what was flushed to the data disk across a power cut, and nothing else', async () => {
    await guest(`
      mkdir -p /data/probe && cd /data/probe && sync
      head -c 65536 /dev/zero > direct && sync
      echo flushed > flushed && sync -d flushed && sync .
      echo lazy > lazy
      head -c 65536 /dev/zero | tr '\\0' B > /dev/shm/b
      dd if=/dev/shm/b of=direct bs=65536 oflag=direct conv=notrunc status=none`);
    await cutAndBoot();
    expect(await guest('cat /data/probe/flushed')).toBe('flushed\n');
    expect((await attempt('grep -q lazy /data/probe/lazy')).status).not.toBe(0);
    expect(await guest('grep -c B /data/probe/direct || true')).toBe('0\n');
    await guest('rm -r /data/probe');
  }, 400_000);
});
