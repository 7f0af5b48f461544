interface Closable {
  close(): Promise<unknown>;
}

/** What outlives this process, or ends it badly, unless it is closed before. */
const unclosed = new Set<Closable>();

/** Has something closed where the process is ended early. @returns what is called once it is closed */
export function closeBeforeEnd(one: Closable): () => void {
  unclosed.add(one);
  return () => void unclosed.delete(one);
}

/** Closes all of it, for those who end the process. */
export async function closeUnclosed(): Promise<void> {
  await Promise.all(Array.from(unclosed, (one) => one.close()));
}
