/**
 * The station for Prometheus: its text format, version 0.0.4. Names, base units and labels follow its rules. The value of a
 * sensor that is offline is absent, not the last one for ever: a graph then has a hole where nothing was measured. Pure.
 */
import type { SensorReport, StatusReport, UplinkReport } from '../status/report.ts';
import { baseUnitOf, shifted } from './quantities.ts';
import type { ApiCounts } from './types.ts';

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
interface Family {
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: (readonly [labels: Labels, value: number])[];
}

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

function write(families: ReadonlyMap<string, Family>): string {
  let text = '';
  for (const [name, { type, help, samples }] of families) {
    if (samples.length === 0) continue;
    text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    for (const [labels, value] of samples) {
      const pairs = Object.entries(labels).map(([label, said]) => `${label}="${escapeLabel(said)}"`);
      text += `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`;
    }
  }
  return text;
}

/** Of one row of a report: name, type, help and value; null is left out. */
type Column<Row> = readonly [
  name: string,
  type: Family['type'],
  help: string,
  of: (row: Row) => number | null | undefined,
];

const SENSOR: readonly Column<SensorReport>[] = [
  ['sedge_sensor_up', 'gauge', 'Whether the sensor answers.', ({ state }) => Number(state === 'online')],
  ['sedge_sensor_age_seconds', 'gauge', 'Time since the latest reading was taken.', ({ age_s }) => age_s],
  ['sedge_sensor_reads_total', 'counter', 'Readings taken.', ({ reads }) => reads],
  ['sedge_sensor_failures_total', 'counter', 'Openings and reads that failed.', ({ failures }) => failures],
  ['sedge_sensor_missed_slots_total', 'counter', 'Slots that passed without a read.', ({ missed }) => missed],
];
const UPLINK: readonly Column<UplinkReport>[] = [
  ['sedge_uplink_up', 'gauge', 'Whether the uplink is connected.', ({ state }) => Number(state === 'online')],
  ['sedge_uplink_pending_records', 'gauge', 'Accepted records that it has not delivered.', ({ pending }) => pending],
  ['sedge_uplink_in_flight_messages', 'gauge', 'Messages sent and not acknowledged.', (row) => row.in_flight],
  ['sedge_uplink_acknowledged_records_total', 'counter', 'Records acknowledged.', (row) => row.acknowledged],
  ['sedge_uplink_open_gaps', 'gauge', 'Gaps that the receiver does not know of yet.', ({ gaps }) => gaps],
  ['sedge_uplink_lost_records', 'gauge', 'Records in these gaps.', ({ lost }) => lost],
  ['sedge_uplink_dead_letters_total', 'counter', 'Records refused for good.', (row) => row.dead_letters],
];
const STATION: readonly Column<StatusReport>[] = [
  ['sedge_uptime_seconds', 'gauge', 'Time since the service started.', ({ uptime_s }) => uptime_s],
  ['sedge_clock_synced', 'gauge', 'Whether the wall clock is set.', ({ clock }) => Number(clock === 'synced')],
  ['sedge_warnings', 'gauge', 'Things that a person should look at.', ({ warnings }) => warnings.length],
  ['sedge_journal_storage_up', 'gauge', 'Whether the card works.', ({ journal }) => Number(journal.storage === 'ok')],
  ['sedge_journal_size_bytes', 'gauge', 'All files of the journal.', ({ journal }) => journal.size],
  ['sedge_journal_max_size_bytes', 'gauge', 'Most that they may be.', ({ journal }) => journal.max_size],
  [
    'sedge_journal_accepted_records_total',
    'counter',
    'Records flushed to the card.',
    ({ journal }) => journal.accepted,
  ],
  ['sedge_journal_dropped_records_total', 'counter', 'Records given up.', ({ journal }) => journal.dropped],
  ['sedge_journal_commits_total', 'counter', 'Flushes to the card.', ({ journal }) => journal.commits],
  ['sedge_journal_written_bytes_total', 'counter', 'Bytes written to the card.', (row) => row.journal.bytes_written],
];
const API: readonly Column<ApiCounts>[] = [
  ['sedge_api_requests_total', 'counter', 'Requests to this API.', ({ requests }) => requests],
  [
    'sedge_api_refused_requests_total',
    'counter',
    'Requests refused by host, origin, token or rate.',
    (row) => row.refused,
  ],
  ['sedge_api_live_clients', 'gauge', 'Clients of the live stream.', ({ liveClients }) => liveClients],
  ['sedge_api_live_dropped_clients_total', 'counter', 'Live clients that did not keep up.', (row) => row.liveDropped],
];

export function metricsText(report: StatusReport, counts: ApiCounts): string {
  const families = new Map<string, Family>();
  const put = (name: string, type: Family['type'], help: string, labels: Labels, value: number | null | undefined) => {
    const family = families.get(name) ?? { type, help, samples: [] };
    families.set(name, family);
    if (value !== null && value !== undefined) family.samples.push([labels, value]);
  };
  const rows = <Row>(columns: readonly Column<Row>[], all: readonly (readonly [Labels, Row])[]) => {
    for (const [name, type, help, of] of columns)
      for (const [labels, row] of all) put(name, type, help, labels, of(row));
  };
  const sensors = Object.entries(report.sensors);

  const { version, device } = report;
  put('sedge_build_info', 'gauge', 'The program and its device.', { version, device }, 1);
  for (const [sensor, { driver, name }] of sensors)
    put('sedge_sensor_info', 'gauge', 'What a sensor is.', { sensor, driver, name: name ?? sensor }, 1);
  for (const [sensor, { state, channels }] of sensors) {
    if (state === 'offline') continue;
    for (const [channel, { value, unit, quantity }] of Object.entries(channels)) {
      const { suffix, exponent } = baseUnitOf(quantity);
      const own = suffix === '' && unit !== '1' ? { unit } : {};
      const help = `Latest ${quantity.replaceAll('_', ' ')} of each sensor.`;
      const metric = `sedge_${quantity.replaceAll(/[^a-z0-9_]/gi, '_')}${suffix}`;
      put(metric, 'gauge', help, { sensor, channel, ...own }, value === null ? null : shifted(value, exponent));
    }
  }
  rows(
    SENSOR,
    sensors.map(([sensor, row]) => [{ sensor }, row]),
  );
  rows(
    UPLINK,
    Object.entries(report.uplinks).map(([uplink, row]) => [{ uplink, type: row.type }, row]),
  );
  rows(STATION, [[{}, report]]);
  rows(API, [[{}, counts]]);
  return write(families);
}
