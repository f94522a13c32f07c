/** A SenML decoder from RFC 8428 sections 4.1 to 4.6, strict about what a Pack must be; shares nothing with the encoder. */

export interface ResolvedRecord {
  readonly n: string;
  readonly t: number;
  readonly u?: string;
  readonly v?: number;
  readonly vs?: string;
  readonly [own: string]: unknown;
}

const BASE = ['bn', 'bt', 'bu', 'bv', 'bs', 'bver'];
const VALUES = ['v', 'vs', 'vb', 'vd'];

export function resolveSenml(text: string): { readonly version: number; readonly records: readonly ResolvedRecord[] } {
  const pack: unknown = JSON.parse(text);
  if (!Array.isArray(pack) || pack.length === 0) throw new Error('a Pack is an array of one or more records');
  let name = '';
  let timeS = 0;
  let unit: string | undefined;
  let version = 10;
  const records = pack.map((record: Record<string, unknown>, index): ResolvedRecord => {
    for (const [label, value] of Object.entries(record)) {
      if (label.endsWith('_')) throw new Error(`the field ${label} must be understood`);
      // Section 11: a field of one's own is text, a number or a boolean.
      if (!['string', 'number', 'boolean'].includes(typeof value)) throw new Error(`${label} has parts`);
    }
    if (record.bver !== undefined) {
      if (index > 0) throw new Error('the version stands in the first record');
      version = record.bver as number;
    }
    name = (record.bn as string | undefined) ?? name;
    timeS = (record.bt as number | undefined) ?? timeS;
    unit = (record.bu as string | undefined) ?? unit;
    const n = name + ((record.n as string | undefined) ?? '');
    if (!/^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/.test(n)) throw new Error(`${n} is not a name`);
    if (VALUES.filter((label) => label in record).length !== 1) throw new Error('a record has exactly one value');
    const rest = Object.fromEntries(Object.entries(record).filter(([label]) => !BASE.includes(label)));
    const u = (record.u as string | undefined) ?? unit;
    return { ...rest, n, t: timeS + ((record.t as number | undefined) ?? 0), ...(u !== undefined && { u }) };
  });
  return { version, records };
}
