"""Text files that name classes."""

import pytest

from src.readers.class_files import Classes, read_classes

CLASSES = Classes(("road", "sky"), ((128, 0, 0), (0, 0, 128)))


def test_a_name_may_have_numbers(tmp_path):
    (tmp_path / "classes.txt").write_text("class 1\n0 road\n")
    assert read_classes(tmp_path / "classes.txt") == Classes(("class 1", "0 road"))


@pytest.mark.parametrize("text", ["128 0 0 road\n0 0 128 sky\n", "road, 128, 0, 0\n# none\n\nsky;0;0;128", "road\nsky"])
def test_classes_are_named_by_a_file(text, tmp_path):
    (tmp_path / "classes.txt").write_text(text)
    assert read_classes(tmp_path / "classes.txt") == (CLASSES if "128" in text else Classes(("road", "sky")))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8-sig", "utf-16"])
def test_a_file_of_classes_has_any_encoding(encoding, tmp_path):
    (tmp_path / "classes.txt").write_text("B\xe4r\nK\xe4fer\n", encoding)
    assert read_classes(tmp_path / "classes.txt").names == ("B\xe4r", "K\xe4fer")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 2 3", "line 1: a class is a name"),
        ("a 1 2 999", "line 1: a class is a name"),
        ("a\na", "names a twice"),
        ("a 1 2 3\nb", "all classes have a colour"),
        ("a 1 2 3\nb 1 2 3", "for two classes"),
        ("\n", "names no class"),
    ],
)
def test_a_file_of_classes_that_can_not_be_is_refused(text, said, tmp_path):
    (tmp_path / "classes.txt").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_classes(tmp_path / "classes.txt")


def test_a_file_of_classes_that_is_missing_is_named(tmp_path):
    with pytest.raises(ValueError, match="there is no file of classes"):
        read_classes(tmp_path / "gone.txt")
