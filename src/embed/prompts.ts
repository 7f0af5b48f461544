import type { MineConfig } from '../config/config.js';
import type { Role } from './encoder.js';
import type { ModelSettings } from './model-settings.js';

/** What is put around a text before it is embedded. */
export interface Prompt {
  readonly before: string;
  readonly after: string;
  /** The name under which the model's files have it; nothing where a flag gave it. */
  readonly name?: string;
}

type KnownPrompts = Pick<ModelSettings, 'prompts' | 'defaultPrompt'>;

const NO_PROMPT: Prompt = { before: '', after: '' };

/** The names under which models keep the prompt of a role, the first that there is. */
const PROMPT_NAMES: Readonly<Record<Role, readonly string[]>> = {
  query: ['query'],
  passage: ['document', 'passage', 'corpus'],
};

/**
 * For queries the flag, else the model's `query` prompt, else its default prompt; for passages the flag, else `document`,
 * `passage` or `corpus`, else the default prompt unless that is the query prompt. A flag with no text means no prompt.
 */
export function resolvePrompts(config: MineConfig, settings: KnownPrompts): Readonly<Record<Role, Prompt>> {
  return {
    query: formatQueryPrompt(config, findPrompt('query', config.queryInstruction, settings)),
    passage: findPrompt('passage', config.passageInstruction, settings),
  };
}

function findPrompt(role: Role, flag: string | undefined, { prompts, defaultPrompt }: KnownPrompts): Prompt {
  if (flag !== undefined) return { before: flag, after: '' };
  const named = PROMPT_NAMES[role].find((name) => prompts[name] !== undefined);
  const isOfTheOtherRole =
    defaultPrompt !== undefined && role === 'passage' && PROMPT_NAMES.query.includes(defaultPrompt);
  const name = named ?? (isOfTheOtherRole ? undefined : defaultPrompt);
  const text = name === undefined ? undefined : prompts[name];
  return name === undefined || text === undefined ? NO_PROMPT : { before: text, after: '', name };
}

/** FlagEmbedding's `query_instruction_format`: the instruction, then the query, in the places of the two `{}`. */
function formatQueryPrompt({ queryInstructionFormat: [head, middle, tail] }: MineConfig, prompt: Prompt): Prompt {
  if (prompt.before === '') return prompt;
  return { ...prompt, before: head + prompt.before + middle, after: tail };
}
