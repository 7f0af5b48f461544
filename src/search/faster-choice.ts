/** Chooses between ways to do the same by how long each took, after each was tried; the last times count most. */
export interface FasterChoice<Way> {
  /** @param kind of work: its times are compared with each other only */
  choose(kind: string, ways: readonly [Way, ...Way[]]): Way;
  hasTried(kind: string, way: Way): boolean;
  tell(kind: string, way: Way, time: number): void;
}

export function createFasterChoice<Way>(): FasterChoice<Way> {
  const times = new Map<string, Map<Way, number>>();
  const timeOf = (kind: string, way: Way) => times.get(kind)?.get(way);
  return {
    choose(kind, ways) {
      const untried = ways.find((way) => timeOf(kind, way) === undefined);
      const faster = (a: Way, b: Way) => ((timeOf(kind, b) as number) < (timeOf(kind, a) as number) ? b : a);
      return untried ?? ways.reduce(faster);
    },
    hasTried: (kind, way) => timeOf(kind, way) !== undefined,
    tell(kind, way, time) {
      const known = times.get(kind) ?? new Map<Way, number>();
      const before = known.get(way) ?? time;
      times.set(kind, known.set(way, (before + time) / 2));
    },
  };
}
