/**
 * The station that service.test.ts looks at: Sedge installed in the board as its README says, a Mosquitto, and a
 * `sedge receive` that writes down what arrives. Its journal is on the data disk, whose write cache only a flush empties.
 */
import { attempt, eventually, guest, progress, put } from './rig.ts';

export const DEVICE = 'board-1';
export const SEDGE = 'node /repo/dist/sedge.mjs';
const RECEIVED = '/data/received.jsonl';

const CONFIG = `version: 1
device: ${DEVICE}
sensors:
  air: { driver: bme280, bus: 1, address: 0x76, every: 1s }
  room: { driver: sht4x, bus: 1, address: 0x45, every: 2s }
  lamp: { driver: bh1750, bus: 1, address: 0x23, every: 2s }
  door: { driver: gpio-input, line: 17, options: { debounce: 20ms } }
  shock: { driver: sw420, line: 27, every: 2s }
  board: { driver: host, every: 5s }
journal:
  directory: /var/lib/sedge
uplinks:
  cloud: { type: mqtt, url: "mqtt://127.0.0.1:1883", batch: { max_wait: 1s } }
`;

// Runs as root, so that its file may be on the data disk; journald keeps what it says.
const RECEIVER = `[Unit]
Description=Writes down what arrives
After=mosquitto.service
[Service]
ExecStart=/usr/local/bin/${SEDGE} receive --url mqtt://127.0.0.1:1883 --out ${RECEIVED}
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
`;

/** A record as the receiver writes it, or a gap. */
export interface Line {
  readonly device: string;
  readonly stream?: string;
  readonly seq?: number;
  readonly time?: string;
  readonly sensor?: string;
  readonly values?: Readonly<Record<string, number>>;
  readonly gap?: { readonly stream: string; readonly from: number; readonly to: number; readonly reason: string };
}

export interface JournalReport {
  readonly stream: string | null;
  readonly pending: Readonly<Record<string, number>>;
  readonly first: number | null;
  readonly last: number | null;
  readonly gaps: readonly unknown[];
}

/** The journal's place on the data disk, now and at each boot. */
export async function mountJournal(): Promise<void> {
  await guest(`
    test -e /repo/dist/sedge.mjs || { echo "dist/sedge.mjs is not there: run npm run build" >&2; exit 1; }
    mkdir -p /data/sedge /var/lib/sedge
    echo '/data/sedge /var/lib/sedge none bind 0 0' >> /etc/fstab
    systemctl daemon-reload
    mount /var/lib/sedge`);
}

/** The service with a configuration of the test's own, running and enabled; not for a moment with that of an earlier test. */
export async function installService(config: string): Promise<void> {
  await put('/etc/sedge/sedge.yaml', config);
  await guest(`${SEDGE} service install && chgrp sedge /etc/sedge/sedge.yaml && chmod 640 /etc/sedge/sedge.yaml`, 180);
  // The root disk keeps what reached it; sync brings everything there before the first power cut.
  await guest('systemctl restart sedge && sync', 180);
}

/** Puts the journal, the broker, the receiver and the service in place, in this order, and makes them start at boot. */
export async function install(config = CONFIG): Promise<void> {
  progress('installing the service, its broker and its receiver');
  await mountJournal();
  await put('/etc/mosquitto/conf.d/board.conf', 'log_type subscribe\nlog_type error\n');
  await put('/etc/systemd/system/receiver.service', RECEIVER);
  // Restarted, for its configuration is another than that of an earlier test.
  await guest(`systemctl daemon-reload && systemctl enable --quiet mosquitto receiver
    rm -f /var/log/mosquitto/mosquitto.log
    systemctl restart mosquitto && systemctl restart receiver`);
  await eventually('the receiver has subscribed', 90, async () =>
    (await attempt("grep -q 'sedge/+/readings' /var/log/mosquitto/mosquitto.log")).status === 0 ? true : undefined,
  );
  // SIGUSR1: Mosquitto saves its sessions, so that after a cut it knows whom it keeps messages for.
  await guest('systemctl kill -s USR1 mosquitto && sleep 1 && sync');

  await installService(config);
}

/** Takes everything off the board that `install` put there. */
export async function uninstall(): Promise<void> {
  await attempt(`
    ${SEDGE} service uninstall
    systemctl disable --now --quiet receiver
    systemctl disable --now --quiet mosquitto
    # The session of the receiver: what others publish would wait in it for the next receiver.
    rm -f /var/lib/mosquitto/mosquitto.db
    umount /var/lib/sedge
    sed -i '\\|^/data/sedge|d' /etc/fstab
    rm -rf /data/sedge ${RECEIVED} /etc/systemd/system/receiver.service /etc/mosquitto/conf.d/board.conf
    systemctl daemon-reload`);
}

/** Every whole line that the receiver has written. */
export async function received(): Promise<Line[]> {
  const text = await guest(`cat ${RECEIVED}`);
  // What follows the last newline is being written.
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

/** What has been accepted, beside the running service. */
export async function journal(): Promise<JournalReport> {
  return JSON.parse(await guest(`${SEDGE} journal --json --config /etc/sedge/sedge.yaml`)) as JournalReport;
}

/** The numbers that are missing, or there twice, between the first that was received and `last`. */
export function flaws(lines: readonly Line[], last: number): { missing: number[]; twice: number[] } {
  const seen = new Map<number, number>();
  for (const { seq } of lines) if (seq !== undefined) seen.set(seq, (seen.get(seq) ?? 0) + 1);
  const missing: number[] = [];
  for (let seq = Math.min(...seen.keys()); seq <= last; seq++) if (!seen.has(seq)) missing.push(seq);
  return { missing, twice: [...seen].filter(([, times]) => times > 1).map(([seq]) => seq) };
}

/** What the broker has on a retained topic of this device. */
export async function retained<T>(topic: string): Promise<T> {
  return JSON.parse(await guest(`mosquitto_sub -t 'sedge/${DEVICE}/${topic}' -C 1 -W 30`)) as T;
}
