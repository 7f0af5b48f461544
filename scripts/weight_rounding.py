"""Weights rounded such that what rounding one of them changes is made up for by others: GPTQ, Frantar et al. (2022),
https://arxiv.org/abs/2210.17323, with inputs in the order of their size."""
import numpy as np

# 255 * (63 + 63) is the most that AVX2 can sum up of two products.
WEIGHT_MAX = 63
DAMPING = 0.05
BLOCK = 128


def round_weights(weights: np.ndarray, moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 weights [in, out] and their scales [out]; `moments` [in, in] are the sums of x[i] * x[j] over inputs x."""
    inputs = weights.shape[0]
    scale = np.maximum(np.abs(weights).max(0) / WEIGHT_MAX, 1e-9).astype(np.float32)
    order = np.argsort(-np.diag(moments), kind="stable")
    rest = weights[order].astype(np.float64) / scale
    damped = moments[np.ix_(order, order)] + np.eye(inputs) * DAMPING * np.diag(moments).mean()
    factor = np.linalg.cholesky(np.linalg.inv(damped)).T
    whole = np.zeros_like(rest)
    for start in range(0, inputs, BLOCK):
        end = min(start + BLOCK, inputs)
        errors = np.zeros((end - start, weights.shape[1]))
        for i in range(start, end):
            whole[i] = np.clip(np.round(rest[i]), -WEIGHT_MAX, WEIGHT_MAX)
            errors[i - start] = (rest[i] - whole[i]) / factor[i, i]
            rest[i + 1 : end] -= np.outer(factor[i, i + 1 : end], errors[i - start])
        rest[end:] -= factor[start:end, end:].T @ errors
    int8 = np.zeros(weights.shape, np.int8)
    int8[order] = whole
    return int8, scale
