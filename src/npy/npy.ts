import { type FileHandle, open } from 'node:fs/promises';
import { HnMineError, hasErrno, reasonOf } from '../errors.js';

/** A matrix of numbers in a file of NumPy's format. */
export interface NpyMatrix {
  readonly file: string;
  /** Rows. */
  readonly count: number;
  /** Columns. */
  readonly dim: number;
  /** Reads rows `first` to `first + target.length / dim`. @param target not in shared memory */
  read(first: number, target: Float32Array): Promise<void>;
  close(): Promise<void>;
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const ALIGNMENT = 64;

/**
 * The header of a little-endian float32 matrix, version 1.0 of the format (numpy.lib.format).
 *
 * @param count rows
 * @param dim columns
 */
export function makeNpyHeader(count: number, dim: number): Buffer {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, ${dim}), }`;
  const fixed = MAGIC.length + 4;
  const length = Math.ceil((fixed + text.length + 1) / ALIGNMENT) * ALIGNMENT - fixed;
  const header = Buffer.alloc(fixed + length, ' ');
  MAGIC.copy(header);
  header.set([1, 0], MAGIC.length);
  header.writeUInt16LE(length, MAGIC.length + 2);
  header.write(text, fixed, 'latin1');
  header[header.length - 1] = 0x0a;
  return header;
}

/**
 * Opens a float32 matrix, as `numpy.save` and `hn-mine embed` write it.
 *
 * @param flag the option that named the file
 * @throws HnMineError `input` where it is no such file, or shorter than its shape says
 */
export async function openNpy(flag: string, file: string): Promise<NpyMatrix> {
  const handle = await openFile(flag, file);
  try {
    const { text, start } = await readHeader(handle);
    const { descr, order, count, dim } = parseHeader(text);
    const expected = 'expected a matrix of float32 in C order, as numpy.save writes it';
    if (descr !== '<f4' || order !== 'False' || count === undefined || dim === undefined) {
      throw new HnMineError('input', `${flag} ${file}: ${expected} (found ${text.trim() || 'another format'})`);
    }
    const { size } = await handle.stat();
    const bytes = count * dim * Float32Array.BYTES_PER_ELEMENT;
    if (size !== start + bytes) {
      throw new HnMineError(
        'input',
        `${flag} ${file}: expected ${bytes} bytes of vectors (found ${size - start}); is it whole?`,
      );
    }
    return {
      file,
      count,
      dim,
      read: (first, target) => readFully(handle, start + first * dim * Float32Array.BYTES_PER_ELEMENT, target),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openFile(flag: string, file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (cause) {
    const reason = hasErrno(cause, 'ENOENT') ? 'no such file' : `cannot be read (${reasonOf(cause)})`;
    throw new HnMineError('input', `${flag} ${file}: ${reason}`, { cause });
  }
}

/** The header's text, empty where the file is of another format, and where the numbers start. */
async function readHeader(handle: FileHandle): Promise<{ text: string; start: number }> {
  const head = Buffer.alloc(12);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  if (bytesRead < head.length || !head.subarray(0, MAGIC.length).equals(MAGIC)) return { text: '', start: 0 };
  // Version 1 has two bytes for the header's length, later ones four.
  const [at, length] = head[MAGIC.length] === 1 ? [10, head.readUInt16LE(8)] : [12, head.readUInt32LE(8)];
  const text = Buffer.alloc(Math.min(length, 4096));
  await handle.read(text, 0, text.length, at);
  return { text: text.toString('latin1'), start: at + length };
}

function parseHeader(text: string) {
  const [, descr] = /'descr': *'([^']*)'/.exec(text) ?? [];
  const [, order] = /'fortran_order': *(\w+)/.exec(text) ?? [];
  const [, count, dim] = /'shape': *\((\d+), *(\d+)\)/.exec(text) ?? [];
  return {
    descr,
    order,
    count: count === undefined ? undefined : Number(count),
    dim: dim === undefined ? undefined : Number(dim),
  };
}

async function readFully(handle: FileHandle, start: number, target: Float32Array): Promise<void> {
  const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw new Error('the file became shorter while it was read');
    done += bytesRead;
  }
}
