"""Scoring pairs by sentence-transformers' CrossEncoder: prints the seconds of each batch size, and writes the scores.

The model is loaded and has scored a few pairs before the clock starts.
"""
import argparse
import json

from batches import time_batch_sizes
from sentence_transformers import CrossEncoder

WARM_UP = 8

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--model", required=True)
parser.add_argument("--pairs", required=True, help="JSON list of [query, passage]")
parser.add_argument("--batch-sizes", required=True, help="such as 8,32")
parser.add_argument("--scores", required=True, help="where the scores go: float32, one a pair")
args = parser.parse_args()

pairs = json.load(open(args.pairs, encoding="utf-8"))
model = CrossEncoder(args.model, device="cpu")
model.predict(pairs[:WARM_UP])
time_batch_sizes(args.batch_sizes, lambda size: model.predict(pairs, batch_size=size), args.scores)
