import { HnMineError } from '../errors.js';
import { hashText } from '../memory/hash.js';
import { HashLists, HashTable } from '../memory/hash-table.js';
import { createPacer } from '../pacer.js';
import { quoteId } from './json.js';
import type { JudgedSources } from './judged-sources.js';
import { readJudgements } from './judgements.js';
import { type Line, nameSource, placeOf } from './lines.js';
import { normalizeText } from './normalize.js';
import type { Pool } from './pool.js';
import { type Query, type QueryFields, readQueries } from './queries.js';
import { parseRow, type Row, type RowFields } from './rows.js';

/** What of the files is of no use. */
export interface JudgementCounts {
  /** Judgements of passages that are relevant enough, and those of them whose passages are not in the pool. */
  readonly relevant: number;
  readonly notInPool: number;
  /** The first of these. */
  readonly missingId: string | undefined;
  /** Judged queries with a positive in the pool, and those of them that are not among the queries. */
  readonly judged: number;
  readonly notFound: number;
  /** All queries, and those of them that have no positive. */
  readonly queries: number;
  readonly withoutPositive: number;
}

/** The rows that queries and judgements make, once the pool is read. */
export class JudgedQueries {
  readonly #sources: JudgedSources;
  readonly #pool: Pool;
  /** Classes of the passages that are relevant enough to be positives, by the hash of the query's ID. */
  readonly #positives = new HashLists();
  /** Of those that are relevant, but less: neither positives nor negatives; also by the text of the query, which others may have. */
  readonly #others = new HashLists();
  readonly #othersOfText = new HashLists();
  /** Judged queries with a positive: 1 for those that are among the queries. */
  readonly #isFound = new HashTable();
  #relevant = 0;
  #notInPool = 0;
  #missingId: string | undefined;
  #found = 0;
  #queries = 0;
  #withoutPositive = 0;

  private constructor(sources: JudgedSources, pool: Pool) {
    this.#sources = sources;
    this.#pool = pool;
  }

  /**
   * Reads the judgements.
   *
   * @param minRelevance of a positive, above 0
   * @throws HnMineError `input` where a line is none, or no judgement is of a passage in the pool
   */
  static async open(sources: JudgedSources, pool: Pool, minRelevance: number): Promise<JudgedQueries> {
    const queries = new JudgedQueries(sources, pool);
    await queries.#readJudgements(minRelevance);
    return queries;
  }

  get counts(): JudgementCounts {
    return {
      relevant: this.#relevant,
      notInPool: this.#notInPool,
      missingId: this.#missingId,
      judged: this.#isFound.size,
      notFound: this.#isFound.size - this.#found,
      queries: this.#queries,
      withoutPositive: this.#withoutPositive,
    };
  }

  /** The classes of passages that are relevant to a query with this text, but not enough to be its positives. */
  relevantTo(query: string): Iterable<number> {
    return this.#othersOfText.get(hashText(normalizeText(query)));
  }

  /**
   * A row for each query with a positive, in the order of the queries.
   *
   * @throws HnMineError `input`, naming file, line and field, or where there is no row
   */
  async *readRows(rowFields: RowFields): AsyncGenerator<Row> {
    const fields = listQueryFields(rowFields);
    for await (const query of readQueries(this.#sources.queries, fields)) {
      this.#queries++;
      const hash = hashText(query.id);
      const textHash = hashText(normalizeText(query.text));
      for (const found of this.#others.get(hash)) this.#othersOfText.add(textHash, found);
      const pos = Array.from(this.#positives.get(hash), (found) => this.#pool.texts.at(found));
      if (pos.length === 0) {
        this.#withoutPositive++;
        continue;
      }
      if (this.#isFound.get(hash) === 0) {
        this.#isFound.set(hash, 1);
        this.#found++;
      }
      if (query.text.trim() === '')
        throw new HnMineError('input', `${placeOf(query.line)}: the text of the query must not be empty`);
      yield parseRow(makeLine(query, pos, rowFields), rowFields);
    }
    if (this.#queries > this.#withoutPositive) return;
    const { queries, qrels } = this.#sources;
    if (this.#queries === 0)
      throw new HnMineError(
        'input',
        `${nameSource(queries, 'queries')}: no queries; expected {"_id", "text"} or id<TAB>text a line`,
      );
    throw new HnMineError(
      'input',
      `${nameSource(queries, 'queries')}: none of its ${this.#queries} queries has a relevant passage in ${nameSource(qrels, 'qrels')}; both must name queries by the same IDs`,
    );
  }

  async #readJudgements(minRelevance: number): Promise<void> {
    const pause = createPacer();
    let judgements = 0;
    for await (const { query, passage, relevance } of readJudgements(this.#sources.qrels)) {
      await pause();
      judgements++;
      if (relevance <= 0) continue;
      const isPositive = relevance >= minRelevance;
      const found = this.#pool.classesWithId(passage);
      if (isPositive) {
        this.#relevant++;
        if (found.length === 0) {
          this.#notInPool++;
          this.#missingId ??= passage;
        }
      }
      const hash = hashText(query);
      for (const one of found) (isPositive ? this.#positives : this.#others).add(hash, one);
      if (isPositive && found.length > 0) this.#isFound.set(hash, 0);
    }
    this.#refuseUseless(judgements, minRelevance);
  }

  #refuseUseless(judgements: number, minRelevance: number): void {
    const name = nameSource(this.#sources.qrels, 'qrels');
    if (judgements === 0)
      throw new HnMineError('input', `${name}: no judgements; expected a line "query passage relevance" each`);
    if (this.#relevant === 0) {
      throw new HnMineError(
        'input',
        `${name}: none of its ${judgements} judgements is of a relevance of at least ${minRelevance}; lower --min-relevance`,
      );
    }
    if (this.#notInPool < this.#relevant) return;
    throw new HnMineError(
      'input',
      `${name}: none of its ${this.#relevant} relevant passages is in the pool (the first is ${quoteId(this.#missingId as string)}); give the --pool it is about, or name the field of its IDs with --passage-id-field`,
    );
  }
}

/** What of the judgements was of no use, for people. */
export function describeJudgements(counts: JudgementCounts): { warnings: string[]; notes: string[] } {
  const { relevant, notInPool, missingId, judged, notFound, queries, withoutPositive } = counts;
  const unknown = `${notInPool} of ${relevant} relevant passages are not in the pool (the first is ${quoteId(missingId ?? '')})`;
  const absent = `${notFound} of ${judged} judged queries are not among the queries`;
  const idle = `${withoutPositive} of ${queries} queries have no relevant passage and are left out`;
  return {
    warnings: [...(notInPool > 0 ? [unknown] : []), ...(notFound > 0 ? [absent] : [])],
    notes: withoutPositive > 0 ? [idle] : [],
  };
}

/** A queries' file calls its fields as BEIR does, or as rows do. */
function listQueryFields({ query, queryId }: RowFields): QueryFields {
  return { text: [...new Set([query, 'text'])], id: [...new Set([queryId, '_id', 'id'])] };
}

/** The row as it would stand in a file of rows. */
function makeLine({ line, id, text }: Query, pos: readonly string[], fields: RowFields): Line {
  const [query, queryId, positives] = [text, id, fields.pos].map((value) => JSON.stringify(value));
  const list = pos.map((one) => JSON.stringify(one)).join(', ');
  const members = [`${JSON.stringify(fields.queryId)}: ${queryId}`, `${JSON.stringify(fields.query)}: ${query}`];
  return { ...line, text: `{${members.join(', ')}, ${positives}: [${list}]}` };
}
