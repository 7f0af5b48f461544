import { describe, expect, it } from 'vitest';
import { type MineSettings, parseConfig } from '#dist/config/config.js';
import type { ModelSettings } from '#dist/embed/model-settings.js';
import { resolvePrompts } from '#dist/embed/prompts.js';

const NONE = { before: '', after: '' };

function resolve(settings: MineSettings, prompts: Record<string, string>, defaultPrompt?: string) {
  return resolvePrompts(parseConfig(settings), { prompts, defaultPrompt } as ModelSettings);
}

describe('resolvePrompts', () => {
  it.each<{ title: string; prompts: Record<string, string>; defaultPrompt?: string; query: object; passage: object }>([
    { title: 'none of a model without any', prompts: {}, query: NONE, passage: NONE },
    {
      title: "the model's query and document prompts",
      prompts: { document: 'd: ', passage: 'p: ', query: 'q: ' },
      query: { before: 'q: ', after: '', name: 'query' },
      passage: { before: 'd: ', after: '', name: 'document' },
    },
    {
      title: 'passage, where there is no document',
      prompts: { corpus: 'c: ', passage: 'p: ' },
      query: NONE,
      passage: { before: 'p: ', after: '', name: 'passage' },
    },
    {
      title: 'corpus, where it is alone',
      prompts: { corpus: 'c: ' },
      query: NONE,
      passage: { before: 'c: ', after: '', name: 'corpus' },
    },
    {
      title: 'the default prompt for both',
      prompts: { any: 'a: ', other: 'o: ' },
      defaultPrompt: 'any',
      query: { before: 'a: ', after: '', name: 'any' },
      passage: { before: 'a: ', after: '', name: 'any' },
    },
    {
      title: 'the default prompt where it is the query prompt for queries alone',
      prompts: { query: 'q: ' },
      defaultPrompt: 'query',
      query: { before: 'q: ', after: '', name: 'query' },
      passage: NONE,
    },
    {
      title: 'the prompts of the roles before the default prompt',
      prompts: { query: 'q: ', document: '', any: 'a: ' },
      defaultPrompt: 'any',
      query: { before: 'q: ', after: '', name: 'query' },
      passage: { before: '', after: '', name: 'document' },
    },
    {
      title: 'the document prompt for queries where it is the default',
      prompts: { document: 'd: ' },
      defaultPrompt: 'document',
      query: { before: 'd: ', after: '', name: 'document' },
      passage: { before: 'd: ', after: '', name: 'document' },
    },
    {
      title: 'none where the default names none',
      prompts: { x: 'x: ' },
      defaultPrompt: 'y',
      query: NONE,
      passage: NONE,
    },
    { title: 'no prompt of another purpose', prompts: { clustering: 'c: ' }, query: NONE, passage: NONE },
  ])('takes $title', ({ prompts, defaultPrompt, query, passage }) => {
    expect(resolve({}, prompts, defaultPrompt)).toEqual({ query, passage });
  });

  const prompts = { query: 'q: ', document: 'd: ' };

  it.each<{ settings: MineSettings; query: string; passage: string }>([
    { settings: { queryInstruction: 'Q ' }, query: 'Q ', passage: 'd: ' },
    { settings: { passageInstruction: 'P ' }, query: 'q: ', passage: 'P ' },
    { settings: { queryInstruction: '', passageInstruction: '' }, query: '', passage: '' },
  ])('prefers flags: $settings', ({ settings, query, passage }) => {
    expect(resolve(settings, prompts, 'query')).toEqual({
      query:
        settings.queryInstruction === undefined
          ? { before: query, after: '', name: 'query' }
          : { before: query, after: '' },
      passage:
        settings.passageInstruction === undefined
          ? { before: passage, after: '', name: 'document' }
          : { before: passage, after: '' },
    });
  });

  // FlagEmbedding: `query_instruction_format.format(instruction, query)`, for queries that have an instruction.
  it.each<{ settings: MineSettings; before: string; after: string }>([
    { settings: { queryInstruction: 'Find it.' }, before: 'Find it.', after: '' },
    {
      settings: { queryInstruction: 'Find it.', queryInstructionFormat: '<instruct>{}\\n<query>{}' },
      before: '<instruct>Find it.\n<query>',
      after: '',
    },
    {
      settings: { queryInstruction: 'Find it.', queryInstructionFormat: '{}: {} ?' },
      before: 'Find it.: ',
      after: ' ?',
    },
    { settings: { queryInstructionFormat: '[{}] {}' }, before: '[q: ] ', after: '' },
    { settings: { queryInstruction: '', queryInstructionFormat: '[{}] {}' }, before: '', after: '' },
  ])('formats instruction and query: $settings', ({ settings, before, after }) => {
    const { query, passage } = resolve(settings, prompts);
    expect(query).toMatchObject({ before, after });
    expect(passage).toEqual({ before: 'd: ', after: '', name: 'document' });
  });

  it('never gives passages a query prompt, whatever the flags for queries', () => {
    const settings = { queryInstruction: 'Q ', queryInstructionFormat: '{}|{}|' };
    const prompts: Record<string, string>[] = [{}, { query: 'q: ' }, { query: 'q: ', other: 'o: ' }];
    for (const given of prompts) {
      expect(resolve(settings, given, 'query').passage).toEqual(NONE);
    }
  });
});
