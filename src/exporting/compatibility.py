"""Whether clients of an export's last version can go on with the next one: one served name keeps what it is asked.

Each signature stays, with the names, types and shapes of its inputs and the names and types of its outputs, whose
shapes may follow from the data, such as one more class. New signatures may come.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import saved_model_pb2

from src.errors import UserError
from src.signatures import Request, Signature

SHOWN = 8  # differences
Tensors = Mapping[str, Mapping[str, str]]  # by signature and name, in words


def check_signatures(folder: Path, signatures: Mapping[str, Signature]) -> None:
    """Raises a UserError where clients of the last version in `folder` ask what `signatures` don't take."""
    if last := _last(folder):
        takes, _ = _saved(last)
        _compare(last, takes, {name: in_words(request) for name, (_, request) in signatures.items()})


def check_version(folder: Path, export: Path) -> None:
    """Raises a UserError where clients of the last version in `folder` ask or get something else than in `export`."""
    if last := _last(folder):
        for before, now in zip(_saved(last), _saved(export), strict=True):
            _compare(last, before, now)


def in_words(request: Request) -> dict[str, str]:
    """By input, what a request has: {"image": "uint8 (batch, 8, 8, 1)"}."""
    return {
        name: f"{spec.dtype.name} ({', '.join(['batch', *('any' if n is None else str(n) for n in spec.shape[1:])])})"
        for name, spec in sorted(request.items())
    }


def versions(folder: Path) -> dict[int, Path]:
    """The versions of an export by number."""
    return {int(path.name): path for path in folder.glob("*") if path.name.isdecimal()}


def _last(folder: Path) -> Path | None:
    numbered = versions(folder)
    return numbered[max(numbered)] if numbered else None


def _saved(version: Path) -> tuple[Tensors, Tensors]:
    """What each signature takes, and the type of each of its outputs."""
    try:
        saved = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    except (FileNotFoundError, DecodeError):
        raise UserError(
            f"{version} holds no SavedModel: remove it, or choose another name with --export-name NAME."
        ) from None
    takes, gives = {}, {}
    for name, signature in saved.meta_graphs[0].signature_def.items():
        if name.startswith("__"):
            continue  # the graph's own start, which nobody asks
        takes[name] = in_words({
            key: tf.TensorSpec(tf.TensorShape(info.tensor_shape), tf.as_dtype(info.dtype))
            for key, info in signature.inputs.items()
        })  # fmt: skip
        gives[name] = {key: tf.as_dtype(info.dtype).name for key, info in signature.outputs.items()}
    return takes, gives


def _compare(last: Path, before: Tensors, now: Tensors) -> None:
    differences = list(_differences(before, now))
    if differences:
        more = [f"… {len(differences) - SHOWN:,} more"] if len(differences) > SHOWN else []
        lines = "\n  ".join([*differences[:SHOWN], *more])
        raise UserError(
            f"This model can't be the next version of {last}, because it would break clients:\n  {lines}\n"
            "All versions under one name take the same requests: export under another with --export-name NAME."
        )


def _differences(before: Tensors, now: Tensors) -> Iterator[str]:
    for signature, tensors in before.items():
        if signature not in now:
            yield f"the signature {signature} is missing"
            continue
        for name in {**tensors, **now[signature]}:
            match tensors.get(name), now[signature].get(name):
                case was, None:
                    yield f"{signature}: {name} is missing, which was {was}"
                case None, new:
                    yield f"{signature}: {name} is new, {new}"
                case was, new if was != new:
                    yield f"{signature}: {name} was {was} and is {new}"
