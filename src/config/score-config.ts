import { HnMineError } from '../errors.js';
import type { Activation } from '../rerank/planned-reranker.js';
import { type MineConfig, type MineSettings, parseConfig } from './config.js';
import { flagOf } from './flag-name.js';
import { ENCODER_OPTIONS, SCORE_OPTIONS } from './score-options.js';

export const ACTIVATIONS = ['none', 'model', 'sigmoid'] as const satisfies readonly Activation[];

/** What `score` takes of the options of mining, and what a reranker's logits go through. */
export type ScoreSettings = Pick<MineSettings, (typeof SCORE_OPTIONS)[number]> & {
  readonly activation?: Activation | undefined;
};

export interface ScoreConfig extends MineConfig {
  readonly activation: Activation;
}

/** @throws HnMineError `usage`, with the flag, what was expected and what was found */
export function parseScoreConfig({ activation, ...settings }: ScoreSettings): ScoreConfig {
  refuseOtherOptions(settings);
  if (activation !== undefined && !ACTIVATIONS.includes(activation)) {
    const found = JSON.stringify(activation);
    throw new HnMineError('usage', `--activation: expected one of ${ACTIVATIONS.join(', ')} (found ${found})`);
  }
  if (activation !== undefined && settings.reranker === undefined) {
    throw new HnMineError('usage', '--activation: needs a --reranker (found none)');
  }
  return { ...parseConfig(settings), activation: activation ?? 'none' };
}

function refuseOtherOptions(settings: Omit<ScoreSettings, 'activation'>): void {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const odd = given.find(([option]) => !(SCORE_OPTIONS as readonly string[]).includes(option));
  if (odd) throw new HnMineError('usage', `unknown option "${odd[0]}"`);
  // The command line always says whether vectors are normalized.
  const idle = ENCODER_OPTIONS.find((option) => settings[option] !== undefined && settings[option] !== true);
  if (settings.reranker === undefined || idle === undefined) return;
  throw new HnMineError(
    'usage',
    `${idle === 'normalize' ? '--no-normalize' : flagOf(idle)}: is of the encoder, which a --reranker takes the place of`,
  );
}
