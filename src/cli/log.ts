import { type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';

/** Where log lines go: standard error, or above a live progress bar. */
export interface LineSink {
  write(line: string): void;
}

export interface LogOptions {
  readonly format: 'pretty' | 'json';
  readonly isQuiet: boolean;
  readonly hasColor: boolean;
}

/** A log for people (bare lines, warnings marked) or for programs (JSON). Errors are not logged but reported at the end. */
export function createLog(sink: LineSink, { format: form, isQuiet, hasColor }: LogOptions): Logger {
  const level = isQuiet ? 'warn' : 'info';
  if (form === 'json')
    return pino(
      { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: nameLevel } },
      sink,
    );
  const yellow = (text: string) => (hasColor ? `\u001b[33m${text}\u001b[39m` : text);
  const format = prettyFactory({
    colorize: false,
    ignore: 'pid,hostname,time,level',
    hideObject: true,
    singleLine: true,
    messageFormat: (entry, key) =>
      Number(entry.level) === 40 ? `${yellow('warning:')} ${entry[key]}` : String(entry[key]),
  });
  return pino({ level, base: null }, { write: (line) => sink.write(`${String(format(line)).trimEnd()}\n`) });
}

function nameLevel(label: string): { level: string } {
  return { level: label };
}
