"""fixtures/references/bm25s-*.jsonl: BM25 scores by bm25s, for tests that hold ours against them.

    pip install bm25s && python scripts/make-bm25-reference.py [--shared ../shared]

A line of settings, then for each query its number, how many passages share a word with it, and its best passages: places in
the pool (texts deduplicated, in first-seen order, from 0) and their scores.
"""
import argparse
import importlib.metadata
import json
import unicodedata
from pathlib import Path

import bm25s
import numpy as np

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "fixtures" / "references"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="the folder with data/")
    shared = parser.parse_args().shared
    write_scores(ROOT / "fixtures", "fixtures", k1=1.2, b=0.75, depth=30)
    write_scores(ROOT / "fixtures", "fixtures-pyserini", k1=0.9, b=0.4, depth=5)
    write_scores(shared / "data" / "scifact-2k", "scifact", k1=1.2, b=0.75, depth=50)


def write_scores(data: Path, name: str, k1: float, b: float, depth: int) -> None:
    texts = list(dict.fromkeys(row["text"] for row in read_jsonl(data / "pool.jsonl")))
    queries = [row["query"] for row in read_jsonl(data / "train.jsonl")]
    index = bm25s.BM25(method="lucene", k1=k1, b=b, dtype="float64")
    index.index([list_words(text) for text in texts], show_progress=False)
    version = importlib.metadata.version("bm25s")
    lines = [{"bm25s": version, "method": "lucene", "k1": k1, "b": b, "passages": len(texts), "queries": len(queries)}]
    for number, query in enumerate(queries):
        scores = index.get_scores([word for word in list_words(query) if word in index.vocab_dict])
        best = np.argsort(-scores, kind="stable")[:depth]
        best = best[scores[best] > 0]
        found = [[int(place), float(f"{scores[place]:.9g}")] for place in best]
        lines.append({"row": number, "scored": int((scores > 0).sum()), "best": found})
    with open(TARGET / f"bm25s-{name}.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    print(f"{name}: {len(queries)} queries, {len(texts)} passages")


def list_words(text: str) -> list[str]:
    """Runs of letters, numbers, marks and underscores. Texts of scripts without spaces would need more: there are none."""
    folded = unicodedata.normalize("NFKC", text).lower()
    kept = (c if c == "_" or unicodedata.category(c)[0] in "LNM" else " " for c in folded)
    return "".join(kept).split()


def read_jsonl(path: Path) -> list[dict]:
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


if __name__ == "__main__":
    main()
