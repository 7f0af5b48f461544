import { HnMineError } from '../errors.js';
import type { TokenInput } from './token-graph.js';
import type { TextTokenizer } from './tokenizer.js';

/** @throws HnMineError `model` where the tokenizer has more tokens than `config.json` says */
export function refuseForeignTokenizer(
  name: string,
  { vocabularySize: declared }: { readonly vocabularySize: number | undefined },
  { vocabularySize }: TextTokenizer,
): void {
  if (declared === undefined || vocabularySize <= declared) return;
  throw new HnMineError(
    'model',
    `${name}: tokenizer.json has ${vocabularySize} tokens and config.json ${declared}; take both from the same model`,
  );
}

/**
 * A graph of another model may know fewer tokens than `config.json` says: it runs on the first, and fails on the last.
 *
 * @throws HnMineError `model`, or what `run` throws on the first
 */
export async function refuseForeignGraph(
  name: string,
  run: (batch: readonly TokenInput[]) => Promise<unknown>,
  { vocabularySize }: TextTokenizer,
): Promise<void> {
  await run([{ ids: [0] }]);
  try {
    await run([{ ids: [vocabularySize - 1] }]);
  } catch (cause) {
    throw new HnMineError(
      'model',
      `${name}: tokenizer.json has ${vocabularySize} tokens, and the graph fails on the last; take both from the same model`,
      { cause },
    );
  }
}
