// The chips on the virtual Pi's I2C bus, written from their data sheets (what a chip does, not what a driver expects).
// A chip is { write(bytes), read(length) -> bytes }; either may throw NACK. Times are real ones, in milliseconds.
// Not modelled: noise, self-heating, SPI, the IIR filter and standby times of the BME280, interrupts pins, general call.

/** Thrown by a chip that does not acknowledge. */
export const NACK = Symbol('nack');

const bytesOf = (hex) => [...Buffer.from(hex, 'hex')];
const word = (value) => [(Math.round(value) >> 8) & 0xff, Math.round(value) & 0xff];

/** Sensirion's CRC-8: polynomial 0x31, start 0xFF, no reflection. */
function crc8(bytes) {
  let crc = 0xff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x31) & 0xff : crc << 1;
  }
  return crc;
}

/**
 * Bosch BME280 (BST-BME280-DS002). Powers up asleep with the results of a skipped measurement; section 3.3: modes;
 * 5.4.3: ctrl_hum counts only after a write to ctrl_meas; 9.1: the longest measurement; 6.2.1: a write is pairs of
 * register and value, a read increments.
 */
export function bme280({ registers }, now) {
  const CALIBRATION = [0x88, 0xe1];
  const SKIPPED = bytesOf('8000008000008000');
  const DATA = 0xf7;
  const cells = new Uint8Array(256);
  let pointer = 0;
  let humidityOversampling = 0;
  let readyAtMs = Infinity;
  let copiedAtMs = 0;

  const powerUp = () => {
    cells.fill(0);
    cells[0xd0] = 0x60;
    for (const at of CALIBRATION) cells.set(bytesOf(registers[`0x${at.toString(16).toUpperCase()}`]), at);
    cells.set(SKIPPED, DATA);
    humidityOversampling = 0;
    readyAtMs = Infinity;
    copiedAtMs = now() + 2;
  };
  powerUp();

  /** Brings results and status up to this instant. */
  const settle = () => {
    if (now() >= readyAtMs) {
      readyAtMs = Infinity;
      const measured = bytesOf(registers['0xF7']);
      const [temperature, pressure] = [cells[0xf4] >> 5, (cells[0xf4] >> 2) & 7];
      cells.set(pressure ? measured.slice(0, 3) : SKIPPED.slice(0, 3), DATA);
      cells.set(temperature ? measured.slice(3, 6) : SKIPPED.slice(3, 6), DATA + 3);
      cells.set(humidityOversampling ? measured.slice(6) : SKIPPED.slice(6), DATA + 6);
      if ((cells[0xf4] & 3) !== 3) cells[0xf4] &= ~3;
    }
    cells[0xf3] = (readyAtMs < Infinity ? 8 : 0) | (now() < copiedAtMs ? 1 : 0);
  };
  const samples = (code) => (code === 0 ? 0 : 2 ** Math.min(code - 1, 4));
  const writeRegister = (register, value) => {
    if (register === 0xe0 && value === 0xb6) powerUp();
    if (register === 0xf2 || register === 0xf5) cells[register] = value;
    if (register !== 0xf4) return;
    cells[0xf4] = value;
    humidityOversampling = cells[0xf2] & 7;
    if ((value & 3) === 0) {
      readyAtMs = Infinity;
      return;
    }
    const [t, p, h] = [samples(value >> 5), samples((value >> 2) & 7), samples(humidityOversampling)];
    readyAtMs = now() + 1.25 + 2.3 * t + (p ? 2.3 * p + 0.575 : 0) + (h ? 2.3 * h + 0.575 : 0);
  };

  return {
    write([register, ...rest]) {
      if (register === undefined) return;
      settle();
      pointer = register;
      if (rest.length > 0) writeRegister(register, rest[0]);
      for (let at = 1; at + 1 < rest.length; at += 2) writeRegister(rest[at], rest[at + 1]);
    },
    read(length) {
      settle();
      return Array.from({ length }, () => cells[pointer++ & 0xff]);
    },
  };
}

