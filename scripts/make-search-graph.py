"""models/search.onnx: the k highest inner products of each query with a tile of passages.

    python scripts/make-search-graph.py models/search.onnx        (needs: pip install onnx)

queries [q, d], passages [p, d], k [1] -> scores [q, k], indices [q, k]; the lower index first where scores are equal.
"""
import sys

import onnx
from onnx import TensorProto, helper

graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["queries", "passages"], ["all_scores"], transB=1),
        helper.make_node("TopK", ["all_scores", "k"], ["scores", "indices"], axis=1, largest=1, sorted=1),
    ],
    "search",
    [
        helper.make_tensor_value_info("queries", TensorProto.FLOAT, ["queries", "dim"]),
        helper.make_tensor_value_info("passages", TensorProto.FLOAT, ["passages", "dim"]),
        helper.make_tensor_value_info("k", TensorProto.INT64, [1]),
    ],
    [
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["queries", "k"]),
        helper.make_tensor_value_info("indices", TensorProto.INT64, ["queries", "k"]),
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, sys.argv[1])
