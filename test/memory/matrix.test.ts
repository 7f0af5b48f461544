import { afterEach, describe, expect, it } from 'vitest';
import { createMatrix } from '#dist/memory/matrix.js';
import { planMemory, Workspace } from '#dist/memory/workspace.js';
import { loadVectors } from '../mine-in-memory.js';

const workspace = new Workspace(planMemory(64e6));
afterEach(() => workspace.close());

describe.each([
  { place: 'in memory', limit: 40, type: 'object' },
  { place: 'on disk', limit: 39, type: 'number' },
])('a matrix $place', ({ limit, type }) => {
  const fill = () => {
    const matrix = createMatrix(workspace, limit, 5, 2);
    matrix.write(3, Float32Array.of(30, 31, 40, 41));
    matrix.write(0, Float32Array.of(0, 1, 10, 11, 20, 21));
    return matrix;
  };

  it('is there, and nowhere else', () => {
    expect(typeof fill().source).toBe(type);
  });

  it('gives back what was written, in any order', () => {
    const matrix = fill();
    expect([...matrix.row(1)]).toEqual([10, 11]);
    expect(matrix.gather([4, 0, 4])).toEqual({ data: Float32Array.of(40, 41, 0, 1, 40, 41), dim: 2, count: 3 });
    expect([...loadVectors(matrix).data]).toEqual([0, 1, 10, 11, 20, 21, 30, 31, 40, 41]);
  });
});
