"""Model files that are given by path: read, run and hashed as those of models/ are, with the files beside them."""

import json
import os
import re
import sys
import types

import pytest

from src.errors import UsageError, UserError
from src.settings import catalogue, config, modules
from tests.tree import CLERK, toys

NET = CLERK.replace("TAKES", "import blocks_of_net\nfrom parts_of_net.sizes import SIZE\n\nTAKES")
NET += "    return blocks_of_net.twice(SIZE)\n"


@pytest.fixture
def net(tmp_path):
    """A model file that imports a neighbour, and a file of a folder beside it."""
    return written(tmp_path / "nets")


def written(folder):
    (folder / "parts_of_net").mkdir(parents=True)
    (folder / "blocks_of_net.py").write_text("def twice(size): return 2 * size")
    (folder / "parts_of_net/sizes.py").write_text("SIZE = 1")
    (folder / "my_net.py").write_text(NET)
    return folder / "my_net.py"


def rewritten(path, text):
    """Replaces a file's text by one as long; the time at which it was written stays."""
    before = path.stat()
    path.write_text(text)
    assert path.stat().st_size == before.st_size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def built(path):
    return catalogue.load(catalogue.model(str(path))).build(None, None)


def test_is_read_as_one_of_models_is(net, monkeypatch):
    file = catalogue.model(str(net))
    assert (file.name, file.reference, file.summary) == ("my_net", str(net), "Toy clerk: for tests.")
    assert [knob.name for knob in file.knobs] == ["pencils"]
    monkeypatch.chdir(net.parent)
    assert catalogue.model("my_net.py") == catalogue.model("./my_net.py") == file
    name = catalogue.files("models")[0].stem
    assert catalogue.model(str(catalogue.ROOT / f"models/{name}.py")) == catalogue.model(name)
    assert catalogue.model(name).reference == name


def test_what_can_be_no_model_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"There is no model file nets/gone.py. If it was moved, give the path"):
        catalogue.model("nets/gone.py")
    (tmp_path / "my net.py").write_text(CLERK)
    with pytest.raises(UserError, match="model 'my net' can't name a folder"):
        catalogue.model(str(tmp_path / "my net.py"))


def test_all_files_that_it_uses_are_hashed(net):
    names = {path.relative_to(net.parent).as_posix() for path in catalogue.code(catalogue.model(str(net)))}
    assert names == {"my_net.py", "blocks_of_net.py", "parts_of_net/sizes.py"}


def test_every_edited_file_runs_as_it_is_now(net):
    assert built(net) == 2
    rewritten(net.with_name("blocks_of_net.py"), "def twice(size): return 4 * size")
    assert built(net) == 4
    rewritten(net.with_name("parts_of_net") / "sizes.py", "SIZE = 3")
    assert built(net) == 12
    rewritten(net, NET.replace("twice(SIZE)", "twice(1234)"))
    with modules.held():
        assert built(net) == 4936
        rewritten(net, NET)
        assert built(net) == 4936
    assert built(net) == 12
    assert catalogue.load(catalogue.model(str(net))) is catalogue.load(catalogue.model(str(net)))


def test_a_neighbour_that_a_notebook_has_imported_is_imported_anew(net, monkeypatch):
    monkeypatch.syspath_prepend(net.parent)
    modules._outside.pop("blocks_of_net", None)
    sys.modules.pop("blocks_of_net", None)
    import blocks_of_net  # by Python itself

    assert blocks_of_net.twice(1) == 2
    rewritten(net.with_name("blocks_of_net.py"), "def twice(size): return 4 * size")
    assert built(net) == 4


def test_neighbours_of_one_name_in_two_folders_are_told_apart(net, tmp_path):
    other = written(tmp_path / "others")
    other.with_name("blocks_of_net.py").write_text("def twice(size): return 100")
    assert [built(path) for path in (net, other, net)] == [2, 100, 2]


def test_a_neighbour_with_the_name_of_another_module_is_refused(net, monkeypatch):
    net.write_text(NET.replace("blocks_of_net", "taken_module"))
    net.with_name("taken_module.py").write_text("def twice(size): return 2 * size")
    taken = types.ModuleType("taken_module")
    taken.__file__ = "/elsewhere/taken_module.py"
    monkeypatch.setitem(sys.modules, "taken_module", taken)
    with pytest.raises(UserError, match=r"taken_module.py can't be imported: 'taken_module' is another module here"):
        built(net)
    assert sys.modules["taken_module"] is taken


def test_a_plug_in_s_folder_of_modules_is_part_of_its_code(tmp_path, monkeypatch):
    """Also of one in models/, absolute and relative."""
    root = tmp_path / "project"
    (root / "models/parts").mkdir(parents=True)
    (root / "models/parts/more.py").write_text("SIZE = 1")
    (root / "models/_shared.py").write_text("")
    (root / "models/clerk.py").write_text(
        CLERK.replace("TAKES", "from models.parts import more\nfrom . import _shared\n\nTAKES", 1)
    )
    monkeypatch.setattr(catalogue, "ROOT", root)
    names = {path.relative_to(root / "models").as_posix() for path in catalogue.code(catalogue.model("clerk"))}
    assert names == {"clerk.py", "parts/more.py", "_shared.py"}


def test_a_configuration_finds_it_again(net, tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "ROOT", toys(tmp_path))
    file = tmp_path / "config.json"
    saved = {"format": 1, "model": "my_net", "model_path": str(net), "knobs": {"pencils": 7}}
    file.write_text(json.dumps(saved))
    flags = {"config": str(file), "data": "table"}
    for model in (str(net), "my_net"):
        settings = config.resolve(model, flags)
        assert (settings.choices.model.path, settings.values["pencils"]) == (net, 7)
    (tmp_path / "new").mkdir()
    moved = net.rename(tmp_path / "new/my_net.py")
    assert config.resolve(str(moved), flags).values["pencils"] == 7
    with pytest.raises(UsageError, match=re.escape(f"There is no model file {net}. If it was moved, give the path")):
        config.resolve("my_net", flags)
    with pytest.raises(UsageError, match=r"config.json is for the model .*my_net.py', not for 'clerk'"):
        config.resolve("clerk", flags)
