"""A BERT-like encoder as a graph with as few passes over its values as ONNX Runtime's operators allow, in float32 or in int8.

What it computes is BERT's: Devlin et al. (2019), https://arxiv.org/abs/1810.04805. What is arranged otherwise:

- A key's bias adds the same to all scores of a query, which softmax takes out again: there is none.
- Each head's queries have one value more, always 1, and its keys one more, which masks: the product of the two masks the scores.
- In int8, an input is rounded in steps of fixed size, so that a text's vector depends on no other text, padding included. A
  channel has its own center and step: the layer normalization before makes them at no cost, or the values' weights in attention.
  Only what comes out of GELU has one step for all channels, but for the few that are far larger than the rest: these stay in
  float32, times rows of the weights of their own.
"""
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
MASKED = -10000.0
TABLE_MAX = 127


@dataclass
class Bert:
    """The weights of a model by their names, and the shape that they do not tell."""

    tensors: dict[str, np.ndarray]
    heads: int
    epsilon: float

    @staticmethod
    def read(path: str, heads: int, epsilon: float) -> "Bert":
        """An export of PyTorch's, in which the weights that are multiplied have lost their names, but not what they make."""
        graph = onnx.load(path).graph
        tensors = {i.name.removeprefix("m."): numpy_helper.to_array(i) for i in graph.initializer}
        for node in graph.node:
            made = re.search(r"/encoder/(.*)/MatMul_output_0", node.output[0])
            if made and node.input[1] in tensors:
                tensors["encoder." + made[1].replace("/", ".") + ".weight"] = tensors[node.input[1]]
        return Bert(tensors, heads, epsilon)

    @property
    def width(self) -> int:
        return self.tensors["embeddings.LayerNorm.weight"].shape[0]

    @property
    def layers(self) -> int:
        return 1 + max(int(m[1]) for m in (re.match(r"encoder\.layer\.(\d+)\.", n) for n in self.tensors) if m)

    def linear(self, layer: int, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Weights [in, out] and biases [out]."""
        name = f"encoder.layer.{layer}.{name}"
        return self.tensors[name + ".weight"], self.tensors[name + ".bias"]


@dataclass
class Grid:
    """How the channels of an input are rounded: x = center + step * (byte - zero)."""

    center: np.ndarray
    step: np.ndarray
    zero: int
    # Channels that are too large for it, and stay in float32.
    outliers: np.ndarray

    def round(self, values: np.ndarray) -> np.ndarray:
        """byte - zero [rows, channels]; 0 for outliers."""
        whole = np.clip(np.round((values - self.center) / self.step), -self.zero, 255 - self.zero)
        whole[:, self.outliers] = 0
        return whole


class Float32:
    """All in float32; the inputs of the products are outputs of the graph too."""

    def __init__(self):
        self.inputs: list[str] = []

    def table(self, graph: "Graph", rows: np.ndarray) -> str:
        return graph.op("Gather", [graph.constant("words", rows), "input_ids"], "word_vectors")

    def grid(self, name: str) -> None:
        return None

    def multiply(self, graph: "Graph", x: "Input", weights: np.ndarray, bias: np.ndarray, name: str) -> str:
        if x.name not in self.inputs:
            self.inputs.append(graph.op("Identity", [x.value], x.name))
        product = graph.op("MatMul", [x.value, graph.constant(name + ".weight", weights)], name + ".product")
        return graph.op("Add", [product, graph.constant(name + ".bias", bias)], name)


class Int8:
    """Products of bytes. `round_weights(name of the input, weights for its steps)` gives int8 weights [in, out] and scales [out]."""

    def __init__(self, grids: dict[str, Grid], round_weights: Callable[[str, np.ndarray], tuple[np.ndarray, np.ndarray]]):
        self.grids, self.round_weights = grids, round_weights

    def table(self, graph: "Graph", rows: np.ndarray) -> str:
        scale = np.maximum(np.abs(rows).max(1, keepdims=True) / TABLE_MAX, 1e-9).astype(np.float32)
        int8 = np.clip(np.round(rows / scale), -TABLE_MAX, TABLE_MAX).astype(np.int8)
        graph.op("Gather", [graph.constant("words", int8), "input_ids"], "word_bytes")
        graph.op("Cast", ["word_bytes"], "word_floats", to=TensorProto.FLOAT)
        graph.op("Gather", [graph.constant("word_scales", scale), "input_ids"], "word_scale")
        return graph.op("Mul", ["word_floats", "word_scale"], "word_vectors")

    def grid(self, name: str) -> Grid:
        return self.grids[name]

    def multiply(self, graph: "Graph", x: "Input", weights: np.ndarray, bias: np.ndarray, name: str) -> str:
        grid = self.grids[x.name]
        step = 1 if x.is_scaled else grid.step[0]
        zero = graph.scalar(grid.zero, np.uint8)
        rounded = f"{x.name}.bytes"
        if not graph.has(rounded):
            graph.op("QuantizeLinear", [x.scaled, graph.scalar(step), zero], rounded)
        kept = weights * grid.step[:, None]
        kept[grid.outliers] = 0
        int8, scale = self.round_weights(x.name, kept)
        constants = {"weight": int8, "scale": scale, "bias": bias + grid.center @ weights}
        weight, scale, bias = (graph.constant(f"{name}.{kind}", array) for kind, array in constants.items())
        product = graph.op("MatMulIntegerToFloat", [rounded, weight, graph.scalar(1), scale, zero, "", bias], name, domain=MICROSOFT)
        if len(grid.outliers) == 0:
            return product
        columns = graph.op("Gather", [x.value, graph.integers(*grid.outliers)], f"{name}.outliers", axis=1)
        outlier_weight = graph.constant(f"{name}.outlier_weight", weights[grid.outliers])
        return graph.op("Gemm", [columns, outlier_weight, product], f"{name}.all")


@dataclass
class Input:
    """What a product is of: its values, and where there is a grid for each channel, the same in its steps from its center."""

    name: str
    value: str
    scaled: str
    is_scaled: bool


class Graph:
    def __init__(self):
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def has(self, name: str) -> bool:
        return any(name in node.output for node in self.nodes)

    def constant(self, name: str, array: np.ndarray) -> str:
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        self.initializers.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def scalar(self, value: float, kind=np.float32) -> str:
        return self.constant(f"{np.dtype(kind).name}_{value}", np.array(value, kind))

    def integers(self, *values: int) -> str:
        return self.constant("_".join(["int64", *map(str, values)]), np.array(values, np.int64))

    def op(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output


def build(bert: Bert, form: Float32 | Int8) -> onnx.ModelProto:
    """input_ids, attention_mask, token_type_ids [texts, tokens] -> last_hidden_state [texts, tokens, width]."""
    graph = Graph()
    width, heads = bert.width, bert.heads
    sums = add_embeddings(graph, bert, form)
    graph.op("Concat", ["shape", graph.integers(heads, -1)], "shape_of_heads", axis=0)
    norm = "embeddings.LayerNorm"
    hidden = normalize(graph, bert, sums, norm, "hidden")
    for layer in range(bert.layers):
        at = f"layer.{layer}"
        x = take_scaled(graph, bert, form, f"{at}.input", hidden, sums, norm)
        context = attend(graph, bert, form, x, layer)
        attended = form.multiply(graph, context, *bert.linear(layer, "attention.output.dense"), f"{at}.attended")
        sums = graph.op("Add", [attended, hidden], f"{at}.attended_sum")
        norm = f"encoder.layer.{layer}.attention.output.LayerNorm"
        hidden = normalize(graph, bert, sums, norm, f"{at}.attended_hidden")
        x = take_scaled(graph, bert, form, f"{at}.middle", hidden, sums, norm)
        wide = form.multiply(graph, x, *bert.linear(layer, "intermediate.dense"), f"{at}.wide")
        gelu = graph.op("Gelu", [wide], f"{at}.gelu_values", domain=MICROSOFT)
        x = Input(f"{at}.gelu", gelu, gelu, is_scaled=False)
        narrow = form.multiply(graph, x, *bert.linear(layer, "output.dense"), f"{at}.narrow")
        sums = graph.op("Add", [narrow, hidden], f"{at}.sum")
        norm = f"encoder.layer.{layer}.output.LayerNorm"
        hidden = normalize(graph, bert, sums, norm, f"{at}.hidden")
    graph.op("Concat", ["shape", graph.integers(width)], "shape_of_vectors", axis=0)
    graph.op("Reshape", [hidden, "shape_of_vectors"], "last_hidden_state")
    return finish(graph, form, width)


def add_embeddings(graph: Graph, bert: Bert, form: Float32 | Int8) -> str:
    """The sums [texts * tokens, width] that the first layer normalization takes; the shape of the input, and the mask's addend of the keys."""
    embeddings = {kind: bert.tensors[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "position", "token_type")}
    graph.op("Shape", ["input_ids"], "shape")
    graph.op("Shape", ["input_ids"], "tokens", start=1)
    words = form.table(graph, embeddings["word"])
    graph.op("Gather", [graph.constant("types", embeddings["token_type"]), "token_type_ids"], "type_vectors")
    graph.op("Slice", [graph.constant("positions", embeddings["position"]), graph.integers(0), "tokens", graph.integers(0)], "position_vectors")
    graph.op("Add", ["type_vectors", "position_vectors"], "place_vectors")
    graph.op("Add", [words, "place_vectors"], "embedding_sums")
    graph.op("Cast", ["attention_mask"], "mask", to=TensorProto.FLOAT)
    graph.op("Sub", ["mask", graph.scalar(1)], "mask_less_1")
    graph.op("Unsqueeze", ["mask_less_1", graph.integers(2, 3)], "mask_column")
    last = np.zeros(bert.width // bert.heads + 1, np.float32)
    last[-1] = -MASKED
    graph.op("Mul", ["mask_column", graph.constant("mask_addend", last)], "key_mask")
    return graph.op("Reshape", ["embedding_sums", graph.integers(-1, bert.width)], "embedding_rows")


def normalize(graph: Graph, bert: Bert, sums: str, norm: str, output: str, grid: Grid | None = None) -> str:
    """Layer normalization, in the steps of a grid from its centers where there is one."""
    gain, bias = bert.tensors[norm + ".weight"], bert.tensors[norm + ".bias"]
    if grid is not None:
        gain, bias = gain / grid.step, (bias - grid.center) / grid.step
    inputs = [sums, graph.constant(output + ".gain", gain), graph.constant(output + ".bias", bias)]
    return graph.op("LayerNormalization", inputs, output, axis=-1, epsilon=bert.epsilon)


def take_scaled(graph: Graph, bert: Bert, form: Float32 | Int8, name: str, hidden: str, sums: str, norm: str) -> Input:
    grid = form.grid(name)
    if grid is None:
        return Input(name, hidden, hidden, is_scaled=False)
    return Input(name, hidden, normalize(graph, bert, sums, norm, name + ".scaled", grid), is_scaled=True)


def attend(graph: Graph, bert: Bert, form: Float32 | Int8, x: Input, layer: int) -> Input:
    """Multi-head attention, without the product that follows."""
    at = f"layer.{layer}"
    size = bert.width // bert.heads
    name = f"{at}.context"
    grid = form.grid(name)
    center, step = (grid.center, grid.step) if grid else (0, 1)
    queries, query_bias = (part / np.sqrt(size) for part in bert.linear(layer, "attention.self.query"))
    keys, _ = bert.linear(layer, "attention.self.key")
    values, value_bias = bert.linear(layer, "attention.self.value")
    parts = {
        "query": (*widen(queries, query_bias, bert.heads, 1), [0, 2, 1, 3]),
        "key": (*widen(keys, np.zeros(bert.width), bert.heads, 0), [0, 2, 3, 1]),
        # Shares of attention sum to 1, so what is taken off all values is taken off the context.
        "value": (values / step, (value_bias - center) / step, [0, 2, 1, 3]),
    }
    for kind, (weights, bias, order) in parts.items():
        rows = form.multiply(graph, x, weights, bias, f"{at}.{kind}")
        split = graph.op("Reshape", [rows, "shape_of_heads"], f"{at}.{kind}_split")
        if kind == "key":
            split = graph.op("Add", [split, "key_mask"], f"{at}.key_masked")
        graph.op("Transpose", [split], f"{at}.{kind}_heads", perm=order)
    graph.op("MatMul", [f"{at}.query_heads", f"{at}.key_heads"], f"{at}.scores")
    graph.op("Softmax", [f"{at}.scores"], f"{at}.shares", axis=-1)
    graph.op("MatMul", [f"{at}.shares", f"{at}.value_heads"], f"{at}.context_heads")
    graph.op("Transpose", [f"{at}.context_heads"], f"{at}.context_split", perm=[0, 2, 1, 3])
    rows = graph.op("Reshape", [f"{at}.context_split", graph.integers(-1, bert.width)], f"{at}.context_rows")
    return Input(name, rows, rows, is_scaled=grid is not None)


def widen(weights: np.ndarray, bias: np.ndarray, heads: int, last: float) -> tuple[np.ndarray, np.ndarray]:
    """Gives each head a value more, the same for all tokens."""
    rows = weights.shape[0]
    wide = np.zeros((rows, heads, weights.shape[1] // heads + 1), weights.dtype)
    wide[:, :, :-1] = weights.reshape(rows, heads, -1)
    wide_bias = np.full(wide.shape[1:], last, np.float32)
    wide_bias[:, :-1] = bias.reshape(heads, -1)
    return wide.reshape(rows, -1), wide_bias.reshape(-1)


def finish(graph: Graph, form: Float32 | Int8, width: int) -> onnx.ModelProto:
    axes = ["batch_size", "sequence_length"]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, axes) for n in ("input_ids", "attention_mask", "token_type_ids")]
    outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*axes, width])]
    if isinstance(form, Float32):
        outputs += [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", None]) for name in form.inputs]
    made = helper.make_graph(graph.nodes, "encoder", inputs, outputs, list(graph.initializers.values()))
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8)
