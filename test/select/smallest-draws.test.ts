import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SmallestDraws } from '#dist/select/smallest-draws.js';

it('keeps what a stable sort by draw puts first', () => {
  const draws = fc.array(fc.oneof(fc.constantFrom(0.25, 0.5, -Infinity), fc.double({ noNaN: true })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(draws, fc.nat({ max: 70 }), (draws, count) => {
      const smallest = new SmallestDraws(count);
      draws.forEach((draw, item) => {
        const before = [...smallest.items];
        const isTaken = smallest.takes(draw);
        smallest.offer(draw, item);
        expect(smallest.items.includes(item)).toBe(isTaken);
        if (!isTaken) expect(smallest.items).toEqual(before);
      });
      const items = draws.map((_, item) => item).sort((a, b) => compare(draws[a] as number, draws[b] as number));
      expect(smallest.items).toEqual(items.slice(0, count));
    }),
  );
});

/** Infinities have no difference. */
function compare(a: number, b: number): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
