"""The `doctor` command: what it finds on machines that are well, and on machines that aren't."""

import os
import re
import sys
from types import SimpleNamespace

import pytest

from src.commands import doctor
from src.errors import UserError
from src.settings import catalogue
from tests import tree


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A project of toys on a machine without a GPU, whose TensorFlow starts at once."""
    root = tree.toys(tmp_path)
    monkeypatch.setattr(catalogue, "ROOT", root)
    monkeypatch.chdir(root)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "downloads"))
    (tmp_path / "downloads").mkdir()
    monkeypatch.setattr(doctor, "PROBE", "print('CPU, 2 cores')")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=50e9))
    return root


def checked(capsys):
    """Whether the doctor is content, and its lines by their marks."""
    try:
        doctor.doctor()
        well = True
    except UserError as error:
        assert error.exit_code == 1 and doctor.BAD in str(error)
        well = False
    lines = capsys.readouterr().out.splitlines()
    return well, {mark: [line[2:] for line in lines if line.startswith(f"{mark} ")] for mark in "✓!✗"}


def test_well(machine, capsys):
    well, lines = checked(capsys)
    assert well and not lines["!"] and not lines["✗"]
    assert lines["✓"][-1] == "TensorFlow computes on CPU, 2 cores"
    assert len(lines["✓"]) == 8


def test_this_machine():
    """The real thing, in a process of its own: these tests run, so it can train."""
    answer = tree.run(tree.ROOT, "doctor")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "This machine can train." in answer.stdout
    assert re.search(r"^[✓!] TensorFlow computes on (CPU, \d+ cores|GPU )", answer.stdout, re.MULTILINE)
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(("version", "well"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)])
def test_python(machine, capsys, monkeypatch, version, well):
    monkeypatch.setattr(doctor.sys, "version_info", (*version, 0))
    found, lines = checked(capsys)
    assert found is well
    assert any("3.11 to 3.13" in line and "make -B setup" in line for line in lines["✗"]) is not well


@pytest.mark.parametrize(
    ("system", "processor", "words"),
    [
        ("linux", "x86_64", None),
        ("linux", "aarch64", None),
        ("darwin", "arm64", None),
        ("win32", "AMD64", None),
        ("darwin", "x86_64", "Intel Macs"),
        ("linux", "riscv64", "no builds"),
        ("freebsd14", "amd64", "no builds"),
    ],
)
def test_platform(machine, capsys, monkeypatch, system, processor, words):
    monkeypatch.setattr(doctor.sys, "platform", system)
    monkeypatch.setattr(doctor.platform, "machine", lambda: processor)
    well, lines = checked(capsys)
    assert well is (words is None)
    assert [words in line for line in lines["✗"]] == [True] * (words is not None)


@pytest.mark.parametrize(
    ("installed", "mark", "words"),
    [
        ({"keras": None}, "✗", "missing: keras; fix: make -B setup"),
        ({"keras": "2.0"}, "!", "keras 2.0 instead of 3."),
        ({"pytest": None}, "!", "missing: pytest; fix: make -B setup"),
        ({"keras": None, "pytest": None, "tyro": "0.1"}, "✗", "missing: keras, pytest; tyro 0.1 instead of "),
        ({"tensorflow": None, "rich": None}, "✗", "missing: tensorflow, rich;"),
    ],
)
def test_packages(machine, capsys, monkeypatch, installed, mark, words):
    real = doctor._installed
    monkeypatch.setattr(
        doctor, "_installed", lambda name: installed.get(name, real(name)) if name in installed else real(name)
    )
    well, lines = checked(capsys)
    assert well is (mark == "!")
    assert [words in line for line in lines[mark]] == [True]


def test_every_direct_dependency_is_in_the_lock():
    """Else the doctor would compare with nothing."""
    names = doctor._names((tree.ROOT / "requirements.in").read_text())
    lock = (tree.ROOT / "requirements.txt").read_text()
    assert {"tensorflow", "keras", "importlib-resources", "pytest"} <= set(names)
    assert [name for name in names if f"\n{name}==" not in lock] == []


def test_little_memory_and_disk(machine, capsys, monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=1.5e9))
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=0.3e9))
    well, lines = checked(capsys)
    assert well
    assert [line.split(":")[0] for line in lines["!"]] == ["memory", "runs", "saved_models"]
    assert "1.5 GB" in lines["!"][0] and "0.3 GB" in lines["!"][1]


def test_without_psutil(machine, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    well, lines = checked(capsys)
    assert well and lines["!"] == ["memory: unknown without psutil; fix: make -B setup"]


def test_folder_that_cannot_be_written_to(machine, capsys):
    (machine / "runs").write_text("in the way")
    well, lines = checked(capsys)
    assert not well and len(lines["✗"]) == 1 and "Can't write into runs" in lines["✗"][0]


def test_downloads_are_found_by_their_folders(machine, capsys, tmp_path):
    (machine / "src/datasets/prints.py").write_text(tree.PICTURES)
    assert "none; downloaded at their first use: pictures (7 MB), prints (7 MB)" in checked(capsys)[1]["✓"][6]
    for name, folder in {"pictures": "1.0.0", "prints": "some/1.0.0"}.items():
        (tmp_path / "downloads" / name / folder).mkdir(parents=True)
    assert ": none; downloaded" in checked(capsys)[1]["✓"][6], "an unfinished download is none"
    (tmp_path / "downloads/prints/some/1.0.0/dataset_info.json").touch()
    assert ": prints; downloaded at their first use: pictures (7 MB)" in checked(capsys)[1]["✓"][6]
    (tmp_path / "downloads/pictures/1.0.0/dataset_info.json").touch()
    assert checked(capsys)[1]["✓"][6].endswith("downloads: pictures, prints")


def test_download_folder_of_the_variable_has_to_be_there(machine, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nowhere"))
    well, lines = checked(capsys)
    assert well and len(lines["!"]) == 1 and "TFDS_DATA_DIR names a folder that isn't there" in lines["!"][0]


def test_usual_download_folder_may_be_missing(machine, capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    well, lines = checked(capsys)
    assert well and not lines["!"]
    assert str(tmp_path / "tensorflow_datasets") in lines["✓"][6]


def test_download_folder_of_somebody_else(machine, capsys, monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda path, mode: False)
    well, lines = checked(capsys)
    assert well and len(lines["!"]) == 1 and "can't be written to: set TFDS_DATA_DIR" in lines["!"][0]


def test_broken_file(machine, capsys):
    (machine / "models/broken.py").write_text("def build(:")
    well, lines = checked(capsys)
    assert well and lines["!"] == ["models/broken.py:1: this is not valid Python: invalid syntax."]


@pytest.mark.parametrize(
    ("tensorflow", "words"),
    [
        ("raise ImportError('libcudart.so.12: no such file')", "ImportError: libcudart.so.12: no such file"),
        ("import os; os.abort()", "it crashed (SIGABRT)"),
        ("raise SystemExit(3)", "no reason given"),
    ],
)
def test_broken_tensorflow_is_the_last_finding(machine, tensorflow, words):
    (machine / "tensorflow.py").write_text(tensorflow)
    (machine / "keras.py").write_text("import tensorflow")
    answer = tree.run(machine, "doctor")
    assert answer.returncode == 1
    last = answer.stdout.splitlines()[-1]
    assert last == f"✗ TensorFlow doesn't start: {words}; fix: make -B setup"
    assert answer.stderr == "error: this machine can't train yet: fix what is marked ✗.\n"


def test_tensorflow_that_hangs(machine, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "PROBE", "import time; time.sleep(60)")
    monkeypatch.setattr(doctor, "PROBE_S", 0.5)
    well, lines = checked(capsys)
    assert not well and lines["✗"] == ["TensorFlow doesn't start within 0.5 s; fix: make -B setup"]


@pytest.mark.skipif(os.name == "nt", reason="the driver's program is played by a shell script")
@pytest.mark.parametrize(
    ("device", "driver", "system", "mark", "words"),
    [
        ("CPU, 2 cores", "echo NVIDIA T4", "linux", "!", "doesn't see NVIDIA T4; fix: make setup GPU=1"),
        ("CPU, 2 cores", "echo NVIDIA T4", "win32", "!", "WSL 2"),
        ("GPU NVIDIA T4", "echo NVIDIA T4", "linux", "✓", "TensorFlow computes on GPU NVIDIA T4"),
        ("CPU, 2 cores", "exit 9", "linux", "✓", "TensorFlow computes on CPU, 2 cores"),
        ("CPU, 2 cores", "", "linux", "✓", "TensorFlow computes on CPU, 2 cores"),
    ],
)
def test_gpu_that_is_overlooked(machine, monkeypatch, tmp_path, device, driver, system, mark, words):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{driver}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: str(program))
    monkeypatch.setattr(doctor, "PROBE", f"print({device!r})")
    monkeypatch.setattr(doctor.sys, "platform", system)
    found, text = doctor._device()
    assert found == mark and words in text
