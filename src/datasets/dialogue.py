"""Your own conversations: what is said, and the reply.

--path names a table with a column of questions and one of answers; a YAML file, or a folder of such files, of lists of
utterances below "conversations", as ChatterBot's; or a text file with a line for each utterance and an empty one
between conversations. Each utterance but the first is a reply to the one before it, or to up to --turns before it, with
a line feed between them. Split 60/20/20 by conversation; what is asked in train isn't asked again in validation and
test, where all replies to it are right.
"""

from pathlib import Path

from src.data import Data
from src.readers import conversations
from src.readers.pair_sets import data_of
from src.specs import Text, Tokens

INPUTS, OUTPUTS = (Tokens,), (Text,)
NAMED_BY = "path"


def load(
    *,
    path: str = "",
    turns: int = 1,
    source: str = "",
    target: str = "",
    header: bool | None = None,
    encoding: str = "",
    skip_bad: bool = False,
    length: int = 64,
    vocabulary: int = 8_000,
) -> Data:
    """The replies, in pieces of words.

    Args:
        path: table, YAML file, folder of YAML files, or text file; .gz, .bz2, .xz and .zip are decompressed.
        turns: number of utterances before a reply that are read.
        source: column of a table with the questions, by name or number. The default is "source", or the first of two
            columns.
        target: column of a table with the answers. The default is "target", or the second of two columns.
        header: whether the first row of a table contains the column names. The default is to detect it.
        encoding: encoding, such as cp1251. The default is UTF-8, or else cp1252.
        skip_bad: whether to skip what can't be used, such as empty replies, instead of refusing it.
        length: number of tokens of what is read, whose beginning is cut off, and of a reply.
        vocabulary: vocabulary size: the commonest pieces of words; 259 for bytes alone.

    Raises:
        ValueError: for what can't be used, naming the file and the place in it.
    """
    if not path:
        raise ValueError("say which conversations: --path TABLE, FILE.yml, FOLDER or FILE.txt")
    if turns < 1:
        raise ValueError(f"turns has to be 1 or more, not {turns}")
    found = conversations.read(Path(path), turns, source, target, header, encoding)
    return data_of(Path(path), found, length=length, vocabulary=vocabulary, skip_bad=skip_bad, newest=True)


def sample(folder: Path) -> dict:
    """Writes some conversations, and gives the knobs that load them."""
    numbers = ("one", "two", "three", "four", "five", "six", "seven", "eight")
    lines = [
        f"{left} and {right}?\n{right}.\nReally?\n{right}, then {left}.\n" for left in numbers for right in numbers
    ]
    (folder / "talks.txt").write_text("\n".join(lines))
    return {"path": str(folder / "talks.txt"), "turns": 2, "length": 12, "vocabulary": 300}
