import type { Tensor } from 'onnxruntime-node';
import type { Session } from './session.js';

/** Runs a graph, whose tensors are written to memory that is given. */
export type RunInto = (feeds: Record<string, Tensor>, outputs: Record<string, Tensor>) => Promise<void>;

/** The first output of such a graph: an empty sequence. */
const END = 'end';

/** What no graph fills a tensor with; the same in int32 and in float32. */
const UNWRITTEN = -(2 ** 27) - 2 ** 4;

/**
 * onnxruntime-node makes copies of all outputs, even of those that it was given memory for, and making one takes two or three
 * times as long as multiplying bytes (https://github.com/microsoft/onnxruntime/pull/32346 would do without). It makes them when
 * all is written, in the order of the graph's outputs, and gives up at the first one that is no tensor. So graphs for this
 * have such an output before the others. Whether the version at hand does so is seen from the first run; if not, there are copies.
 */
export function createRunInto(session: Session): RunInto {
  let skipsCopies: boolean | undefined;
  const runWithoutCopies: RunInto = async (feeds, outputs) => {
    try {
      await session.run(feeds, { [END]: null, ...outputs });
    } catch (cause) {
      // On the first run, any error may mean that there is no such way.
      if (skipsCopies && !isEndRefused(cause)) throw cause;
    }
  };
  return async (feeds, outputs) => {
    const tensors = Object.values(outputs);
    const isFirst = skipsCopies === undefined;
    if (isFirst) for (const { data } of tensors) (data as Float32Array).fill(UNWRITTEN);
    if (skipsCopies !== false) await runWithoutCopies(feeds, outputs);
    if (isFirst) skipsCopies = tensors.every(isWritten);
    if (!skipsCopies) await session.run(feeds, outputs);
  };
}

function isEndRefused(cause: unknown): boolean {
  return cause instanceof Error && cause.message.includes('Non tensor type');
}

function isWritten({ data }: Tensor): boolean {
  return (data as Float32Array).some((value) => value !== UNWRITTEN);
}
