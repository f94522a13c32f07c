/** A time server on loopback, which the board reaches as 10.0.2.2: an NTP server as small as RFC 5905 section 14 allows (SNTP). */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

const PORT = 123;
/** Seconds from 1900 to 1970, RFC 5905 section 6. */
const NTP_EPOCH_S = 2_208_988_800;
const PACKET_BYTES = 48;
const SERVER_V4 = 0x24;
const TRANSMIT_AT = 40;

function writeTime(packet: Buffer, at: number, wallMs: number): void {
  packet.writeUInt32BE(Math.floor(wallMs / 1000) + NTP_EPOCH_S, at);
  packet.writeUInt32BE(Math.floor(((wallMs % 1000) / 1000) * 2 ** 32), at + 4);
}

export interface TimeServer {
  close(): Promise<void>;
}

/** Tells the time of this machine. */
export async function startTimeServer(): Promise<TimeServer> {
  const socket = createSocket('udp4');
  socket.on('message', (request, { port, address }) => {
    if (request.length < PACKET_BYTES) return;
    const reply = Buffer.alloc(PACKET_BYTES);
    reply[0] = SERVER_V4;
    reply[1] = 1; // stratum: a primary server
    reply[2] = request[2] ?? 6;
    reply.writeInt8(-20, 3); // precision, about a microsecond
    reply.write('LOCL', 12, 'latin1');
    const nowMs = Date.now();
    writeTime(reply, 16, nowMs);
    request.copy(reply, 24, TRANSMIT_AT, PACKET_BYTES); // origin: the client's own
    writeTime(reply, 32, nowMs);
    writeTime(reply, TRANSMIT_AT, nowMs);
    socket.send(reply, port, address);
  });
  socket.bind(PORT, '127.0.0.1');
  await once(socket, 'listening');
  return {
    async close() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

/** In the board: whom timesyncd asks. */
export const TIMESYNCD_CONFIG = '[Time]\nNTP=10.0.2.2\nFallbackNTP=\n';
export const TIMESYNCD_CONFIG_PATH = '/etc/systemd/timesyncd.conf.d/rig.conf';
