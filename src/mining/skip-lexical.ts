import { cutRows } from '../retrieve/cut-rows.js';
import type { Retrieved, Retriever } from '../retrieve/retriever.js';
import { NO_BOUNDS } from '../select/bounds.js';
import { listCandidates } from '../select/candidates.js';
import type { RowTask } from './mine-row.js';
import { toQuery } from './rank-pool.js';

/** The rows, their `count` best candidates by BM25 now excluded. Bounds play no part: what is skipped is what reads alike. */
export async function skipLexical(
  tasks: readonly RowTask[],
  lexical: Retriever,
  { count, memory }: { count: number; memory: number },
): Promise<RowTask[]> {
  const done = new Array<RowTask>(tasks.length);
  const first = count + Math.max(...tasks.map(({ view }) => view.excluded.size));
  let open = tasks.map((_, i) => i);
  for (let depth = first; open.length > 0; depth *= 4) {
    const unfinished: number[] = [];
    for (const some of cutRows(open, { depth, memory })) {
      const queries = some.map((i) => toQuery(tasks[i] as RowTask));
      const found = await lexical.retrieve(queries, { depth, looksBelow: false });
      for (const [at, i] of some.entries()) {
        const task = tasks[i] as RowTask;
        const { passages, isWhole } = found[at] as Retrieved;
        const classes = listClasses(passages, task).slice(0, count);
        if (classes.length < count && !isWhole) unfinished.push(i);
        else done[i] = { ...task, view: { ...task.view, excluded: new Set([...task.view.excluded, ...classes]) } };
      }
    }
    open = unfinished;
  }
  return done;
}

function listClasses(passages: Int32Array, { view }: RowTask): number[] {
  const rules = { ...view, bounds: NO_BOUNDS, isTooSimilar: () => false };
  const ranking = { passages, scores: new Float64Array(passages.length) };
  return Array.from(listCandidates(ranking, rules, 'candidates'), ({ passage }) => view.classOf(passage));
}
