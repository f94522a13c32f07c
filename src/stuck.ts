/** What a bus says on which no chip drives its wires, or one without a supply. */

/** Nothing but zeros, or nothing but ones. */
export const isStuck = (bytes: Uint8Array): boolean =>
  bytes.every((byte) => byte === 0x00) || bytes.every((byte) => byte === 0xff);
