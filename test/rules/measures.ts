import type { ChoiceSettings } from './choice-settings.js';

/** Numbers that choices are made by. */

/** In float64, over values as float32 holds them. */
export function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + Math.fround(value) * Math.fround(b[i] as number), 0);
}

export function cosine(a: readonly number[], b: readonly number[]): number {
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}

export function combine(scores: readonly number[], how: ChoiceSettings['positiveScore']): number {
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return { min: Math.min(...scores), max: Math.max(...scores), mean }[how];
}

/** @param p the score of the row's positives */
export function boundsOf(p: number, { maxScore, minScore, margin, relativeMargin }: ChoiceSettings): [number, number] {
  const ceilings = [Infinity, maxScore ?? Infinity];
  if (margin !== undefined) ceilings.push(p - margin);
  if (relativeMargin !== undefined) ceilings.push(p - relativeMargin * Math.abs(p));
  return [minScore ?? -Infinity, Math.min(...ceilings)];
}
