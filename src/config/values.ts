import { z } from 'zod';
import { formatSize, parseSize } from './size.js';

export const RETRIEVERS = ['dense', 'bm25', 'hybrid'] as const;
export const POOLINGS = ['cls', 'max', 'mean', 'mean_sqrt_len', 'weightedmean', 'lasttoken'] as const;

/** What ranks the pool; `hybrid` is both of the others. */
export type RetrieverName = (typeof RETRIEVERS)[number];

export const wholeNumber = (least: number) =>
  z.union([z.number(), z.string()]).transform((typed, context) => {
    const value = typeof typed === 'string' && /^-?\d+$/.test(typed) ? Number(typed) : typed;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
    const atLeast = least === Number.MIN_SAFE_INTEGER ? '' : ` of at least ${least}`;
    return refuse(context, `expected a whole number${atLeast} (found ${quote(typed)})`);
  });

/** @param least @param most both included */
export const decimal = (least = -Infinity, most = Infinity) =>
  z.union([z.number(), z.string()]).transform((typed, context) => {
    const value = typeof typed === 'string' && typed.trim() !== '' ? Number(typed) : typed;
    if (typeof value === 'number' && Number.isFinite(value) && value >= least && value <= most) return value;
    const range = `${least === -Infinity ? '' : ` of at least ${least}`}${most === Infinity ? '' : ` and at most ${most}`}`;
    return refuse(context, `expected a number${range} (found ${quote(typed)})`);
  });

export const oneOf = <const T extends readonly string[]>(choices: T) =>
  z.enum(choices, { error: (issue) => `expected one of ${choices.join(', ')} (found ${quote(issue.input)})` });

export const flag = z.boolean({ error: (issue) => `expected true or false (found ${quote(issue.input)})` });

export const text = z.string({ error: (issue) => `expected text (found ${quote(issue.input)})` });

export const fieldName = text.min(1, 'expected the name of a field (found an empty one)');

export const range = z.union([text, z.tuple([z.number(), z.number()])]).transform((typed, context) => {
  const [, low, high] =
    typeof typed === 'string' ? (/^(\d+)-(\d+)$/.exec(typed.trim()) ?? []) : ['', ...typed.map(String)];
  const bounds = { low: Number(low), high: Number(high) };
  const isWhole = Number.isSafeInteger(bounds.low) && Number.isSafeInteger(bounds.high) && bounds.low >= 0;
  if (!isWhole) return refuse(context, `expected LO-HI, such as 10-210 (found ${quote(typed)})`);
  if (bounds.low < bounds.high) return bounds;
  return refuse(context, `expected LO-HI with LO below HI (found LO ${bounds.low} and HI ${bounds.high})`);
});

export const shard = text.transform((typed, context) => {
  const [, number, of] = /^(\d+)\/(\d+)$/.exec(typed.trim()) ?? [];
  const parsed = { number: Number(number), of: Number(of) };
  if (number === undefined) return refuse(context, `expected I/N, such as 1/4 (found ${quote(typed)})`);
  if (parsed.number >= 1 && parsed.number <= parsed.of) return parsed;
  return refuse(context, `expected I/N with I from 1 to N (found I ${number} and N ${of})`);
});

export const instructionFormat = text.transform((typed, context) => {
  const parts = typed.replaceAll('\\n', '\n').split('{}');
  if (parts.length === 3) return parts as [string, string, string];
  return refuse(context, `expected two {}, for instruction and query (found ${quote(typed)})`);
});

export const poolings = z.union([text, z.array(text)]).transform((typed, context) => {
  const modes = typeof typed === 'string' ? typed.split(',') : typed;
  const odd = modes.find((mode) => !POOLINGS.includes(mode as never));
  if (odd === undefined && modes.length > 0) return modes as (typeof POOLINGS)[number][];
  return refuse(context, `expected one or more of ${POOLINGS.join(', ')} (found ${quote(odd ?? typed)})`);
});

