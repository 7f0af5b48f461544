import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { HnMineError, reasonOf } from '../errors.js';
import type { ModelFiles } from './model-files.js';

/**
 * One of the JSON files of a model's folder; nothing where it is not there.
 *
 * @throws HnMineError `model` where it is not what the schema says
 */
export function readJson<T>({ folder, name }: ModelFiles, file: string, schema: z.ZodType<T>): T | undefined {
  let text: string;
  try {
    text = readFileSync(join(folder, file), 'utf8');
  } catch {
    return undefined;
  }
  return parseJson(text, `${name}/${file}`, schema);
}

/** @param place what messages call the file @throws HnMineError `model` */
export function parseJson<T>(text: string, place: string, schema: z.ZodType<T>): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new HnMineError('model', `${place}: not valid JSON (${reasonOf(cause)})`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.length ? ` "${issue.path.join('.')}":` : '';
  throw new HnMineError('model', `${place}:${field} ${issue?.message}`);
}

/** The error for a folder without a file that it needs. */
export function missing({ name }: ModelFiles, file: string, advice: string): HnMineError {
  return new HnMineError('model', `${name}: ${file} is missing; ${advice}`);
}

/** The last word of a Python path: `sentence_transformers.models.Pooling` and the longer current form alike. */
export function kindOf(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}
