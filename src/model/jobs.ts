/** About what a batch of one job costs: small enough for progress and for cores that end together. */
const JOB_TOKENS = 4096;
const JOB_TEXTS = 256;
const CHARACTERS_A_TOKEN = 4;

/**
 * Cuts texts into jobs for workers, longest texts first: batches hold texts of like length, and the last jobs are the
 * shortest.
 *
 * @param lengths characters of each text
 */
export function* cutJobs(lengths: ArrayLike<number>): Generator<number[]> {
  let job: number[] = [];
  let tokens = 0;
  for (const text of orderByLength(lengths)) {
    job.push(text);
    tokens += 2 + (lengths[text] as number) / CHARACTERS_A_TOKEN;
    if (tokens < JOB_TOKENS && job.length < JOB_TEXTS) continue;
    yield job;
    job = [];
    tokens = 0;
  }
  if (job.length > 0) yield job;
}

/** A counting sort, stable, descending: a million texts take milliseconds. */
function orderByLength(lengths: ArrayLike<number>): Int32Array {
  const longest = 1 << 16;
  const keyOf = (text: number) => longest - Math.min(lengths[text] as number, longest);
  const starts = new Int32Array(longest + 2);
  for (let i = 0; i < lengths.length; i++) starts[keyOf(i) + 1] = (starts[keyOf(i) + 1] as number) + 1;
  for (let key = 1; key < starts.length; key++) starts[key] = (starts[key] as number) + (starts[key - 1] as number);
  const order = new Int32Array(lengths.length);
  for (let i = 0; i < lengths.length; i++) {
    const key = keyOf(i);
    order[starts[key] as number] = i;
    starts[key] = (starts[key] as number) + 1;
  }
  return order;
}

/** Takes jobs two for each worker, so that none waits for the next. */
export async function runJobs<Job>(
  jobs: Iterator<Job> & Iterable<Job>,
  workerCount: number,
  run: (job: Job) => Promise<void>,
): Promise<void> {
  const takeJobs = async () => {
    for (const job of jobs) await run(job);
  };
  await Promise.all(Array.from({ length: 2 * workerCount }, takeJobs));
}
