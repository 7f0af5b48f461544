import { describe, expect, it } from 'vitest';
import { type MineSettings, parseConfig } from '#dist/config/config.js';
import { escapeText } from '#dist/input/json.js';
import type { MinedRow } from '#dist/mine.js';
import { formatLines } from '#dist/output/format-lines.js';
import { joinParts } from '#dist/output/line-parts.js';

const MINED: MinedRow = {
  row: {
    line: { file: 'rows.jsonl', number: 1, text: '{"query": "a \\"q\\"", "pos": ["one", "two"], "id": 7}' },
    query: 'a "q"',
    pos: ['one', 'two'],
    neg: [],
    posIds: [],
  },
  negatives: [
    { escaped: escapeText('near\n'), score: 0.123456789012, rank: 3, source: 'window' },
    { escaped: escapeText('far'), score: -0.5, rank: null, source: 'random' },
  ],
  posScores: [0.9, 0.80000000001],
};

function linesOf(settings: MineSettings, mined = MINED): string[] {
  return formatLines(mined, parseConfig(settings)).lines.map(joinParts);
}

describe('formatLines', () => {
  it.each<{ settings: MineSettings; lines: string[] }>([
    {
      settings: { format: 'jsonl' },
      lines: ['{"query": "a \\"q\\"", "pos": ["one", "two"], "id": 7, "neg": ["near\\n", "far"]}'],
    },
    {
      settings: { format: 'triplet' },
      lines: [
        '{"query": "a \\"q\\"", "positive": "one", "negative": "near\\n"}',
        '{"query": "a \\"q\\"", "positive": "one", "negative": "far"}',
        '{"query": "a \\"q\\"", "positive": "two", "negative": "near\\n"}',
        '{"query": "a \\"q\\"", "positive": "two", "negative": "far"}',
      ],
    },
    {
      settings: { format: 'triplet', scores: true },
      lines: [
        '{"query": "a \\"q\\"", "positive": "one", "negative": "near\\n", "scores": [0.9, 0.1234568]}',
        '{"query": "a \\"q\\"", "positive": "one", "negative": "far", "scores": [0.9, -0.5]}',
        '{"query": "a \\"q\\"", "positive": "two", "negative": "near\\n", "scores": [0.8, 0.1234568]}',
        '{"query": "a \\"q\\"", "positive": "two", "negative": "far", "scores": [0.8, -0.5]}',
      ],
    },
    {
      settings: { format: 'n-tuple' },
      lines: [
        '{"query": "a \\"q\\"", "positive": "one", "negative_1": "near\\n", "negative_2": "far"}',
        '{"query": "a \\"q\\"", "positive": "two", "negative_1": "near\\n", "negative_2": "far"}',
      ],
    },
    {
      settings: { format: 'n-tuple', scores: true },
      lines: [
        '{"query": "a \\"q\\"", "positive": "one", "negative_1": "near\\n", "negative_2": "far", "scores": [0.9, 0.1234568, -0.5]}',
        '{"query": "a \\"q\\"", "positive": "two", "negative_1": "near\\n", "negative_2": "far", "scores": [0.8, 0.1234568, -0.5]}',
      ],
    },
    {
      settings: { format: 'labeled-pair' },
      lines: [
        '{"query": "a \\"q\\"", "passage": "one", "label": 1}',
        '{"query": "a \\"q\\"", "passage": "two", "label": 1}',
        '{"query": "a \\"q\\"", "passage": "near\\n", "label": 0}',
        '{"query": "a \\"q\\"", "passage": "far", "label": 0}',
      ],
    },
    {
      settings: { format: 'labeled-pair', scores: true },
      lines: [
        '{"query": "a \\"q\\"", "passage": "one", "score": 0.9}',
        '{"query": "a \\"q\\"", "passage": "two", "score": 0.8}',
        '{"query": "a \\"q\\"", "passage": "near\\n", "score": 0.1234568}',
        '{"query": "a \\"q\\"", "passage": "far", "score": -0.5}',
      ],
    },
    {
      settings: { format: 'labeled-list' },
      lines: [
        '{"query": "a \\"q\\"", "passages": ["one", "near\\n", "far"], "labels": [1, 0, 0]}',
        '{"query": "a \\"q\\"", "passages": ["two", "near\\n", "far"], "labels": [1, 0, 0]}',
      ],
    },
    {
      settings: { format: 'labeled-list', scores: true },
      lines: [
        '{"query": "a \\"q\\"", "passages": ["one", "near\\n", "far"], "scores": [0.9, 0.1234568, -0.5]}',
        '{"query": "a \\"q\\"", "passages": ["two", "near\\n", "far"], "scores": [0.8, 0.1234568, -0.5]}',
      ],
    },
    {
      settings: { format: 'labeled-pair', queryField: 'anchor' },
      lines: [
        '{"anchor": "a \\"q\\"", "passage": "one", "label": 1}',
        '{"anchor": "a \\"q\\"", "passage": "two", "label": 1}',
        '{"anchor": "a \\"q\\"", "passage": "near\\n", "label": 0}',
        '{"anchor": "a \\"q\\"", "passage": "far", "label": 0}',
      ],
    },
  ])('writes $settings', ({ settings, lines }) => {
    expect(linesOf(settings)).toEqual(lines);
  });

  it('writes a positive that a row has twice once', () => {
    const mined = { ...MINED, row: { ...MINED.row, pos: ['one', 'one'] }, posScores: [0.9, 0.9] };
    expect(linesOf({ format: 'labeled-pair', scores: true }, mined).slice(0, 2)).toEqual([
      '{"query": "a \\"q\\"", "passage": "one", "score": 0.9}',
      '{"query": "a \\"q\\"", "passage": "near\\n", "score": 0.1234568}',
    ]);
  });

  it('keeps texts that UTF-8 cannot hold, and says nothing of fields that examples never have', () => {
    const line = { ...MINED.row.line, text: '{"query": "\\ud800", "pos": ["one"], "neg": ["x"], "neg_ids": [1]}' };
    const mined = { ...MINED, row: { ...MINED.row, line, query: '\ud800', pos: ['one'], neg: ['x'] } };
    expect(formatLines(mined, parseConfig({ format: 'triplet' })).dropped).toEqual([]);
    expect(linesOf({ format: 'triplet' }, mined)[0]).toBe(
      '{"query": "\\ud800", "positive": "one", "negative": "near\\n"}',
    );
  });
});
