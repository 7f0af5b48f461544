"""fixtures/models/tiny-dense: a model whose pooling joins three modes, leaves its prompt out, and is followed by a Dense layer.

    python scripts/make-dense-fixture.py ../shared/models/tiny-bert-cls

Its transformer is that of tiny-bert-cls: the folder holds only what differs (and the library's own vectors), so graph, config.json
and tokenizer.json are to be taken from there.
"""
import json
import shutil
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.models import Dense, Normalize, Pooling, Transformer

TARGET = Path(__file__).resolve().parent.parent / "fixtures" / "models" / "tiny-dense"
KEPT = ["modules.json", "tokenizer_config.json", "config_sentence_transformers.json", "sentence_bert_config.json", "1_Pooling", "2_Dense"]
MODES = ("cls", "mean", "weightedmean")
OUTPUT = 24
PROMPTS = {"query": "find the answer: ", "document": ""}
TEXTS = [
    "a",
    "",
    "file archiver with a high compression ratio",
    "The quick brown fox jumps over the lazy dog. " * 12,
    "Überprüfung of naïve texts — 東京",
    "[SEP] in the middle [SEP]",
]


def main(transformer_folder: str) -> None:
    model = build(transformer_folder)
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder, create_model_card=False)
        for name in KEPT:
            source = Path(folder) / name
            (shutil.copytree if source.is_dir() else shutil.copyfile)(source, TARGET / name)
    cases = [describe(model, text, name) for name in ["query", "document"] for text in TEXTS]
    with open(TARGET / "golden.json", "w", encoding="utf-8") as out:
        out.write(f'{{"library": "sentence-transformers {version("sentence-transformers")}", "max_seq_length": {model.max_seq_length}, "cases": [\n')
        out.write(",\n".join(json.dumps(case, ensure_ascii=False) for case in cases))
        out.write("\n]}\n")


def build(transformer_folder: str) -> SentenceTransformer:
    transformer = Transformer(transformer_folder, max_seq_length=64)
    width = transformer.get_embedding_dimension()
    pooling = Pooling(width, pooling_mode=MODES, include_prompt=False)
    generator = torch.Generator().manual_seed(7)
    dense = Dense(
        len(MODES) * width,
        OUTPUT,
        activation_function=torch.nn.Tanh(),
        init_weight=torch.randn(OUTPUT, len(MODES) * width, generator=generator) / 8,
        init_bias=torch.randn(OUTPUT, generator=generator) / 4,
    )
    return SentenceTransformer(modules=[transformer, pooling, dense, Normalize()], prompts=PROMPTS, device="cpu")


def describe(model: SentenceTransformer, text: str, name: str) -> dict:
    vector = model.encode([text], prompt_name=name)[0]
    ids = model.tokenizer(PROMPTS[name] + text, truncation=True, max_length=model.max_seq_length)["input_ids"]
    return {"text": text, "prompt": PROMPTS[name], "input_ids": ids, "embedding": [round(float(value), 8) for value in vector]}


if __name__ == "__main__":
    main(sys.argv[1])
