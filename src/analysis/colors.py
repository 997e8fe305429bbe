"""Colours of classes, by which masks and boxes are told apart."""

import matplotlib
import numpy as np


def palette(count: int) -> tuple[tuple[int, int, int], ...]:
    """So many colours, red, green and blue from 0 to 255, that can be told apart on light and on dark pictures."""
    pairs = (matplotlib.colormaps["tab20"](np.arange(20))[:, :3] * 255).round().astype(int).tolist()
    strong_first = [*pairs[::2], *pairs[1::2]]
    colors = [strong_first[number % len(strong_first)] for number in range(count)]
    return tuple((red, green, blue) for red, green, blue in colors)
