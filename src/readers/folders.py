"""Folders of files by class, as people have them: class folders, or train, validation and test with class folders."""

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from unicodedata import normalize

from src.sources.splits import NAMES

SYSTEM = {  # folders of network storages and operating systems: thumbnails, snapshots, what was deleted
    "@eadir",
    "@recently-snapshot",
    "@recycle",
    "@__thumb",
    "#recycle",
    "#snapshot",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "__macosx",
}
SHOWN = 5  # kinds of what is left out that are named
NAMED = 3  # things in a sentence
IMAGES = r"(?:images?|imgs?|pictures?|photos?|jpegimages)"  # what a folder of pictures is called
OF_SPLIT = {name: split for split, names in NAMES.items() for name in names}
SPLIT = "|".join(sorted(OF_SPLIT, key=len, reverse=True))

Files = dict[str, dict[str, list[Path]]]  # by split and class


def find(folder: Path, endings: Collection[str], *, follow_links: bool = False) -> tuple[Files, str]:
    """The files of each class by split, sorted; one split "train" where the folder itself has the class folders.

    A class is called by its folder's name in the Unicode form NFC; folders of one such name are one class. Hidden
    files and folders are left out.

    Args:
        folder: with the files.
        endings: of the files that are meant, in lower case.
        follow_links: whether links that lead to folders, or out of the folder, are followed.

    Returns:
        The files, and a sentence on what was left out: "" for nothing.

    Raises:
        ValueError: for what can't be: no folder, no or empty class folders, one class only, a class that only test
            has, or a link that can't be followed.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    walk = _Walk(folder, endings, follow_links)
    inside = {path.name.lower(): path for path in walk.folders(folder)}
    roots = {split: inside[name] for split, names in NAMES.items() for name in names if name in inside}
    if "train" not in roots:
        roots = {"train": folder}
    files = {split: walk.classes(root) for split, root in roots.items()}
    if len(files["train"]) < 2:
        (name,) = files["train"]
        below = [path for folder in walk.folders(roots["train"]) for path in walk.folders(folder)]
        names = ", ".join(path.name for path in below[:SHOWN])
        way = f"; where the classes are {names}, give --path {below[0].parent}" if len(below) > 1 else ""
        raise ValueError(f"{roots['train']} has one class only: {name}{way}")
    for split, classes in files.items():
        if strange := ", ".join(sorted(classes.keys() - files["train"].keys())):
            raise ValueError(f"{roots[split]} has classes that {roots['train']} hasn't: {strange}")
    return files, walk.left_out()


def below(folder: Path, endings: Collection[str]) -> tuple[list[Path], str]:
    """All files with these endings in a folder and its folders, by path, and a sentence on what was left out.

    Links are followed. Raises ValueError for one that leads nowhere.
    """
    walk = _Walk(folder, endings, follow_links=True)
    return walk.files(folder), walk.left_out()


def told(file: Path, kinds: str) -> tuple[str, str, tuple[str, ...]]:
    """What the folders of a file tell: its split, its kind, and the rest, by which files that belong together match.

    Args:
        file: its path below the folder that was asked for.
        kinds: a regular expression of what folders of a kind are called; perhaps behind a split, as in val_images.

    Returns:
        The split and the kind, "" where no folder tells; the other folders, and the file's name without its ending.
    """
    split, kind, rest = "", "", []
    for part in file.parent.parts:
        match = re.fullmatch(rf"(?:({SPLIT})(?:\d{{4}})?)?[-_ ]?({kinds})?", part, re.IGNORECASE)
        if match and (match[1] or match[2]):
            split, kind = OF_SPLIT.get((match[1] or "").lower(), split), match[2] or kind
        else:
            rest.append(part)
    return split, kind, (*rest, file.stem)


def some(things: Sequence[Path | str]) -> str:
    """The first of some files or places, and how many more there are, for a sentence."""
    more = f", … and {len(things) - NAMED:,} more" if len(things) > NAMED else ""
    return ", ".join(map(str, things[:NAMED])) + more


class _Walk:
    """Reads folders, and takes note of what it leaves out."""

    def __init__(self, top: Path, endings: Collection[str], follow_links: bool):
        self._top, self._endings, self._follow_links = top, endings, follow_links
        self._others: Counter = Counter()  # files by ending
        self._system: dict[Path, int] = {}  # files of each system folder
        self._loops: set[Path] = set()

    def classes(self, root: Path) -> dict[str, list[Path]]:
        """The files below each folder in `root`, by class."""
        classes: dict[str, list[Path]] = {}
        folders = {}
        for folder in self.folders(root):
            name = normalize("NFC", folder.name)
            classes.setdefault(name, []).extend(self.files(folder))
            folders[name] = folder
        kinds = ", ".join(ending or "no ending" for ending in self._endings)
        if not any(classes.values()):
            raise ValueError(f"{root} has no folder, one for each class, with files of {kinds}")
        for name, files in classes.items():
            if not files:
                raise ValueError(f"the class folder {folders[name]} has no file of {kinds}: remove it, or fill it")
        return classes

    def files(self, folder: Path) -> list[Path]:
        """All files below that are meant, in the order of their paths."""
        files = []
        for path in self._entries(folder):
            if path.is_dir():
                files += self.files(path)
            elif path.suffix.lower() in self._endings:
                files.append(path)
            else:
                self._others[path.suffix.lower()] += 1
        return files

    def folders(self, root: Path) -> list[Path]:
        """The folders in `root`."""
        return [path for path in self._entries(root) if path.is_dir()]

    def left_out(self) -> str:
        """A sentence on what was left out; "" for nothing."""
        parts = []
        if self._system:
            names = ", ".join(sorted({folder.name for folder in self._system}))
            parts.append(f"{sum(self._system.values()):,} files in folders of the system ({names})")
        if self._others:
            most = sorted(self._others.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
            shown = ", ".join(f"{count:,} {ending or 'without ending'}" for ending, count in most)
            parts.append(f"files by their endings ({shown})")
        if self._loops:
            names = ", ".join(str(path.relative_to(self._top)) for path in sorted(self._loops)[:SHOWN])
            parts.append(f"links that lead back to where they are ({names})")
        return f"{self._top}: left out are {'; '.join(parts)}" if parts else ""

    def _entries(self, folder: Path) -> list[Path]:
        """What is in the folder, sorted; what is hidden, the system's, or a link that leads back is left out."""
        paths = []
        with os.scandir(folder) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.name.startswith("."):
                    continue
                if entry.name.lower() in SYSTEM:
                    self._system[path] = self._count(path)
                elif not entry.is_symlink() or self._leads_on(path):
                    paths.append(path)
        return sorted(paths, key=lambda path: normalize("NFC", path.name))

    def _leads_on(self, link: Path) -> bool:
        """Whether a link may be followed without going round in circles; raises ValueError for one that can't be."""
        target = Path(os.path.realpath(link))
        if not target.exists():
            raise ValueError(f"{link} is a link to {target}, which isn't there")
        if not self._follow_links and not target.is_relative_to(self._top.resolve()):
            raise ValueError(f"{link} is a link that leads out of {self._top}, to {target}: --follow-links follows it")
        if not self._follow_links and target.is_dir():
            raise ValueError(f"{link} is a link to the folder {target}: --follow-links follows it")
        above = [Path(os.path.realpath(folder)) for folder in link.parents if folder.is_relative_to(self._top)]
        if any(folder.is_relative_to(target) for folder in above):
            self._loops.add(link)
            return False
        return True

    def _count(self, folder: Path) -> int:
        """How many files that are meant there are below."""
        return sum(Path(name).suffix.lower() in self._endings for _, _, names in os.walk(folder) for name in names)
