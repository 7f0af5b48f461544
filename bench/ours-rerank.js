// Scoring pairs by the ONNX reranker: prints the seconds, and writes the scores. As peers/rerank.py does, the model is loaded and
// has scored a few pairs before the clock starts.
import { readFileSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { parseConfig } from '../dist/config/config.js';
import { describeMachine } from '../dist/machine.js';
import { findModelFiles } from '../dist/model/model-files.js';
import { planReranker, startReranker } from '../dist/rerank/onnx-reranker.js';

const WARM_UP = 8;

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '' },
    pairs: { type: 'string', default: '' },
    scores: { type: 'string', default: '' },
  },
});
/** @type {[string, string][]} */
const pairs = JSON.parse(readFileSync(values.pairs, 'utf8'));
const config = parseConfig({ reranker: values.model, rerankerDtype: 'fp32' });
const files = findModelFiles(values.model, 'fp32');
const plan = await planReranker(files, { config, activation: 'model', machine: describeMachine() });
const reranker = await startReranker(plan);
await reranker.score(pairs.slice(0, WARM_UP));

const start = performance.now();
const { scores, truncated } = await reranker.score(pairs);
const seconds = (performance.now() - start) / 1000;
await reranker.close();
writeFileSync(values.scores, Float32Array.from(scores));
console.log(JSON.stringify({ seconds, detail: { workers: plan.setups.length, truncated } }));
