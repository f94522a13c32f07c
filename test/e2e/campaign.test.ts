/** Five seeded rounds of the campaign (test/long/campaign.ts) against real Mosquitto; `npm run test:long` runs fifty. */
import { describe, expect, it } from 'vitest';
import { runCampaign, verify } from '../long/campaign.ts';
import { hasMosquitto, NO_MOSQUITTO } from '../mosquitto.ts';

describe('the promise, from outside', () => {
  it.skipIf(!hasMosquitto)(
    `holds through cuts, broker restarts and kills${hasMosquitto ? '' : ` (${NO_MOSQUITTO})`}`,
    async () => {
      // Each of the five faults once: refused, reset, silent, broker restarted, killed.
      const result = await runCampaign({ seed: 7, rounds: 5 });
      expect(result).toMatchObject({ missing: 0, differing: 0, outOfOrder: 0, gaps: 0, receiveDiffers: 0 });
      expect(result.records).toBeGreaterThan(100);
    },
    180_000,
  );
});

describe('the campaign itself', () => {
  const batch = (first: number, last: number, stream = 'a') => ({
    stream,
    first,
    last,
    readings: Array.from({ length: last - first + 1 }, (_, n) => ({ seq: first + n, time: 't', sensor: 's' })),
  });

  it('would notice a number that is missing, differs, or comes out of order', () => {
    expect(verify([batch(1, 3), batch(2, 5)])).toMatchObject({
      missing: 0,
      differing: 0,
      outOfOrder: 0,
      duplicates: 2,
    });
    expect(verify([batch(1, 3), batch(5, 6)]).missing).toBe(1);
    expect(verify([batch(1, 3), batch(3, 4, 'b')]).differing).toBe(1);
    expect(verify([batch(1, 1), batch(3, 4), batch(2, 2)]).outOfOrder).toBe(1);
    const other = { ...batch(1, 1), readings: [{ seq: 1, time: 'other', sensor: 's' }] };
    expect(verify([batch(1, 1), other]).differing).toBe(1);
  });
});
