import { expect, it } from 'vitest';
import { createFasterChoice } from '#dist/search/faster-choice.js';

it('tries each way twice, in turn, for each kind of work, and then takes the faster one', () => {
  const choice = createFasterChoice<string>();
  const chosen = Array.from({ length: 6 }, () => {
    const way = choice.choose('deep', ['a', 'b']);
    choice.tell('deep', way, way === 'a' ? 3 : 2);
    return way;
  });
  expect(chosen).toEqual(['a', 'b', 'a', 'b', 'b', 'b']);
  expect(choice.choose('flat', ['a', 'b'])).toBe('a');
  expect([choice.hasTried('deep', 'b'), choice.hasTried('flat', 'a')]).toEqual([true, false]);
});

it.each([
  { times: [2, 8, 8, 8, 8], title: 'comes back to a way when the other has become slower', chosen: 'a' },
  { times: [8, 2, 8, 8], title: 'stays with a way that was fast once of late', chosen: 'b' },
])('$title', ({ times, chosen }) => {
  const choice = createFasterChoice<string>();
  for (const time of [3, 3]) choice.tell('deep', 'a', time);
  for (const time of times) choice.tell('deep', 'b', time);
  expect(choice.choose('deep', ['a', 'b'])).toBe(chosen);
});
