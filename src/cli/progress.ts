import { clearScreenDown } from 'node:readline';
import { MultiBar, type Params, Presets, type SingleBar } from 'cli-progress';
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
  // Lines wrap, so that warnings are not cut off; the bars themselves fit.
  const options = { stream: stderr, hideCursor: true, linewrap: true, forceRedraw: true, gracefulExit: false, fps: 8 };
  const bars = new MultiBar({ ...options, format: formatBar }, Presets.shades_classic);
  const open = new Map<string, { bar: SingleBar; meter: Meter }>();
  let isStopped = false;
  return {
    sink: {
      write(line) {
        if (open.size === 0 || isStopped) return void stderr.write(line);
        bars.once('redraw-pre', () => clearScreenDown(stderr));
        bars.log(line);
        bars.update();
      },
    },
    update(phase, done, total) {
      if (isStopped) return;
      const shown = open.get(phase) ?? createBar(bars, phase);
      open.set(phase, shown);
      shown.meter.update(done, total);
      shown.bar.setTotal(total ?? Math.max(done, 1));
      shown.bar.update(done);
    },
    stop() {
      if (!isStopped) bars.stop();
      isStopped = true;
    },
  };
}

function createBar(bars: MultiBar, phase: string): { bar: SingleBar; meter: Meter } {
  const meter = createMeter();
  return { bar: bars.create(1, 0, { phase, meter }), meter };
}

/** Called when a bar is drawn, not at each of a million updates. */
function formatBar(
  _: unknown,
  { progress, maxWidth }: Params,
  { phase, meter }: { phase: string; meter: Meter },
): string {
  const detail = meter.describe();
  const name = phase.padEnd(10);
  const width = Math.max(10, Math.min(30, maxWidth - name.length - detail.length - 3));
  const filled = Math.round(progress * width);
  return `${name} ${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${detail}`;
}

function createLines(sink: LineSink): Progress {
  const meters = new Map<string, Meter>();
  let last = performance.now();
  return {
    sink,
    update(phase, done, total) {
      const meter = meters.get(phase) ?? createMeter();
      meters.set(phase, meter);
      meter.update(done, total);
      if (performance.now() - last < LINE_EVERY_MS) return;
      last = performance.now();
      sink.write(`${phase}: ${meter.describe()}\n`);
    },
    stop: () => {},
  };
}

interface Meter {
  update(done: number, total: number | undefined): void;
  /** Count, rate and time left at the last update. */
  describe(): string;
}

function createMeter(): Meter {
  const started = performance.now();
  let now = started;
  let done = 0;
  let total: number | undefined;
  return {
    update(newDone, newTotal) {
      now = performance.now();
      done = newDone;
      total = newTotal;
    },
    describe() {
      const seconds = (now - started) / 1000;
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
/** `1 row`, `2,000 rows`. */
export function countOf(count: number, what: string): string {
  return `${formatCount(count)} ${what}${count === 1 ? '' : 's'}`;
}

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
