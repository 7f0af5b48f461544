const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** Bytes from a number with or without a unit, such as `500m` or `2.5g`; nothing where it is none. */
export function parseSize(typed: string): number | undefined {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([kmgt]?)b?$/i.exec(typed.trim()) ?? [];
  return number === undefined ? undefined : Math.round(Number(number) * (UNITS[unit.toLowerCase()] as number));
}

/** Bytes as `1.5 GB`. */
export function formatSize(bytes: number): string {
  const unit = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(4, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${unit[power]}`;
}
