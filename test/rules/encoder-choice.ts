import { explainByRules } from './reasons.js';
import { normal, oneOfEach } from './records.js';
import type { Ranked, RowFacts } from './row-facts.js';
import { type Choice, countRanks, cutByRules, sampleByRules } from './window.js';

/** By the encoder's scores. */
export function chooseByEncoder(facts: RowFacts): Choice {
  const { settings, bounds, everyone, asked, isEligible, isTooAlike, placeOf, drawOf } = facts;
  const isWithin = ({ score }: Ranked) => score >= bounds[0] && score <= bounds[1];
  const allowed = everyone.filter((one) => isEligible(one) && isWithin(one) && !isTooAlike(one));
  const candidates = settings.rankBasis === 'raw' ? oneOfEach(allowed) : countRanks(oneOfEach(allowed));
  const { skipped, window, past } = cutByRules(candidates, facts);

  const sampled = sampleByRules(window, facts).slice(0, asked);
  // Which spelling stands for passages that are equal after normalization: past the window the first of the pool.
  const pastTexts = new Set(past.map(({ text }) => normal(text)));
  const isPast = ({ text }: Ranked) => pastTexts.has(normal(text));
  const inPoolOrder = oneOfEach(allowed.toSorted((a, b) => placeOf(a) - placeOf(b)));
  const drawn = inPoolOrder.filter(isPast).sort((a, b) => drawOf(a.text) - drawOf(b.text));
  const fillers = {
    none: [],
    next: past.filter(({ rank }) => rank !== Infinity).map((one) => ({ ...one, source: 'next' as const })),
    random: [
      ...drawn.map((one) => ({ ...one, rank: null, source: 'random' as const })),
      ...skipped.toReversed().map((one) => ({ ...one, source: 'skipped' as const })),
    ],
  }[settings.backfill].slice(0, asked - sampled.length);
  const mined = [...sampled.map((one) => ({ ...one, source: 'window' as const })), ...fillers];

  const scores = everyone.filter(({ rank }) => rank !== Infinity).map(({ score }) => score);
  const reason = mined.length < asked ? explainByRules(facts, { scores, isLimited: false }) : undefined;
  return { candidates, window, mined, reason };
}
