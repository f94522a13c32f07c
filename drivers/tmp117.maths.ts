/** How a TMP117 is known: others at its addresses look for it too, to say what answers in their place. Pure functions. */

/** Device_ID: who it is in the lower 12 bits, the revision above. */
export const DEVICE_ID = 0x0f;
const ID_MASK = 0x0fff;
const CHIPS: Readonly<Record<number, string>> = { 278: 'TMP116', 279: 'TMP117' };

/** By the word in Device_ID. */
export const chipOf = (id: number): string | undefined => CHIPS[id & ID_MASK];
