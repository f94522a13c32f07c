/**
 * The one error class of the program. Callers branch on `code`, never on the message and never with instanceof
 * (a user's driver may be loaded beside another copy of this file).
 *
 * A message is one sentence for the person at the keyboard: what is wrong, where, and what to do.
 */

/** Known codes, `area.reason`. A user's driver may add its own. */
export type ErrorCode =
  | 'bus.nack' // nobody acknowledged: absent, unplugged, or busy converting
  | 'bus.timeout' // the transfer did not end: stuck clock or data line, hung chip
  | 'bus.missing' // no such bus, line or device node on this system
  | 'bus.permission' // the device node is there, but not for us
  | 'bus.busy' // a kernel driver or another process holds the address or line
  | 'bus.io' // any other failure of the adapter
  | 'bus.unsupported' // the adapter cannot do what was asked
  | 'bus.package' // the optional native package is not installed or does not load
  | 'sensor.identity' // another chip answers at this address
  | 'sensor.crc' // the checksum of a reply is wrong
  | 'sensor.not-ready' // no fresh measurement in the time that the datasheet allows
  | 'sensor.no-data' // the chip says that it has no value
  | 'sensor.saturated' // the value is at a rail, so it is not a measurement
  | 'sensor.overrun' // samples were lost inside a window
  | 'sensor.range' // the value is outside what the channel can be
  | 'sensor.deadline' // the read did not end in its time
  | 'sensor.quarantined' // opening it ended the program again and again, so it is left out for a while
  | 'sensor.unknown' // no sensor of this id is configured
  | 'sensor.not-read' // it is not polled, so it cannot be read now
  | 'sensor.busy' // too many wait for one read of it
  | 'sensor.no-interval' // it has no schedule
  | 'sensor.interval' // an interval that leaves no time for a read
  | 'sensor.stopped' // it was removed, or the program stops
  | 'sensor.failed' // the driver failed in a way it does not name
  | 'config.invalid' // the configuration is wrong
  | 'config.missing' // no configuration was found
  | 'journal.locked' // another process holds the journal
  | 'journal.permission' // the journal's directory cannot be made or used
  | 'journal.storage' // the storage device failed (EIO, EROFS, ENOSPC)
  | 'journal.closed'
  | 'uplink.unreachable' // there is no way to the broker
  | 'uplink.tls' // the broker cannot be trusted
  | 'uplink.version' // the broker does not speak this version of MQTT
  | 'uplink.refused' // the broker refused the connection
  | 'uplink.lost' // the connection ended
  | 'uplink.taken-over' // another client connected under our client id
  | 'uplink.closed' // outside its window
  | 'uplink.timeout' // no acknowledgement in time
  | 'uplink.rejected' // the broker refused this message
  | 'uplink.busy' // the destination asks for patience
  | 'uplink.storage' // the directory or file of an uplink cannot be written
  | 'command.arguments' // a request lacks something, or says it twice
  | 'command.reload' // there is no configuration file to load again
  | 'command.answer' // the answer is larger than the broker takes
  | 'receive.malformed' // a message is no batch of ours
  | 'receive.output' // what was received cannot be written
  | 'status.unreachable' // no running service answers
  | 'status.place' // the service's socket cannot be where it belongs
  | 'usage' // the command line is wrong
  | (string & {});

export class SedgeError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'SedgeError';
    this.code = code;
  }
}

/** The code of any thrown value; undefined if it carries none of ours (ours hold a dot or are `usage`). */
export function codeOf(error: unknown): ErrorCode | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && /^([a-z][a-z0-9]*\.[a-z0-9.-]+|usage)$/.test(code) ? code : undefined;
}

/** The message of any thrown value, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
