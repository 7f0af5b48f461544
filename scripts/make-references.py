"""fixtures/references: what FlagEmbedding and sentence-transformers answer, for tests that hold ours against them.

    PYTHONHASHSEED=0 HF_HUB_OFFLINE=1 python scripts/make-references.py --hn-mine hn_mine.py [--shared ../shared]

`hn_mine.py` is FlagEmbedding's own script (scripts/ of its repository; the package does not carry it): it runs as it is,
except that its random.sample hands back the window that it was to draw from, so the `neg` it writes is the whole window.
"""
import argparse
import importlib.metadata
import importlib.util
import json
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "fixtures" / "references"
LO, HI = 10, 210
# Scores nearer than this may change places with the library, the processor or the batch.
TIE = 1e-6
GOLDEN_TEXTS = 12

sys.path.append(str(ROOT / "bench" / "peers"))
from torch_from_onnx import convert  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hn-mine", type=Path, required=True, help="FlagEmbedding's scripts/hn_mine.py")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="the folder with models/ and data/")
    args = parser.parse_args()
    hn_mine = load_script(args.hn_mine)
    TARGET.mkdir(exist_ok=True)

    fixtures, scifact = ROOT / "fixtures", args.shared / "data" / "scifact-2k"
    tiny = {"pooling": "cls", "max_length": 64, "source": "fixtures", "model": "tiny-bert-cls"}
    write_windows(hn_mine, args.shared / "models" / "tiny-bert-cls", fixtures, tiny, "flagembedding-tiny-bert-cls")

    with tempfile.TemporaryDirectory() as folder:
        minilm = convert(args.shared / "models" / "all-MiniLM-L6-v2", Path(folder) / "all-MiniLM-L6-v2")
        write_golden(minilm)
        real = {"pooling": "mean", "max_length": 256, "source": "scifact-2k", "model": "all-MiniLM-L6-v2"}
        write_windows(hn_mine, minilm, scifact, real, "flagembedding-minilm-scifact")


def load_script(file: Path):
    spec = importlib.util.spec_from_file_location("hn_mine", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["hn_mine"] = module
    spec.loader.exec_module(module)
    return module


def write_windows(hn_mine, model_dir: Path, data: Path, settings: dict, name: str) -> None:
    texts = list(dict.fromkeys(row["text"] for row in read_jsonl(data / "pool.jsonl")))
    place = {text: i for i, text in enumerate(texts)}
    model = hn_mine.load_model(
        hn_mine.ModelArgs(
            embedder_name_or_path=str(model_dir),
            embedder_model_class="encoder-only-base",
            pooling_method=settings["pooling"],
            use_fp16=False,
            devices="cpu",
            batch_size=32,
            embedder_query_max_length=settings["max_length"],
            embedder_passage_max_length=settings["max_length"],
        )
    )
    rows, ranked = run_script(hn_mine, model, data)
    # Its pool is a set(): the order in which it was encoded is read off the model.
    to_pool = np.array([place[text] for text in ranked["pool"]])
    with open(TARGET / f"{name}.jsonl", "w", encoding="utf-8") as out:
        out.write(json.dumps({"settings": settings | {"range": [LO, HI], "instruction": None, "normalize": True,
                                                      "dtype": "float32", "versions": versions()}}) + "\n")
        for i, row in enumerate(rows):
            window = sorted(place[text] for text in row["neg"])
            line = {"row": i, "window": window}
            tied = tied_at_edges(ranked["scores"][i], to_pool[ranked["passages"][i]])
            out.write(json.dumps(line | ({"tied": tied} if tied else {})) + "\n")


def run_script(hn_mine, model, data: Path):
    """The script's own find_knn_neg. -1 negatives make it draw for every row, and pad none."""
    ranked = {}
    search, encode = hn_mine.batch_search, model.encode

    def search_and_keep(index, query, topk, **options):
        ranked["scores"], ranked["passages"] = map(np.array, search(index, query, topk=index.ntotal, **options))
        return search(index, query, topk=topk, **options)

    def encode_and_keep(texts, *args, **options):
        ranked.setdefault("pool", list(texts))
        return encode(texts, *args, **options)

    hn_mine.batch_search, model.encode = search_and_keep, encode_and_keep
    draw, random.sample = random.sample, lambda window, _: window
    try:
        with tempfile.NamedTemporaryFile("r", suffix=".jsonl", encoding="utf-8") as mined:
            hn_mine.find_knn_neg(
                model, str(data / "train.jsonl"), mined.name, str(data / "pool.jsonl"), sample_range=[LO, HI], negative_number=-1
            )
            return [json.loads(line) for line in mined], ranked
    finally:
        hn_mine.batch_search, random.sample = search, draw


def tied_at_edges(scores: np.ndarray, passages: np.ndarray) -> list[int]:
    """The passages that a rounding error could move across an edge of the window, on both of its sides."""
    tied = set()
    for edge in (LO, HI):
        if scores[edge - 1] - scores[edge] <= TIE:
            near = (np.abs(scores - scores[edge]) <= TIE) | (np.abs(scores - scores[edge - 1]) <= TIE)
            tied.update(passages[near].tolist())
    return sorted(tied)


def write_golden(model_dir: Path) -> None:
    """Made from texts of the fixtures: one query and one passage in so many, the longest passage, and the empty text."""
    model = SentenceTransformer(str(model_dir), device="cpu")
    queries = [row["query"] for row in read_jsonl(ROOT / "fixtures" / "train.jsonl")]
    passages = [row["text"] for row in read_jsonl(ROOT / "fixtures" / "pool.jsonl")]
    longest = max(passages, key=lambda text: len(model.tokenizer(text, verbose=False)["input_ids"]))
    chosen = [*every(queries, GOLDEN_TEXTS), longest, *every([p for p in passages if p != longest], GOLDEN_TEXTS - 1), ""]
    vectors = model.encode(chosen, batch_size=1)
    cases = [
        {
            "text": text,
            "input_ids": model.tokenizer(text, truncation=True, max_length=model.max_seq_length)["input_ids"],
            "embedding": [round(float(value), 8) for value in vector],
        }
        for text, vector in zip(chosen, vectors, strict=True)
    ]
    with open(TARGET / "all-MiniLM-L6-v2-golden.json", "w", encoding="utf-8") as out:
        out.write(f'{{"model": "all-MiniLM-L6-v2, fp32", "max_seq_length": {model.max_seq_length}, "normalized": true,\n')
        out.write(f' "versions": {json.dumps(versions())},\n "cases": [\n')
        out.write(",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases))
        out.write("\n]}\n")


def every(texts: list[str], count: int) -> list[str]:
    return texts[:: len(texts) // count][:count]


def read_jsonl(file: Path) -> list[dict]:
    return [json.loads(line) for line in open(file, encoding="utf-8")]


def versions() -> dict[str, str]:
    packages = ["FlagEmbedding", "sentence-transformers", "transformers", "tokenizers", "torch", "faiss-cpu"]
    return {name: importlib.metadata.version(name) for name in packages}


if __name__ == "__main__":
    main()
