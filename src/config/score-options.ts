/** Options of the encoder that a reranker has no use for. */
export const ENCODER_OPTIONS = [
  'model',
  'revision',
  'dtype',
  'embedder',
  'embedderModel',
  'queryInstruction',
  'queryInstructionFormat',
  'passageInstruction',
  'queryMaxLength',
  'passageMaxLength',
  'pooling',
  'normalize',
] as const;

/** The options of mining that scoring has as well. */
export const SCORE_OPTIONS = [
  ...([
    'queryField',
    'posField',
    'negField',
    'reranker',
    'rerankerModel',
    'rerankerRevision',
    'rerankerDtype',
    'rerankerMaxLength',
  ] as const),
  ...ENCODER_OPTIONS,
  ...(['batchTokens', 'batchSize', 'offline', 'workers', 'memory', 'gpu', 'cacheDir', 'cache'] as const),
] as const;
