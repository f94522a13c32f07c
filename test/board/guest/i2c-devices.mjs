// Serves the devices on the virtual Pi's I2C bus (see ../kernel/vpi.c).
//   node i2c-devices.mjs [STATE.json]
// STATE is read again before each transfer, so a test changes a value or a fault by writing the file:
//   { "celsius": 21.5, "humidity": 40, "lux": 16205, "hang": [68], "silent": [35], "badCrc": [69] }
// Addresses are decimal. celsius and humidity are the SHT3x's; what the BME280 and the SHT4x measure is in truth.json.
import { spawnSync } from 'node:child_process';
import { openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { adxl345, bh1750, bme280, NACK, sht3x, sht4x } from './chips.mjs';

const EREMOTEIO = -121;
const I2C_M_RD = 1;
const MAX_FRAME = 8192;
const now = () => performance.now();

const truth = JSON.parse(readFileSync(new URL('./truth.json', import.meta.url), 'utf8'));
const still = { celsius: 21.5, humidity: 40, lux: truth.bh1750.expect.illuminance, hang: [], silent: [], badCrc: [] };
const state = { ...still };
const devices = new Map([
  [0x23, bh1750(now, state)],
  [0x44, sht3x(now, state)],
  [0x45, sht4x(truth.sht4x, now, state)],
  [0x53, adxl345(now)],
  [0x76, bme280(truth.bme280, now)],
]);

/** A missing or half-written file changes nothing. */
function readState(path) {
  try {
    Object.assign(state, still, JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (error.code !== 'ENOENT' && !(error instanceof SyntaxError)) throw error;
  }
}

/** One transfer, as the kernel asks for it: its status and the bytes read, or undefined to leave the master waiting. */
function transfer(frame) {
  const bytes = [];
  for (let at = 8; at < frame.length; ) {
    const [address, flags, length] = [0, 2, 4].map((offset) => frame.readUInt16LE(at + offset));
    at += 6;
    if (state.hang.includes(address)) return undefined;
    const device = state.silent.includes(address) ? undefined : devices.get(address);
    try {
      if (!device) throw NACK;
      if (flags & I2C_M_RD) {
        const read = device.read(length).slice(0, length);
        bytes.push(...read, ...Array(length - read.length).fill(0xff)); // a released bus reads as ones
      } else {
        device.write([...frame.subarray(at, at + length)]);
        at += length;
      }
    } catch (error) {
      if (error !== NACK) throw error;
      return { status: EREMOTEIO, bytes: [] };
    }
  }
  return { status: 0, bytes };
}

const bus = openSync('/dev/vpi-i2c', 'r+');
console.log('i2c devices ready');
if (process.env.NOTIFY_SOCKET) spawnSync('systemd-notify', ['--ready']);
const buffer = Buffer.alloc(MAX_FRAME);
for (;;) {
  let size;
  try {
    size = readSync(bus, buffer);
  } catch (error) {
    if (error.code === 'EAGAIN') continue; // the master gave up meanwhile
    throw error;
  }
  if (process.argv[2]) readState(process.argv[2]);
  const answer = transfer(buffer.subarray(0, size));
  if (!answer) continue;
  const head = Buffer.alloc(8);
  head.writeUInt32LE(buffer.readUInt32LE(0), 0);
  head.writeInt32LE(answer.status, 4);
  try {
    writeSync(bus, Buffer.concat([head, Buffer.from(answer.bytes)]));
  } catch (error) {
    if (error.code !== 'ESTALE') throw error; // too late: the master has timed out
  }
}
