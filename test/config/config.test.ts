import { describe, expect, it } from 'vitest';
import { type MineSettings, parseConfig } from '#dist/config/config.js';
import { flagOf } from '#dist/config/flag-name.js';
import { HnMineError } from '#dist/errors.js';

function refusalOf(settings: unknown): string {
  try {
    parseConfig(settings as MineSettings);
  } catch (error) {
    expect(error).toBeInstanceOf(HnMineError);
    expect(error).toMatchObject({ code: 'usage' });
    return (error as Error).message;
  }
  return 'no error';
}

it('fills in every default', () => {
  expect(parseConfig({})).toEqual({
    queryField: 'query',
    posField: 'pos',
    negField: 'neg',
    textField: 'text',
    titleField: 'title',
    queryIdField: 'query_id',
    minRelevance: 1,
    range: { low: 10, high: 210 },
    neg: 15,
    sample: 'random',
    sampleSharpness: 100,
    sampleOffset: 0,
    positiveScore: 'min',
    positiveWeight: 0,
    seed: 42,
    rankBasis: 'candidates',
    backfill: 'random',
    onShort: 'keep',
    keepNeg: false,
    retriever: ['dense'],
    skipLexical: 0,
    bm25K1: 1.2,
    bm25B: 0.75,
    rrfK: 60,
    queryInstructionFormat: ['', '', ''],
    normalize: true,
    batchTokens: 512,
    offline: false,
    cache: true,
    index: 'flat',
    format: 'jsonl',
    scores: false,
    ranks: false,
    ids: false,
  });
});

describe('parseConfig takes', () => {
  it.each<{ settings: MineSettings; parsed: object }>([
    { settings: { range: '0-1', neg: 1 }, parsed: { range: { low: 0, high: 1 }, neg: 1 } },
    { settings: { range: ' 2-200 ' }, parsed: { range: { low: 2, high: 200 } } },
    { settings: { range: [0, 50] }, parsed: { range: { low: 0, high: 50 } } },
    { settings: { range: '1-4', neg: '3' }, parsed: { range: { low: 1, high: 4 }, neg: 3 } },
    { settings: { seed: '-7' }, parsed: { seed: -7 } },
    { settings: { retriever: 'bm25' }, parsed: { retriever: ['bm25'] } },
    { settings: { retriever: ['bm25', 'dense', 'bm25'] }, parsed: { retriever: ['dense', 'bm25'] } },
    { settings: { retriever: ['hybrid'] }, parsed: { retriever: ['dense', 'bm25'] } },
    { settings: { run: 'a.trec' }, parsed: { retriever: [], run: ['a.trec'] } },
    { settings: { run: ['a', 'b'], retriever: ['dense'] }, parsed: { retriever: ['dense'], run: ['a', 'b'] } },
    {
      settings: { skipLexical: '40', bm25K1: '0.9', bm25B: '0.4' },
      parsed: { skipLexical: 40, bm25K1: 0.9, bm25B: 0.4 },
    },
    { settings: { seed: 0 }, parsed: { seed: 0 } },
    { settings: { limit: '10' }, parsed: { limit: 10 } },
    { settings: { sample: 'top', rankBasis: 'raw' }, parsed: { sample: 'top', rankBasis: 'raw' } },
    { settings: { backfill: 'next', onShort: 'fail' }, parsed: { backfill: 'next', onShort: 'fail' } },
    {
      settings: { queryInstruction: '', passageInstruction: 'p: ' },
      parsed: { queryInstruction: '', passageInstruction: 'p: ' },
    },
    { settings: { queryInstructionFormat: '{}{}' }, parsed: { queryInstructionFormat: ['', '', ''] } },
    {
      settings: { queryInstructionFormat: 'Instruct: {}\\nQuery: {}.' },
      parsed: { queryInstructionFormat: ['Instruct: ', '\nQuery: ', '.'] },
    },
    { settings: { maxScore: '-0.5', minScore: '-1e0' }, parsed: { maxScore: -0.5, minScore: -1 } },
    { settings: { margin: 0, relativeMargin: '0.05' }, parsed: { margin: 0, relativeMargin: 0.05 } },
    { settings: { shard: '2/4' }, parsed: { shard: { number: 2, of: 4 } } },
    { settings: { pooling: 'cls' }, parsed: { pooling: ['cls'] } },
    { settings: { pooling: 'cls,mean' }, parsed: { pooling: ['cls', 'mean'] } },
    { settings: { pooling: ['mean_sqrt_len', 'lasttoken'] }, parsed: { pooling: ['mean_sqrt_len', 'lasttoken'] } },
    { settings: { gpu: true }, parsed: { gpu: [0] } },
    { settings: { gpu: false }, parsed: { gpu: undefined } },
    { settings: { gpu: '0,1' }, parsed: { gpu: [0, 1] } },
    { settings: { gpu: [2] }, parsed: { gpu: [2] } },
    { settings: { textField: 'query', titleField: 'pos' }, parsed: { textField: 'query', titleField: 'pos' } },
  ])('$settings', ({ settings, parsed }) => {
    expect(parseConfig(settings)).toMatchObject(parsed);
  });
});

