/** What a passage of a ranking takes on its way from the search to its row. */
const RANKED_BYTES = 24;

/** As many rows at once as `memory` bytes can hold the rankings of. */
export function* cutRows(
  rows: readonly number[],
  { depth, memory }: { depth: number; memory: number },
): Generator<number[]> {
  const most = Math.max(1, Math.floor(memory / RANKED_BYTES / depth));
  for (let start = 0; start < rows.length; start += most) yield rows.slice(start, start + most);
}
