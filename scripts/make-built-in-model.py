"""models/all-MiniLM-L6-v2/onnx/model_quantized.onnx: the model's float32 export in int8, and in as few passes as possible.

    python scripts/make-built-in-model.py model.onnx model_quantized.onnx     (needs: pip install numpy onnx onnxruntime tokenizers)

The ranges of values and their moments are those of the fixtures' texts, and of sequences of random tokens, which texts of other kinds
do not leave far. scripts/bert_graph.py has the graph, scripts/weight_rounding.py the rounding of weights.
"""
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from tokenizers import Tokenizer

from bert_graph import Bert, Float32, Grid, Int8, build
from weight_rounding import round_weights

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / "models" / "all-MiniLM-L6-v2"
HEADS, EPSILON, MOST_TOKENS = 12, 1e-12, 256
CLS, SEP, FIRST_WORD, WORDS = 101, 102, 999, 30522

# Beyond the range that was seen, since other texts go further.
HEADROOM = 1.05
# Between the range of an input's channel alone (1) and the weights that it is multiplied by alone (0): SmoothQuant,
# Xiao et al. (2022), https://arxiv.org/abs/2211.10438, equation 4.
SMOOTHING = 0.7
# Of what GELU makes: far more than others reach, and worth a product in float32. Its least value is -0.17.
OUTLIER, LEAST_GELU = 10.0, -0.17


def read_texts() -> list[str]:
    pool = [json.loads(line) for line in (ROOT / "fixtures" / "pool.jsonl").open()]
    rows = [json.loads(line) for line in (ROOT / "fixtures" / "train.jsonl").open()]
    return [passage["text"] for passage in pool] + [row["query"] for row in rows]


def make_texts() -> list[list[int]]:
    """Sequences that no one writes: random tokens, and one token over and over, special ones among them."""
    random = np.random.default_rng(1)
    lengths = random.integers(1, MOST_TOKENS - 2, 100)
    repeated = [[int(random.integers(FIRST_WORD, WORDS))] * int(length) for length in lengths]
    mixed = [random.integers(FIRST_WORD, WORDS, length).tolist() for length in lengths]
    special = [[token] * 3 for token in range(0, FIRST_WORD, 7)]
    return [[CLS, *tokens, SEP] for tokens in repeated + mixed + special]


def run_all(model: onnx.ModelProto, sequences: list[list[int]]) -> Iterator[dict[str, np.ndarray]]:
    """The inputs of the products [tokens, channels] by their names, of one sequence after the other."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()][1:]
    for sequence in sequences:
        ids = np.array([sequence], np.int64)
        yield dict(zip(names, session.run(names, {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)})))


def find_ranges(model: onnx.ModelProto, sequences: list[list[int]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    ranges: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for inputs in run_all(model, sequences):
        for name, x in inputs.items():
            low, high = ranges.get(name, (np.inf, -np.inf))
            ranges[name] = (np.minimum(low, x.min(0)), np.maximum(high, x.max(0)))
    return ranges


def sum_moments(model: onnx.ModelProto, sequences: list[list[int]], grids: dict[str, Grid]) -> dict[str, np.ndarray]:
    """Of the rounded inputs of each product."""
    moments: dict[str, np.ndarray] = {}
    for inputs in run_all(model, sequences):
        for name, x in inputs.items():
            whole = grids[name].round(x).astype(np.float64)
            moments[name] = moments.get(name, 0) + whole.T @ whole
    return moments


def lay_grids(bert: Bert, ranges: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, Grid]:
    multiplied = {
        "input": ["attention.self.query", "attention.self.key", "attention.self.value"],
        "context": ["attention.output.dense"],
        "middle": ["intermediate.dense"],
    }
    grids = {}
    for name, (low, high) in ranges.items():
        _, layer, kind = name.split(".")
        if kind == "gelu":
            grids[name] = lay_one_step(high)
        else:
            weights = np.concatenate([bert.linear(int(layer), of)[0] for of in multiplied[kind]], axis=1)
            grids[name] = lay_steps(low, high, weights)
    return grids


def lay_steps(low: np.ndarray, high: np.ndarray, weights: np.ndarray) -> Grid:
    reach = np.maximum((high - low) / 2, 1e-6) * HEADROOM
    step = reach**SMOOTHING / np.maximum(np.abs(weights).max(1), 1e-6) ** (1 - SMOOTHING)
    step *= np.max(reach / step) / 127
    return Grid(((low + high) / 2).astype(np.float32), step.astype(np.float32), 128, np.array([], int))


def lay_one_step(high: np.ndarray) -> Grid:
    outliers = np.flatnonzero(high > OUTLIER)
    step = (np.delete(high, outliers).max() * HEADROOM - LEAST_GELU) / 255
    return Grid(np.zeros_like(high), np.full_like(high, step), round(-LEAST_GELU / step), outliers)


def main(source: str, target: str) -> None:
    bert = Bert.read(source, HEADS, EPSILON)
    tokenizer = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.no_padding()
    texts = [tokenizer.encode(text).ids for text in read_texts()]
    plain = build(bert, Float32())
    grids = lay_grids(bert, find_ranges(plain, texts + make_texts()))
    moments = sum_moments(plain, texts, grids)
    model = build(bert, Int8(grids, lambda name, weights: round_weights(weights, moments[name])))
    onnx.checker.check_model(model)
    onnx.save(model, target)


if __name__ == "__main__":
    main(*sys.argv[1:3])
