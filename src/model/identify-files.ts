import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { pipeline } from 'node:stream/promises';

const require = createRequire(import.meta.url);

/** What a model's file holds, as a SHA-256. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Of the libraries that compute. */
export function listVersions(): Readonly<Record<string, string>> {
  return { onnxruntime: versionOf('onnxruntime-node'), tokenizers: versionOf('tokenizers') };
}

function versionOf(name: string): string {
  return (require(`${name}/package.json`) as { version: string }).version;
}
