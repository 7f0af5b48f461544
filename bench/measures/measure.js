/**
 * @typedef {object} Peers what the measures compare with; absent where there is no Python
 * @property {string} python
 * @property {string | undefined} torchModel the fp32 weights as torch reads them
 *
 * @typedef {object} Setup
 * @property {Peers | undefined} peers
 * @property {string | undefined} fp32Model a folder with onnx/model.onnx
 * @property {string | undefined} fp32Reranker a folder with onnx/model.onnx, and with model.safetensors for the peer
 * @property {string} data a folder with train.jsonl and pool.jsonl
 * @property {{ input: string, pool: string } | undefined} largeData files of tens of thousands of rows and passages
 * @property {string} scratch a folder for this run's files
 * @property {string | undefined} hnMineScript FlagEmbedding's own script
 * @property {number | undefined} rounds
 *
 * @typedef {object} Compared
 * @property {string} what
 * @property {import('../compare.js').Comparison} comparison
 * @property {{ ratio: number } | { seconds: number }} bar at least this many times the peer's speed, or at most these seconds
 * @property {{ count: number, unit: string } | undefined} [work] in one run: makes a rate of the seconds
 * @property {unknown} [detail]
 *
 * @typedef {object} Figure something that is not a time
 * @property {string} what
 * @property {number} figure
 * @property {number} most the bar: it may not be more
 * @property {'bytes' | '%'} unit
 * @property {unknown} [detail]
 *
 * @typedef {Compared | Figure} Measured
 *
 * @typedef {(setup: Setup) => Promise<Measured[]>} Measure throws `Skipped` where something it needs is not there
 */

export class Skipped extends Error {}
