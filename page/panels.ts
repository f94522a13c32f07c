/** What is beside the sensors: uplinks, the journal, the clock. Each is made once and then only written to. */
import type { ServiceReport, UplinkReport } from '../src/status/report.ts';
import { element, facts, setData, setText } from './dom.ts';
import { figure, rate, size, span } from './format.ts';

export interface Panel {
  show(report: ServiceReport): void;
}

const REPEAT = /^(uplink|sensor|journal)\./;

function uplinkRow(name: string) {
  const state = element('span', { class: 'state' });
  const list = facts(['Waiting', 'Rate', 'Last acknowledged', 'Acknowledged']);
  const problem = element('p', { class: 'problem', hidden: true });
  const type = element('span', { class: 'kind' });
  const root = element(
    'article',
    { class: 'uplink' },
    element('header', {}, element('h3', {}, name), type, state),
    problem,
    list.list,
  );
  return {
    root,
    show(uplink: UplinkReport) {
      setData(root, 'state', uplink.state);
      setText(state, uplink.state);
      setText(type, uplink.type);
      const drain =
        uplink.drain_s !== null && uplink.pending > 0 ? ` · delivered in about ${span(uplink.drain_s)}` : '';
      list.set('Waiting', `${figure(uplink.pending)}${drain}`);
      list.set('Rate', rate(uplink.per_second));
      list.set(
        'Last acknowledged',
        uplink.last_acknowledged_s === null ? 'never yet' : `${span(uplink.last_acknowledged_s)} ago`,
      );
      list.set('Acknowledged', figure(uplink.acknowledged));
      const failing = uplink.state === 'offline' ? [uplink.error?.replace(REPEAT, ''), uplink.message] : [];
      const gaps =
        uplink.lost > 0 ? `${figure(uplink.lost)} records will not come, in ${figure(uplink.gaps)} gaps` : undefined;
      const refused =
        uplink.dead_letters > 0 ? `${figure(uplink.dead_letters)} records were refused for good` : undefined;
      const said = [failing.filter(Boolean).join(': '), uplink.warning, gaps, refused].filter(Boolean).join('. ');
      setText(problem, said);
      problem.hidden = said === '';
    },
  };
}

export function uplinksPanel(box: HTMLElement): Panel {
  const rows = new Map<string, ReturnType<typeof uplinkRow>>();
  const none = element('p', { class: 'sum' }, 'No uplink is configured: readings stay in the journal.');
  return {
    show({ uplinks }) {
      for (const [name, row] of rows) {
        if (name in uplinks) continue;
        row.root.remove();
        rows.delete(name);
      }
      for (const [name, uplink] of Object.entries(uplinks)) {
        const row = rows.get(name) ?? uplinkRow(name);
        if (!rows.has(name)) {
          rows.set(name, row);
          box.append(row.root);
        }
        row.show(uplink);
      }
      if (rows.size === 0) box.replaceChildren(none);
      else none.remove();
    },
  };
}

export function journalPanel(box: HTMLElement): Panel {
  const list = facts(['Accepted', 'Dropped', 'Oldest that waits', 'Commits', 'Writes a day']);
  const meter = element('meter', { min: '0', 'aria-label': 'Space used by the journal' });
  const used = element('p', { class: 'used' });
  const problem = element(
    'p',
    { class: 'problem', hidden: true },
    'The card fails: readings are kept in memory and go out marked as volatile.',
  );
  const card = element('p', { class: 'sum' });
  box.append(used, meter, problem, list.list, card);
  return {
    show({ journal }) {
      meter.max = journal.max_size;
      meter.high = journal.max_size * 0.9;
      meter.value = journal.size;
      setText(used, `${size(journal.size)} of at most ${size(journal.max_size)}`);
      problem.hidden = journal.storage === 'ok';
      list.set('Accepted', figure(journal.accepted));
      list.set('Dropped', journal.dropped === 0 ? 'none' : figure(journal.dropped));
      const waitsMs = journal.oldest === null ? undefined : Date.now() - Date.parse(journal.oldest);
      list.set('Oldest that waits', waitsMs === undefined ? 'nothing waits' : `taken ${span(waitsMs / 1_000)} ago`);
      list.set('Commits', figure(journal.commits));
      list.set(
        'Writes a day',
        journal.bytes_per_day === null ? 'known after two minutes' : size(journal.bytes_per_day),
      );
      setText(
        card,
        journal.bytes_per_day === null ? '' : `${journal.card[0]?.toUpperCase() ?? ''}${journal.card.slice(1)}`,
      );
    },
  };
}

/** Less than this between two clocks is the way between them. */
const SAME_S = 2;

export function clockPanel(box: HTMLElement): Panel {
  const list = facts(['Station', 'State', 'Beside this browser']);
  box.append(list.list);
  return {
    show({ time, clock }) {
      const ms = Date.parse(time);
      list.set(
        'Station',
        new Date(ms)
          .toISOString()
          .replace('T', ' ')
          .replace(/\.\d+Z$/, ' UTC'),
      );
      list.set('State', clock === 'synced' ? 'set' : 'not set: readings wait for it, or go out marked');
      setData(box, 'state', clock);
      const apartS = (ms - Date.now()) / 1_000;
      const apart = `${span(Math.abs(apartS))} ${apartS > 0 ? 'ahead' : 'behind'}`;
      list.set('Beside this browser', Math.abs(apartS) < SAME_S ? 'the same' : apart);
    },
  };
}
