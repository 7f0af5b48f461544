"""What the encoders' and rerankers' scripts share: which batch size is fastest."""
import json
import time
from collections.abc import Callable

import numpy as np


def time_batch_sizes(batch_sizes: str, run: Callable[[int], np.ndarray], target: str) -> None:
    """Runs with each batch size, such as "8,32"; prints the seconds of the best and of each, and writes the last output."""
    seconds = {}
    for batch_size in map(int, batch_sizes.split(",")):
        start = time.perf_counter()
        output = run(batch_size)
        seconds[batch_size] = time.perf_counter() - start
    output.tofile(target)
    best = min(seconds, key=seconds.get)
    print(json.dumps({"seconds": seconds[best], "detail": {"batch": best, "each": seconds}}))
