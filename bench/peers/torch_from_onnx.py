"""The torch weights of a BERT encoder that is at hand only as an fp32 ONNX graph, for the Python libraries that want them.

    python torch_from_onnx.py MODEL_DIR TARGET_DIR

The export keeps the names of the biases, the norms and the embeddings, but renames each matrix (`onnx::MatMul_714`): a
matrix is known by the node that uses it, whose name is the path of its layer.
"""
import argparse
import shutil
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from transformers import AutoConfig, BertModel

# Everything the libraries read besides the weights.
COPIED = ["*.json", "1_Pooling/config.json"]


def convert(source: Path, target: Path) -> Path:
    """Writes a folder that transformers and sentence-transformers load; one that is already there is left as it is."""
    if not (target / "model.safetensors").exists():
        target.mkdir(parents=True, exist_ok=True)
        for file in (file for pattern in COPIED for file in source.glob(pattern)):
            (target / file.relative_to(source)).parent.mkdir(exist_ok=True)
            shutil.copyfile(file, target / file.relative_to(source))
        model = BertModel(AutoConfig.from_pretrained(source), add_pooling_layer=False)
        model.load_state_dict(read_weights(source / "onnx" / "model.onnx"), strict=True)
        model.save_pretrained(target)
    return target


def read_weights(graph_file: Path) -> dict[str, torch.Tensor]:
    graph = onnx.load(graph_file).graph
    arrays = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    weights = {name.split(".", 1)[1]: array for name, array in arrays.items() if name.endswith((".weight", ".bias"))}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in arrays:
            layer = node.name.strip("/").split("/")[1:-1]
            weights[".".join(layer) + ".weight"] = arrays[node.input[1]].T
    return {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    convert(args.source, args.target)
