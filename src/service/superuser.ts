/**
 * Whether the program runs as root with nothing around it. The service has a user of its own and a sandbox; by hand, or in a
 * container without a user, every mistake of a driver would be one of root. A warning and no refusal: a station that measures is
 * not stopped for it.
 */

const ROOT = 0;

/** A sentence, or undefined where all is well. Under a service manager the unit says what root may do. */
export function rootWarning(uid: number | undefined, env: NodeJS.ProcessEnv): string | undefined {
  // sd_notify(3): set by the service manager for the processes of a unit with Type=notify.
  if (uid !== ROOT || env.NOTIFY_SOCKET) return undefined;
  return (
    'runs as root outside of the service, so a driver may do anything to this machine: run it as the service ' +
    '(sudo sedge service install), or as a user who is in the groups i2c and gpio'
  );
}
