/** A driver as a user would write it: plain JavaScript, no imports. */
export default {
  api: 1,
  id: 'my-chip',
  title: 'My chip',
  datasheet: 'none',
  bus: 'i2c',
  kind: 'poll',
  addresses: [0x42],
  channels: { field: { quantity: 'magnetic_field', unit: 'uT', min: 0, max: 100, resolution: 0.1, decimals: 1 } },
  options: { gain: { kind: 'number', default: 1, min: 1, max: 8, doc: 'A factor.' } },
  worstCaseMs: 10,
  async open({ device, options }) {
    return {
      read: async () => ({ field: (await device.read(1))[0] * options.gain }),
      close: async () => {},
    };
  },
};
