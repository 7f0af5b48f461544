import { createRandom } from '../vectors.js';
import { normalize } from './labelled-set.js';

const RESAMPLES = 1000;

/**
 * @typedef {object} Tally what one setting mined for one query, over all draws
 * @property {number} mined negatives
 * @property {number} wrong those that are hidden answers
 * @property {number} scores the others' scores, added up
 * @property {number} rows
 * @property {number} full rows with as many negatives as were asked for
 *
 * @typedef {object} Point
 * @property {number} wrong the share of negatives that are hidden answers
 * @property {number} hardness the mean score of those that are not
 */

/** @returns {Tally} */
export const createTally = () => ({ mined: 0, wrong: 0, scores: 0, rows: 0, full: 0 });

/**
 * @param {Tally} tally
 * @param {{ neg: string[], neg_scores: number[] }} row
 * @param {{ hidden: ReadonlySet<string>, asked: number }} judge
 */
export function countRow(tally, { neg, neg_scores }, { hidden, asked }) {
  tally.rows++;
  tally.mined += neg.length;
  if (neg.length === asked) tally.full++;
  for (const [i, text] of neg.entries()) {
    if (hidden.has(normalize(text))) tally.wrong++;
    else tally.scores += neg_scores[i] ?? Number.NaN;
  }
}

/** @param {readonly Tally[]} tallies @returns {Point} */
export function summarize(tallies) {
  let [mined, wrong, scores] = [0, 0, 0];
  for (const tally of tallies) {
    mined += tally.mined;
    wrong += tally.wrong;
    scores += tally.scores;
  }
  return { wrong: wrong / mined, hardness: scores / (mined - wrong) };
}

/**
 * A setting's false negatives as a multiple of what a plain window of the same hardness has, with a bootstrap interval over the
 * queries; nothing where no plain window is as hard or as easy.
 * @param {readonly Tally[]} setting by query
 * @param {readonly (readonly Tally[])[]} ladder the plain windows, hardest first
 */
export function compareAtEqualHardness(setting, ladder) {
  const ratio = ratioTo(
    setting,
    ladder,
    setting.map((_, i) => i),
  );
  if (ratio === undefined) return undefined;
  const random = createRandom(1);
  const ratios = Array.from({ length: RESAMPLES }, () =>
    ratioTo(
      setting,
      ladder,
      setting.map(() => Math.floor(random() * setting.length)),
    ),
  );
  const sorted = ratios.filter((one) => one !== undefined).sort((a, b) => a - b);
  const quantile = (/** @type {number} */ share) => sorted[Math.floor(share * sorted.length)] ?? Number.NaN;
  return { ratio, low: quantile(0.025), high: quantile(0.975) };
}

/**
 * @param {readonly Tally[]} setting
 * @param {readonly (readonly Tally[])[]} ladder
 * @param {readonly number[]} queries
 */
function ratioTo(setting, ladder, queries) {
  const pick = (/** @type {readonly Tally[]} */ tallies) =>
    summarize(queries.map((i) => /** @type {Tally} */ (tallies[i])));
  const { wrong, hardness } = pick(setting);
  const plain = interpolate(ladder.map(pick), hardness);
  return plain === undefined ? undefined : wrong / plain;
}

/**
 * @param {readonly Point[]} points hardest first
 * @param {number} hardness
 */
function interpolate(points, hardness) {
  for (const [i, easier] of points.entries()) {
    const harder = points[i - 1];
    if (!harder || hardness > harder.hardness || hardness < easier.hardness) continue;
    const share = (hardness - easier.hardness) / (harder.hardness - easier.hardness);
    return easier.wrong + share * (harder.wrong - easier.wrong);
  }
  return undefined;
}
