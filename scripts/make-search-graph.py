"""The graphs of the exact search.

    python scripts/make-search-graph.py models        (needs: pip install onnx)

On a CPU: models/scores.onnx, passages [p, d], queries [q, d] -> scores [p, q]; models/byte-products.onnx, the same of passages in
unsigned bytes around `zero`, and of queries in signed bytes [d, q]; both have an output `end` too.

On a GPU: models/search.onnx, the k highest inner products of each query with a tile of passages; models/search-below.onnx, of
those that are not above a limit of each query's, the others coming out as minus infinity. queries [q, d], passages [p, d],
k [1], (limits [q, 1]) -> scores [q, k], indices [q, k]; the lower index first where scores are equal.
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
    return make_model(graph)


def make_product() -> onnx.ModelProto:
    shapes = {"passages": ["passages", "dim"], "queries": ["queries", "dim"], "scores": ["passages", "queries"]}
    passages, queries, scores = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items())
    node = helper.make_node("Gemm", ["passages", "queries"], ["scores"], transB=1)
    return make_run_into("scores", node, [passages, queries], scores)


def make_byte_product() -> onnx.ModelProto:
    inputs = [
        helper.make_tensor_value_info("passages", TensorProto.UINT8, ["passages", "dim"]),
        helper.make_tensor_value_info("queries", TensorProto.INT8, ["dim", "queries"]),
        helper.make_tensor_value_info("zero", TensorProto.UINT8, []),
    ]
    sums = helper.make_tensor_value_info("sums", TensorProto.INT32, ["passages", "queries"])
    node = helper.make_node("MatMulInteger", ["passages", "queries", "zero"], ["sums"])
    return make_run_into("byte_products", node, inputs, sums)


def make_run_into(name: str, node: onnx.NodeProto, inputs: list, output: onnx.ValueInfoProto) -> onnx.ModelProto:
    """With an empty sequence before its output: see src/onnx/run-into.ts."""
    end = helper.make_tensor_sequence_value_info("end", TensorProto.FLOAT, None)
    empty = helper.make_node("SequenceEmpty", [], ["end"], dtype=TensorProto.FLOAT)
    return make_model(helper.make_graph([node, empty], name, inputs, [end, output]))


def make_model(graph: onnx.GraphProto) -> onnx.ModelProto:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


onnx.save(make_product(), f"{sys.argv[1]}/scores.onnx")
onnx.save(make_byte_product(), f"{sys.argv[1]}/byte-products.onnx")
onnx.save(make_graph("search", False), f"{sys.argv[1]}/search.onnx")
onnx.save(make_graph("search_below", True), f"{sys.argv[1]}/search-below.onnx")
