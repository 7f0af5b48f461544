"""fixtures/graphs: small ONNX graphs of kinds that the models in fixtures/models do not have.

    python scripts/make-graphs.py        (needs: pip install onnx onnxruntime numpy)

decoder.onnx        a decoder's inputs: position_ids and an empty cache; its token vectors are running sums
lookup.onnx         one vector a token, by table; some rows are zeros, NaN or infinite
pooled.onnx         the mean of these vectors as its only output
tiny-bert-q8.onnx   ../models/tiny-bert-cls as ONNX Runtime's quantize_dynamic makes it: one scale for a whole tensor
"""
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

ROOT = Path(__file__).resolve().parent.parent / "fixtures"
TARGET = ROOT / "graphs"
WORDS, WIDTH, HEADS, POSITIONS = 10, 4, 2, 16


def main() -> None:
    TARGET.mkdir(exist_ok=True)
    # Eighths: sums of them are exact in float32, so tests compare them exactly.
    table = (np.arange(WORDS)[:, None] * 8 + np.arange(WIDTH) - 3).astype(np.float32) / 8
    save("decoder", decoder(table))
    table[5], table[6], table[7] = 0, np.nan, np.inf
    save("lookup", lookup(table))
    save("pooled", pooled(table))
    quantize_dynamic(ROOT / "models" / "tiny-bert-cls" / "onnx" / "model.onnx", TARGET / "tiny-bert-q8.onnx", weight_type=QuantType.QInt8)


def decoder(table: np.ndarray) -> onnx.GraphProto:
    positions = (np.arange(POSITIONS)[:, None] + np.zeros(WIDTH)).astype(np.float32)
    size = WIDTH // HEADS
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last_axis"], ["mask_column"]),
        helper.make_node("Mul", ["words", "mask_column"], ["masked"]),
        helper.make_node("Reshape", ["masked", "by_head"], ["heads"]),
        helper.make_node("Transpose", ["heads"], ["keys"], perm=[0, 2, 1, 3]),
        helper.make_node("Concat", ["past_key_values.0.key", "keys"], ["present.0.key"], axis=2),
        helper.make_node("Concat", ["past_key_values.0.value", "keys"], ["present.0.value"], axis=2),
        helper.make_node("CumSum", ["present.0.key", "time_axis"], ["sums"]),
        helper.make_node("Transpose", ["sums"], ["sums_by_token"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["sums_by_token", "by_token"], ["running"]),
        helper.make_node("Gather", ["positions", "position_ids"], ["places"]),
        helper.make_node("Add", ["running", "places"], ["last_hidden_state"]),
    ]
    constants = {
        "table": table,
        "positions": positions,
        "last_axis": np.array([2]),
        "time_axis": np.array(2),
        "by_head": np.array([0, -1, HEADS, size]),
        "by_token": np.array([0, -1, WIDTH]),
    }
    cache = ["batch", HEADS, "past", size]
    present = ["batch", HEADS, "total", size]
    inputs = [tokens("input_ids"), tokens("attention_mask"), tokens("position_ids")]
    inputs += [vectors(f"past_key_values.0.{part}", cache) for part in ("key", "value")]
    outputs = [vectors("last_hidden_state", ["batch", "length", WIDTH])]
    outputs += [vectors(f"present.0.{part}", present) for part in ("key", "value")]
    return make_graph("decoder", nodes, inputs, outputs, constants)


def lookup(table: np.ndarray) -> onnx.GraphProto:
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"]),
    ]
    outputs = [vectors("last_hidden_state", ["batch", "length", WIDTH])]
    return make_graph("lookup", nodes, [tokens("input_ids")], outputs, {"table": table})


def pooled(table: np.ndarray) -> onnx.GraphProto:
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last_axis"], ["mask_column"]),
        helper.make_node("Mul", ["words", "mask_column"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "length_axis"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["mask", "length_axis"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["sentence_embedding"]),
    ]
    constants = {"table": table, "last_axis": np.array([2]), "length_axis": np.array([1])}
    outputs = [vectors("sentence_embedding", ["batch", WIDTH])]
    return make_graph("pooled", nodes, [tokens("input_ids"), tokens("attention_mask")], outputs, constants)


def tokens(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"])


def vectors(name: str, shape: list) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def make_graph(name: str, nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray]) -> onnx.GraphProto:
    return helper.make_graph(nodes, name, inputs, outputs, [numpy_helper.from_array(value, key) for key, value in constants.items()])


def save(name: str, graph: onnx.GraphProto) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, TARGET / f"{name}.onnx")


if __name__ == "__main__":
    main()
