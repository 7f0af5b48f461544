// Exact search by the flat index: prints the seconds of each search, and writes the passages found. As peers/search.py does,
// the index is built, with the memory that the command gives it by default, and has answered a few queries before the clock starts.
import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { describeMachine } from '../dist/machine.js';
import { planMemory } from '../dist/memory/workspace.js';
import { createFlatIndex } from '../dist/search/flat.js';
import { median } from './compare.js';
import { readFloats } from './vectors.js';

/** Each worker tries its two ways to multiply, twice each, on searches of the size that is measured, or of a block of the command. */
const WARM_UP = { queries: 2048, times: 4 };

const { values } = parseArgs({
  options: {
    passages: { type: 'string', default: '' },
    queries: { type: 'string', default: '' },
    dim: { type: 'string', default: '' },
    k: { type: 'string', default: '' },
    repeats: { type: 'string', default: '1' },
    found: { type: 'string', default: '' },
  },
});
const dim = Number(values.dim);
const k = Number(values.k);
const passages = readEmbeddings(values.passages);
const queries = readEmbeddings(values.queries);
const { cores: workers, memory } = describeMachine();

const building = performance.now();
const index = await createFlatIndex(passages, { workers, memory: planMemory(memory / 2).searching });
const build = (performance.now() - building) / 1000;
const first = queries.data.subarray(0, WARM_UP.queries * dim);
for (let i = 0; i < WARM_UP.times; i++) await index.search({ data: first, dim, count: first.length / dim }, k);

const each = [];
const found = new Int32Array(queries.count * k);
for (let i = 0; i < Number(values.repeats); i++) {
  const start = performance.now();
  const neighbours = await index.search(queries, k);
  each.push((performance.now() - start) / 1000);
  neighbours.forEach(({ passages }, query) => {
    found.set(passages, query * k);
  });
}
await index.close();
writeFileSync(values.found, found);
console.log(JSON.stringify({ seconds: median(each), detail: { each, build, workers } }));

/** @param {string} file */
function readEmbeddings(file) {
  const data = readFloats(file);
  return { data, dim, count: data.length / dim };
}
