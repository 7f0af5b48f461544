"""A cross-encoder of the size of ms-marco-MiniLM-L6 with random weights, as torch's and as an fp32 ONNX graph of the same.

    python make_cross_encoder.py TOKENIZER_DIR TARGET_DIR

What a score says does not matter to how fast it is there, so no model needs to be fetched.
"""
import argparse
import json
import shutil
from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, BertConfig

SEED = 42
MAX_LENGTH = 512
# Wider than BERT's 0.02, with which all pairs score nearly alike and nothing could be told from their agreement.
INITIALIZER_RANGE = 0.05
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]


def make(tokenizer: Path, target: Path) -> None:
    """Writes a folder that sentence-transformers' CrossEncoder and ours load; one that is already there is left as it is."""
    graph_file = target / "onnx" / "model.onnx"
    if graph_file.exists():
        return
    graph_file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(tokenizer / "tokenizer.json", target / "tokenizer.json")
    settings = json.loads((tokenizer / "tokenizer_config.json").read_text())
    (target / "tokenizer_config.json").write_text(json.dumps({**settings, "model_max_length": MAX_LENGTH}))

    torch.manual_seed(SEED)
    config = BertConfig(
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        num_labels=1,
        initializer_range=INITIALIZER_RANGE,
        sentence_transformers={"activation_fn": "torch.nn.modules.linear.Identity"},
    )
    model = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").eval()
    model.save_pretrained(target)
    export(model, graph_file)


def export(model: torch.nn.Module, graph_file: Path) -> None:
    ids = torch.tensor([[101, 7592, 102, 2088, 102], [101, 2088, 102, 102, 0]])
    example = (ids, (ids != 0).long(), torch.zeros_like(ids))
    axes = {name: {0: "batch", 1: "sequence"} for name in INPUTS} | {"logits": {0: "batch"}}
    settings = {"input_names": INPUTS, "output_names": ["logits"], "dynamic_axes": axes, "opset_version": 17}
    partial = graph_file.with_suffix(".partial")
    torch.onnx.export(model, example, partial, dynamo=False, **settings)
    partial.rename(graph_file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    make(args.tokenizer, args.target)
