import { expect, it } from 'vitest';
import { createFasterChoice } from '#dist/search/faster-choice.js';

it('tries each way once for each kind of work, and then takes the faster one', () => {
  const choice = createFasterChoice<string>();
  const chosen = Array.from({ length: 4 }, () => {
    const way = choice.choose('deep', ['a', 'b']);
    choice.tell('deep', way, way === 'a' ? 3 : 2);
    return way;
  });
  expect(chosen).toEqual(['a', 'b', 'b', 'b']);
  expect(choice.choose('flat', ['a', 'b'])).toBe('a');
  expect([choice.hasTried('deep', 'b'), choice.hasTried('flat', 'a')]).toEqual([true, false]);
});

it('comes back to a way when the other has become slower', () => {
  const choice = createFasterChoice<string>();
  choice.tell('deep', 'a', 3);
  for (const time of [2, 2, 8]) choice.tell('deep', 'b', time);
  expect(choice.choose('deep', ['a', 'b'])).toBe('a');
});

it('stays with a way that was slow once', () => {
  const choice = createFasterChoice<string>();
  choice.tell('deep', 'a', 3);
  for (const time of [2, 2, 3.5]) choice.tell('deep', 'b', time);
  expect(choice.choose('deep', ['a', 'b'])).toBe('b');
});
