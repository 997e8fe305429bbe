"""The few forms of YAML that people write settings in: texts, lists of them, and texts by number."""

import json
import re
from pathlib import Path

KEY = re.compile(r"(\w+)\s*:(?:\s+(.*))?")  # at the start of a line
REMARK = re.compile(r"(^|\s)#.*")
QUOTED = r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\""""
ITEM = re.compile(rf"\s*((?:\d+\s*:\s*)?(?:{QUOTED}|[^,]*?))\s*(?:,|$)")  # in brackets
NUMBERED = re.compile(r"(\d+)\s*:\s*(.*)", re.DOTALL)


def read(file: Path) -> dict[str, str]:
    """What stands behind each key of a file, as it is written; `items` reads it."""
    values: dict[str, str] = {}
    key = ""
    for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        line = REMARK.sub("", line).rstrip()
        if match := KEY.fullmatch(line):
            key, values[match[1]] = match[1], match[2] or ""
        elif key:
            values[key] += f"\n{line}"
    return {key: value.strip() for key, value in values.items()}


def items(value: str) -> list[str]:
    """The texts of a value: one, those of a list, or those that have the numbers 0, 1 and so on, in their order.

    Raises:
        ValueError: for numbers with gaps.
    """
    if value[:1] + value[-1:] in ("[]", "{}"):
        texts = ITEM.findall(value[1:-1])
    else:
        texts = [line.strip().removeprefix("- ") for line in value.splitlines()]
    texts = [text for text in texts if text]
    numbered = [match for text in texts if (match := NUMBERED.fullmatch(text))]
    if numbered and len(numbered) == len(texts):
        by_number = {int(match[1]): match[2] for match in numbered}
        if sorted(by_number) != list(range(len(texts))):
            raise ValueError(f"the numbers have to be 0 to {len(texts) - 1}, each once")
        texts = [by_number[number] for number in range(len(texts))]
    return [_plain(text.strip()) for text in texts]


def _plain(text: str) -> str:
    """A text without its quotes."""
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return str(json.loads(text)) if re.fullmatch(r'"(?:[^"\\]|\\["\\/bfnrt])*"', text) else text
