import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { HnMineError, reasonOf } from '../errors.js';
import { ACTIVATIONS } from '../model/activations.js';
import type { PostStep } from './model-settings.js';

/** A linear layer and its activation, as sentence-transformers' `Dense` module. */
export interface Dense {
  readonly outputSize: number;
  apply(input: Float32Array): Float32Array;
}

const tensorHeader = z.object({
  dtype: z.string(),
  shape: z.array(z.number()),
  data_offsets: z.tuple([z.number(), z.number()]),
});

/** @throws HnMineError `model` where the weights or the activation cannot be used */
export function readDense({ weights: file, activation, hasBias }: Extract<PostStep, { kind: 'dense' }>): Dense {
  const activate = ACTIVATIONS[activation];
  if (!activate) throw new HnMineError('model', `${file}: the activation ${activation} is not supported`);
  const tensors = readSafetensors(file);
  const weight = tensors('linear.weight');
  const bias = hasBias ? tensors('linear.bias').values : undefined;
  const [outputSize = 0, inputSize = 0] = weight.shape;
  return {
    outputSize,
    apply(input) {
      if (input.length !== inputSize) throw wrongLength(file, inputSize, input.length);
      return Float32Array.from({ length: outputSize }, (_, row) => {
        let sum = bias?.[row] ?? 0;
        for (let i = 0; i < inputSize; i++)
          sum += (weight.values[row * inputSize + i] as number) * (input[i] as number);
        return activate(sum);
      });
    },
  };
}

function wrongLength(file: string, expected: number, found: number): HnMineError {
  return new HnMineError(
    'model',
    `${file}: the layer takes ${expected} values (found ${found} from pooling); choose the model's own --pooling`,
  );
}

/** The safetensors format: the header's length as a 64-bit integer, the header as JSON, the values, all little-endian. */
function readSafetensors(file: string): (name: string) => { shape: number[]; values: Float32Array } {
  const bytes = readFileSync(file);
  try {
    const headerLength = Number(bytes.readBigUInt64LE(0));
    const header = z.record(z.string(), z.unknown()).parse(JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)));
    return (name) => {
      if (header[name] === undefined) throw new HnMineError('model', `${file}: no tensor ${name}`);
      const {
        dtype,
        shape,
        data_offsets: [start, end],
      } = tensorHeader.parse(header[name]);
      return { shape, values: decode(bytes.subarray(8 + headerLength + start, 8 + headerLength + end), dtype, file) };
    };
  } catch (cause) {
    throw new HnMineError('model', `${file}: not a safetensors file (${reasonOf(cause)})`, { cause });
  }
}

function decode(bytes: Buffer, dtype: string, file: string): Float32Array {
  if (dtype === 'F32') return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
  if (dtype !== 'BF16')
    throw new HnMineError('model', `${file}: tensors of type ${dtype} are not supported; save them as float32`);
  const words = Uint32Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16LE(2 * i) << 16);
  return new Float32Array(words.buffer);
}
