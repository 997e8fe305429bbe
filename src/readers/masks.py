"""Masks in files, as people have them: which belongs to which picture, and the class of each pixel.

A mask is a PNG of class indices (grey, or with a palette), or of colours, which a file of classes names.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image

from src.readers import folders, headers
from src.readers.class_files import Classes
from src.readers.pictures import ENDINGS

MASK = r"(?:masks?|labels?|annot(?:ation)?s?|gt|segmentation(?:class)?)"
ENDS = re.compile(rf"[-_ ]({MASK}|l)$", re.IGNORECASE)  # of a mask's name, beside its picture
LOSSY = (".jpg", ".jpeg")

Pair = tuple[Path, Path]  # a picture and its mask


def pairs(folder: Path) -> tuple[dict[str, list[Pair]], str]:
    """Pictures with their masks by split, sorted; all in "train" where no folder names a split.

    A mask stands in a folder that is called so (masks, labels, trainannot, SegmentationClass, …), or is called after
    its picture (cell_mask.png); what else is left of folder and name is the picture's.

    Returns:
        The pairs, and a sentence on what was left out: "" for nothing.

    Raises:
        ValueError: where there are no pairs, or several masks of one picture.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    files, left_out = folders.below(folder, ENDINGS)
    pictures: dict[tuple, Path] = {}
    masks: dict[tuple, Path] = {}
    keys = {file: _key(file.relative_to(folder)) for file in files}
    of_pictures = {key for key, is_mask in keys.values() if not is_mask}
    for file, (key, is_mask) in keys.items():
        if is_mask and key not in of_pictures:
            key = (*key[:-1], ENDS.sub("", key[-1]))
        same = (masks if is_mask else pictures).setdefault(key, file)
        if same != file:
            raise ValueError(f"{same} and {file} are both {'the mask' if is_mask else 'the picture'} of {file.stem}")
    by_split = defaultdict(list)
    for key in sorted(pictures.keys() & masks.keys()):
        by_split[key[0]].append((pictures[key], masks[key]))
    if not by_split:
        raise ValueError(
            f"{folder} has no picture with a mask: put masks into a folder masks beside the folder images, each called "
            f"as its picture, or call them after it, picture_mask.png"
        )
    if "train" not in by_split:
        raise ValueError(f"{folder} has masks for {' and '.join(by_split)}, and none for train")
    lonely = {
        "pictures without a mask": [pictures[key] for key in sorted(pictures.keys() - masks.keys())],
        "masks without a picture": [masks[key] for key in sorted(masks.keys() - pictures.keys())],
    }
    notes = [f"left out: {len(files):,} {what} ({folders.some(files)})" for what, files in lonely.items() if files]
    return dict(by_split), "\n".join([*([left_out] if left_out else []), *notes])


def indices(pair: Pair, shape: tuple[int, int], classes: Classes | None) -> np.ndarray:
    """The class of each pixel of a picture's mask, uint8, resized to (height, width) by the nearest pixel.

    Raises:
        ValueError: with the reason, for a mask that can't be read, is of another size than its picture, or has a colour
            that no class has.
    """
    picture, file = pair
    if file.suffix.lower() in LOSSY:
        raise ValueError("is a JPEG, which changes colours and indices: masks have to be PNG")
    try:
        with PIL.Image.open(file) as mask:
            header = headers.read(picture)
            if mask.size != (size := (header.width, header.height)):
                raise ValueError(f"is {_in_words(mask.size)} pixels, and its picture {_in_words(size)}")
            is_index = mask.mode in ("1", "L", "P") or mask.mode.startswith("I")
            values = np.asarray(mask if is_index else mask.convert("RGB"))
            colored = np.asarray(mask.convert("RGB")) if mask.mode == "P" and classes and classes.colors else None
    except (OSError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise ValueError(f"can't be read: {error}") from None
    if values.ndim == 3 and not (classes and classes.colors) and (values == values[..., :1]).all():
        values = values[..., 0]  # grey that was saved in colours
    if colored is not None or values.ndim == 3:
        values = _of_colors(values if colored is None else colored, classes)
    elif values.max() > 255:
        raise ValueError(f"has the value {values.max():,}; a class is an index from 0 to 254")
    return nearest(values, shape).astype("uint8")


def nearest(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A mask (any height, any width) resized to (height, width) by the nearest pixel."""
    rows, columns = (((np.arange(to) + 0.5) * now / to).astype(int) for to, now in zip(shape, mask.shape, strict=True))
    return mask[rows[:, None], columns]


def _of_colors(pixels: np.ndarray, classes: Classes | None) -> np.ndarray:
    """The class of each pixel of a mask in colours, (height, width, 3)."""
    if not classes or not classes.colors:
        raise ValueError("is in colours: say whose they are, --classes FILE with a line NAME RED GREEN BLUE for each")
    codes = pixels.astype(int) @ (2**16, 2**8, 1)
    known = np.array(classes.colors) @ (2**16, 2**8, 1)
    order = np.argsort(known)
    at = np.searchsorted(known[order], codes).clip(max=len(known) - 1)
    if (strange := known[order][at] != codes).any():
        color = tuple(pixels[strange][0].tolist())
        raise ValueError(f"has the colour {color} in {strange.mean():.1%} of its pixels, which no class has")
    return order[at]


def _key(file: Path) -> tuple[tuple[str, ...], bool]:
    """By what a picture and its mask find each other: split, folders and name; and whether the file is a mask."""
    split, kind, rest = folders.told(file, f"{MASK}|{folders.IMAGES}")
    if kind:  # what the folder is called tells more than the end of a name
        return (split or "train", *rest), re.fullmatch(MASK, kind, re.IGNORECASE) is not None
    return (split or "train", *rest), ENDS.search(file.stem) is not None


def _in_words(size: Sequence[int]) -> str:
    return f"{size[1]} x {size[0]}"
