/**
 * The loop that bench/uplink.ts compares with: readings in memory, 500 a batch, encoded as the design's JSON, 16 batches in
 * flight at QoS 1 over MQTT.js. Prints its figures as JSON.
 */
import mqtt from 'mqtt';

const [port, count] = process.argv.slice(2).map(Number);
const PER_BATCH = 500;
const WINDOW = 16;
const client = await mqtt.connectAsync({ host: '127.0.0.1', port, protocol: 'mqtt', protocolVersion: 5 });
/** The values of the bench, once around: 97,000 different readings. */
const readings = Array.from({ length: 97_000 }, (_, index) => ({
  time: new Date(Date.now() - index * 1_000).toISOString(),
  sensor: 'air',
  values: { temperature: 20 + (index % 1_000) / 100, humidity: 45.2, pressure: 1_000 + (index % 97) / 4 },
}));
const start = { ms: performance.now(), cpu: process.cpuUsage() };
let sent = 0;
let bytes = 0;
await new Promise((resolve) => {
  let inFlight = 0;
  const next = () => {
    while (inFlight < WINDOW && sent < count) {
      const first = sent + 1;
      const last = Math.min(count, sent + PER_BATCH);
      const list = [];
      for (let seq = first; seq <= last; seq++) list.push({ seq, ...readings[seq % readings.length] });
      const payload = JSON.stringify({
        format: 1,
        device: 'bench',
        stream: 'a'.repeat(24),
        first,
        last,
        readings: list,
      });
      sent = last;
      bytes += payload.length;
      inFlight += 1;
      client.publish('sedge/bench/readings', payload, { qos: 1 }, () => {
        inFlight -= 1;
        if (inFlight === 0 && sent >= count) resolve();
        else next();
      });
    }
  };
  next();
});
const seconds = (performance.now() - start.ms) / 1_000;
const { user, system } = process.cpuUsage(start.cpu);
console.log(
  JSON.stringify({
    readings_per_s: Math.round(count / seconds),
    seconds: Math.round(seconds * 100) / 100,
    bytes_per_reading: Math.round((bytes / count) * 10) / 10,
    cpu_us_per_reading: Math.round(((user + system) / count) * 100) / 100,
  }),
);
await client.endAsync(true);
