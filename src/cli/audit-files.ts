import type { MineConfig } from '../config/config.js';
import { HnMineError } from '../errors.js';
import { checkOutput } from '../output/atomic-file.js';
import { type Audit, auditRows, type Defect } from '../run/audit.js';
import type { AuditFlags } from './audit-flags.js';
import { createContext, openOutput, reportTo } from './command.js';
import { countOf, formatCount } from './progress.js';
import { openReport, writeLines } from './report-files.js';

const MEANINGS: Readonly<Record<Defect, string>> = {
  positive: 'a positive of their row',
  sibling: 'a positive or the query of a row with the same query',
  query: 'the query itself',
  repeated: 'in their row twice',
  blank: 'blank',
  none: 'without negatives',
  scores: 'with scores that are not one number for each text',
};

/** Checks a mined file and prints what it found. @returns the exit code, 1 where there are defects */
export function auditFiles(flags: AuditFlags, config: MineConfig): Promise<number> {
  return reportTo(flags, async (progress, log) => {
    const { input, pool, findings, summary } = flags;
    const inputs = [...(input === '-' ? [] : [input]), ...(pool ?? [])];
    for (const [flag, path] of Object.entries({ findings, summary })) {
      if (path !== undefined) checkOutput(`--${flag}`, path, inputs);
    }
    const output = await openOutput(undefined, progress, log);
    const list = findings === undefined ? undefined : openReport(findings);
    let audit: Audit;
    try {
      const sources = { input: input === '-' ? process.stdin : input, pool };
      const context = createContext(config, progress, log);
      audit = await auditRows(sources, config, context, (finding) => list?.write(finding));
      progress.stop();
      await list?.commit();
      if (summary !== undefined) await writeLines(summary, [{ schema: 1, ...audit }], 2);
      for (const line of describeAudit(audit)) await output.write([line]);
      await output.commit();
    } catch (error) {
      list?.discard();
      await output.abandon(error);
      throw error;
    } finally {
      output.restore();
    }
    if (audit.defective > 0) throw describeDefects(audit, flags);
  });
}

function describeDefects({ defects, defective }: Audit, { input, findings }: AuditFlags): HnMineError {
  const count = Object.values(defects).reduce((sum, one) => sum + one, 0);
  const advice = findings === undefined ? '; --findings FILE lists them' : '';
  const place = input === '-' ? 'input' : input;
  return new HnMineError('input', `${place}: ${countOf(count, 'defect')} in ${countOf(defective, 'row')}${advice}`);
}

/** The figures as lines for people. */
export function describeAudit({ rows, negatives, fewest, most, defects, notInPool, scores }: Audit): string[] {
  const found = Object.entries(defects).filter(([, count]) => count > 0) as [Defect, number][];
  const spread = fewest === most ? `${fewest} a row` : `${fewest} to ${most} a row`;
  const lines = {
    rows: formatCount(rows),
    negatives: `${formatCount(negatives)}, ${spread}`,
    defects: found.map(describeDefect).join(', ') || 'none',
    ...(notInPool && {
      'not in pool': `${countOf(notInPool.positives, 'positive')}, ${countOf(notInPool.negatives, 'negative')}`,
    }),
    ...(scores && {
      'mean score': `positives ${scores.meanPositive.toFixed(4)}, negatives ${scores.meanNegative.toFixed(4)} (${describeSource(scores, rows)})`,
      above: `${countOf(scores.abovePositive, 'negative')} above their row's positive (${((100 * scores.abovePositive) / scores.negatives).toFixed(2)} %)`,
    }),
  };
  return Object.entries(lines).map(([name, text]) => `${name.padEnd(11)} ${text}`);
}

function describeDefect([defect, count]: [Defect, number]): string {
  const isOfRow = defect === 'none' || defect === 'scores';
  return `${isOfRow ? countOf(count, 'row') : formatCount(count)} ${MEANINGS[defect]}`;
}

function describeSource({ from, rows }: NonNullable<Audit['scores']>, all: number): string {
  return `by ${from}${rows === all ? '' : `, of ${countOf(rows, 'row')}`}`;
}
