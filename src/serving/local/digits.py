"""Decimal numbers with the digits that TensorFlow Serving writes."""

import numpy as np

WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def decimals(numbers: np.ndarray) -> list[str]:
    """Each number with 6 significant digits where they give it back, else with 9, or 17 of a double."""
    values = numbers.tolist()
    short = [f"{value:.6g}" for value in values]
    with np.errstate(over="ignore"):
        same = np.array([float(text) for text in short], "float64").astype(numbers.dtype) == numbers
    most = 9 if numbers.dtype == "float32" else 17
    return [
        _pointed(text if exact else f"{value:.{most}g}")
        for text, exact, value in zip(short, same.tolist(), values, strict=True)
    ]


def _pointed(digits: str) -> str:
    """With a point, so that no reader takes it for an integer."""
    if digits in WORDS:
        return WORDS[digits]
    return digits if "." in digits or "e" in digits else f"{digits}.0"
