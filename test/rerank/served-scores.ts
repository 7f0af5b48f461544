import { serveJson } from '../serve-json.js';

export interface AskedScores {
  readonly model?: string;
  readonly query: string;
  readonly documents?: readonly string[];
  readonly texts?: readonly string[];
  readonly raw_scores?: boolean;
  readonly truncate_prompt_tokens?: number;
  readonly key: string | undefined;
}

interface Serving {
  /** The logit of a pair. */
  logitOf(query: string, passage: string): number;
  /** What it answers in the style of: Jina and Cohere, as vLLM and infinity do, or text-embeddings-inference. */
  readonly style?: 'jina' | 'tei';
  /** What becomes of a logit: a sigmoid unless logits are asked for, a sigmoid always, or nothing ever. */
  readonly gives?: 'either' | 'sigmoid' | 'logits';
  readonly path?: string;
  readonly models?: readonly string[];
  /** Called with the number of the request, from 0. */
  faultOf?(request: number, asked: AskedScores): { readonly status: number; readonly body: string } | undefined;
  /** In place of the answer of the style. */
  answer?(scores: readonly number[]): unknown;
}

const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));

/** A server of a reranker on a free port, closed after the test. */
export async function serveScores(serving: Serving) {
  const { style = 'jina', gives = 'either', path = '/rerank', models = ['tiny'] } = serving;
  const asked: AskedScores[] = [];
  const server = await serveJson<Omit<AskedScores, 'key'>>({
    path,
    models,
    answer({ body, authorization }, response) {
      const one = { ...body, key: authorization };
      const passages = style === 'tei' ? one.texts : one.documents;
      if (passages === undefined) {
        response.writeHead(422).end('Failed to deserialize the JSON body: missing field `texts`');
        return;
      }
      asked.push(one);
      const fault = serving.faultOf?.(asked.length - 1, one);
      if (fault) {
        response.writeHead(fault.status).end(fault.body);
        return;
      }
      const isLogit = gives === 'logits' || (gives === 'either' && one.raw_scores === true);
      const scores = passages.map((passage) => {
        const logit = serving.logitOf(one.query, passage);
        return isLogit ? logit : sigmoid(logit);
      });
      response.end(JSON.stringify(serving.answer?.(scores) ?? inStyle(style, scores)));
    },
  });
  return { ...server, asked };
}

/** The best first, as servers answer. */
function inStyle(style: 'jina' | 'tei', scores: readonly number[]): unknown {
  const ranked = scores.map((score, index) => ({ index, score })).sort((a, b) => b.score - a.score);
  if (style === 'tei') return ranked;
  return { results: ranked.map(({ index, score }) => ({ index, relevance_score: score })) };
}
