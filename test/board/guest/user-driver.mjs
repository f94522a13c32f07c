// A user's driver that does what /run/misbehave says. It is data for the bad day's tests: /etc/sedge/user.mjs in the board.
import { mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const told = () => {
  try {
    return readFileSync('/run/misbehave', 'utf8').trim();
  } catch {
    return '';
  }
};
const outcomeOf = (attempt) => {
  try {
    attempt();
    return 'allowed';
  } catch (error) {
    return error.code ?? String(error);
  }
};
const stall = (ms) => {
  for (const end = performance.now() + ms; performance.now() < end; );
};
/** What the sandbox has to say to things that a sensor driver has no business with. */
const probe = () => ({
  etc: outcomeOf(() => writeFileSync('/etc/sedge/written', 'x')),
  usr: outcomeOf(() => mkdirSync('/usr/written')),
  root: outcomeOf(() => readdirSync('/root')),
  disk: outcomeOf(() => openSync('/dev/vda', 'r')),
  memory: outcomeOf(() => openSync('/dev/mem', 'r')),
  tunable: outcomeOf(() => writeFileSync('/proc/sys/kernel/hostname', 'x')),
  shadow: outcomeOf(() => readFileSync('/etc/shadow')),
  user: outcomeOf(() => process.setuid(0)),
});

export default {
  api: 1,
  id: 'user-chip',
  title: 'A chip of a user',
  datasheet: 'none',
  bus: 'none',
  kind: 'poll',
  worstCaseMs: 10,
  options: {},
  channels: { value: { quantity: 'ratio', min: 0, max: 1, resolution: 1, decimals: 0 } },
  async open() {
    if (told() === 'kill at open') process.kill(process.pid, 'SIGKILL');
    return {
      async read() {
        const [verb, argument] = told().split(' ');
        if (verb === 'stall') stall(Number(argument));
        if (verb === 'fail') throw new Error('the user says no');
        if (verb === 'reject') void Promise.reject(new Error('nobody waits for me'));
        if (verb === 'probe') throw new Error(JSON.stringify(probe()));
        return { value: 1 };
      },
      async close() {},
    };
  },
};