export const retrievers = z
  .union([z.enum(RETRIEVERS), text, z.array(z.enum(RETRIEVERS)), z.array(text)])
  .transform((typed, context) => {
    const names = [typed].flat();
    const odd = names.find((name) => !RETRIEVERS.includes(name as never));
    if (odd === undefined && names.length > 0) return names as (typeof RETRIEVERS)[number][];
    return refuse(context, `expected one of ${RETRIEVERS.join(', ')} (found ${quote(odd ?? typed)})`);
  });

export const files = z.union([text, z.array(text)]).transform((typed, context) => {
  const names = [typed].flat();
  if (names.length > 0 && !names.includes('')) return names;
  return refuse(context, `expected a file (found ${names.length > 0 ? 'an empty name' : 'none'})`);
});

/** @param keyVariable the environment's variable that holds the key of such a server */
export const addresses = (keyVariable: string) =>
  z.union([text, z.array(text)]).transform((typed, context) => readAddresses(typed, keyVariable, context));

function readAddresses(typed: string | string[], keyVariable: string, context: z.core.$RefinementCtx): string[] {
  const names = [typed].flat();
  const odd = names.find((name) => !URL.canParse(name) || !isAddress(name));
  if (odd === undefined && names.some((name) => new URL(name).username !== '' || new URL(name).password !== ''))
    return refuse(context, `expected an address without a user and a password; ${keyVariable} takes a key`);
  if (odd === undefined && names.length > 0) return names;
  return refuse(context, `expected an address that begins with http:// or https:// (found ${quote(odd ?? typed)})`);
}

/** Whether a model is named by the address of a server that has it. */
export function isAddress(name: string): boolean {
  return /^https?:/i.test(name);
}

export const milvusAddress = text.refine(
  (typed) => /^(https?:\/\/)?(\[[\da-f:.]+\]|[^\s/:@[\]]+)(:\d{1,5})?\/?$/i.test(typed),
  {
    error: ({ input }) =>
      `expected HOST:PORT, or https://HOST:PORT (found ${quote(input)}); HN_MINE_MILVUS_TOKEN takes a token`,
  },
);

/** One folder or ID of a model, or the addresses of servers: of several the last one says which, as a flag does after a file of flags. */
export const reranker = z.union([text, z.array(text)]).transform((typed, context) => {
  const names = [typed].flat();
  const last = names.at(-1) ?? '';
  if (isAddress(last)) return readAddresses(names.filter(isAddress), 'HN_MINE_RERANKER_KEY', context);
  if (last !== '') return [last];
  return refuse(context, 'expected a folder, a model ID, or the address of a server (found nothing)');
});

export const devices = z.union([z.boolean(), text, z.array(z.number())]).transform((typed, context) => {
  if (typeof typed === 'boolean') return typed ? [0] : undefined;
  const ids = typeof typed === 'string' ? typed.split(',').map((id) => (/^\d+$/.test(id) ? Number(id) : -1)) : typed;
  if (ids.length > 0 && ids.every((id) => Number.isSafeInteger(id) && id >= 0)) return ids;
  return refuse(context, `expected device numbers, such as 0 or 0,1 (found ${quote(typed)})`);
});

/** Less could not hold what is under way. */
const LEAST_MEMORY = 64e6;

export const memorySize = z.union([z.number(), text]).transform((typed, context) => {
  const bytes = typeof typed === 'string' ? parseSize(typed) : typed;
  if (bytes !== undefined && bytes >= LEAST_MEMORY && bytes < Number.POSITIVE_INFINITY) return bytes;
  return refuse(context, `expected a size of at least ${formatSize(LEAST_MEMORY)}, such as 2g (found ${quote(typed)})`);
});

function refuse(context: z.core.$RefinementCtx, message: string): never {
  context.issues.push({ code: 'custom', message, input: context.value });
  return z.NEVER;
}

/** A value as messages show it. */
export function quote(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
