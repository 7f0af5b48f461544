import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Unit vectors in random directions, the same for the same seed.
 * @param {string} file
 * @param {{ count: number, dim: number, seed: number }} shape
 */
export function writeRandomVectors(file, { count, dim, seed }) {
  const next = createUnitVectors({ dim, seed });
  const vectors = new Float32Array(count * dim);
  for (let start = 0; start < vectors.length; start += dim) next(vectors, start);
  writeFileSync(file, vectors);
}

/**
 * Writes one vector after the other where it is told to.
 * @param {{ dim: number, seed: number }} shape
 */
export function createUnitVectors({ dim, seed }) {
  const random = createRandom(seed);
  return (/** @type {Float32Array} */ target, /** @type {number} */ start) => {
    let squares = 0;
    for (let i = start; i < start + dim; i++) {
      const value = gaussian(random);
      target[i] = value;
      squares += value * value;
    }
    const norm = Math.sqrt(squares);
    for (let i = start; i < start + dim; i++) target[i] = /** @type {number} */ (target[i]) / norm;
  };
}

/** @param {string} file */
export function readFloats(file) {
  const bytes = readFileSync(file);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / Float32Array.BYTES_PER_ELEMENT);
}

/**
 * Of any one value.
 * @param {Float32Array} ours
 * @param {Float32Array} peer
 * @param {number} tolerance
 * @throws where the two do not agree to that
 */
export function largestDifference(ours, peer, tolerance) {
  if (ours.length !== peer.length)
    throw new Error(`expected ${peer.length} values as the peer's (found ${ours.length})`);
  let largest = 0;
  ours.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value - (peer[i] ?? 0)));
  });
  if (!(largest <= tolerance))
    throw new Error(`expected the peer's values to ${tolerance} (they differ by ${largest})`);
  return largest;
}

/** @param {string} file */
export function readInts(file) {
  const bytes = readFileSync(file);
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / Int32Array.BYTES_PER_ELEMENT);
}

/** Box–Muller. @param {() => number} random */
function gaussian(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Uniform in [0, 1): mulberry32. @param {number} seed */
export function createRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
