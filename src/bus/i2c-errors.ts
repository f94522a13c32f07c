/**
 * What an I2C adapter's errno means, in one sentence that says what to do.
 *
 * Matched by the absolute number: SMBus calls of i2c-bus report +121 with an empty `code`, raw ones -121 with a code, and
 * `os.constants.errno` does not know EREMOTEIO at all.
 */
import { type ErrorCode, SedgeError } from '../errors.ts';
import { hexAddress } from './i2c.ts';

const EPERM = 1;
const ENOENT = 2;
const ENXIO = 6;
const EAGAIN = 11;
const EACCES = 13;
const EBUSY = 16;
const ENODEV = 19;
const ENOTSUP = 95;
const ETIMEDOUT = 110;
const EREMOTEIO = 121;

/** `path` is the device node: /dev/i2c-1. */
export function i2cError(cause: unknown, path: string, address: number): SedgeError {
  const { errno = 0, syscall, message } = cause as NodeJS.ErrnoException;
  const number = Math.abs(errno);
  const at = `${hexAddress(address)} on ${path}`;
  const error = (code: ErrorCode, sentence: string) => new SedgeError(code, sentence, { cause });
  const missing = () =>
    error(
      'bus.missing',
      `${path} is not there: enable I2C with sudo raspi-config nonint do_i2c 0 (or dtparam=i2c_arm=on in config.txt), then reboot`,
    );
  switch (number) {
    case ENXIO:
    case ENODEV:
      // From open() they speak of the adapter, from a transfer of the chip.
      if (syscall === 'open') return missing();
      return error('bus.nack', `nothing acknowledges at ${at}: check wiring, power and address`);
    case EREMOTEIO:
      return error('bus.nack', `nothing acknowledges at ${at}: check wiring, power and address`);
    case ETIMEDOUT:
      return error(
        'bus.timeout',
        `the transfer with ${at} did not end: a chip holds the clock or data line; check wiring and pull-ups, or cycle its power`,
      );
    case EBUSY:
      return error(
        'bus.busy',
        `a kernel driver owns the address ${at}: remove its dtoverlay from config.txt, or read the chip with the iio driver`,
      );
    case ENOENT:
      return missing();
    case EACCES:
    case EPERM:
      return error(
        'bus.permission',
        `${path} may not be opened: add the user to the group i2c with sudo usermod -aG i2c $USER, then log in again`,
      );
    case EAGAIN:
      return error(
        'bus.io',
        `lost arbitration to another master at ${at}: the reading is tried again; check for a second master or crosstalk`,
      );
    case ENOTSUP:
      return error(
        'bus.unsupported',
        `the adapter cannot do the transfer that the chip at ${at} needs: use another adapter or a software bus (dtoverlay=i2c-gpio)`,
      );
    default:
      return error(
        'bus.io',
        `the transfer with ${at} failed (${number ? `errno ${number}` : message}): check wiring and supply`,
      );
  }
}
