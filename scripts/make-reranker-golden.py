"""fixtures/models/tiny-cross-encoder/golden.json: the scores of sentence-transformers' CrossEncoder for pairs of the fixtures' texts.

    python scripts/make-reranker-golden.py ../shared/models/tiny-cross-encoder

The folder given holds the same model with its torch weights (`model.safetensors`), which the fixture leaves out.
"""
import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from sentence_transformers import CrossEncoder

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
TARGET = FIXTURES / "models" / "tiny-cross-encoder" / "golden.json"
ODD_PAIRS = [
    ("", ""),
    ("a", "b"),
    ("a", ""),
    ("", "a file archiver with a high compression ratio"),
    ("  spaces  ", " \n\t "),
    ("query [SEP] with </s> tokens", "passage [CLS] <s> <pad> [PAD] <mask>"),
    ("机器学习", "今天天气很好，我们去公园散步吧。"),
    ("CAFÉ Straße", "ﬁne ①②③ ＡＢＣ"),
    ("nul\x00 char", "tab\tand\nnewline\x07"),
]


def main(folder: str) -> None:
    model = CrossEncoder(folder, device="cpu")
    queries = [row["query"] for row in read_jsonl(FIXTURES / "train.jsonl")]
    passages = [row["text"] for row in read_jsonl(FIXTURES / "pool.jsonl")]
    mixed = [(queries[17 * i], passages[23 * i + 5]) for i in range(10)]
    # Of a pair that is too long the longer text is cut first. Two that are long alike are left out: releases of tokenizers
    # differ in which of them keeps the odd token.
    long = [(passages[7], queries[7]), (passages[40], "short"), ("short", passages[40])]
    pairs = mixed + long + ODD_PAIRS
    scores = model.predict(pairs)
    logits = model.predict(pairs, activation_fn=torch.nn.Identity())
    sigmoids = model.predict(pairs, activation_fn=torch.nn.Sigmoid())
    limit = model.max_seq_length
    with open(TARGET, "w", encoding="utf-8") as out:
        activation = type(model.activation_fn).__name__
        out.write(f'{{"library": "sentence-transformers {version("sentence-transformers")}", "max_seq_length": {limit}, "activation": "{activation}", "pairs": [\n')
        lines = []
        for i, (query, passage) in enumerate(pairs):
            # As lists: a single empty passage would count as none.
            tokens = model.tokenizer([query], [passage], truncation="longest_first", max_length=limit)
            numbers = {"logit": float(logits[i]), "score": float(scores[i]), "sigmoid": float(sigmoids[i])}
            read = {"input_ids": tokens["input_ids"][0], "token_type_ids": tokens["token_type_ids"][0]}
            lines.append(json.dumps({"query": query, "passage": passage, **read, **numbers}, ensure_ascii=False))
        out.write(",\n".join(lines) + "\n]}\n")


def read_jsonl(file: Path) -> list[dict]:
    return [json.loads(line) for line in open(file, encoding="utf-8")]


if __name__ == "__main__":
    main(sys.argv[1])
