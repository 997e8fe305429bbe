"""Folders of pictures and of files that annotate them: which belongs to which, and to which split."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath

from src.readers import folders
from src.readers.pictures import ENDINGS
from src.sources.splits import SPLITS

ANNOTATIONS = (".xml", ".json", ".txt", ".csv", ".tsv", ".yaml", ".yml", ".names", ".labels")
OF_ANNOTATIONS = r"(?:annotations?|labels?|xmls?|bbox(?:es)?|boxes)"  # what a folder of them is called
WORD = re.compile(r"[a-z]+", re.IGNORECASE)


class Folder:
    """The pictures in a folder and its folders, by whose numbers all else is told; and the files that annotate them.

    `path` is the folder, `pictures` are sorted, `left_out` is a sentence on the files that were left out: "" for none.

    Raises:
        ValueError: where there is no folder, or where it has no picture.
    """

    def __init__(self, path: Path):
        if not path.is_dir():
            raise ValueError(f"{path} is no folder: --path names the one with the pictures and their annotations")
        files, self.left_out = folders.below(path, (*ENDINGS, *ANNOTATIONS))
        self.path = path
        self.pictures = [file for file in files if file.suffix.lower() in ENDINGS]
        self._annotations = [file for file in files if file.suffix.lower() in ANNOTATIONS]
        if not self.pictures:
            raise ValueError(f"{path} has no pictures: {', '.join(ENDINGS)}")
        self._called = defaultdict(list)  # numbers of pictures by name, with and without its ending
        for number, picture in enumerate(self.pictures):
            for name in {picture.name, picture.stem}:
                self._called[name].append(number)

    def files(self, *endings: str) -> list[Path]:
        """The files with these endings that aren't pictures."""
        return [file for file in self._annotations if file.suffix.lower() in endings]

    def pairs(self, ending: str) -> tuple[dict[int, Path], list[Path]]:
        """By a picture's number the file with that ending that is called as it is, beside it or in a folder of its own.

        Returns:
            The files, and those that belong to no picture, though they are where annotations are.

        Raises:
            ValueError: where two pictures, or two files, are called the same.
        """
        annotations = self._by_key(self.files(ending), "annotations")
        if not annotations:
            return {}, []
        pictures = self._by_key(self.pictures, "pictures")
        paired = {pictures[key]: annotations[key] for key in pictures.keys() & annotations.keys()}
        alone = [annotations[key] for key in sorted(annotations.keys() - pictures.keys())]
        numbered = {number: paired[picture] for number, picture in enumerate(self.pictures) if picture in paired}
        beside = {file.parent for file in numbered.values()}
        return numbered, [file for file in alone if file.parent in beside or self._told(file)[1]]

    def named(self, text: str, file: Path) -> int | None:
        """The number of the picture that a file names by a path, or by its end; None for none.

        Of several pictures of one name it is the one of whose path most is said, then of the file's split, then that
        which is nearest to the file.

        Raises:
            ValueError: where two of them are as good.
        """
        path = PurePosixPath(text.strip().replace("\\", "/"))
        numbers = self._called.get(path.name) or self._called.get(path.stem, [])
        if len(numbers) < 2:
            return numbers[0] if numbers else None
        split = self.split_of(file)

        def nearness(number: int) -> tuple[int, bool, int]:
            picture = self.pictures[number]
            said = _common(path.parts[-2::-1], picture.parts[-2::-1])
            return said, self.split_of(picture) == split, _common(picture.parts, file.parts)

        best, second = sorted(numbers, key=nearness, reverse=True)[:2]
        if nearness(best) == nearness(second):
            raise ValueError(f"{text!r} may be {self.pictures[best]} or {self.pictures[second]}: name it by its folder")
        return best

    def split_of(self, file: Path) -> str:
        """The split that a folder above a file names, or the file's own name where it annotates; "" for none."""
        words = WORD.findall(file.stem.lower()) if file.suffix.lower() in ANNOTATIONS else []
        named = [folders.OF_SPLIT[word] for word in words if word in folders.OF_SPLIT]
        return named[0] if named else self._told(file)[0]

    def dealt(self, numbers: Iterable[int], lists: Mapping[str, Iterable[int]]) -> tuple[dict[int, str], list[int]]:
        """The split of pictures: that of lists, if there are any, else that of their folders, else "train".

        Args:
            numbers: of the pictures.
            lists: numbers of pictures, by split.

        Returns:
            The splits, and the pictures that no list names, where there is one of train: they are left out.

        Raises:
            ValueError: for a picture in two lists.
        """
        listed: dict[int, str] = {}
        for split, of_split in lists.items():
            for number in of_split:
                if listed.setdefault(number, split) != split:
                    raise ValueError(f"{self.pictures[number]} is listed for {listed[number]} and for {split}")
        if not lists:
            return {number: self.split_of(self.pictures[number]) or SPLITS[0] for number in numbers}, []
        if SPLITS[0] not in lists:
            return {number: listed.get(number, SPLITS[0]) for number in numbers}, []
        dealt = {number: listed[number] for number in numbers if number in listed}
        return dealt, [number for number in numbers if number not in listed]

    def listed(self, file: Path) -> list[int]:
        """The numbers of the pictures that a text file lists, one a line; what isn't there is left out."""
        lines = filter(None, map(str.strip, file.read_text(encoding="utf-8-sig", errors="replace").splitlines()))
        return [number for line in lines if (number := self.named(line, file)) is not None]

    def _told(self, file: Path) -> tuple[str, str, tuple[str, ...]]:
        return folders.told(file.relative_to(self.path), f"{folders.IMAGES}|{OF_ANNOTATIONS}")

    def _by_key(self, files: Iterable[Path], what: str) -> dict[tuple[str, ...], Path]:
        """The files by what those that belong together have in common: split, folders and name."""
        by_key: dict[tuple[str, ...], Path] = {}
        for file in files:
            split, _, rest = self._told(file)
            if (same := by_key.setdefault((split, *rest), file)) != file:
                raise ValueError(f"{same} and {file} are {what} of one name: rename one, or take it out")
        return by_key


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many parts two paths have in common at their start."""
    return sum(1 for _ in takewhile(lambda parts: parts[0] == parts[1], zip(one, other, strict=False)))