describe('parseConfig refuses', () => {
  it.each([
    { settings: { range: '210' }, message: '--range: expected LO-HI, such as 10-210 (found "210")' },
    { settings: { range: 'a-b' }, message: '--range: expected LO-HI, such as 10-210 (found "a-b")' },
    { settings: { range: '' }, message: '--range: expected LO-HI, such as 10-210 (found "")' },
    { settings: { range: '-3-5' }, message: '--range: expected LO-HI, such as 10-210 (found "-3-5")' },
    { settings: { range: '1.5-5' }, message: '--range: expected LO-HI, such as 10-210 (found "1.5-5")' },
    { settings: { range: '1-2-3' }, message: '--range: expected LO-HI, such as 10-210 (found "1-2-3")' },
    { settings: { range: [1.5, 5] }, message: '--range: expected LO-HI, such as 10-210 (found [1.5,5])' },
    { settings: { range: [-1, 5] }, message: '--range: expected LO-HI, such as 10-210 (found [-1,5])' },
    { settings: { range: '210-10' }, message: '--range: expected LO-HI with LO below HI (found LO 210 and HI 10)' },
    { settings: { range: '3-3' }, message: '--range: expected LO-HI with LO below HI (found LO 3 and HI 3)' },
    { settings: { range: [5, 3] }, message: '--range: expected LO-HI with LO below HI (found LO 5 and HI 3)' },
    { settings: { range: [1] }, message: '--range: expected another type of value (found [1])' },
    { settings: { range: 7 }, message: '--range: expected another type of value (found 7)' },
    { settings: { neg: 0 }, message: '--neg: expected a whole number of at least 1 (found 0)' },
    { settings: { neg: '0' }, message: '--neg: expected a whole number of at least 1 (found "0")' },
    { settings: { neg: '1.5' }, message: '--neg: expected a whole number of at least 1 (found "1.5")' },
    { settings: { neg: 1.5 }, message: '--neg: expected a whole number of at least 1 (found 1.5)' },
    { settings: { neg: 'ten' }, message: '--neg: expected a whole number of at least 1 (found "ten")' },
    { settings: { neg: '' }, message: '--neg: expected a whole number of at least 1 (found "")' },
    { settings: { neg: -1 }, message: '--neg: expected a whole number of at least 1 (found -1)' },
    { settings: { neg: '1e1' }, message: '--neg: expected a whole number of at least 1 (found "1e1")' },
    { settings: { neg: true }, message: '--neg: expected another type of value (found true)' },
    { settings: { neg: null }, message: '--neg: expected another type of value (found null)' },
    { settings: { retriever: 'bm42' }, message: '--retriever: expected one of dense, bm25, hybrid (found "bm42")' },
    { settings: { retriever: [] }, message: '--retriever: expected one of dense, bm25, hybrid (found [])' },
    { settings: { run: ['a', ''] }, message: '--run: expected a file (found an empty name)' },
    { settings: { run: [] }, message: '--run: expected a file (found none)' },
    { settings: { skipLexical: -1 }, message: '--skip-lexical: expected a whole number of at least 0 (found -1)' },
    { settings: { bm25B: 2 }, message: '--bm25-b: expected a number of at least 0 and at most 1 (found 2)' },
    { settings: { seed: 'x' }, message: '--seed: expected a whole number (found "x")' },
    { settings: { seed: 2 ** 53 }, message: '--seed: expected a whole number (found 9007199254740992)' },
    { settings: { limit: 0 }, message: '--limit: expected a whole number of at least 1 (found 0)' },
    { settings: { workers: 0 }, message: '--workers: expected a whole number of at least 1 (found 0)' },
    { settings: { batchTokens: 0 }, message: '--batch-tokens: expected a whole number of at least 1 (found 0)' },
    { settings: { batchSize: 0 }, message: '--batch-size: expected a whole number of at least 1 (found 0)' },
    { settings: { queryMaxLength: 0 }, message: '--query-max-length: expected a whole number of at least 1 (found 0)' },
    {
      settings: { passageMaxLength: 0 },
      message: '--passage-max-length: expected a whole number of at least 1 (found 0)',
    },
    { settings: { neg: 201 }, message: '--neg 201: the window 10-210 holds 200 ranks; widen --range or lower --neg' },
    {
      settings: { range: '0-10' },
      message: '--neg 15: the window 0-10 holds 10 ranks; widen --range or lower --neg',
    },
    { settings: { sample: 'best' }, message: '--sample: expected one of random, top, weighted (found "best")' },
    { settings: { rankBasis: 'all' }, message: '--rank-basis: expected one of candidates, raw (found "all")' },
    { settings: { backfill: true }, message: '--backfill: expected one of random, next, none (found true)' },
    {
      settings: { format: 'csv' },
      message: '--format: expected one of jsonl, triplet, n-tuple, labeled-pair, labeled-list (found "csv")',
    },
    {
      settings: { format: 'triplet', ranks: true },
      message: '--ranks: needs rows to be written to (found --format triplet)',
    },
    {
      settings: { embedder: 'localhost:8080' },
      message: '--embedder: expected an address that begins with http:// or https:// (found "localhost:8080")',
    },
    {
      settings: { embedder: 'http://user:secret@host' },
      message: '--embedder: expected an address without a user and a password; HN_MINE_EMBEDDER_KEY takes a key',
    },
    { settings: { embedderModel: 'a' }, message: '--embedder-model: needs an --embedder (found none)' },
    {
      settings: { embedder: 'http://a', pooling: 'cls' },
      message: '--pooling: is of an ONNX model, which an --embedder takes the place of',
    },
    {
      settings: { embedder: ['https://a'], queryMaxLength: 8 },
      message: '--query-max-length: is of an ONNX model, which an --embedder takes the place of',
    },
    {
      settings: { format: 'labeled-list', ids: true },
      message: '--ids: needs rows to be written to (found --format labeled-list)',
    },
    { settings: { minRelevance: '-1' }, message: '--min-relevance: expected a number of at least 0 (found "-1")' },
    {
      settings: { format: 'n-tuple', queryField: 'negative_2' },
      message: '--query-field: "negative_2" is taken by a column of --format n-tuple',
    },
    { settings: { onShort: '' }, message: '--on-short: expected one of keep, drop, fail (found "")' },
    { settings: { index: 'hnsw' }, message: '--index: expected one of flat, faiss, milvus (found "hnsw")' },
    { settings: { milvusDatabase: 'x' }, message: '--milvus-database: needs --index milvus (found --index flat)' },
    {
      settings: { index: 'milvus', milvusAddress: 'root:word@localhost:19530' },
      message:
        '--milvus-address: expected HOST:PORT, or https://HOST:PORT (found "root:word@localhost:19530"); HN_MINE_MILVUS_TOKEN takes a token',
    },
    { settings: { keepNeg: 'yes' }, message: '--keep-neg: expected true or false (found "yes")' },
    { settings: { scores: 1 }, message: '--scores: expected true or false (found 1)' },
    { settings: { ranks: null }, message: '--ranks: expected true or false (found null)' },
    { settings: { normalize: 0 }, message: '--normalize: expected true or false (found 0)' },
    { settings: { offline: 'no' }, message: '--offline: expected true or false (found "no")' },
    { settings: { model: '' }, message: '--model: expected a folder or a model ID (found nothing)' },
    { settings: { model: 7 }, message: '--model: expected text (found 7)' },
    { settings: { queryField: '' }, message: '--query-field: expected the name of a field (found an empty one)' },
    { settings: { textField: 3 }, message: '--text-field: expected text (found 3)' },
    {
      settings: { queryInstructionFormat: '{}' },
      message: '--query-instruction-format: expected two {}, for instruction and query (found "{}")',
    },
    {
      settings: { queryInstructionFormat: '{}{}{}' },
      message: '--query-instruction-format: expected two {}, for instruction and query (found "{}{}{}")',
    },
    {
      settings: { pooling: 'average' },
      message:
        '--pooling: expected one or more of cls, max, mean, mean_sqrt_len, weightedmean, lasttoken (found "average")',
    },
    {
      settings: { pooling: 'cls,' },
      message: '--pooling: expected one or more of cls, max, mean, mean_sqrt_len, weightedmean, lasttoken (found "")',
    },
    { settings: { gpu: 'a' }, message: '--gpu: expected device numbers, such as 0 or 0,1 (found "a")' },
    { settings: { gpu: '0,' }, message: '--gpu: expected device numbers, such as 0 or 0,1 (found "0,")' },
    { settings: { gpu: [] }, message: '--gpu: expected device numbers, such as 0 or 0,1 (found [])' },
    { settings: { gpu: [0.5] }, message: '--gpu: expected device numbers, such as 0 or 0,1 (found [0.5])' },
    { settings: { maxScore: 'high' }, message: '--max-score: expected a number (found "high")' },
    { settings: { minScore: '' }, message: '--min-score: expected a number (found "")' },
    { settings: { margin: NaN }, message: '--margin: expected another type of value (found null)' },
    { settings: { relativeMargin: '5%' }, message: '--relative-margin: expected a number (found "5%")' },
    {
      settings: { positiveScore: 'median' },
      message: '--positive-score: expected one of min, max, mean (found "median")',
    },
    { settings: { positiveWeight: -0.5 }, message: '--positive-weight: expected a number of at least 0 (found -0.5)' },
    {
      settings: { positiveWeight: 0.5, rankBasis: 'raw' },
      message: '--positive-weight: ranks must count candidates (found --rank-basis raw)',
    },
    {
      settings: { positiveWeight: 0.5, range: '0-50' },
      message: '--positive-weight: needs ranks to skip (found --range 0-50); such as --range 20-70',
    },
    {
      settings: { maxPositiveSimilarity: 1.5 },
      message: '--max-positive-similarity: expected a number of at least -1 and at most 1 (found 1.5)',
    },
    { settings: { sampleSharpness: -1 }, message: '--sample-sharpness: expected a number of at least 0 (found -1)' },
    {
      settings: { minScore: 0.5, maxScore: '0.25' },
      message: '--min-score 0.5: is above --max-score 0.25, so no passage qualifies',
    },
    { settings: { shard: '1' }, message: '--shard: expected I/N, such as 1/4 (found "1")' },
    { settings: { shard: '5/4' }, message: '--shard: expected I/N with I from 1 to N (found I 5 and N 4)' },
    { settings: { cacheDir: '' }, message: '--cache-dir: expected a folder (found nothing)' },
    { settings: { range: '1-20', negs: 3 }, message: 'unknown option "negs"' },
    { settings: { a: 1, b: 2 }, message: 'unknown option "a", "b"' },
    { settings: { posField: 'query' }, message: '--pos-field: "query" is taken by --query-field' },
    { settings: { negField: 'pos' }, message: '--neg-field: "pos" is taken by --pos-field' },
    { settings: { queryIdField: 'neg' }, message: '--query-id-field: "neg" is taken by --neg-field' },
    { settings: { queryField: 'neg_ranks' }, message: '--query-field: "neg_ranks" is taken by the output' },
    { settings: { negField: 'neg_scores' }, message: '--neg-field: "neg_scores" is taken by the output' },
    { settings: { titleField: 'text' }, message: '--title-field: "text" is taken by --text-field' },
    { settings: { passageIdField: 'title' }, message: '--passage-id-field: "title" is taken by --title-field' },
  ])('$settings', ({ settings, message }) => {
    expect(refusalOf(settings)).toBe(message);
  });
});

it.each([
  ['neg', '--neg'],
  ['rankBasis', '--rank-basis'],
  ['queryInstructionFormat', '--query-instruction-format'],
])('calls the option %s %s', (option, flag) => {
  expect(flagOf(option)).toBe(flag);
});
