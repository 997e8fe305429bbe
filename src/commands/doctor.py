"""The `doctor` command: whether this machine can train, and what to do where it can't."""

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from src.errors import UserError
from src.settings import catalogue
from src.system import places
from src.system.files import check_writable
from src.system.screen import tell

GOOD, WARNING, BAD = "✓", "!", "✗"
Finding = tuple[str, str]

PYTHONS = ((3, 11), (3, 13))  # oldest and newest that TensorFlow has builds for
MACHINES = {"linux": {"x86_64", "aarch64"}, "darwin": {"arm64"}, "win32": {"AMD64"}}  # … likewise
LITTLE_DISK, LITTLE_MEMORY = 5, 2  # GB
# In a process of its own: a broken TensorFlow can take the whole process with it.
PROBE = "from src.system import quiet; quiet.import_tensorflow(); from src.system import device; print(device.name())"
PROBE_S = 300


def doctor(*, runs_dir: str = "runs", exports_dir: str = "saved_models") -> None:
    """Prints one line for each check, with the fix where one is needed.

    Args:
        runs_dir: folder of the runs.
        exports_dir: folder of the SavedModels.

    Raises:
        UserError: where this machine can't train.
    """
    failed = 0
    for mark, text in _findings(runs_dir, exports_dir):
        tell(f"{mark} {text}")
        failed += mark == BAD
    if failed:
        raise UserError(f"this machine can't train yet: fix what is marked {BAD}.")
    tell("\nThis machine can train.")


def _findings(runs_dir: str, exports_dir: str) -> Iterator[Finding]:
    """Each check's mark and line; the slow one, TensorFlow, last."""
    yield _python()
    yield _platform()
    yield _packages()
    yield _memory()
    for folder in (Path(runs_dir), Path(exports_dir)):
        yield _folder(folder)
    yield _downloads()
    for problem in catalogue.broken():
        yield WARNING, problem
    yield _device()


def _python() -> Finding:
    oldest, newest = (".".join(map(str, version)) for version in PYTHONS)
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return GOOD, f"Python {platform.python_version()}"
    return BAD, (
        f"Python {platform.python_version()}: TensorFlow has builds for {oldest} to {newest} only; install one of "
        f"them, then: make -B setup PYTHON=python{newest}"
    )


def _platform() -> Finding:
    here = f"{platform.system()}, {platform.machine()}"
    if platform.machine() in MACHINES.get(sys.platform, ()):
        return GOOD, here
    if sys.platform == "darwin":
        return BAD, (
            f"{here}: TensorFlow has no builds for Intel Macs, nor for an Intel Python on Apple silicon; there, "
            f"install an arm64 Python, then: make -B setup. On an Intel Mac, train on a Linux machine"
        )
    return BAD, f"{here}: TensorFlow has no builds for it; use Linux (x86_64, aarch64), Windows (x64) or an arm64 Mac"


def _packages() -> Finding:
    """The direct dependencies against the lock; tools of development are no reason not to train."""
    direct, _, tools = (catalogue.ROOT / "requirements.in").read_text(encoding="utf-8").partition("- development -")
    lock = (catalogue.ROOT / "requirements.txt").read_text(encoding="utf-8")
    missing, others = [], []
    for name in _names(direct) + _names(tools):
        pins, installed = re.findall(rf"^{name}==(\S+)", lock, re.MULTILINE), _installed(name)
        if installed is None:
            missing.append(name)
        elif installed not in pins:
            others.append(f"{name} {installed} instead of {' or '.join(pins)}")
    problems = ([f"missing: {', '.join(missing)}"] if missing else []) + others
    if not problems:
        return GOOD, "packages as in requirements.txt"
    mark = BAD if set(missing) & set(_names(direct)) else WARNING
    return mark, f"packages: {'; '.join(problems)}; fix: make -B setup"


def _names(requirements: str) -> list[str]:
    return [name.lower().replace("_", "-") for name in re.findall(r"^[A-Za-z][\w.-]*", requirements, re.MULTILINE)]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _memory() -> Finding:
    try:
        import psutil  # comes with TensorFlow Datasets
    except ImportError:
        return WARNING, "memory: unknown without psutil; fix: make -B setup"
    free = psutil.virtual_memory().available / 1e9
    if free < LITTLE_MEMORY:
        return WARNING, f"memory: {free:.1f} GB free is little; close other programs, or train on less with --limit"
    return GOOD, f"memory: {free:.0f} GB free"


def _folder(folder: Path) -> Finding:
    try:
        check_writable(folder)
    except UserError as error:
        return BAD, f"{error} Change its owner or rights, or name another one with --runs-dir and --exports-dir"
    free = shutil.disk_usage(folder).free / 1e9
    if free < LITTLE_DISK:
        return WARNING, f"{folder}: can be written to, but {free:.1f} GB free is little; delete runs you don't need"
    return GOOD, f"{folder}: can be written to, {free:.0f} GB free"


def _downloads() -> Finding:
    """Which of the data sets that are downloaded once are here, by the names of their folders."""
    folder = places.data_sets()
    files = [file for file in catalogue.datasets().values() if file.download]
    downloaded = {part for path in folder.rglob("dataset_info.json") for part in path.relative_to(folder).parts}
    here = [file.name for file in files if file.name in downloaded]
    later = [f"{file.name} ({file.download})" for file in files if file.name not in here]
    text = f"data sets in {folder}: {', '.join(here) or 'none'}"
    if later:
        text += f"; downloaded at their first use: {', '.join(later)}"
    if os.environ.get("TFDS_DATA_DIR") and not folder.is_dir():
        return WARNING, f"{text}; TFDS_DATA_DIR names a folder that isn't there: make it, or name another one"
    if later and folder.exists() and not os.access(folder, os.W_OK):
        return WARNING, f"{text}; but it can't be written to: set TFDS_DATA_DIR to a folder of yours"
    return GOOD, text


def _device() -> Finding:
    """What TensorFlow computes on, and whether there is a GPU that it overlooks."""
    command = [sys.executable, "-c", PROBE]
    try:
        probe = subprocess.run(command, cwd=catalogue.ROOT, capture_output=True, text=True, timeout=PROBE_S)
    except subprocess.TimeoutExpired:
        return BAD, f"TensorFlow doesn't start within {PROBE_S} s; fix: make -B setup"
    if probe.returncode:
        return BAD, f"TensorFlow doesn't start: {_reason(probe)}; fix: make -B setup"
    device, gpu = probe.stdout.splitlines()[-1], _nvidia()
    if not gpu or device.startswith("GPU"):
        return GOOD, f"TensorFlow computes on {device}"
    if sys.platform == "win32":
        return WARNING, f"TensorFlow computes on {device}, as its Windows builds see no GPU; for {gpu}, use WSL 2"
    return WARNING, f"TensorFlow computes on {device} and doesn't see {gpu}; fix: make setup GPU=1, or a newer driver"


def _reason(probe: subprocess.CompletedProcess) -> str:
    if probe.returncode < 0:
        return f"it crashed ({signal.Signals(-probe.returncode).name})"
    return (probe.stderr.strip() or "no reason given").splitlines()[-1]


def _nvidia() -> str:
    """The first NVIDIA GPU's name as its driver tells it; "" without one."""
    if not shutil.which("nvidia-smi"):
        return ""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return next(iter(answer.stdout.splitlines()), "")
