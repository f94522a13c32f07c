/** `sedge run`: the service. Samples, keeps, publishes, until it is told to stop. */
import { watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname } from 'node:path';
import { type Api, createApi } from '../api/api.ts';
import { systemClock } from '../clock.ts';
import type { ReloadOutcome } from '../commands.ts';
import { formatProblem } from '../config/load.ts';
import { messageOf } from '../errors.ts';
import { hardware } from '../hardware.ts';
import { type Runtime, startRuntime } from '../runtime.ts';
import type { Log } from '../service/log.ts';
import { createNotifier } from '../service/notify.ts';
import { createStartGuard } from '../service/start-guard.ts';
import { statusPlace } from '../service/status-place.ts';
import { makeDirectory, openStatusSocket } from '../service/status-socket.ts';
import { rootWarning } from '../service/superuser.ts';
import { type Command, type CommandIo, EXIT } from './command.ts';
import { CONFIG_HELP, CONFIG_OPTION, printProblems, requireConfig, tryConfig } from './configuration.ts';
import { createReloads } from './reloads.ts';
import { LOG_HELP, LOG_OPTIONS, serviceLog } from './service-log.ts';
import { strayFields } from './stray.ts';

/** Editors save in several steps; one reload answers them all. */
const SETTLE_MS = 200;
/** Longest that a stop may take after something broke: a commit on a slow card, and the drain. */
const BROKEN_STOP_MS = 15_000;
/** Problems of a configuration that an answer lists; stderr has all. */
const MAX_TOLD_PROBLEMS = 10;

/** Validates everything, then applies the difference; an invalid file changes nothing. */
async function reload(file: string, runtime: Runtime, api: Api, io: CommandIo, log: Log): Promise<ReloadOutcome> {
  try {
    const result = await tryConfig(file, io);
    if ('problems' in result) {
      printProblems(result.problems, io);
      const count = result.problems.length;
      const message = `configuration not applied: ${count} problem${count === 1 ? '' : 's'}`;
      log.error('configuration.refused', { message });
      runtime.warn([message]);
      return { refused: message, problems: result.problems.slice(0, MAX_TOLD_PROBLEMS).map(formatProblem) };
    }
    const done = await runtime.reload(result.config);
    await api.apply(result.config.api);
    for (const warning of result.config.warnings) log.warn('configuration.warning', { message: warning });
    log.info('configuration.reloaded', { done: done.length > 0 ? done.join(', ') : 'nothing changed' });
    return { done };
  } catch (error) {
    log.error('configuration.refused', { message: messageOf(error) });
    const message = `configuration not applied: ${messageOf(error)}`;
    runtime.warn([message]);
    return { refused: message, problems: [] };
  }
}

export const run: Command = {
  name: 'run',
  summary: 'Sample the configured sensors, keep every reading, publish until acknowledged.',
  usage: 'sedge run [--config FILE] [--simulate] [--watch] [--log-level L] [--log-format F]',
  help: `${CONFIG_HELP}
      --simulate     every sensor is simulated at its place; journal and uplinks are the configured ones
      --watch        apply the configuration again when the file is saved; SIGHUP does the same at any time
${LOG_HELP}

SIGTERM and SIGINT stop cleanly: commit, drain for at most 5 s, say goodbye. So does an error that nobody caught (a driver's), with
status 1. Exit status: 0 stopped by a signal, 1 it failed, 75 another process holds the journal, 78 the configuration is wrong.`,
  options: { ...CONFIG_OPTION, ...LOG_OPTIONS, simulate: { type: 'boolean' }, watch: { type: 'boolean' } },
  maxPositionals: 0,
  async run(io, { values }) {
    const clock = systemClock;
    const log = serviceLog(values, io, clock);
    const reloads = createReloads<ReloadOutcome>();
    const askReload = () => void reloads.ask();
    io.onHangup(askReload);
    const found = await requireConfig(values.config, io);
    if (!found) return EXIT.config;
    const { file, config } = found;
    for (const warning of config.warnings) log.warn('configuration.warning', { message: warning });
    const simulate = values.simulate === true;
    const { makeBuses } = await hardware({ simulate, clock });
    const notifier = await createNotifier({ env: io.env, log });
    const uid = process.getuid?.();
    // A simulation is tried out, wherever that is; hardware is measured for long.
    const unguarded = simulate ? undefined : rootWarning(uid, io.env);
    if (unguarded !== undefined) log.warn('service.root', { message: unguarded });
    const place = statusPlace(config.journal.directory, { env: io.env, uid, tmpdir: tmpdir() });
    const guard = createStartGuard({ file: place.socket.replace(/\.sock$/, '.starts'), clock, log });
    const stray = new AbortController();
    const signal = AbortSignal.any([io.signal, stray.signal]);
    io.onStray((error) => {
      // Whose it was and what it left half done cannot be known: keep what was measured, and begin anew.
      guard.end(false);
      log.error('service.stray-error', strayFields(error));
      stray.abort();
    });
    const isSafe = await makeDirectory(place, uid).then(
      () => true,
      () => false,
    );
    const runtime = await startRuntime({
      config,
      clock,
      log,
      version: io.version,
      makeBuses,
      reload: reloads.ask,
      ...(isSafe && { guard }),
    });
    const report = async () => ({ ...(await runtime.report()), pid: process.pid, simulated: simulate });
    const answering = await openStatusSocket({ place, clock, log, uid, report });
    const api = createApi({ station: { ...runtime, report }, clock, log });
    await api.apply(config.api);
    log.info('service.started', {
      version: io.version,
      device: config.device,
      sensors: config.sensors.length,
      uplinks: config.uplinks.length,
      journal: config.journal.directory,
      ...(simulate && { simulate }),
    });
    notifier.ready();
    notifier.startWatchdog(clock, () => runtime.progressing(), signal);

    reloads.begin(async () => {
      notifier.reloading();
      const outcome = await reload(file, runtime, api, io, log);
      notifier.ready();
      return outcome;
    });
    if (values.watch === true) {
      let settling: NodeJS.Timeout | undefined;
      // The directory, not the file: editors replace it.
      const watcher = watch(dirname(file), (_event, name) => {
        if (name !== basename(file)) return;
        clearTimeout(settling);
        settling = setTimeout(askReload, SETTLE_MS);
      });
      signal.addEventListener('abort', () => watcher.close(), { once: true });
    }

    if (!signal.aborted)
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    notifier.stopping();
    await reloads.idle();
    await answering.close();
    await api.close();
    // A part that broke may not stop either; what it left is found at the next start.
    await Promise.race([runtime.stop(), ...(stray.signal.aborted ? [clock.sleep(BROKEN_STOP_MS)] : [])]);
    guard.end(true);
    // What is folded belongs before the last line.
    log.flush();
    log.info('service.stopped');
    log.flush();
    return stray.signal.aborted ? EXIT.failed : EXIT.done;
  },
};
