import { createPacer } from '../pacer.js';

/** Items that are made when they are asked for. */
export interface CostlyList<Item> {
  readonly length: number;
  at(i: number): Item;
  /** Bytes, about; costs nothing to ask for. */
  sizeOf(i: number): number;
}

/**
 * As many items from number `first` on as fit, and at least one where there is one.
 *
 * @param limits the most items, the most bytes, and what an item of a size takes
 */
export async function takeFitting<Item>(
  list: CostlyList<Item>,
  first: number,
  { items, bytes, costOf }: { items: number; bytes: number; costOf: (size: number) => number },
): Promise<Item[]> {
  const pause = createPacer();
  const taken: Item[] = [];
  for (let i = first, cost = 0; i < list.length && taken.length < items; i++) {
    cost += costOf(list.sizeOf(i));
    if (cost > bytes && taken.length > 0) break;
    taken.push(list.at(i));
    await pause();
  }
  return taken;
}
