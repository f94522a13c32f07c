/**
 * `npm run test:powercut -- --cuts N --torn M [--seed S]`: power cuts while publishing, and torn replays of the drive's log.
 * Prints counts; exit status 1 if an accepted reading was lost or one was wrong.
 */
import { parseArgs } from 'node:util';
import { unavailable } from '../board/rig.ts';
import { powercut } from './campaign.ts';

const { values } = parseArgs({
  options: {
    cuts: { type: 'string', default: '30' },
    torn: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
  },
});
const reason = unavailable();
if (reason !== undefined) {
  console.error(reason);
  process.exit(1);
}
process.env.RIG_OWNER = String(process.pid);
const result = await powercut({ cuts: Number(values.cuts), torn: Number(values.torn), seed: Number(values.seed) });
console.log(JSON.stringify(result, null, 2));
process.exit(result.acceptedLost + result.wrong === 0 ? 0 : 1);
