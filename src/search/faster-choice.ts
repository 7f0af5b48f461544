/** Chooses between ways to do the same by how long each took, after some tries in turn. */
export interface FasterChoice<Way> {
  /** @param kind of work: its times are compared with each other only */
  choose(kind: string, ways: readonly [Way, ...Way[]]): Way;
  hasTried(kind: string, way: Way): boolean;
  tell(kind: string, way: Way, time: number): void;
}

/** One time says little where other work goes on beside. */
const TRIES = 2;

/** Other work only makes times longer, so the shortest of the last ones counts. */
const REMEMBERED = 4;

export function createFasterChoice<Way>(): FasterChoice<Way> {
  const known = new Map<string, Map<Way, readonly number[]>>();
  const timesOf = (kind: string, way: Way) => known.get(kind)?.get(way) ?? [];
  return {
    choose(kind, ways) {
      const triesOf = (way: Way) => Math.min(timesOf(kind, way).length, TRIES);
      const rarer = ways.reduce((a, b) => (triesOf(b) < triesOf(a) ? b : a));
      if (triesOf(rarer) < TRIES) return rarer;
      const shortest = (way: Way) => Math.min(...timesOf(kind, way));
      return ways.reduce((a, b) => (shortest(b) < shortest(a) ? b : a));
    },
    hasTried: (kind, way) => timesOf(kind, way).length > 0,
    tell(kind, way, time) {
      const times = [...timesOf(kind, way), time].slice(-REMEMBERED);
      known.set(kind, (known.get(kind) ?? new Map()).set(way, times));
    },
  };
}
