/** Whether two parts of a configuration mean the same. Drivers are compared by name: code does not change while we run. */
export function sameConfig(a: unknown, b: unknown): boolean {
  const plain = (_key: string, value: unknown) => (typeof value === 'function' ? undefined : value);
  return JSON.stringify(a, plain) === JSON.stringify(b, plain);
}