/** A chip that is given a command, is deaf while it measures, and then has one answer: Sensirion's SHT family. */
function commandChip(now, commands, corrupt) {
  let answer = null;
  let busyUntilMs = 0;
  const packed = (words) => words.flatMap((pair) => [...pair, crc8(pair) ^ (corrupt() ? 1 : 0)]);
  return {
    write(bytes) {
      if (bytes.length === 0) return;
      if (now() < busyUntilMs) throw NACK;
      const command = commands(bytes);
      if (!command) throw NACK;
      busyUntilMs = now() + command.busyMs;
      answer = command.words ? packed(command.words()) : null;
    },
    read(length) {
      if (now() < busyUntilMs || answer === null) throw NACK;
      const bytes = answer;
      answer = null;
      return bytes.slice(0, length);
    },
  };
}

/** Sensirion SHT4x (data sheet, "Command overview" and "Timings"): one-byte commands, a NACK until the result is there. */
export function sht4x({ words }, now, state) {
  const measured = () => words.map(bytesOf);
  const LONG_HEATER_MS = 1100;
  const SHORT_HEATER_MS = 110;
  const commands = {
    253: { busyMs: 8.3, words: measured },
    246: { busyMs: 4.5, words: measured },
    224: { busyMs: 1.6, words: measured },
    137: {
      busyMs: 0,
      words: () => [
        [0x0f, 0xba],
        [0x7c, 0x51],
      ],
    },
    148: { busyMs: 1 },
    ...Object.fromEntries([0x39, 0x2f, 0x1e].map((code) => [code, { busyMs: LONG_HEATER_MS, words: measured }])),
    ...Object.fromEntries([0x32, 0x24, 0x15].map((code) => [code, { busyMs: SHORT_HEATER_MS, words: measured }])),
  };
  return commandChip(
    now,
    ([code]) => commands[code],
    () => state.badCrc.includes(0x45),
  );
}

/** Sensirion SHT3x-DIS (data sheet, section 4): two-byte commands; single shots, status and reset. */
export function sht3x(now, state) {
  const measured = () => [word(((state.celsius + 45) / 175) * 65535), word((state.humidity / 100) * 65535)];
  const STATUS = { busyMs: 0, words: () => [[0x80, 0x10]] };
  const ALERT_LIMIT = { busyMs: 0, words: () => [[0, 0]] };
  const commands = {
    9216: { busyMs: 15.5, words: measured },
    9227: { busyMs: 6.5, words: measured },
    9238: { busyMs: 4.5, words: measured },
    62253: STATUS,
    12450: { busyMs: 1.5 },
    // With clock stretching: the transfer would last as long as the measurement; here the result is there at once.
    ...Object.fromEntries([0x2c06, 0x2c0d, 0x2c10].map((code) => [code, { busyMs: 0, words: measured }])),
  };
  const find = ([high, low]) => {
    if (high === 0xe1) return ALERT_LIMIT;
    return commands[(high << 8) | low] ?? (high === 0x30 ? { busyMs: 0 } : undefined);
  };
  return commandChip(now, find, () => state.badCrc.includes(0x44));
}

/** ROHM BH1750FVI (technical note, "Instruction set"): opcodes only. Read too early, it gives the old value. */
export function bh1750(now, state) {
  // Typical times, not the longest (180 and 24 ms): the kernel's own driver waits 135 to 160 ms, which suits most chips only.
  const HIGH_MS = 120;
  const LOW_MS = 16;
  let powered = false;
  let mtreg = 69;
  let result = 0;
  let pending = null;

  const raw = ({ mode }) => {
    const perLux = ((1.2 * mtreg) / 69) * (mode === 1 ? 2 : 1);
    return Math.min(0xffff, Math.round(state.lux * perLux));
  };
  const settle = () => {
    if (!pending || now() < pending.readyAtMs) return;
    result = raw(pending);
    if (pending.once) {
      powered = false;
      pending = null;
    }
  };
  return {
    write([opcode]) {
      if (opcode === undefined) return;
      settle();
      if (opcode === 0x00) {
        powered = false;
        pending = null;
      } else if (opcode === 0x01) powered = true;
      else if (opcode === 0x07 && powered) result = 0;
      else if (opcode >> 3 === 0b01000) mtreg = (mtreg & 0x1f) | ((opcode & 7) << 5);
      else if (opcode >> 5 === 0b011) mtreg = (mtreg & 0xe0) | (opcode & 0x1f);
      else if ([0x10, 0x11, 0x13, 0x20, 0x21, 0x23].includes(opcode)) {
        const mode = opcode & 3;
        powered = true;
        const waitMs = ((mode === 3 ? LOW_MS : HIGH_MS) * mtreg) / 69;
        pending = { mode, once: opcode >= 0x20, readyAtMs: now() + waitMs };
      }
    },
    read() {
      settle();
      return word(result);
    },
  };
}

