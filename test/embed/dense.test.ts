import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDense } from '#dist/embed/dense.js';
import { float32Bytes, makeModelFolder, packSafetensors } from '../model/model-folder.js';

const WEIGHT = { dtype: 'F32', shape: [2, 3], bytes: float32Bytes([1, 0, -1, 0.5, 0.25, 2]) };
const BIAS = { dtype: 'F32', shape: [2], bytes: float32Bytes([0.5, -1]) };

function layerOf(bytes: Uint8Array, activation = 'Identity', hasBias = true) {
  const weights = join(makeModelFolder({ 'model.safetensors': bytes }), 'model.safetensors');
  return { file: weights, read: () => readDense({ kind: 'dense', weights, activation, hasBias }) };
}

const LAYER = packSafetensors({ 'linear.bias': BIAS, 'linear.weight': WEIGHT });

describe('readDense', () => {
  it('multiplies, then adds the bias', () => {
    const dense = layerOf(LAYER).read();
    expect(dense.outputSize).toBe(2);
    expect(dense.apply(Float32Array.of(1, 2, 3))).toEqual(Float32Array.of(1 - 3 + 0.5, 0.5 + 0.5 + 6 - 1));
  });

  it('works without a bias', () => {
    const dense = layerOf(packSafetensors({ 'linear.weight': WEIGHT }), 'Identity', false).read();
    expect(dense.apply(Float32Array.of(1, 2, 3))).toEqual(Float32Array.of(-2, 7));
  });

  // The values of PyTorch's modules at -2, -0.5, 0, 0.5 and 2.
  it.each([
    { activation: 'Identity', values: [-2, -0.5, 0, 0.5, 2] },
    { activation: 'Tanh', values: [-0.96402758, -0.46211716, 0, 0.46211716, 0.96402758] },
    { activation: 'ReLU', values: [0, 0, 0, 0.5, 2] },
    { activation: 'Sigmoid', values: [0.11920292, 0.37754067, 0.5, 0.62245933, 0.88079708] },
    { activation: 'SiLU', values: [-0.23840584, -0.18877033, 0, 0.31122967, 1.76159416] },
    { activation: 'GELU', values: [-0.04550026, -0.15426877, 0, 0.34573123, 1.95449974] },
  ])('applies $activation', ({ activation, values }) => {
    const one = { dtype: 'F32', shape: [1, 1], bytes: float32Bytes([1]) };
    const dense = layerOf(packSafetensors({ 'linear.weight': one }), activation, false).read();
    [-2, -0.5, 0, 0.5, 2].forEach((x, i) => {
      expect(dense.apply(Float32Array.of(x))[0]).toBeCloseTo(values[i] as number, 6);
    });
  });

  it('reads bfloat16', () => {
    // 1, -2 and 0.5 as the upper halves of their float32 words.
    const bytes = new Uint8Array(Uint16Array.of(0x3f80, 0xc000, 0x3f00).buffer);
    const weight = { dtype: 'BF16', shape: [1, 3], bytes };
    const dense = layerOf(packSafetensors({ 'linear.weight': weight }), 'Identity', false).read();
    expect(dense.apply(Float32Array.of(1, 1, 2))).toEqual(Float32Array.of(0));
  });
});

describe('readDense refuses', () => {
  it.each([
    {
      title: 'another activation',
      bytes: LAYER,
      activation: 'Softplus',
      message: 'the activation Softplus is not supported',
    },
    {
      title: 'another type of numbers',
      bytes: packSafetensors({ 'linear.weight': { ...WEIGHT, dtype: 'F64' } }),
      message: 'tensors of type F64 are not supported; save them as float32',
    },
    {
      title: 'a file without weights',
      bytes: packSafetensors({ 'linear.bias': BIAS }),
      message: 'no tensor linear.weight',
    },
    {
      title: 'a file without the bias',
      bytes: packSafetensors({ 'linear.weight': WEIGHT }),
      message: 'no tensor linear.bias',
    },
    { title: 'another file', bytes: Buffer.from('{"a": 1}  '), message: /^not a safetensors file \(.+\)$/ },
    { title: 'an empty file', bytes: Buffer.alloc(0), message: /^not a safetensors file \(.+\)$/ },
  ])('$title', ({ bytes, activation, message }) => {
    const { file, read } = layerOf(bytes, activation);
    let found = 'no error';
    try {
      read();
    } catch (error) {
      found = (error as Error).message;
    }
    expect(found.startsWith(`${file}: `)).toBe(true);
    const reason = found.slice(file.length + 2);
    if (typeof message === 'string') expect(reason).toBe(message);
    else expect(reason).toMatch(message);
  });

  it('a vector of another length', () => {
    const { file, read } = layerOf(LAYER);
    const dense = read();
    expect(() => dense.apply(Float32Array.of(1, 2))).toThrow(
      `${file}: the layer takes 3 values (found 2 from pooling); choose the model's own --pooling`,
    );
  });
});
