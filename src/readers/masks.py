"""Masks in files, as people have them: which belongs to which picture, and the class of each pixel.

A mask is a PNG of class indices (grey, or with a palette), or of colours, which a file of classes names.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image

from src.readers import folders, headers
from src.readers.pictures import ENDINGS
from src.sources.splits import NAMES

MASK = r"(?:masks?|labels?|annot(?:ation)?s?|gt|segmentation(?:class)?)"
IMAGE = r"(?:images?|imgs?|pictures?|photos?|jpegimages)"
ENDS = re.compile(rf"[-_ ]({MASK}|l)$", re.IGNORECASE)  # of a mask's name, beside its picture
OF_SPLIT = {name: split for split, names in NAMES.items() for name in names}
FOLDER = re.compile(rf"({'|'.join(sorted(OF_SPLIT, key=len, reverse=True))})?[-_ ]?({MASK}|{IMAGE})?", re.IGNORECASE)
LOSSY = (".jpg", ".jpeg")
NAMED = 3  # files in a sentence

Pair = tuple[Path, Path]  # a picture and its mask


@dataclass(frozen=True)
class Classes:
    """What the pixels of masks may be.

    Args:
        names: by index.
        colors: RGB of each, where the file that names them says so.
    """

    names: tuple[str, ...]
    colors: tuple[tuple[int, int, int], ...] = ()


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
    notes = [f"left out: {len(files):,} {what} ({_some(files)})" for what, files in lonely.items() if files]
    return dict(by_split), "\n".join([*([left_out] if left_out else []), *notes])


def read_classes(file: Path) -> Classes:
    """The classes that a text file names, one a line: a name, or a name and its red, green and blue in any order.

    Raises:
        ValueError: naming the line that can't be.
    """
    if not file.is_file():
        raise ValueError(f"there is no file of classes {file}")
    names: list[str] = []
    colors: list[Sequence[int]] = []
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), 1):
        words = [word for word in re.split(r"[\s,;]+", line.partition("#")[0]) if word]
        if not words:
            continue
        color = [int(word) for word in words if word.isdecimal()]
        color = color if len(color) == 3 else []  # other numbers are a part of the name
        name = " ".join(word for word in words if not (color and word.isdecimal()))
        if not name or any(part > 255 for part in color):
            raise ValueError(f"{file}, line {number}: a class is a name, and perhaps red, green and blue from 0 to 255")
        names.append(name)
        colors.append(color)
    if not names:
        raise ValueError(f"{file} names no class")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{file} names {twice[0]} twice")
    if len(set(map(len, colors))) > 1:
        raise ValueError(f"{file}: either all classes have a colour, or none")
    if all(colors) and (same := [color for color, count in Counter(map(tuple, colors)).items() if count > 1]):
        raise ValueError(f"{file} has the colour {same[0]} for two classes")
    return Classes(tuple(names), tuple((red, green, blue) for red, green, blue in colors) if all(colors) else ())


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
    rows, columns = (
        ((np.arange(to) + 0.5) * now / to).astype(int) for to, now in zip(shape, values.shape, strict=True)
    )
    return values[rows[:, None], columns].astype("uint8")


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
    split, kind, rest = "train", "", []
    for part in file.parent.parts:
        if (named := FOLDER.fullmatch(part)) and part:
            split, kind = OF_SPLIT.get((named[1] or "").lower(), split), named[2] or kind
        else:
            rest.append(part)
    if kind:  # what the folder is called tells more than the end of a name
        return (split, *rest, file.stem), re.fullmatch(MASK, kind, re.IGNORECASE) is not None
    return (split, *rest, file.stem), ENDS.search(file.stem) is not None


def _in_words(size: Sequence[int]) -> str:
    return f"{size[1]} x {size[0]}"


def _some(files: Sequence[Path]) -> str:
    more = f", … and {len(files) - NAMED:,} more" if len(files) > NAMED else ""
    return ", ".join(map(str, files[:NAMED])) + more
