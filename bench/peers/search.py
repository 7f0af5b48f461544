"""Exact search by faiss-cpu's flat index: prints the seconds of each search, and writes the ids found.

The index is built and has answered a few queries before the clock starts.
"""
import argparse
import json
import time

import faiss
import numpy as np
from threadpoolctl import threadpool_info

WARM_UP = 64

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--passages", required=True, help="float32, row by row")
parser.add_argument("--queries", required=True)
parser.add_argument("--dim", type=int, required=True)
parser.add_argument("--k", type=int, required=True)
parser.add_argument("--repeats", type=int, required=True)
parser.add_argument("--found", required=True, help="where the ids go: int32, k a query")
args = parser.parse_args()

passages, queries = (np.fromfile(file, np.float32).reshape(-1, args.dim) for file in (args.passages, args.queries))
start = time.perf_counter()
index = faiss.IndexFlatIP(args.dim)
index.add(passages)
built = time.perf_counter() - start
index.search(queries[:WARM_UP], args.k)
seconds = []
for _ in range(args.repeats):
    start = time.perf_counter()
    _, ids = index.search(queries, args.k)
    seconds.append(time.perf_counter() - start)
ids.astype(np.int32).tofile(args.found)
pools = [pool for pool in threadpool_info() if pool["internal_api"] == "openblas" and "faiss" in pool["filepath"]]
blas = [f"{pool['version']} {pool['architecture']}" for pool in pools]
detail = {"each": seconds, "build": built, "threads": faiss.omp_get_max_threads(), "openblas": blas}
print(json.dumps({"seconds": float(np.median(seconds)), "detail": detail}))
