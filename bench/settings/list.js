/** Plain windows of one width, hardest first: what every setting is held against. */
const WIDTH = 50;
export const LADDER = [0, 5, 10, 20, 40, 80, 160, 320, 640].map((low) => `--range ${low}-${low + WIDTH}`);

/** As typed. */
export const SETTINGS = [
  '--range 0-15',
  '--range 10-210',
  '--range 50-250',
  '--range 200-400',
  '--range 0-50 --relative-margin 0.05',
  '--range 0-50 --relative-margin 0.05 --sample top',
  '--range 10-210 --relative-margin 0.05',
  '--range 0-50 --margin 0.1',
  '--range 0-50 --max-score 0.5',
  '--range 0-50 --max-positive-similarity 0.8',
  '--range 10-60 --positive-weight 0.5',
  '--range 20-70 --positive-weight 0.5',
  '--range 40-90 --positive-weight 0.5',
  '--range 80-130 --positive-weight 0.5',
  '--range 10-210 --positive-weight 0.5',
  '--range 20-70 --positive-weight 0.5 --relative-margin 0.05',
  '--range 0-200 --sample weighted',
  '--range 10-210 --retriever bm25',
  '--range 0-50 --retriever hybrid',
  '--range 10-210 --retriever hybrid',
  '--range 0-50 --skip-lexical 40',
  '--range 20-70 --skip-lexical 40',
  '--range 10-210 --skip-lexical 40',
  '--range 20-70 --skip-lexical 20 --positive-weight 0.5',
];
