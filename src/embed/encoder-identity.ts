import { arch } from 'node:os';
import { hashFile, listVersions } from '../model/identify-files.js';
import { listGraphFiles, type ModelFiles } from '../model/model-files.js';
import type { EncoderIdentity } from '../store/embedding-store.js';
import type { EncodeSetup } from './encode-worker.js';
import type { Role } from './encoder.js';

/**
 * Everything that changes the vector of a text, its prompt and length aside: the contents of the model's files, what is done
 * after the graph, the libraries, and the kind of machine. A change of any one is another encoder.
 */
export async function identifyEncoder(files: ModelFiles, setup: EncodeSetup): Promise<EncoderIdentity> {
  const { settings } = setup;
  const graphs = await Promise.all(listGraphFiles(files).map(hashFile));
  const steps = settings.steps.map(async (step) => {
    return step.kind === 'dense' ? { ...step, weights: await hashFile(step.weights) } : step;
  });
  return {
    graph: graphs,
    tokenizer: await hashFile(settings.tokenizer.file),
    lowerCase: settings.tokenizer.lowerCase,
    poolings: setup.poolHere ? setup.poolings : 'graph',
    poolsPrompt: settings.poolsPrompt,
    steps: await Promise.all(steps),
    cache: [settings.cacheHeads ?? null, settings.cacheHeadSize ?? null],
    normalize: setup.normalize,
    provider: setup.place.gpu === undefined ? 'cpu' : 'cuda',
    processor: arch(),
    versions: listVersions(),
  };
}

/** What a text's vector depends on beside its encoder: the text with its prompt, the prompt where it is not pooled, the length. */
export function keyOfText({ roles, settings }: EncodeSetup, text: string, role: Role): string {
  const { prompt, maxLength } = roles[role];
  const unpooled = settings.poolsPrompt ? '' : prompt.before;
  return JSON.stringify([maxLength ?? null, unpooled, prompt.before + text + prompt.after]);
}
