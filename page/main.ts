/**
 * The page: asks for the report every two seconds while somebody looks, takes each reading from the live stream, draws at most
 * once a frame. What breaks is said at the top and mended by itself.
 */
import type { ServiceReport } from '../src/status/report.ts';
import { byId, element, setData, setText } from './dom.ts';
import { figure, size, span } from './format.ts';
import { MAX_POINTS } from './history.ts';
import { clockPanel, journalPanel, uplinksPanel } from './panels.ts';
import { createCard, type SensorCard } from './sensor-card.ts';
import {
  fetchReadings,
  fetchReport,
  isLocked,
  type Link,
  openStream,
  readNow,
  rememberToken,
  type Stream,
} from './station.ts';

const REPORT_EVERY_MS = 2_000;
const TICK_MS = 1_000;

const cards = new Map<string, SensorCard>();
/** What a card was made of: another driver or name makes it anew. */
const made = new Map<string, string>();
const panels = [uplinksPanel(byId('uplinks')), journalPanel(byId('journal')), clockPanel(byId('clock'))];
const login = byId<HTMLDialogElement>('login');
let stream: Stream | undefined;
let link: Link = 'connecting';
let isAsking = false;
let isDrawing = false;

const LINK_WORDS: Readonly<Record<Link, string>> = {
  connecting: 'connecting',
  live: 'live',
  lost: 'connection lost, trying again',
};
function showLink(next: Link): void {
  // What came while nobody listened is asked for.
  if (next === 'live' && link === 'lost') void fillAll();
  link = next;
  setText(byId('link'), LINK_WORDS[next]);
  setData(byId('link'), 'state', next);
  setData(document.body, 'link', next);
}

function drawSoon(): void {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    for (const card of cards.values()) card.draw();
  });
}

async function fillAll(): Promise<void> {
  // One after the other: a small board answers, and the page stays usable.
  for (const [id, card] of [...cards]) {
    await fetchReadings(id, MAX_POINTS).then(card.fill, () => {});
    drawSoon();
  }
}

function showSensors({ sensors }: ServiceReport): void {
  const box = byId('sensors');
  let isNew = false;
  for (const [id, card] of cards) {
    if (id in sensors) continue;
    card.remove();
    cards.delete(id);
    made.delete(id);
  }
  for (const [id, sensor] of Object.entries(sensors)) {
    const shape = JSON.stringify([
      sensor.driver,
      sensor.name,
      sensor.every_ms,
      sensor.cron,
      Object.keys(sensor.channels),
    ]);
    let card = cards.get(id);
    if (!card || made.get(id) !== shape) {
      const before = card;
      card = createCard({ id, report: sensor, onRead: readNow });
      if (before) before.root.replaceWith(card.root);
      else box.append(card.root);
      before?.remove();
      cards.set(id, card);
      made.set(id, shape);
      isNew = true;
    }
    card.report(sensor);
    card.tick(Date.now());
  }
  const states = Object.values(sensors).map(({ state }) => state);
  const away = states.filter((state) => state === 'offline').length;
  const sum = states.length === 0 ? 'none is configured' : `${states.length}${away > 0 ? ` · ${away} offline` : ''}`;
  setText(byId('sensors-sum'), sum);
  if (isNew) void fillAll();
}

function showWarnings(warnings: readonly string[]): void {
  const list = byId('warnings');
  const said = warnings.join('\n');
  if (list.dataset.said === said) return;
  list.dataset.said = said;
  list.replaceChildren(...warnings.map((warning) => element('li', {}, warning)));
}

/** On a phone what is beside the sensors is far below them. */
function showGlance({ uplinks, journal, clock }: ServiceReport): void {
  const all = Object.values(uplinks);
  const away = all.filter(({ state }) => state === 'offline').length;
  const waiting = Math.max(0, ...all.map(({ pending }) => pending));
  const set = (id: string, text: string, isBad: boolean) => {
    setText(byId(id), text);
    setData(byId(id), 'state', isBad ? 'bad' : 'good');
  };
  const [only] = Object.keys(uplinks);
  const who = all.length === 1 ? only : away > 0 ? `${away} of ${all.length} uplinks` : 'Uplinks';
  const links = all.length === 0 ? 'No uplink' : `${who} ${away > 0 ? 'offline' : 'online'}`;
  set('glance-uplinks', `${links}${waiting > 0 ? ` · ${figure(waiting)} waiting` : ''}`, away > 0);
  set('glance-journal', `Journal ${size(journal.size)}`, journal.storage !== 'ok');
  set('glance-clock', `Clock ${clock === 'synced' ? 'set' : 'not set'}`, clock !== 'synced');
}

function show(report: ServiceReport): void {
  document.title = `${report.device} · Sedge`;
  setText(byId('device'), report.device);
  const simulated = report.simulated ? ' · simulated' : '';
  setText(
    byId('facts'),
    `Sedge ${report.version} · up ${span(report.uptime_s)} · ${figure(report.journal.accepted)} accepted${simulated}`,
  );
  showWarnings(report.warnings);
  showGlance(report);
  showSensors(report);
  for (const panel of panels) panel.show(report);
  drawSoon();
}

async function askReport(): Promise<void> {
  if (isAsking || document.hidden || login.open) return;
  isAsking = true;
  try {
    show(await fetchReport());
    if (!stream) startStream();
    if (link === 'lost') stream?.wake();
  } catch (error) {
    if (isLocked(error)) askToken();
    else showLink('lost');
  } finally {
    isAsking = false;
  }
}

function startStream(): void {
  stream = openStream((reading) => {
    cards.get(reading.sensor)?.reading(reading);
    drawSoon();
  }, showLink);
}

function askToken(): void {
  byId('login-error').textContent = sessionStorage.length > 0 ? 'That token is not the one.' : '';
  if (!login.open) login.showModal();
}
byId('login-form').addEventListener('submit', () => {
  const field = byId<HTMLInputElement>('token');
  rememberToken(field.value.trim());
  field.value = '';
  // The dialog closes after this event.
  setTimeout(() => {
    stream?.wake();
    void askReport();
  });
});
// Without the token there is nothing behind it.
login.addEventListener('cancel', (event) => event.preventDefault());

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const card of cards.values()) card.restyle();
});
const lookAgain = () => {
  stream?.wake();
  void askReport();
};
document.addEventListener('visibilitychange', lookAgain);
addEventListener('online', lookAgain);
setInterval(() => void askReport(), REPORT_EVERY_MS);
setInterval(() => {
  const nowMs = Date.now();
  for (const card of cards.values()) card.tick(nowMs);
}, TICK_MS);
void askReport();
