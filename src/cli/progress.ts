import { MultiBar, Presets, type SingleBar } from 'cli-progress';
import type { LineSink } from './log.js';

/** Shows how far a run is. */
export interface Progress {
  /** For lines that must not break into a live bar. */
  readonly sink: LineSink;
  update(phase: string, done: number, total?: number): void;
  stop(): void;
}

const LINE_EVERY_MS = 10_000;

/** A live bar a phase on a terminal; elsewhere a plain line every ten seconds. */
export function createProgress(stderr: NodeJS.WriteStream, isShown: boolean): Progress {
  const plain = { write: (line: string) => void stderr.write(line) };
  if (!isShown) return { sink: plain, update: () => {}, stop: () => {} };
  return stderr.isTTY ? createBars(stderr) : createLines(plain);
}

function createBars(stderr: NodeJS.WriteStream): Progress {
  const format = (_options: unknown, params: { progress: number }, payload: { phase: string; detail: string }) => {
    const filled = Math.round(params.progress * 30);
    return `${payload.phase.padEnd(10)} ${'█'.repeat(filled)}${'░'.repeat(30 - filled)} ${payload.detail}`;
  };
  const bars = new MultiBar(
    { stream: stderr, hideCursor: true, clearOnComplete: false, fps: 8, format },
    Presets.shades_classic,
  );
  const open = new Map<string, { bar: SingleBar; meter: Meter }>();
  return {
    sink: {
      write: (line) =>
        open.size > 0 ? void bars.log(line.endsWith('\n') ? line : `${line}\n`) : void stderr.write(line),
    },
    update(phase, done, total) {
      const shown = open.get(phase) ?? { bar: bars.create(total ?? 1, 0, { phase, detail: '' }), meter: createMeter() };
      open.set(phase, shown);
      shown.bar.setTotal(total ?? Math.max(done, 1));
      shown.bar.update(done, { detail: shown.meter.describe(done, total) });
    },
    stop: () => bars.stop(),
  };
}

function createLines(sink: LineSink): Progress {
  const meters = new Map<string, Meter>();
  let last = performance.now();
  return {
    sink,
    update(phase, done, total) {
      const meter = meters.get(phase) ?? createMeter();
      meters.set(phase, meter);
      const detail = meter.describe(done, total);
      if (performance.now() - last < LINE_EVERY_MS) return;
      last = performance.now();
      sink.write(`${phase}: ${detail}\n`);
    },
    stop: () => {},
  };
}

interface Meter {
  describe(done: number, total: number | undefined): string;
}

function createMeter(): Meter {
  const started = performance.now();
  return {
    describe(done, total) {
      const seconds = (performance.now() - started) / 1000;
      const rate = seconds > 0.5 ? done / seconds : 0;
      const rateText = rate > 0 ? `, ${rate >= 10 ? formatCount(Math.round(rate)) : rate.toFixed(1)}/s` : '';
      if (total === undefined) return `${formatCount(done)}${rateText}`;
      const left = rate > 0 && done < total ? `, ${formatDuration((total - done) / rate)} left` : '';
      const share = total === 0 ? 100 : Math.floor((100 * done) / total);
      return `${formatCount(done)} of ${formatCount(total)} (${share}%)${rateText}${left}`;
    },
  };
}

/** 12345 → 12,345. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** Seconds as `42s`, `3m 20s` or `2h 5m`. */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${whole % 60}s`;
  return `${Math.floor(whole / 3600)}h ${Math.floor((whole % 3600) / 60)}m`;
}
