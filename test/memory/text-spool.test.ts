import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TextSpool } from '#dist/memory/text-spool.js';
import { planMemory, Workspace } from '#dist/memory/workspace.js';
import { makeTemporaryFolder, removeTemporaryFolders } from '../temporary-folder.js';

let folder: string;
let workspace: Workspace;
beforeEach(() => {
  folder = makeTemporaryFolder();
  workspace = new Workspace(planMemory(64e6), [folder]);
});
afterEach(() => {
  workspace.close();
  removeTemporaryFolders();
});

describe.each([
  { place: 'in memory', limit: Number.POSITIVE_INFINITY },
  { place: 'partly on disk', limit: 1e6 },
  { place: 'on disk from the start', limit: 0 },
])('texts $place', ({ limit }) => {
  it('are read back to the character, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }))), (texts) => {
        const spool = new TextSpool(workspace, limit);
        expect(texts.map((text) => spool.add(text))).toEqual(texts.map((_, i) => i));
        expect([...spool]).toEqual(texts);
        for (const i of texts.keys()) expect(spool.at(texts.length - 1 - i)).toBe(texts.at(-1 - i));
      }),
    );
  });

  it('are read back where they are long and many, lone surrogates included', () => {
    const texts = Array.from(
      { length: 3000 },
      (_, i) => `${i} ${'é'.repeat((i * 7919) % 5000)}${i % 3 ? '' : '\ud800'}`,
    );
    texts.splice(1000, 0, 'x'.repeat(3e6));
    const spool = new TextSpool(workspace, limit);
    for (const [i, text] of texts.entries()) {
      spool.add(text);
      // While more are to come, too.
      expect(spool.at(i >> 1) === texts[i >> 1]).toBe(true);
    }
    expect([...spool].every((text, i) => text === texts[i])).toBe(true);
    expect(spool.sizeOf(1000)).toBe(3e6);
  });
});

it('a temporary file has no name, so that a killed run leaves nothing behind', () => {
  const spool = new TextSpool(workspace, 0);
  for (let i = 0; i < 3; i++) spool.add('x'.repeat(1e6));
  expect(spool.at(0)).toBe('x'.repeat(1e6));
  expect(readdirSync(folder)).toEqual([]);
});

describe('a workspace', () => {
  it('takes the first folder that can be written', () => {
    const both = new Workspace(planMemory(64e6), ['/dev/null/nowhere', folder]);
    const spool = new TextSpool(both, 0);
    for (let i = 0; i < 3; i++) spool.add(`${i}`.repeat(1e6));
    expect(spool.at(1)).toBe('1'.repeat(1e6));
    both.close();
  });

  it('says why no temporary file can be made', () => {
    expect(() => new Workspace(planMemory(64e6), ['/dev/null/nowhere']).openFile()).toThrow(
      /^no temporary file can be made \(\/dev\/null\/nowhere: ENOTDIR.*\); set TMPDIR or --cache-dir$/,
    );
  });

  it('plans for less than the whole limit', () => {
    const plan = planMemory(1e9);
    expect(Object.values(plan).every((bytes) => bytes > 1e7)).toBe(true);
    expect(Object.values(plan).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(1e9);
  });
});
