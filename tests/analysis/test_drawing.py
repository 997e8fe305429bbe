"""Pictures with boxes, as small as a report shows them."""

import numpy as np
import PIL.Image

from src.analysis.drawing import with_boxes


def test_lines_and_texts_can_be_seen_in_a_gallery():
    drawn = with_boxes(np.zeros((96, 96, 3), "uint8"), np.array([[0.25, 0.25, 0.75, 0.75]]), ["cat"], [(255, 0, 0)])
    small = np.asarray(PIL.Image.fromarray(drawn).resize((180, 180), PIL.Image.Resampling.BOX))
    assert (small[90, 40:50, 0] == 255).any(), "a pixel of the line, whole"
    text = np.flatnonzero((small[:, :, 1] > 60).any(axis=1))
    assert np.ptp(text) >= 5, "rows of white pixels"
