import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createRunInto } from '#dist/onnx/run-into.js';
import { float32Tensor, openSession, type Session } from '#dist/onnx/session.js';

const GRAPH = fileURLToPath(new URL('../../models/scores.onnx', import.meta.url));
const open = () => openSession(GRAPH, { threads: 1 });

/** 3 passages and 16 queries of 4 values; all scores of passage i are 4 · factor · i. */
function product(factor: number) {
  const passages = Float32Array.from({ length: 12 }, (_, at) => factor * Math.floor(at / 4));
  const feeds = {
    passages: float32Tensor(passages, [3, 4]),
    queries: float32Tensor(new Float32Array(64).fill(1), [16, 4]),
  };
  const data = new Float32Array(48);
  const expected = Array.from(data, (_, at) => 4 * factor * Math.floor(at / 16));
  return { feeds, outputs: { scores: float32Tensor(data, [3, 16]) }, data, expected };
}

describe('a graph run into memory that is given', () => {
  it('writes there, and hands nothing over', async () => {
    const session = await open();
    const results: (readonly string[])[] = [];
    const watched: Session = {
      ...session,
      async run(feeds, outputs) {
        const found = await session.run(feeds, outputs);
        results.push(Object.keys(found));
        return found;
      },
    };
    const run = createRunInto(watched);
    for (const factor of [1, 2, 3]) {
      const { feeds, outputs, data, expected } = product(factor);
      await run(feeds, outputs);
      expect([...data]).toEqual(expected);
    }
    expect(results).toEqual([]);
  });

  it.each([
    ['computes nothing', async () => ({})],
    ['is refused', () => Promise.reject(new Error('unknown output'))],
  ])('gets copies made where an output that is no tensor %s', async (_, end) => {
    const session = await open();
    const run = createRunInto({
      ...session,
      run: (feeds, outputs) => ('end' in (outputs ?? {}) ? end() : session.run(feeds, outputs)),
    });
    for (const factor of [1, 2]) {
      const { feeds, outputs, data, expected } = product(factor);
      await run(feeds, outputs);
      expect([...data]).toEqual(expected);
    }
  });

  it.each([0, 1])('throws what the graph throws, on run %d', async (before) => {
    const run = createRunInto(await open());
    const { feeds, outputs } = product(1);
    for (let i = 0; i < before; i++) await run(feeds, outputs);
    const short = { ...feeds, queries: float32Tensor(new Float32Array(48).fill(1), [16, 3]) };
    await expect(run(short, outputs)).rejects.toThrow(/dimension|shape/i);
  });
});
