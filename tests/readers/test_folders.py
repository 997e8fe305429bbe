"""Folders of classes as they lie about: with folders of a storage, links, and names from other systems."""

import os
from pathlib import Path

import pytest

from src.readers import folders

needs_links = pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")


def fill(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def find(place, **knobs):
    """The files of each class of train, by name, and what was left out."""
    found, left_out = folders.find(place, (".png",), **knobs)
    train = found["train"]
    return {name: [file.relative_to(place).as_posix() for file in files] for name, files in train.items()}, left_out


def test_what_a_storage_or_a_system_puts_beside_files_is_left_out_with_a_word(tmp_path):
    fill(tmp_path, "cat/1.png", "cat/@eaDir/1.png/SYNOPHOTO_THUMB_M.png", "cat/@eaDir/1.png/x.txt", "dog/deep/2.png")
    fill(tmp_path, "#recycle/3.png", "$RECYCLE.BIN/wolf/4.png", "__MACOSX/cat/5.png", "lost+found/6.png")
    fill(tmp_path, ".thumbnails/7.png", "dog/.hidden.png", "dog/notes.txt", "dog/LICENSE")
    found, left_out = find(tmp_path)
    assert found == {"cat": ["cat/1.png"], "dog": ["dog/deep/2.png"]}
    assert "5 files in folders of the system (#recycle, $RECYCLE.BIN, @eaDir, __MACOSX, lost+found)" in left_out
    assert "files by their endings (1 without ending, 1 .txt)" in left_out


def test_so_it_is_where_the_splits_have_folders(tmp_path):
    for split in ("train", "validation", "test"):
        for name in ("cat", "dog"):
            fill(tmp_path, f"{split}/{name}/1.png", f"{split}/{name}/@eaDir/1.png/thumb.png")
    found, left_out = folders.find(tmp_path, (".png",))
    assert list(found) == ["train", "validation", "test"]
    assert all([file.name for file in files] == ["1.png"] for classes in found.values() for files in classes.values())
    assert "left out are 6 files in folders of the system (@eaDir)" in left_out


def test_a_class_is_one_however_its_name_is_composed(tmp_path):
    fill(tmp_path, "Ka\u0308fer/1.png", "dog/1.png", "K\u00e4fer/2.png")
    found, left_out = find(tmp_path)
    assert found.keys() == {"dog", "K\u00e4fer"}
    assert sorted(Path(file).name for file in found["K\u00e4fer"]) == ["1.png", "2.png"]
    assert not left_out


@needs_links
def test_links_are_followed_on_demand_and_never_in_circles(tmp_path):
    place = fill(tmp_path / "pets", "cat/1.png", "dog/1.png")
    fill(tmp_path / "others", "cat/2.png", "wolf/3.png")
    (place / "wolf").symlink_to(tmp_path / "others" / "wolf")
    (place / "cat" / "more").symlink_to(tmp_path / "others" / "cat")
    (place / "cat" / "2.png").symlink_to(tmp_path / "others" / "cat" / "2.png")
    (place / "cat" / "up").symlink_to("..")
    (place / "dog" / "self").symlink_to(place / "dog")
    (tmp_path / "others" / "cat" / "back").symlink_to(place / "cat")
    found, left_out = find(place, follow_links=True)
    assert found == {
        "cat": ["cat/1.png", "cat/2.png", "cat/more/2.png"],
        "dog": ["dog/1.png"],
        "wolf": ["wolf/3.png"],
    }
    assert "links that lead back to where they are (cat/more/back, cat/up, dog/self)" in left_out


@needs_links
@pytest.mark.parametrize("target", ["others/cat", "others/cat/2.png", "pets/dog"])
def test_a_link_that_is_not_followed_is_refused_and_the_flag_named(tmp_path, target):
    place = fill(tmp_path / "pets", "cat/1.png", "dog/1.png")
    fill(tmp_path / "others", "cat/2.png")
    (place / "cat" / "link.png").symlink_to(tmp_path / target)
    with pytest.raises(ValueError, match=r"link\.png is a link .*--follow-links follows it"):
        find(place)


@needs_links
@pytest.mark.parametrize("follow_links", [False, True])
def test_a_link_to_nothing_is_refused(tmp_path, follow_links):
    place = fill(tmp_path / "pets", "cat/1.png", "dog/1.png")
    for target in ("gone.png", "link.png"):
        (place / "cat" / "link.png").unlink(missing_ok=True)
        (place / "cat" / "link.png").symlink_to(target)
        with pytest.raises(ValueError, match="which isn't there"):
            find(place, follow_links=follow_links)
