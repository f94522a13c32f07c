/** Whether a text is a cron expression. Loads node-cron only when a schedule needs it. */

const MAX_CRON_LENGTH = 200;

/** Undefined, or what is wrong, as a predicate. */
export async function cronProblem(expression: string): Promise<string | undefined> {
  const fields = expression.trim().split(/\s+/).length;
  if (fields < 5 || fields > 6 || expression.length > MAX_CRON_LENGTH) {
    return 'is not a cron expression: write 5 fields (minute, hour, day, month, weekday), or 6 with seconds first';
  }
  const { validateDetailed } = await import('node-cron');
  const { valid, errors } = validateDetailed(expression);
  if (valid) return undefined;
  const names: Readonly<Record<string, string>> = { dayOfMonth: 'day', dayOfWeek: 'weekday' };
  const field = errors[0]?.field ?? 'expression';
  return `is not a cron expression: its ${names[field] ?? field} is not possible`;
}
