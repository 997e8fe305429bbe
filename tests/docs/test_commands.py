"""The commands of the README and the documents: each is understood, and in the long tests each is run."""

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import date, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from src import cli
from src.commands.listing import GROUPS, listing
from src.settings import catalogue
from tests.tree import ROOT, copied

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in DOCUMENTS}
FILES = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", TEXTS["README.md"], re.DOTALL))
BLOCKS = {
    name: re.findall(r"^(?:make|\.venv/bin/python -m src) .+$", text, re.MULTILINE) for name, text in TEXTS.items()
}
INLINE = {name: re.findall(r"`(make [^`…]+)`", text) for name, text in TEXTS.items()}
# This one, installations, what ends with Ctrl-C.
NOT_HERE = {"test", "setup", "serve", "demo", "bench", "bench-serve", "tensorboard"}
SHORT = {"train": "--epochs 1", "tune": "--epochs 1 --seeds 1 --workers 1"}

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make isn't installed")


@pytest.fixture
def project(tmp_path):
    """A copy of the project with the files of the README in it."""
    root = copied(tmp_path)
    shutil.copy(ROOT / "Makefile", root)
    shutil.copytree(ROOT / "tuning", root / "tuning", ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in FILES.items():
        (root / path).write_text(text, encoding="utf-8")
    return root


def make(root, *words):
    """Runs make with this Python, and without installing."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "ARGS")}
    command = ["make", f"PY={sys.executable}", "READY=", *words]
    nothing = subprocess.DEVNULL  # is typed
    return subprocess.run(command, cwd=root, env=environment, stdin=nothing, capture_output=True, encoding="utf-8")


def lacks(root, line) -> set[str]:
    """The models, data sets and recipes that a command names and that somebody deleted."""
    there = {path.stem for folder in ("models", "src/datasets") for path in (root / folder).glob("*.py")} | {*GROUPS}
    names = ("MODEL=", "DATA=", "RECIPE=", *(["ARGS="] if line.startswith("make list") else []))
    named = [word.split("=")[1] for word in shlex.split(line) if word.startswith(names)]
    return {part for name in named for part in name.split("-")} - there


@pytest.mark.parametrize("name", TEXTS)
def test_every_command_is_understood(name, project, monkeypatch, capsys):
    monkeypatch.setattr(catalogue, "ROOT", project)
    monkeypatch.chdir(project)
    monkeypatch.setattr("src.system.quiet.import_tensorflow", lambda *_: None)
    understood = []
    functions = {name: lambda *arguments, **flags: understood.append(line) for _, name, _, _ in cli.COMMANDS.values()}
    functions["listing"] = lambda *arguments: [understood.append(line), listing(*arguments)]
    monkeypatch.setattr(cli, "importlib", SimpleNamespace(import_module=lambda module: SimpleNamespace(**functions)))
    for line in [*BLOCKS[name], *INLINE[name]]:
        if lacks(project, line):
            continue
        for path in re.findall(r"--config ([^\s\"]+)", line):
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(json.dumps({"knobs": {}}))
        if line.startswith("make "):
            made = make(project, "-n", *shlex.split(line)[1:])
            assert made.returncode == 0, f"{line}\n{made.stderr}"
            line = made.stdout.strip().splitlines()[-1]  # behind what installs packages
        words = shlex.split(line)
        if words[1:3] == ["-m", "src"] and len(words) > 4 and not {"--help", "--resume"} & {*words}:
            assert cli.main(words[3:]) == 0, f"{line}\n{capsys.readouterr().err}"
            assert understood.pop() == line


@pytest.mark.long
@pytest.mark.parametrize("name", TEXTS)
def test_every_command_works(name, project):
    write_files(project)
    for line in BLOCKS[name]:
        words = shlex.split(line)
        needs_network = {"DATA=tfds"} & {*words}
        recipes = [(project / f"recipes/{word[7:]}.toml").read_text() for word in words if word.startswith("RECIPE=")]
        is_pretrained = "--pretrained" in line or any("pretrained = true" in recipe for recipe in recipes)
        needs_packages = is_pretrained or any(word.startswith("FORMAT=") for word in words)
        needs_run = "--init runs/" in line
        if (
            words[0] != "make"
            or words[1] in NOT_HERE
            or lacks(project, line)
            or needs_network
            or needs_packages
            or needs_run
        ):
            continue
        if name != "README.md" and words[1] in SHORT:
            given = next((word.removeprefix("ARGS=") for word in words if word.startswith("ARGS=")), "")
            words += [f"ARGS={given} {SHORT[words[1]]}", *(["TRIALS=2"] if words[1] == "tune" else [])]
        done = make(project, *words[1:])
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def write_files(root) -> None:
    """The files that the commands name."""
    random = np.random.default_rng(0)
    for kind, level in (("dark", 60), ("light", 180)):
        (root / "photos" / kind).mkdir(parents=True)
        for folder in ("aclImdb", "reviews"):
            (root / folder / kind).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(level - 40, level + 40, (16, 16, 3)).astype("uint8")
            (root / "photos" / kind / f"{number}.png").write_bytes(tf.io.encode_png(pixels).numpy())
            for folder in ("aclImdb", "reviews"):
                (root / folder / kind / f"{number}.txt").write_text(f"A {kind} film, number {number}.")
    for number in range(20):
        pixels = random.integers(0, 256, (16, 16, 3)).astype("uint8")
        mask = (pixels[..., :1] // 128 * (128, 64, 128)).astype("uint8")
        for folder, picture in (("images", pixels), ("masks", mask)):
            tf.io.write_file(str(root / "street" / folder / f"{number}.png"), tf.io.encode_png(picture))
    named = [picture.relative_to(root / "photos").as_posix() for picture in sorted((root / "photos").rglob("*.png"))]
    rows = [f"{name},{name.split('/')[0]},2,3,9,12" for name in named]
    (root / "photos" / "boxes.csv").write_text("\n".join(["filename,class,xmin,ymin,xmax,ymax", *rows]))
    (root / "street" / "classes.txt").write_text("void 0 0 0\nroad 128 64 128\n")
    houses = [
        f"{size},{('north', 'south')[size % 2]},s{size // 5},{1000 * size},{('yes', 'no')[size % 3 > 1]}"
        for size in range(50, 250)
    ]
    (root / "houses.csv").write_text("\n".join(["size,side,street,price,sold", *houses]))
    reviews = [f"a film with {stars} good moments in part {part},{stars}" for part in range(20) for stars in (1, 2, 3)]
    (root / "reviews.csv").write_text("\n".join(["review,stars", *reviews]))
    days = [date(2023, 1, 1) + timedelta(day) for day in range(300)]
    sold = [f"{day},{100 + 10 * day.weekday()}" for day in days]
    (root / "sales.csv").write_text("\n".join(["day,sales", *sold]))
    by_shop = [f"{row},{shop}" for shop in ("north", "south") for row in sold]
    (root / "shops.csv").write_text("\n".join(["day,sales,shop", *by_shop]))
    write_pairs(root)
    with gzip.open(root / "book.txt.gz", "wt") as book:
        book.writelines(
            f"Chapter {number}: it went on, and {number * number} things were said.\n" for number in range(2000)
        )


def write_pairs(root) -> None:
    """Translations, questions and answers, and conversations."""
    pairs = [(f"Say {number}.", f"Dis {number}\u202f!") for number in range(80)]
    (root / "corpus").mkdir()
    (root / "talks").mkdir()
    for name in ("fra.tsv", "dialogs.tsv"):
        (root / name).write_text("".join(f"{text}\t{target}\n" for text, target in pairs), encoding="utf-8")
    for ending, texts in zip(("en", "fr"), zip(*pairs, strict=True), strict=True):
        (root / f"corpus/train.{ending}").write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    talks = "".join(f"- - Hi, {number}!\n  - Hello.\n  - Are you {number}?\n  - I am.\n" for number in range(40))
    (root / "talks" / "small.yml").write_text(f"conversations:\n{talks}")
