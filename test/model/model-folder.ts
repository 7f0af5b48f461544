import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';

const root = mkdtempSync(join(tmpdir(), 'models-'));
afterAll(() => rmSync(root, { recursive: true }));
let made = 0;

/** A file's place in the folder, and its text, its bytes, what it holds as JSON, or nothing to take it away. */
export type FolderFiles = Record<string, string | Uint8Array | object | undefined>;

/** A model's folder for one test: copies of others laid over each other, then single files. */
export function makeModelFolder(files: FolderFiles, ...copies: string[]): string {
  const folder = join(root, `${made++}`);
  mkdirSync(folder);
  for (const copy of copies) cpSync(copy, folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    if (content === undefined) rmSync(file, { recursive: true, force: true });
    else
      writeFileSync(
        file,
        typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content),
      );
  }
  return folder;
}

/** A tokenizer of ten words, `w0` to `w9`; others are `w0`. No special tokens. */
export const WORD_TOKENIZER = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'WhitespaceSplit' },
  post_processor: null,
  decoder: null,
  model: {
    type: 'WordLevel',
    vocab: Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`w${i}`, i])),
    unk_token: 'w0',
  },
};

/** The bytes of a safetensors file. */
export function packSafetensors(
  tensors: Record<string, { dtype: string; shape: number[]; bytes: Uint8Array }>,
): Buffer {
  let end = 0;
  const header = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const start = end;
    end += bytes.length;
    return [name, { dtype, shape, data_offsets: [start, end] }];
  });
  const head = Buffer.from(JSON.stringify({ __metadata__: { format: 'pt' }, ...Object.fromEntries(header) }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  return Buffer.concat([length, head, ...Object.values(tensors).map(({ bytes }) => bytes)]);
}

export const float32Bytes = (values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
