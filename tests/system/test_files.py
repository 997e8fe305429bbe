"""What processes that were killed have left half-written, and what live ones are still writing."""

import os
import subprocess
import sys

from src.settings import catalogue
from src.system.files import sweep, whole
from src.system.locks import owned

# Ends within the block, as a process that is killed does.
KILLED = "import os, sys; from pathlib import Path; from src.system.files import whole\n"
KILLED += "with whole(Path(sys.argv[1])) as partial: partial.write_text('half'); os._exit(9)"


def test_the_next_owner_of_a_lock_removes_what_a_killed_process_left(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("model.keras", "figures/curves.png"):
        subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name)], cwd=catalogue.ROOT)
    assert len(list(tmp_path.rglob(".*"))) == 2
    with owned(tmp_path / ".lock", "a test"):
        assert {path.name for path in tmp_path.rglob(".[0-9]*")} == set()


def test_the_next_writer_of_a_file_removes_what_a_killed_process_left_of_it(tmp_path):
    for name in ("[a].csv", "b.csv"):
        subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / name)], cwd=catalogue.ROOT)
    with whole(tmp_path / "[a].csv") as partial:
        partial.write_text("whole")
    assert sorted(path.name.split("-")[-1] for path in tmp_path.iterdir()) == ["[a].csv", "b.csv"]
    assert (tmp_path / "[a].csv").read_text() == "whole"
    assert len(list(tmp_path.glob(".[0-9]*"))) == 1


def test_what_a_live_process_writes_stays_but_not_that_of_an_earlier_one_of_its_number(tmp_path):
    with whole(tmp_path / "live.json") as partial:
        partial.write_text("half")
        sweep(tmp_path)
        assert partial.exists()
        os.utime(partial, (0, 0))  # as if it had been left before this process began
        sweep(tmp_path)
        assert not partial.exists()
        partial.write_text("whole")
    assert (tmp_path / "live.json").read_text() == "whole"


def test_files_of_other_names_are_nobody_s_leftovers(tmp_path):
    for name in (".2026-notes", ".1x-y", "12-a.json", ".hidden"):
        (tmp_path / name).write_text("mine")
    sweep(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {".1x-y", "12-a.json", ".hidden"}
