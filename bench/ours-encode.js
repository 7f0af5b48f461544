// Encoding by the ONNX encoder: prints the seconds, and writes the vectors. As peers/encode.py does, the model is loaded and has
// encoded a few texts before the clock starts.
import { readFileSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { parseConfig } from '../dist/config/config.js';
import { planEncoder, startEncoder } from '../dist/embed/onnx-encoder.js';
import { describeMachine } from '../dist/machine.js';
import { listTexts } from '../dist/memory/text-spool.js';
import { findModelFiles } from '../dist/model/model-files.js';

const WARM_UP = 8;

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '' },
    dtype: { type: 'string', default: 'fp32' },
    texts: { type: 'string', default: '' },
    vectors: { type: 'string', default: '' },
  },
});
/** @type {string[]} */
const texts = JSON.parse(readFileSync(values.texts, 'utf8'));
const { model, dtype } = values;
const plan = await planEncoder(findModelFiles(model, dtype), parseConfig({ model, dtype }), describeMachine());
const encoder = await startEncoder(plan);
await encoder.encode(listTexts(texts.slice(0, WARM_UP)), 'passage', () => {});

let vectors = new Float32Array(0);
const start = performance.now();
const { truncated } = await encoder.encode(listTexts(texts), 'passage', (first, { data, dim }) => {
  if (vectors.length === 0) vectors = new Float32Array(texts.length * dim);
  vectors.set(data, first * dim);
});
const seconds = (performance.now() - start) / 1000;
await encoder.close();
writeFileSync(values.vectors, vectors);
console.log(JSON.stringify({ seconds, detail: { workers: plan.setups.length, truncated } }));
