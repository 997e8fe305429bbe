"""The versions of a model: numbered folders, found, loaded and unloaded by TensorFlow Serving's rules.

The base folder is listed every second. The policy says which of the numbers in it are aspired, as TensorFlow Serving
calls it, by itself the largest; one is unloaded only when what replaces it is loaded. One that can't be loaded is tried
again some minutes long, and then given up, while the old one goes on.
"""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from src.serving.local.errors import Refused
from src.serving.local.servable import Servable
from src.system.screen import show

POLL_S = 1.0
RETRIES, RETRY_S = 5, 60.0
NUMBER = re.compile(r"-?[0-9]+")
INT64 = 2**63
Policy = Callable[[Iterable[int]], set[int]]


def latest(count: int) -> Policy:
    """The `count` largest numbers."""
    return lambda numbers: set(sorted(numbers)[-count:])


def specific(numbers: Iterable[int]) -> Policy:
    """Those numbers, as far as they are there."""
    return set(numbers).intersection


@dataclass
class Version:
    """One version: its state, why it failed, and what answers while it is available."""

    state: str = "START"
    error: Refused | None = None
    servable: Servable | None = None
    attempts: int = 0
    next_attempt: float = 0.0
    users: int = 0  # requests under way


@dataclass
class Model:
    """A model by its name: where its versions are, which of them are aspired, and what they are called."""

    name: str
    base: Path
    policy: Policy = field(default_factory=lambda: latest(1))
    labels: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self):
        self.versions: dict[int, Version] = {}
        self._changed = threading.Condition()

    def poll(self, now: float) -> None:
        """Looks at the base folder, and loads and unloads what has changed."""
        if (listed := self._listed()) is None:
            return  # the whole folder is gone: nothing changes
        aspired = self.policy(listed)
        # One that failed is tried anew only where what answers has gone from the disk.
        gone = not any(n in listed for n, version in self.versions.items() if version.state == "AVAILABLE")
        for number in aspired:
            version = self.versions.get(number)
            if version is None or (version.state == "END" and (gone or not version.error)):
                self.versions = {**self.versions, number: Version()}  # another dict: requests may be reading this one
        for number in sorted(aspired):
            self._load(number, listed[number], now)
        available = {number for number, version in self.versions.items() if version.state == "AVAILABLE"}
        if available & aspired or not aspired:
            for number in available - aspired:
                self._unload(number)
        for number, version in self.versions.items():
            if number not in aspired and version.state in ("START", "LOADING"):
                version.state = "END"

    @contextmanager
    def use(self, number: int | None = None, label: str | None = None) -> Iterator[tuple[int, Servable]]:
        """The version that answers, which isn't unloaded meanwhile: the largest one by itself.

        Raises:
            Refused: where it isn't there.
        """
        if label is not None:
            if label not in self.labels:
                raise Refused(f"Unrecognized servable version label: {label}")
            number = self.labels[label]
        with self._changed:
            available = {n: v.servable for n, v in self.versions.items() if v.state == "AVAILABLE" and v.servable}
            if number is None and not available:
                raise Refused(f"Servable not found for request: Latest({self.name})", "NOT_FOUND")
            chosen = max(available) if number is None else number
            if chosen not in available:
                raise Refused(f"Servable not found for request: Specific({self.name}, {chosen})", "NOT_FOUND")
            version = self.versions[chosen]
            version.users += 1
        try:
            yield chosen, available[chosen]
        finally:
            with self._changed:
                version.users -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Unloads all."""
        for number, version in self.versions.items():
            if version.servable:
                self._unload(number)

    def _listed(self) -> dict[int, Path] | None:
        try:
            paths = [path for path in self.base.iterdir() if NUMBER.fullmatch(path.name)]
        except OSError:
            return None
        return {int(path.name): path for path in paths if abs(int(path.name)) < INT64}

    def _load(self, number: int, path: Path, now: float) -> None:
        version = self.versions[number]
        if version.state not in ("START", "LOADING") or now < version.next_attempt:
            return
        version.state = "LOADING"
        try:
            servable = Servable(path)
        except Exception as problem:  # whatever it is, the others are looked after
            error = problem if isinstance(problem, Refused) else Refused(str(problem), "UNKNOWN")
            version.attempts += 1
            version.next_attempt = now + RETRY_S
            show(f"{self.name}, version {number} can't be loaded: {error.message}")
            if version.attempts > RETRIES:
                version.state, version.error = "END", error
            return
        with self._changed:
            version.state, version.servable = "AVAILABLE", servable
        show(f"{self.name}, version {number} is loaded")

    def _unload(self, number: int) -> None:
        version = self.versions[number]
        with self._changed:
            version.state = "UNLOADING"
            self._changed.wait_for(lambda: not version.users)
            servable, version.servable = version.servable, None
            version.state = "END"
        if servable:
            servable.close()


class Models:
    """All models that are served, looked after by a thread of their own.

    Args:
        models: each of them.
    """

    def __init__(self, models: Iterable[Model]):
        self._models = {model.name: model for model in models}
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def __getitem__(self, name: str | None) -> Model | None:
        return self._models.get(name or "")

    def start(self) -> None:
        """Loads what is there, and from then on what comes.

        Raises:
            Refused: where a model can't be served from the beginning.
        """
        for model in self:
            model.poll(time.monotonic())
            if not any(version.state == "AVAILABLE" for version in model.versions.values()):
                newest = max(model.versions, default=None)
                broken = f"its newest version, {newest}, can't be loaded: fix or remove its folder"
                why = f"{model.base} has no version" if newest is None else broken
                raise Refused(f"{model.name} can't be served: {why}.", "NOT_FOUND")
        self._thread.start()

    def close(self) -> None:
        """Ends the thread and unloads all."""
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join()
        for model in self:
            model.close()

    def _watch(self) -> None:
        while not self._ends.wait(POLL_S):
            for model in self:
                model.poll(time.monotonic())
