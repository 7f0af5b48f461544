import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HnMineError } from '../errors.js';

/** The files of a BEIR dataset. */
export interface BeirFiles {
  readonly queries: string;
  readonly qrels: string;
  readonly corpus: string;
}

const QRELS_ENDING = /\.tsv(\.gz)?$/;

/**
 * Finds the files of one split of a folder in BEIR's layout: `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv`, each with `.gz` or without.
 *
 * @throws HnMineError `input` naming what is missing, with the splits that are there
 */
export function locateBeir(folder: string, split: string): BeirFiles {
  const find = (...names: string[]) => {
    const path = join(folder, ...names);
    return [path, `${path}.gz`].find(existsSync);
  };
  const require = (...names: string[]) => {
    const found = find(...names);
    if (found !== undefined) return found;
    throw incomplete(folder, join(...names));
  };
  const [corpus, queries] = [require('corpus.jsonl'), require('queries.jsonl')];
  const qrels = find('qrels', `${split}.tsv`);
  if (qrels !== undefined) return { queries, qrels, corpus };
  const splits = listSplits(folder, join(folder, 'qrels'));
  throw new HnMineError(
    'input',
    `--beir ${folder}: qrels has no ${split}.tsv; name another --split (found ${splits.join(', ') || 'none'})`,
  );
}

function incomplete(folder: string, missing: string): HnMineError {
  const expected = 'expected corpus.jsonl, queries.jsonl and a folder qrels, as BEIR has them';
  return new HnMineError('input', `--beir ${folder}: ${expected} (found no ${missing})`);
}

/** @throws HnMineError `input` where it is no folder */
function listSplits(beir: string, folder: string): string[] {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) throw incomplete(beir, 'folder qrels');
  const files = readdirSync(folder).filter((file) => QRELS_ENDING.test(file));
  return files.map((file) => file.replace(QRELS_ENDING, '')).sort();
}
