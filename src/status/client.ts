/** Asks a running service for its report, over the first of some sockets at which the right one answers. */
import { connect } from 'node:net';
import type { Clock } from '../clock.ts';
import { SedgeError } from '../errors.ts';
import type { ServiceReport } from './report.ts';

/** A report is some kilobytes; hundreds of sensors fit. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** A service that is busy with a slow card answers late. */
const ANSWER_MS = 5_000;

export interface Question {
  /** In the order in which they are tried. */
  readonly sockets: readonly string[];
  /** Whether this is the service that was meant. */
  readonly isWanted: (report: ServiceReport) => boolean;
  readonly clock: Clock;
}

export interface Answer {
  readonly socket: string;
  readonly report: ServiceReport;
}

/** Rejects with `status.unreachable`, in a sentence that says what to do. */
export async function askService({ sockets, isWanted, clock }: Question): Promise<Answer> {
  let reason: string | undefined;
  for (const socket of sockets) {
    try {
      const report = await ask(socket, clock);
      if (isWanted(report)) return { socket, report };
      reason ??= `no running service has this configuration; one with ${report.config ?? 'another'} answers at ${socket}: name it with --config`;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') continue;
      reason ??=
        code === 'EACCES' || code === 'EPERM'
          ? `a service may answer at ${socket}, but not to this user: use sudo, or join the group sedge`
          : `the service at ${socket} did not answer: ${(error as Error).message}`;
    }
  }
  const nobody = 'no running service was found: start it with "sedge run" or "sudo systemctl start sedge"';
  // The first that was met is the likeliest.
  throw new SedgeError('status.unreachable', reason ?? nobody);
}

function ask(path: string, clock: Clock): Promise<ServiceReport> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ANSWER_MS, () => end(new Error(`nothing within ${ANSWER_MS / 1_000} s`)));
    const socket = connect(path);
    let text = '';
    const end = (error?: Error) => {
      cancel();
      socket.destroy();
      if (error) reject(error);
    };
    socket.setEncoding('utf8');
    socket.once('error', end);
    socket.once('connect', () => socket.write('{"get":"status"}\n'));
    socket.on('data', (piece: string) => {
      text += piece;
      if (text.length > MAX_ANSWER_BYTES) end(new Error('its answer is too long'));
    });
    socket.once('close', () => {
      cancel();
      try {
        resolve(reportOf(text));
      } catch (error) {
        reject(error);
      }
    });
  });
}

function reportOf(text: string): ServiceReport {
  if (!text.endsWith('\n')) throw new Error('it closed the connection');
  const answer = JSON.parse(text) as Partial<ServiceReport> & { readonly error?: unknown };
  if (answer.error !== undefined) throw new Error(String(answer.error));
  if (answer.format !== 1) throw new Error('it is another version of Sedge: use the program that it runs');
  return answer as ServiceReport;
}
