"""Encoding by sentence-transformers: prints the seconds of each batch size, and writes the vectors.

The model is loaded and has encoded a few texts before the clock starts.
"""
import argparse
import json
import time

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
seconds = {}
for batch_size in map(int, args.batch_sizes.split(",")):
    start = time.perf_counter()
    vectors = model.encode(texts, batch_size=batch_size)
    seconds[batch_size] = time.perf_counter() - start
vectors.tofile(args.vectors)
best = min(seconds, key=seconds.get)
print(json.dumps({"seconds": seconds[best], "detail": {"batch": best, "each": seconds}}))
