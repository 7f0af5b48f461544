import type { MineConfig } from '../config/config.js';
import { createPacer } from '../pacer.js';
import type { Ranking } from '../select/ranking.js';
import { type ChosenRow, chooseForRow, type RowTask } from './mine-row.js';

/** How rows get their negatives from rankings of the pool: by the encoder's scores, or by a reranker's. */
export interface Choice {
  /** Rows chosen for at once, at most: results stream out as blocks finish, while the next one is under way. */
  readonly blockRows: number;
  /** Candidates that most rows need. */
  readonly depth: number;
  /** Whether passages above a row's ceiling can be passed over by the search, which knows the encoder's scores alone. */
  readonly mayLookBelow: boolean;
  /** Brings what a row's bounds are made from, before the pool is ranked for it. */
  prepare(tasks: RowTask[]): Promise<RowTask[]>;
  /** The rows of the tasks; nothing for those whose ranking must go deeper. */
  finish(tasks: readonly RowTask[], rankings: readonly Ranking[]): Promise<(ChosenRow | undefined)[]>;
}

/** By the encoder's scores, which are at hand. */
export function createChoice(config: MineConfig): Choice {
  return {
    blockRows: 2048,
    depth: config.range.high,
    mayLookBelow: config.rankBasis !== 'raw',
    prepare: async (tasks) => tasks,
    async finish(tasks, rankings) {
      const pause = createPacer();
      const rows: (ChosenRow | undefined)[] = [];
      for (const [i, task] of tasks.entries()) {
        rows.push(chooseForRow(task, rankings[i] as Ranking, config));
        await pause();
      }
      return rows;
    },
  };
}
