import type { MineConfig } from '../config/config.js';
import { HnMineError } from '../errors.js';
import { checkOutput } from '../output/atomic-file.js';
import { type Audit, auditRows, type Defect, type Finding } from '../run/audit.js';
import type { AuditFlags } from './audit-flags.js';
import { createContext, endOnSignals, reportTo } from './command.js';
import { formatCount } from './progress.js';
import { writeLines } from './report-files.js';

const MEANINGS: Readonly<Record<Defect, string>> = {
  positive: 'a positive of their row',
  sibling: 'a positive of a row with the same query',
  query: 'the query itself',
  repeated: 'in their row twice',
  blank: 'blank',
  none: 'rows without negatives',
};

/** Checks a mined file and prints what it found. @returns the exit code, 1 where there are defects */
export function auditFiles(flags: AuditFlags, config: MineConfig): Promise<number> {
  return reportTo(flags, async (progress, log) => {
    const { input, pool, findings: list, summary } = flags;
    const inputs = [...(input === '-' ? [] : [input]), ...(pool ?? [])];
    for (const [flag, path] of Object.entries({ findings: list, summary })) {
      if (path !== undefined) checkOutput(`--${flag}`, path, inputs);
    }
    const restore = endOnSignals(progress, log, async () => {});
    const findings: Finding[] = [];
    const onFinding = (finding: Finding) => {
      if (list !== undefined) findings.push(finding);
    };
    try {
      const sources = { input: input === '-' ? process.stdin : input, pool };
      const audit = await auditRows(sources, config, createContext(config, progress, log), onFinding);
      progress.stop();
      if (list !== undefined) await writeLines(list, findings);
      if (summary !== undefined) await writeLines(summary, [{ schema: 1, ...audit }], 2);
      for (const line of describeAudit(audit)) process.stdout.write(`${line}\n`);
      if (audit.defective > 0) throw describeDefects(audit, flags);
    } finally {
      restore();
    }
  });
}

function describeDefects({ defects, defective }: Audit, { input, findings }: AuditFlags): HnMineError {
  const count = Object.values(defects).reduce((sum, one) => sum + one, 0);
  const advice = findings === undefined ? '; --findings FILE lists them' : '';
  return new HnMineError(
    'input',
    `${input === '-' ? 'input' : input}: ${formatCount(count)} defects in ${formatCount(defective)} rows${advice}`,
  );
}

/** The figures as lines for people. */
export function describeAudit({ rows, negatives, fewest, most, defects, notInPool, scores }: Audit): string[] {
  const found = Object.entries(defects).filter(([, count]) => count > 0) as [Defect, number][];
  const spread = fewest === most ? `${fewest} a row` : `${fewest} to ${most} a row`;
  const lines = {
    rows: formatCount(rows),
    negatives: `${formatCount(negatives)}, ${spread}`,
    defects: found.map(([defect, count]) => `${formatCount(count)} ${MEANINGS[defect]}`).join(', ') || 'none',
    ...(notInPool && {
      'not in pool': `${formatCount(notInPool.positives)} positives, ${formatCount(notInPool.negatives)} negatives`,
    }),
    ...(scores && {
      'mean score': `positives ${scores.meanPositive.toFixed(4)}, negatives ${scores.meanNegative.toFixed(4)} (by ${scores.from})`,
      above: `${formatCount(scores.abovePositive)} negatives score above their row's positive (${((100 * scores.abovePositive) / scores.negatives).toFixed(2)} %)`,
    }),
  };
  return Object.entries(lines).map(([name, text]) => `${name.padEnd(11)} ${text}`);
}
