import { arch } from 'node:os';
import { hashFile, listVersions } from '../model/identify-files.js';
import { listGraphFiles, type ModelFiles } from '../model/model-files.js';
import type { EncoderIdentity } from '../store/embedding-store.js';
import type { RerankSetup } from './rerank-worker.js';

/**
 * Everything that changes the logit of a pair: the contents of the model's files, how pairs are cut and padded, the libraries, and
 * the kind of machine. A change of any one is another reranker.
 */
export async function identifyReranker(
  files: ModelFiles,
  { settings, maxLength, place }: RerankSetup,
): Promise<EncoderIdentity> {
  return {
    reranks: await Promise.all(listGraphFiles(files).map(hashFile)),
    tokenizer: await hashFile(settings.tokenizer.file),
    lowerCase: settings.tokenizer.lowerCase,
    maxLength: maxLength ?? null,
    padding: settings.padding ?? null,
    provider: place.gpu === undefined ? 'cpu' : 'cuda',
    processor: arch(),
    versions: listVersions(),
  };
}
