/** Root without a sandbox is told; everybody else, and root in a unit, is not. */
import { expect, it } from 'vitest';
import { rootWarning } from '../../src/service/superuser.ts';

it('warns of root outside of the service, and says what to do', () => {
  expect(rootWarning(0, {})).toMatch(/^runs as root .*sudo sedge service install.*groups i2c and gpio$/);
});

it.each([
  ['of a plain user', 1000, {}],
  ['of root in a unit, which says what root may do', 0, { NOTIFY_SOCKET: '/run/systemd/notify' }],
  ['where there are no user ids', undefined, {}],
])('says nothing %s', (_whom, uid, env) => {
  expect(rootWarning(uid, env)).toBeUndefined();
});
