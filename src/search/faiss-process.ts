import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { reasonOf } from '../errors.js';
import { findPackage } from './optional-package.js';

/** What the process is asked, one request at a time; each gets one reply. */
export type FaissRequest =
  | {
      readonly type: 'start';
      /** Removed when the parent dies. */
      readonly temporaryFolder: string;
      /** Folders looked in for faiss-node, before this package's place and the working directory. */
      readonly resolveFrom: readonly string[];
    }
  | { readonly type: 'load'; readonly file: string }
  | { readonly type: 'search'; readonly queries: Float32Array; readonly k: number };

export type FaissReply =
  | { readonly type: 'done' }
  | { readonly type: 'missing' }
  | { readonly type: 'broken' | 'failed'; readonly reason: string }
  /** k entries a query, best first. */
  | { readonly type: 'found'; readonly passages: Int32Array; readonly scores: Float32Array };

/** As much of faiss-node as is used here. */
interface FaissNode {
  readonly IndexFlatIP: { read(file: string): FlatIndex };
}

interface FlatIndex {
  search(queries: number[], k: number): { readonly labels: number[]; readonly distances: number[] };
}

let faiss: FaissNode;
let index: FlatIndex;

process.on('message', (request: FaissRequest) => {
  // Where the parent has died meanwhile, sending fails and `disconnect` follows.
  process.send?.(answer(request), undefined, undefined, () => {});
});

// Ctrl-C reaches the whole process group, but when to stop is the parent's decision.
process.on('SIGINT', () => {});

function answer(request: FaissRequest): FaissReply {
  try {
    switch (request.type) {
      case 'start':
        return start(request.temporaryFolder, request.resolveFrom);
      case 'load':
        index = faiss.IndexFlatIP.read(request.file);
        return { type: 'done' };
      case 'search':
        return search(request.queries, request.k);
    }
  } catch (thrown) {
    return { type: 'failed', reason: reasonOf(thrown) };
  }
}

function start(temporaryFolder: string, resolveFrom: readonly string[]): FaissReply {
  process.on('disconnect', () => {
    rmSync(temporaryFolder, { recursive: true, force: true });
    process.exit();
  });
  const path = findPackage('faiss-node', resolveFrom);
  if (path === undefined) return { type: 'missing' };
  try {
    faiss = createRequire(import.meta.url)(path) as FaissNode;
    return { type: 'done' };
  } catch (thrown) {
    return { type: 'broken', reason: reasonOf(thrown) };
  }
}

function search(queries: Float32Array, k: number): FaissReply {
  const { labels, distances } = index.search(Array.from(queries), k);
  return { type: 'found', passages: Int32Array.from(labels), scores: Float32Array.from(distances) };
}
