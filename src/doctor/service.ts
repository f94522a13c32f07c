/** The check of the service, where systemd is: does it run, did it fail, does it start at boot. */
import { type Check, type Finding, fault, ok, warning } from './types.ts';

const PROPERTIES = ['LoadState', 'ActiveState', 'SubState', 'Result', 'NRestarts', 'ExecMainStatus', 'UnitFileState'];
const LOG = 'journalctl -u sedge -n 30';
/** Exit statuses after which the unit does not restart. */
const WRONG_CONFIGURATION = 78;
const JOURNAL_HELD = 75;

const RESULTS: Readonly<Record<string, string>> = {
  watchdog: 'it stopped reporting and was ended by the watchdog',
  'oom-kill': 'it needed more memory than MemoryMax allows',
  timeout: 'it did not start or stop in its time',
  signal: 'it was killed by a signal',
  'core-dump': 'it crashed',
};

export const serviceCheck: Check = {
  id: 'service',
  async run({ system, running, configuration: { config } }) {
    if (!(await system.files.facts('/run/systemd/system'))) return [ok('systemd does not run here')];
    const shown = await system.run('systemctl', ['show', 'sedge', `--property=${PROPERTIES.join(',')}`]);
    if (shown?.status !== 0)
      return [
        warning('systemctl does not answer, so nothing is known of the service', { fix: 'systemctl status sedge' }),
      ];
    const values = new Map(shown.stdout.split('\n').map((line) => line.split('=', 2) as [string, string]));
    const value = (name: string) => values.get(name) ?? '';
    if (value('LoadState') !== 'loaded')
      return [ok('not installed as a service: sudo sedge service install does that')];

    const restarts = Number(value('NRestarts'));
    const why = RESULTS[value('Result')] ?? `exit status ${value('ExecMainStatus')}`;
    const found: Finding[] = [];
    if (value('ActiveState') === 'active') {
      found.push(ok('active'));
      if (config && !running)
        found.push(
          warning(
            `the service runs, but does not hold the journal in ${config.journal.directory}: it has another configuration`,
            {
              fix: 'sudo sedge doctor --config /etc/sedge/sedge.yaml',
            },
          ),
        );
    } else if (value('ActiveState') === 'failed') {
      const status = Number(value('ExecMainStatus'));
      const fix =
        status === WRONG_CONFIGURATION
          ? 'sudo sedge check --config /etc/sedge/sedge.yaml, correct what it says, then sudo systemctl start sedge'
          : `${LOG}, then sudo systemctl start sedge`;
      found.push(fault(`the service failed: ${why}`, { fix }));
    } else if (value('ActiveState') === 'activating' && restarts > 0) {
      const fix =
        Number(value('ExecMainStatus')) === JOURNAL_HELD ? 'end the other "sedge run" that holds the journal' : LOG;
      found.push(fault(`the service is started again and again (${restarts} times): ${why}`, { fix }));
    } else {
      found.push(warning(`the service is ${value('ActiveState')}`, { fix: 'sudo systemctl start sedge' }));
    }
    if (value('ActiveState') === 'active' && restarts > 0)
      found.push(warning(`the service was restarted ${restarts} times since it was started`, { fix: LOG }));
    if (value('UnitFileState') === 'disabled')
      found.push(warning('the service does not start at boot', { fix: 'sudo systemctl enable sedge' }));
    return found;
  },
};
