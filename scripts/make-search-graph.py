"""models/search.onnx: the k highest inner products of each query with a tile of passages; models/search-below.onnx: of those
that are not above a limit of each query's, the others coming out as minus infinity.

    python scripts/make-search-graph.py models        (needs: pip install onnx)

queries [q, d], passages [p, d], k [1], (limits [q, 1]) -> scores [q, k], indices [q, k]; the lower index first where scores
are equal.
"""
import sys

import onnx
from onnx import TensorProto, helper



def make_graph(name: str, is_limited: bool) -> onnx.ModelProto:
    inputs = {"queries": ["queries", "dim"], "passages": ["passages", "dim"]}
    limit = [
        helper.make_node("Greater", ["all_scores", "limits"], ["is_above"]),
        helper.make_node("Constant", [], ["lowest"], value=helper.make_tensor("lowest", TensorProto.FLOAT, [], [float("-inf")])),
        helper.make_node("Where", ["is_above", "lowest", "all_scores"], ["ranked_scores"]),
    ]
    nodes = [
        helper.make_node("Gemm", ["queries", "passages"], ["all_scores"], transB=1),
        *(limit if is_limited else []),
        helper.make_node("TopK", ["ranked_scores" if is_limited else "all_scores", "k"], ["scores", "indices"], axis=1, largest=1, sorted=1),
    ]
    if is_limited:
        inputs["limits"] = ["queries", 1]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in inputs.items()]
        + [helper.make_tensor_value_info("k", TensorProto.INT64, [1])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["queries", "k"]),
            helper.make_tensor_value_info("indices", TensorProto.INT64, ["queries", "k"]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


onnx.save(make_graph("search", False), f"{sys.argv[1]}/search.onnx")
onnx.save(make_graph("search_below", True), f"{sys.argv[1]}/search-below.onnx")
