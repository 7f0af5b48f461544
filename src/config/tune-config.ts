import { HnMineError } from '../errors.js';
import { checkOption, type MineConfig, type MineSettings, parseConfig } from './config.js';
import { flagOf } from './flag-name.js';

/** The options that `tune` takes lists of. */
export const TUNED_OPTIONS = [
  'range',
  'neg',
  'sample',
  'positiveWeight',
  'relativeMargin',
  'margin',
  'maxScore',
  'minScore',
  'maxPositiveSimilarity',
  'skipLexical',
] as const;

export type TunedOption = (typeof TUNED_OPTIONS)[number];

/** What is tried: the options that were varied, and the whole configuration. */
export interface TunedSetting {
  /** As on the command line; empty where nothing differs from the defaults. */
  readonly flags: string;
  readonly config: MineConfig;
}

export interface TuneConfig {
  readonly settings: readonly TunedSetting[];
  /** Combinations that make no sense, and why, each reason once. */
  readonly leftOut: number;
  readonly reasons: readonly string[];
}

/** In a list, the option is not set. */
const NONE = 'none';

/** What is tried where nothing is said: a walk from safe to hard, with and without what holds back false negatives. */
const USUAL: readonly Readonly<Partial<Record<TunedOption, string>>>[] = [
  { range: '10-210' },
  { range: '200-400' },
  { range: '80-130', positiveWeight: '0.5' },
  { range: '40-90', positiveWeight: '0.5' },
  { range: '10-60', positiveWeight: '0.5' },
  { range: '0-50', relativeMargin: '0.05' },
  { range: '0-50', maxPositiveSimilarity: '0.8' },
  { range: '0-50' },
];

/** More would take longer than anybody waits. */
const MOST_SETTINGS = 1000;

/**
 * Every combination of the values that are listed, or the usual ones.
 *
 * @param settings what all have in common
 * @param lists values with commas between them, `none` for an option that is not set
 * @throws HnMineError `usage` where no combination is a configuration
 */
export function parseTuneConfig(
  settings: MineSettings,
  lists: Readonly<Partial<Record<TunedOption, string>>>,
): TuneConfig {
  const given = TUNED_OPTIONS.filter((option) => lists[option] !== undefined);
  const values = given.map((option) => listValues(option, lists[option] as string));
  const count = values.reduce((product, list) => product * list.length, 1);
  if (count > MOST_SETTINGS) {
    const expected = `expected at most ${MOST_SETTINGS} combinations (found ${count})`;
    throw new HnMineError('usage', `tune: ${expected}; list fewer values`);
  }
  const combinations = given.length === 0 ? USUAL : combine(values);
  const parsed: TunedSetting[] = [];
  const errors: HnMineError[] = [];
  for (const one of combinations) {
    try {
      const config = parseConfig({ ...settings, ...(one as MineSettings), scores: true });
      parsed.push({ flags: describeFlags(one), config });
    } catch (error) {
      if (!(error instanceof HnMineError)) throw error;
      errors.push(error);
    }
  }
  if (parsed.length === 0) throw errors[0];
  return { settings: parsed, leftOut: errors.length, reasons: [...new Set(errors.map(({ message }) => message))] };
}

/** The lists among settings as they were typed. */
export function splitTuned(typed: Readonly<Record<string, unknown>>) {
  const isTuned = (option: string) => (TUNED_OPTIONS as readonly string[]).includes(option);
  const part = (isWanted: boolean) =>
    Object.fromEntries(Object.entries(typed).filter(([option]) => isTuned(option) === isWanted));
  return { settings: part(false) as MineSettings, lists: part(true) as Partial<Record<TunedOption, string>> };
}

type Combination = Readonly<Partial<Record<TunedOption, string | undefined>>>;

function listValues(option: TunedOption, list: string): Combination[] {
  return [...new Set(list.split(',').map((one) => one.trim()))].map((value) => {
    if (value === '')
      throw new HnMineError('usage', `${flagOf(option)}: expected values with commas (found "${list}")`);
    const set = value === NONE ? undefined : value;
    checkOption(option, set);
    return { [option]: set };
  });
}

/** The first list's values change last. */
function combine(lists: readonly Combination[][]): Combination[] {
  return lists.reduce<Combination[]>(
    (all, list) => all.flatMap((one) => list.map((next) => ({ ...one, ...next }))),
    [{}],
  );
}

function describeFlags(one: Combination): string {
  const set = Object.entries(one).filter(([, value]) => value !== undefined);
  return set.map(([option, value]) => `${flagOf(option)} ${value}`).join(' ');
}

/** One configuration that embeds and indexes what any of them asks for. */
export function uniteSettings(settings: readonly TunedSetting[]): MineConfig {
  const configs = settings.map(({ config }) => config);
  const most = (option: 'positiveWeight' | 'skipLexical') => Math.max(...configs.map((config) => config[option]));
  return {
    ...(configs[0] as MineConfig),
    range: {
      low: Math.min(...configs.map(({ range }) => range.low)),
      high: Math.max(...configs.map(({ range }) => range.high)),
    },
    // What the pool cannot fill is told of each setting alone.
    neg: Math.min(...configs.map(({ neg }) => neg)),
    positiveWeight: most('positiveWeight'),
    skipLexical: most('skipLexical'),
    maxPositiveSimilarity: configs.map((config) => config.maxPositiveSimilarity).find((one) => one !== undefined),
  };
}
