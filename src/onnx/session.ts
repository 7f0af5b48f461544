import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import { HnMineError, reasonOf } from '../errors.js';
import { passGate } from './native-gate.js';

/** Where a graph runs: the CPU with this many threads, or one CUDA device. */
export interface SessionPlace {
  readonly threads: number;
  /** The CUDA device's number. */
  readonly gpu?: number;
}

/** A tensor's type and shape as the graph declares it; axes that vary are names. */
export interface TensorInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** A loaded graph. `run` blocks its thread: sessions live in worker threads. */
export interface Session {
  readonly file: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** @param outputs the names of those wanted, or the tensors that they are written to, nothing where a new one is made */
  run(
    feeds: Record<string, Tensor>,
    outputs?: readonly string[] | Record<string, Tensor | null>,
  ): Promise<Record<string, Tensor>>;
}

/**
 * @throws HnMineError `device` where CUDA was asked for and does not load, `model` where the graph does not
 */
export async function openSession(file: string, place: SessionPlace): Promise<Session> {
  // Native log lines would break into the one-line messages; what matters is in the exception.
  env.logLevel = 'fatal';
  const session = await createSession(file, place);
  return {
    file,
    inputs: session.inputMetadata.map(describeTensor),
    outputs: session.outputMetadata.map(describeTensor),
    run: async (feeds, outputs) =>
      passGate(() => session.run(feeds, outputs ?? session.outputNames)) as Promise<Record<string, Tensor>>,
  };
}

async function createSession(file: string, { threads, gpu }: SessionPlace): Promise<InferenceSession> {
  try {
    const options: InferenceSession.SessionOptions = {
      executionProviders: gpu === undefined ? ['cpu'] : [{ name: 'cuda', deviceId: gpu }],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
    };
    return await passGate(() => InferenceSession.create(file, options));
  } catch (cause) {
    if (gpu === undefined) {
      throw new HnMineError('model', `${file}: not a graph that ONNX Runtime can load (${reasonOf(cause)})`, { cause });
    }
    const advice =
      'it needs Linux on x64, CUDA 12 with cuDNN 9, and "npm rebuild onnxruntime-node" with install scripts on';
    throw new HnMineError('device', `--gpu: CUDA device ${gpu} cannot be used (${reasonOf(cause)}); ${advice}`, {
      cause,
    });
  }
}

function describeTensor(info: InferenceSession.ValueMetadata): TensorInfo {
  return info.isTensor
    ? { name: info.name, type: info.type, shape: info.shape }
    : { name: info.name, type: 'other', shape: [] };
}

/** @param dims the tensor's shape; its product is the length of `data` */
export function int64Tensor(data: BigInt64Array, dims: readonly number[]): Tensor {
  return new Tensor('int64', data, dims);
}

/** @param data not in shared memory, which ONNX Runtime does not take */
export function float32Tensor(data: Float32Array, dims: readonly number[]): Tensor {
  return new Tensor('float32', data, dims);
}

/** @param data not in shared memory */
export function uint8Tensor(data: Uint8Array, dims: readonly number[]): Tensor {
  return new Tensor('uint8', data, dims);
}

/** @param data not in shared memory */
export function int8Tensor(data: Int8Array, dims: readonly number[]): Tensor {
  return new Tensor('int8', data, dims);
}

/** @param data not in shared memory */
export function int32Tensor(data: Int32Array, dims: readonly number[]): Tensor {
  return new Tensor('int32', data, dims);
}

/** A tensor without elements: the empty cache of a decoder. */
export function emptyTensor(type: string, dims: readonly number[]): Tensor {
  return type === 'float16'
    ? new Tensor('float16', new Uint16Array(0), dims)
    : new Tensor('float32', new Float32Array(0), dims);
}

/** A float tensor's values as float32; float16 arrives as raw 16-bit words. */
export function toFloat32(tensor: Tensor): Float32Array {
  const data: unknown = tensor.data;
  if (data instanceof Float32Array) return data;
  if (data instanceof Uint16Array) return Float32Array.from(data, decodeFloat16);
  return Float32Array.from(data as ArrayLike<number>);
}

/** IEEE 754 binary16. */
function decodeFloat16(word: number): number {
  const sign = word & 0x8000 ? -1 : 1;
  const exponent = (word >> 10) & 0x1f;
  const fraction = word & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
