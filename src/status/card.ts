/** What the journal's writing means for an SD card, in a sentence. */

/**
 * What an ordinary card of 32 GB takes: 300 passes over its size, the low end of what is said of flash with three bits a cell.
 * Makers say nothing for such cards. For cards made for writing they do: SanDisk rates its High Endurance card of 128 GB at
 * 10,000 hours of video at 26 Mbit/s (data sheet), which is 117 TB or 914 passes, three times as many. What a card writes
 * inside for each of our blocks is its own affair, and the reason for the caution.
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
