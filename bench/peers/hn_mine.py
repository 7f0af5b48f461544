"""The whole command, by FlagEmbedding.

With --script it runs FlagEmbedding's own hn_mine.py (scripts/ of its repository; the package does not carry it). Without,
it takes the same steps with the package's own parts: load, encode the pool and the queries, a flat index, search, sample.
"""
import argparse
import json
import random
import runpy
import sys


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--script")
    parser.add_argument("--model", required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--pool", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--range", default="10-210")
    parser.add_argument("--neg", type=int, default=15)
    parser.add_argument("--max-length", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=32)
    args = parser.parse_args()
    if args.script:
        run_script(args)
    else:
        take_same_steps(args)


def run_script(args) -> None:
    options = {
        "embedder_name_or_path": args.model,
        "embedder_model_class": "encoder-only-base",
        "pooling_method": "mean",
        "use_fp16": False,
        "devices": "cpu",
        "batch_size": args.batch_size,
        "embedder_query_max_length": args.max_length,
        "embedder_passage_max_length": args.max_length,
        "input_file": args.input,
        "candidate_pool": args.pool,
        "output_file": args.output,
        "range_for_sampling": args.range,
        "negative_number": args.neg,
    }
    sys.argv = [args.script] + [word for name, value in options.items() for word in (f"--{name}", str(value))]
    runpy.run_path(args.script, run_name="__main__")


def take_same_steps(args) -> None:
    import faiss
    from FlagEmbedding import FlagAutoModel

    model = FlagAutoModel.from_finetuned(
        args.model,
        model_class="encoder-only-base",
        pooling_method="mean",
        query_instruction_format="{}{}",
        trust_remote_code=False,
        use_fp16=False,
        devices="cpu",
        batch_size=args.batch_size,
        query_max_length=args.max_length,
        passage_max_length=args.max_length,
    )
    rows = [json.loads(line) for line in open(args.input, encoding="utf-8")]
    pool = list({json.loads(line)["text"] for line in open(args.pool, encoding="utf-8")})
    passages = model.encode(pool)
    queries = model.encode_queries([row["query"] for row in rows])

    low, high = map(int, args.range.split("-"))
    index = faiss.IndexFlatIP(passages.shape[1])
    index.add(passages)
    _, ranked = index.search(queries, high)
    with open(args.output, "w", encoding="utf-8") as out:
        for row, ranks in zip(rows, ranked, strict=True):
            window = [pool[i] for i in ranks[low:high] if pool[i] not in row["pos"] and pool[i] != row["query"]]
            row["neg"] = random.sample(window, min(args.neg, len(window)))
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
