"""Encoding by sentence-transformers: prints the seconds of each batch size, and writes the vectors.

The model is loaded and has encoded a few texts before the clock starts.
"""
import argparse
import json

from batches import time_batch_sizes
from sentence_transformers import SentenceTransformer

WARM_UP = 8

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", required=True)
parser.add_argument("--texts", required=True, help="JSON list of texts")
parser.add_argument("--batch-sizes", required=True, help="such as 8,32")
parser.add_argument("--vectors", required=True, help="where the vectors go: float32, row by row")
args = parser.parse_args()

texts = json.load(open(args.texts, encoding="utf-8"))
model = SentenceTransformer(args.model, device="cpu")
model.encode(texts[:WARM_UP])
time_batch_sizes(args.batch_sizes, lambda size: model.encode(texts, batch_size=size), args.vectors)
