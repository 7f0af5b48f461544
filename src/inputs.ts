import type { Inputs } from './dataset.js';
import { HnMineError } from './errors.js';
import { locateBeir } from './input/beir.js';
import { isJudged } from './input/judged-sources.js';
import type { Source } from './input/lines.js';

/** Where rows and pool come from, as it was named: an input, queries with judgements, or a BEIR folder. */
export interface NamedInputs<S = Source> {
  readonly input?: S | undefined;
  readonly pool?: readonly S[] | undefined;
  readonly queries?: S | undefined;
  readonly qrels?: S | undefined;
  readonly beir?: string | undefined;
  readonly split?: string | undefined;
  readonly minRelevance?: unknown;
}

/** Of the splits that BEIR datasets have, the one for training. */
const DEFAULT_SPLIT = 'train';

/** @throws HnMineError `usage` where rows are not named in one of the three ways */
export function checkInputs(sources: NamedInputs<unknown>): void {
  const { input, pool, queries, qrels, beir, split, minRelevance } = sources;
  const ways = Object.entries({ input, queries: queries ?? qrels, beir }).filter(([, one]) => one !== undefined);
  const [first, second] = ways.map(([way]) => (way === 'queries' && queries === undefined ? 'qrels' : way));
  if (first === undefined) {
    const expected = 'expected a file, or - for standard input';
    throw new HnMineError('usage', `--input: ${expected} (found nothing); see hn-mine --help`);
  }
  if (second !== undefined) throw new HnMineError('usage', `--${second}: takes the place of --${first} (found both)`);
  const needs: readonly (readonly [boolean, string])[] = [
    [
      queries !== undefined && qrels === undefined,
      '--queries: needs --qrels, which say what answers them (found none)',
    ],
    [qrels !== undefined && queries === undefined, '--qrels: needs --queries, which they judge (found none)'],
    [qrels !== undefined && pool === undefined, '--qrels: needs the --pool whose passages they judge (found none)'],
    [beir !== undefined && pool !== undefined, '--pool: --beir brings its own; or name --queries, --qrels and --pool'],
    [split !== undefined && beir === undefined, '--split: needs --beir, whose split it is (found none)'],
    [minRelevance !== undefined && input !== undefined, '--min-relevance: needs --qrels or --beir (found --input)'],
  ];
  const named = Object.entries({ queries, qrels, beir, pool: pool?.find((one) => one === '-') });
  const piped = named.find(([, one]) => one === '-');
  if (piped) throw new HnMineError('usage', `--${piped[0]} -: expected a file; standard input is for --input only`);
  const broken = needs.find(([isBroken]) => isBroken);
  if (broken) throw new HnMineError('usage', broken[1]);
}

/** The sources that were named. @throws HnMineError `input` where a BEIR folder lacks a file */
export function locateInputs({ input, pool, queries, qrels, beir, split = DEFAULT_SPLIT }: NamedInputs): Inputs {
  if (beir !== undefined) {
    const { corpus, ...judged } = locateBeir(beir, split);
    return { input: judged, pool: [corpus] };
  }
  if (queries !== undefined && qrels !== undefined) return { input: { queries, qrels }, pool };
  return { input: input as Source, pool };
}

/** The paths among the sources. */
export function listPaths({ input, pool = [] }: Inputs): string[] {
  const sources = isJudged(input) ? [input.queries, input.qrels] : [input];
  return [...sources, ...pool].filter((source) => typeof source === 'string');
}
