/** `npm run test:long [-- --rounds N --seed S]`: the campaign at length. Prints counts; exit status 1 if the promise was broken. */
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' } },
});
const result = await runCampaign({ seed: Number(values.seed), rounds: Number(values.rounds), log: console.error });
console.log(JSON.stringify(result, null, 2));
const { missing, differing, outOfOrder, gaps, receiveDiffers } = result;
process.exit(missing + differing + outOfOrder + gaps + receiveDiffers === 0 ? 0 : 1);
