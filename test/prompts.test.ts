import { afterAll, expect, it } from 'vitest';
import { type MinedRecord, type MineOptions, mine } from '#dist/index.js';
import { makeTemporaryFolder, removeTemporaryFolders } from './temporary-folder.js';

afterAll(removeTemporaryFolders);

/** The first query is its own answer: what is put before the one must not reach the other. */
const ROWS = [
  { query: 'a red cat', answer: 'a red cat' },
  { query: 'which dog is blue', answer: 'a blue dog' },
];
const PASSAGES = ['a red cat', 'a blue dog', 'a green bird', 'a white horse', 'one more mouse'];

/** What the model's files put before queries. */
const NAMED = 'Represent this sentence for searching relevant passages: ';
const NONE = { queryInstruction: '', passageInstruction: '' };
const plain = (text: string) => text;

/** The scores of each row's positive and of all other passages, whose texts something may be put before. */
async function scoresOf(settings: Partial<MineOptions>, asQuery = plain, asPassage = plain): Promise<number[][]> {
  const options = {
    model: 'fixtures/models/tiny-bert-cls',
    workers: 1,
    range: '0-4',
    neg: 4,
    sample: 'top',
    scores: true,
  };
  const rows: MinedRecord[] = [];
  const mined = mine({
    ...(options as Partial<MineOptions>),
    input: ROWS.map(({ query, answer }) => ({ query: asQuery(query), pos: [asPassage(answer)] })),
    pool: PASSAGES.map((text) => ({ text: asPassage(text) })),
    ...settings,
  });
  for await (const row of mined) rows.push(row);
  return rows.map(({ pos_scores = [], neg_scores = [] }) => [...pos_scores, ...neg_scores]);
}

/** One store for all: what was embedded with one prompt is there when another comes. */
const cacheDir = makeTemporaryFolder();

it.each<{ title: string; settings: Partial<MineOptions>; asQuery?: typeof plain; asPassage?: typeof plain }>([
  { title: 'none', settings: NONE },
  { title: 'one for queries alone', settings: { queryInstruction: 'ask: ' }, asQuery: (text) => `ask: ${text}` },
  {
    title: 'another for queries, with a format',
    settings: { queryInstruction: 'find', queryInstructionFormat: '{} me {}!' },
    asQuery: (text) => `find me ${text}!`,
  },
  {
    title: 'one for passages alone',
    settings: { queryInstruction: '', passageInstruction: 'tell: ' },
    asPassage: (text) => `tell: ${text}`,
  },
  {
    title: 'one for each',
    settings: { queryInstruction: 'ask: ', passageInstruction: 'tell: ' },
    asQuery: (text) => `ask: ${text}`,
    asPassage: (text) => `tell: ${text}`,
  },
  { title: 'the one that the model names for queries', settings: {}, asQuery: (text) => NAMED + text },
])('prompts give the scores of texts that begin with them: $title', async ({ settings, asQuery, asPassage }) => {
  const byHand = await scoresOf(NONE, asQuery, asPassage);
  expect(await scoresOf({ ...settings, cacheDir })).toEqual(byHand);
});