/**
 * Analog Devices ADXL345 (data sheet rev. E, "Register map", "FIFO"): standby at power-up; a six-byte read at DATAX0
 * takes one sample. It lies still: 1 g on z.
 */
export function adxl345(now) {
  const DEPTH = 32;
  const [BW_RATE, POWER_CTL, INT_SOURCE, DATA_FORMAT, DATAX0, FIFO_CTL, FIFO_STATUS] = [
    0x2c, 0x2d, 0x30, 0x31, 0x32, 0x38, 0x39,
  ];
  const READ_ONLY = [0x00, INT_SOURCE, FIFO_STATUS, ...[0, 1, 2, 3, 4, 5].map((at) => DATAX0 + at)];
  const cells = new Uint8Array(256);
  cells[0x00] = 0xe5;
  cells[BW_RATE] = 0x0a;
  let pointer = 0;
  let since = null; // when it began to measure
  let taken = 0; // samples that were read or dropped since then

  const rateHz = () => 3200 / 2 ** (15 - (cells[BW_RATE] & 0x0f));
  const produced = () => (since === null ? 0 : Math.floor(((now() - since) / 1000) * rateHz()));
  const entries = () => {
    const waiting = produced() - taken;
    const room = cells[FIFO_CTL] >> 6 === 0 ? 1 : DEPTH + 1; // 32 and the output register
    if (waiting > room) {
      taken = produced() - room;
      cells[INT_SOURCE] |= 0x01;
    }
    return Math.max(0, Math.min(waiting, room));
  };
  const refresh = () => {
    const count = entries();
    const watermark = cells[FIFO_CTL] & 0x1f;
    const stored = cells[FIFO_CTL] >> 6 === 0 ? 0 : Math.min(count, DEPTH);
    cells[FIFO_STATUS] = stored;
    cells[INT_SOURCE] =
      (count > 0 ? 0x80 : 0) | (stored > 0 && stored >= watermark ? 0x02 : 0) | (cells[INT_SOURCE] & 0x01);
    const fullResolution = cells[DATA_FORMAT] & 0x08;
    const perG = fullResolution ? 256 : 256 >> (cells[DATA_FORMAT] & 3);
    cells.fill(0, DATAX0, DATAX0 + 6);
    if (since !== null && produced() > 0) cells.set([perG & 0xff, perG >> 8], DATAX0 + 4);
  };
  return {
    write([register, ...values]) {
      if (register === undefined) return;
      pointer = register;
      for (const value of values) {
        const at = pointer++ & 0xff;
        if (READ_ONLY.includes(at)) continue;
        cells[at] = value;
        if (at === BW_RATE || at === FIFO_CTL || at === POWER_CTL) {
          since = cells[POWER_CTL] & 0x08 ? now() : null;
          taken = 0;
          cells[INT_SOURCE] = 0;
        }
      }
    },
    read(length) {
      refresh();
      const from = pointer;
      const bytes = Array.from({ length }, () => cells[pointer++ & 0xff]);
      if (from === DATAX0 && length >= 6 && entries() > 0) {
        taken++;
        cells[INT_SOURCE] &= ~0x01;
      }
      return bytes;
    },
  };
}
