"""Text files of all encodings, damaged ones among them, and archives with one file of data."""

import zipfile

import pytest

from src.readers.text_files import text_of

FRENCH = "Où êtes-vous ?\nVoilà !\n" * 9


@pytest.mark.parametrize(
    ("content", "text", "notes"),
    [
        (FRENCH.encode(), FRENCH, []),
        (FRENCH.encode("utf-16"), FRENCH, []),
        (FRENCH.encode("cp1252"), FRENCH, ["not UTF-8, read as cp1252 (--encoding)"]),
        (
            FRENCH.encode() + b"caf\xe9\n\xc3",
            f"{FRENCH}caf\ufffd\n\ufffd",
            ["damaged bytes, read as U+FFFD, the first in line 19 (--encoding)"],
        ),
    ],
    ids=["utf-8", "utf-16", "cp1252", "damaged"],
)
def test_a_text_is_read_in_its_encoding(tmp_path, content, text, notes):
    (tmp_path / "a.txt").write_bytes(content)
    assert text_of(tmp_path / "a.txt") == (text, notes)


def test_bytes_that_are_not_of_the_given_encoding_are_told_by_their_line(tmp_path):
    (tmp_path / "a.txt").write_bytes(FRENCH.encode() + b"caf\xe9\n")
    with pytest.raises(ValueError, match=r"a\.txt, line 19, isn't utf-8: .* \(--encoding\)"):
        text_of(tmp_path / "a.txt", "utf-8")


def archive(path, *names):
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, f"{name}\n")
    return path


@pytest.mark.parametrize("names", [("_about.txt", "a.txt"), ("a.txt", "__MACOSX/._a.txt", ".DS_Store"), ("_a.txt",)])
def test_an_archive_may_have_files_that_only_come_with_the_data(tmp_path, names):
    assert text_of(archive(tmp_path / "a.zip", *names))[0] in ("a.txt\n", "_a.txt\n")


@pytest.mark.parametrize(("names", "number"), [(("a.txt", "b.txt"), 2), ((), 0)])
def test_an_archive_of_several_files_is_refused(tmp_path, names, number):
    with pytest.raises(ValueError, match=rf"a\.zip has {number} files inside, not one: unpack it and name one"):
        text_of(archive(tmp_path / "a.zip", *names))
