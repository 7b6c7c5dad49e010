"""What all draws say of a cell: arrays (cells, draws), or (cells, 1) where nothing is drawn."""

import numpy as np

from manul.products.confidence import HIGH, LOW


def spread(x) -> dict[str, np.ndarray]:
    """Mean, standard deviation, 5th and 95th percentile of each row, float32, shape (cells,).

    Percentiles lie between neighbours in straight lines, as numpy's.
    """
    x = np.asarray(x, "float32")
    if x.shape[1] == 1:
        one = x[:, 0]
        return {"mean": one, "sd": np.zeros_like(one), "p05": one, "p95": one}
    mean = x.mean(1, dtype="float64")
    away = x - mean[:, None].astype("float32")
    ordered = np.sort(x, axis=1)
    return {
        "mean": mean.astype("float32"),
        "sd": np.sqrt(np.einsum("ij,ij->i", away, away) / np.float32(x.shape[1])),
        "p05": percentile(ordered, LOW),
        "p95": percentile(ordered, HIGH),
    }


def percentile(ordered, q: float) -> np.ndarray:
    """A percentile of rows that are in order."""
    place = q * (ordered.shape[1] - 1)
    below = int(place)
    above = min(below + 1, ordered.shape[1] - 1)
    part = np.float32(place - below)
    return ordered[:, below] * (1 - part) + ordered[:, above] * part


def share(true, draws: int) -> np.ndarray:
    """In which share of the draws something is true, float32."""
    counts = count(true)
    return (counts / np.float32(true.shape[1])).astype("float32")


def count(true) -> np.ndarray:
    """In how many draws something is true."""
    dtype = np.uint8 if true.shape[1] < 256 else np.uint32
    return np.add.reduce(true.view("uint8"), axis=1, dtype=dtype)
