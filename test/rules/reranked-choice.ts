import { explainByRules } from './reasons.js';
import { normal, oneOfEach } from './records.js';
import type { Ranked, RowFacts } from './row-facts.js';
import { type Choice, countRanks, cutByRules, sampleByRules } from './window.js';

/**
 * By the scores of a reranker, for the best candidates of the retrievers' order: a depth of them at a time, until the window can
 * fill the row or the limit is reached.
 */
export function chooseReranked(facts: RowFacts): Choice {
  const { settings, everyone, asked } = facts;
  const [low, high] = settings.range;
  const { positiveWeight: weight, rerankDepth: depth = high, rerankLimit: limit = 10 * depth } = settings;
  // Likeness to positives makes no candidate; bounds are about scores that are not known yet.
  const isCandidate = (one: Ranked) => facts.isEligible(one) && !facts.isTooAlike(one);
  const candidates = countRanks(oneOfEach(everyone.filter(isCandidate))).filter(({ rank }) => rank !== Infinity);
  const risky = weight === 0 ? [] : cutByRules(candidates, facts).skipped;
  const inOrder = candidates.filter((one) => !risky.includes(one));
  const [from, to] = weight === 0 ? [low, high] : [0, high - low];

  let reach = depth;
  let ranked = rerank(inOrder.slice(0, reach), facts);
  while (ranked.slice(from, to).length < asked && reach < Math.min(inOrder.length, limit)) {
    reach = Math.min(reach + depth, limit);
    ranked = rerank(inOrder.slice(0, reach), facts);
  }
  const window = ranked.slice(from, to);
  const sampled = sampleByRules(window, facts)
    .slice(0, asked)
    .map((one) => ({ ...one, source: 'window' as const }));

  const known = inOrder.slice(0, reach);
  const unknown = listUnscored([...known, ...risky], facts);
  const [skippedRanks, skippedRisks] = [ranked.slice(0, from), rerank(risky, facts)];
  const missing = asked - sampled.length;
  const most = Math.max(depth, missing);
  const drawn = rescore(unknown.slice(0, most), facts).map((one) => ({
    ...one,
    rank: null,
    source: 'random' as const,
  }));
  // Only once no other candidate is left.
  const skipped = unknown.length > most ? [] : weight === 0 ? skippedRanks : skippedRisks.map(withoutRank);
  const last = skipped.toReversed().map((one) => ({ ...one, source: 'skipped' as const }));
  const fillers = settings.backfill === 'random' ? [...drawn, ...last].slice(0, missing) : [];
  const mayFill =
    settings.backfill === 'random' && missing > 0
      ? [...unknown.slice(0, most), ...(unknown.length > most ? [] : risky)]
      : [];

  const mined = [...sampled, ...fillers];
  const isLimited = settings.backfill === 'random' ? unknown.length > most : reach < inOrder.length;
  const scores = known.map(({ text }) => facts.scoreOf(text));
  return {
    candidates: [...ranked, ...[...unknown, ...risky].map((one) => ({ ...one, rank: Infinity }))],
    window,
    mined,
    mayScore: asked === 0 ? [] : [...known, ...mayFill].map(({ text }) => text),
    reason: mined.length < asked ? explainByRules(facts, { scores, isLimited }) : undefined,
  };
}

const withoutRank = (one: Ranked) => ({ ...one, rank: null });

/** Those within the bounds, each with its score. */
function rescore(candidates: readonly Ranked[], { scoreOf, bounds: [floor, ceiling] }: RowFacts): Ranked[] {
  const scored = candidates.map((one) => ({ ...one, score: scoreOf(one.text) }));
  return scored.filter(({ score }) => score >= floor && score <= ceiling);
}

/** By score descending, then pool order, with ranks that count those within the bounds. */
function rerank(candidates: readonly Ranked[], facts: RowFacts): Ranked[] {
  const { placeOf } = facts;
  const sorted = rescore(candidates, facts).sort((a, b) => b.score - a.score || placeOf(a) - placeOf(b));
  return sorted.map((one, rank) => ({ ...one, rank }));
}

/** The candidates that are none of the given ones, in the order of their draws: of each the first spelling of the pool. */
function listUnscored(others: readonly Ranked[], facts: RowFacts): Ranked[] {
  const { everyone, isEligible, isTooAlike, placeOf, drawOf } = facts;
  const taken = new Set(others.map(({ text }) => normal(text)));
  const allowed = everyone.filter((one) => isEligible(one) && !isTooAlike(one) && !taken.has(normal(one.text)));
  const inPoolOrder = oneOfEach(allowed.toSorted((a, b) => placeOf(a) - placeOf(b)));
  return inPoolOrder.sort((a, b) => drawOf(a.text) - drawOf(b.text));
}
