"""Your own pairs of texts, each with the text that it becomes: a translation, a summary, a corrected sentence.

--path names a table with a column of texts and one of their targets, such as english<TAB>french; a file with a text a
line, and --target one with their targets; or a folder with train.en and train.fr, perhaps also validation.en (val, dev)
and test.en, of which --source en --target fr says which way. Split 60/20/20, or as the files are; pairs of one text
come into one split, and all its targets are right in validation and test.
"""

from pathlib import Path

from src.data import Data
from src.readers import pairs
from src.readers.pair_sets import data_of
from src.specs import Text, Tokens

INPUTS, OUTPUTS = (Tokens,), (Text,)
NAMED_BY = "path"


def load(
    *,
    path: str = "",
    source: str = "",
    target: str = "",
    header: bool | None = None,
    encoding: str = "",
    skip_bad: bool = False,
    length: int = 64,
    vocabulary: int = 8_000,
) -> Data:
    """The pairs, in pieces of words.

    Args:
        path: table, file of texts, or folder; .gz, .bz2, .xz and .zip are decompressed.
        source: column of a table with the texts, by name or number, or ending of a folder's files, such as en. The
            default is "source", or the first of two columns.
        target: column of a table with the targets, or ending of a folder's files, such as fr; or the file with the
            target of each line. The default is "target", or the second of two columns.
        header: whether the first row of a table contains the column names. The default is to detect it.
        encoding: encoding, such as cp1251. The default is UTF-8, or else cp1252.
        skip_bad: whether to skip pairs that can't be used, such as those with an empty side, instead of refusing them.
        length: number of tokens of a text, and of its target; the rest is cut off.
        vocabulary: vocabulary size: the commonest pieces of words; 259 for bytes alone.

    Raises:
        ValueError: for what can't be used, naming file and row.
    """
    if not path:
        raise ValueError("say which pairs: --path TABLE, or --path FILE --target FILE, or a folder of such files")
    found = pairs.read(Path(path), source, target, header, encoding)
    return data_of(Path(path), found, length=length, vocabulary=vocabulary, skip_bad=skip_bad)


def sample(folder: Path) -> dict:
    """Writes some pairs, and gives the knobs that load them."""
    numbers = ("one", "two", "three", "four", "five", "six", "seven", "eight")
    rows = [(f"{left} and {right}", f"{right}, {left}") for left in numbers for right in numbers]
    lines = ["source\ttarget", *map("\t".join, rows), "one and one\tone, twice"]
    (folder / "pairs.tsv").write_text("".join(f"{line}\n" for line in lines))
    return {"path": str(folder / "pairs.tsv"), "length": 12, "vocabulary": 300}
