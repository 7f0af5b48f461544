import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createCopies } from '#dist/select/copies.js';
import { groupSiblings, listRows, row } from './sibling-rows.js';

it('counts the rows with the same line that came before, in groups small and large', () => {
  const lines = fc.array(fc.record({ query: fc.constantFrom('a', 'b', 'A'), line: fc.nat({ max: 3 }) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 3 }), (lines, step) => {
      const texts = lines.map(({ query, line }) => `${query}${line}`);
      const rows = lines.map(({ query }, i) => {
        return row(query, { line: { file: 'rows', number: i + 1, text: texts[i] as string } });
      });
      const copyOf = createCopies(listRows(rows), groupSiblings(rows));
      for (let i = 0; i < rows.length; i += step) {
        expect(copyOf(i)).toBe(texts.slice(0, i).filter((text) => text === texts[i]).length);
      }
    }),
  );
});
