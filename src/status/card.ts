/** What the journal's writing means for an SD card, in a sentence. */

/**
 * An ordinary card of 32 GB is worn out after some hundreds of passes, so about 10 TB. Makers rate better ones and give the
 * figure; what a card writes inside for each of ours is its own affair, and part of the caution.
 */
const CARD_BYTES = 10e12;
const DAYS_PER_YEAR = 365.25;
/** Longer than any card is in use. */
const MANY_YEARS = 50;
/** Less than a station should last: worth a hint. */
const FEW_YEARS = 5;

export function cardSentence(bytesPerDay: number | null): string {
  if (bytesPerDay === null) return 'too early to say what this means for a card';
  if (bytesPerDay < 1) return 'nothing is written';
  const years = CARD_BYTES / bytesPerDay / DAYS_PER_YEAR;
  if (years >= MANY_YEARS)
    return `an ordinary card (10 TB of writes) outlasts this by far: more than ${MANY_YEARS} years`;
  if (years >= FEW_YEARS) return `an ordinary card (10 TB of writes) lasts about ${Math.round(years)} years`;
  const span = years >= 1 ? `${years.toFixed(1)} years` : `${Math.max(1, Math.round(years * 12))} months`;
  return `an ordinary card (10 TB of writes) lasts only about ${span}: raise journal.commit_every or use a card made for writing`;
}
