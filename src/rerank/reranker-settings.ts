import { z } from 'zod';
import { HnMineError } from '../errors.js';
import { ACTIVATIONS } from '../model/activations.js';
import type { ModelFiles } from '../model/model-files.js';
import { kindOf, readJson } from '../model/setting-files.js';
import { readModelConfig, readTokenSettings, type TokenSettings } from '../model/token-settings.js';

/** What a reranker's folder says of how its scores are made. */
export interface RerankerSettings extends TokenSettings {
  /** What its own library makes of a logit, by the name in `torch.nn`. */
  readonly activation: string;
  /** Nothing where the folder names none: then no batch is padded. */
  readonly padding: number | undefined;
  /** Whether the graph takes the mean of all tokens, not the vector of one. */
  readonly poolsTokens: boolean;
}

const activationConfig = z.looseObject({ activation_fn: z.string().nullish() });

const modelConfig = z.looseObject({
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: z.number().nullish(),
  pad_token_id: z.number().int().nonnegative().nullish(),
  classifier_pooling: z.string().nullish(),
  sentence_transformers: activationConfig.nullish(),
  sbert_ce_default_activation_function: z.string().nullish(),
});
const moduleList = z.array(z.looseObject({ path: z.string(), type: z.string() }));

/**
 * Reads the files of Transformers and of sentence-transformers' CrossEncoder, older and current layout.
 *
 * @throws HnMineError `model` where a file is missing or odd, or the model has another number of labels than one
 */
export function readRerankerSettings(files: ModelFiles): RerankerSettings {
  const modules = readJson(files, 'modules.json', moduleList) ?? [];
  const odd = modules.find(({ type }) => kindOf(type) !== 'Transformer');
  if (odd) {
    throw new HnMineError(
      'model',
      `${files.name}/modules.json: expected a Transformer module alone (found ${kindOf(odd.type)}); is it a reranker?`,
    );
  }
  const transformer = modules[0]?.path ?? '';
  const config = readModelConfig(files, transformer, modelConfig);
  refuseOtherLabels(files, config);
  const library = readJson(files, 'config_sentence_transformers.json', activationConfig);
  const named =
    library?.activation_fn ??
    config.sentence_transformers?.activation_fn ??
    config.sbert_ce_default_activation_function ??
    undefined;
  return {
    ...readTokenSettings(files, transformer),
    activation: readActivation(named, files),
    padding: config.pad_token_id ?? undefined,
    poolsTokens: config.classifier_pooling === 'mean',
  };
}

function refuseOtherLabels(
  { name }: ModelFiles,
  { id2label, num_labels }: Pick<z.output<typeof modelConfig>, 'id2label' | 'num_labels'>,
): void {
  const labels = Object.values(id2label ?? {});
  const count = labels.length || (num_labels ?? 1);
  if (count === 1) return;
  const found = labels.length > 0 ? `id2label with ${count}: ${labels.slice(0, 5).join(', ')}` : `num_labels ${count}`;
  throw new HnMineError(
    'model',
    `${name}/config.json: a reranker has one label (found ${found}); take a model that was trained with num_labels=1`,
  );
}

/** A function from outside of torch is not loaded by the library either, unless it is told to trust it. */
function readActivation(path: string | undefined, { name }: ModelFiles): string {
  if (path === undefined || !path.startsWith('torch.')) return 'Sigmoid';
  const kind = kindOf(path);
  if (ACTIVATIONS[kind]) return kind;
  const known = Object.keys(ACTIVATIONS).join(', ');
  throw new HnMineError('model', `${name}: the activation ${path} is not supported (expected one of ${known})`);
}
