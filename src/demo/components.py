"""Which component of the page an input or an answer belongs to: by its type, its rank and its name, in two tables.

A page has a tab for each signature. What stands in it follows from the signature's specs and the contracts of
docs/contracts.md; no model and no data set is named. Nothing here imports Gradio or TensorFlow.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from src.readers.requests import DEFAULT, PICTURES, STRINGS, Inputs, InputSpec

TEXTS = ("string",)
WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
NUMBERS = (*WHOLE, "float32", "float64")
SLIDERS = {  # least and largest value, and step, of generation and detection; their tasks say what each does
    "length": (1, 1000, 1),
    "temperature": (0.0, 2.0, 0.05),
    "top_k": (0, 100, 1),
    "top_p": (0.05, 1.0, 0.05),
    "threshold": (0.0, 1.0, 0.05),
}
BARS, COUNT = "probabilities", "count"  # of things that are answered, which have a box, a label and a score each
CANDIDATES = "texts"  # which have scores
LAST = ("seed", *SLIDERS)  # of the fields of a signature
SKETCHED = 64  # pixels of a picture's sides that can be drawn by hand, at most


class Rule(NamedTuple):
    """What belongs to a component: dtypes, rank with the batch, and names; any rank or name where none is given."""

    component: str
    dtypes: Collection[str] = ()
    rank: int | None = None
    names: Collection[str] = ()

    def fits(self, spec: InputSpec, name: str) -> bool:
        """Whether it is the rule for an input or an answer."""
        return (
            (not self.dtypes or spec.dtype in self.dtypes)
            and self.rank in (None, len(spec.shape))
            and (not self.names or name in self.names)
        )


# The first rule that fits counts.
INPUTS = (
    #    component  dtypes   rank  names
    Rule("picture", TEXTS,   1,    [PICTURES]),
    Rule("choice",  TEXTS,   1,    ["label"]),
    Rule("text",    TEXTS,   1,    ["text"]),
    Rule("word",    TEXTS,   1),
    Rule("slider",  NUMBERS, 1,    SLIDERS),
    Rule("number",  NUMBERS, 1),
    Rule("latent",  NUMBERS, 2,    ["latent"]),
    Rule("json",    NUMBERS, 2,    ["vector"]),
    Rule("series",  NUMBERS, 2),
    Rule("json"),
)  # fmt: skip
ANSWERS = (
    Rule("picture", TEXTS,   1,    ["png_bytes"]),
    Rule("bars",    NUMBERS, 2,    [BARS]),
    Rule("shares",  NUMBERS, 2,    ["shares"]),
    Rule("things",  NUMBERS, 1,    [COUNT]),
    Rule("text",    TEXTS,   1,    ["text"]),
    Rule("number",  NUMBERS, 1),
    Rule("word",    TEXTS,   1),
    Rule("texts",   TEXTS,   2,    [CANDIDATES]),
    Rule("curves",  NUMBERS, 2),  # of a series that was given
    Rule("values",  NUMBERS, 2),
    Rule("json"),
)  # fmt: skip
SHOWN_BY = {  # answers that others show, too
    "image": ("png_bytes",),
    "mask": ("png_bytes",),
    "label": (BARS, COUNT),
    "next": (BARS,),
    "probability": (BARS,),
    "boxes": (COUNT,),
    "score": (COUNT,),
    "scores": (CANDIDATES,),
}
TITLES = {  # of the default signature's tab, by its first component
    "picture": "Picture",
    "text": "Text",
    "word": "Row",
    "number": "Row",
    "latent": "Latent space",
    "series": "Series",
}


class Signature(NamedTuple):
    """What a signature takes and answers."""

    inputs: Inputs
    answers: Inputs


@dataclass(frozen=True)
class Field:
    """A component in which something is filled in.

    Args:
        component: of INPUTS, or "sketch".
        inputs: that it fills; several only of series.
        sample: of each input, as an example of the training's validation split has it, or what is usual.
        called: what the file that the model was trained on calls the inputs.
        may_be_empty: whether nothing may be filled in: for a missing value, or for a text that is written on.
    """

    component: str
    inputs: Inputs
    sample: Mapping[str, Any]
    called: Mapping[str, str]
    may_be_empty: bool = False

    @property
    def label(self) -> str:
        """What stands above it."""
        names = [self.called.get(name, name) for name in self.inputs]
        return "Series" if self.component == "series" else names[0]


@dataclass(frozen=True)
class Tab:
    """A way to ask.

    Args:
        title: of the tab.
        signature: that is asked.
        fields: what is filled in.
        answers: the component of each answer that is shown.
    """

    title: str
    signature: str
    fields: Sequence[Field]
    answers: Mapping[str, str]


def tabs_of(
    signatures: Mapping[str, Signature],
    samples: Mapping[str, Mapping[str, Any]],
    called: Mapping[str, str],
    names: Sequence[str],
) -> list[Tab]:
    """The tabs of a page: first what a task adds to its default signature, as that is what people come for.

    Of two signatures that take the same in other forms, there is one tab: pictures are asked encoded, as people have
    them, rows as numbers and words.

    Args:
        signatures: of the export, by name.
        samples: a value of each input, by signature.
        called: what the file that the model was trained on calls its inputs, where that isn't the same.
        names: of what is answered with probabilities; empty where they aren't known.
    """
    others = sorted(signatures.keys() - {DEFAULT, PICTURES, STRINGS})
    tabs = []
    for name in others:
        fields = _fields(signatures[name], samples.get(name, {}), called, names)
        tabs.append(Tab(name.replace("_", " ").capitalize(), name, fields, _answers(signatures[name], names)))
    default = signatures[DEFAULT]
    answers = _answers(default, names)
    if PICTURES in signatures:
        fields = _fields(signatures[PICTURES], samples.get(PICTURES, {}), called, names)
        if _can_be_sketched(default.inputs):
            tabs.append(Tab("Sketch", PICTURES, [replace(field, component="sketch") for field in fields], answers))
        return [*tabs, Tab("Picture", PICTURES, fields, answers)]
    is_table = STRINGS in signatures
    fields = _fields(default, samples.get(DEFAULT, {}), called, names, is_table)
    return [*tabs, Tab(TITLES.get(fields[0].component, "Request"), DEFAULT, fields, answers)]


def component_of(rules: Sequence[Rule], spec: InputSpec, name: str) -> str:
    """The component of the first rule that fits."""
    return next(rule.component for rule in rules if rule.fits(spec, name))


def _fields(
    signature: Signature,
    sample: Mapping[str, Any],
    called: Mapping[str, str],
    names: Sequence[str],
    is_table: bool = False,
) -> list[Field]:
    """The fields of a signature, all series in one. What the columns of a table are called tells nothing."""
    order = [*(name for name in sample if name in signature.inputs)]
    order += [name for name in signature.inputs if name not in order]
    rules = [rule for rule in INPUTS if not (is_table and rule.names) and (names or rule.component != "choice")]
    of_each = {name: component_of(rules, signature.inputs[name], name) for name in order}
    groups = [[name] for name in order if of_each[name] != "series"]
    if series := [name for name in order if of_each[name] == "series"]:
        groups.append(series)
    groups.sort(key=lambda group: LAST.index(group[0]) if group[0] in LAST else -1)
    return [
        Field(
            of_each[group[0]],
            {name: signature.inputs[name] for name in group},
            {name: sample[name] for name in group if name in sample},
            called,
            is_table or group[0] in signature.answers,
        )
        for group in groups
    ]


def _answers(signature: Signature, names: Sequence[str]) -> dict[str, str]:
    """The component of each answer, without those that another one shows, too: bars only where they have names.

    They have the order of ANSWERS, as a signature has lost its own.
    """
    showing = {name for name in signature.answers if names or name != BARS}
    hidden = {name for name, others in SHOWN_BY.items() if showing.intersection(others)}
    components = {}
    for name, spec in signature.answers.items():
        if name not in hidden:
            rules = [rule for rule in ANSWERS if rule.component != "curves" or name in signature.inputs]
            components[name] = component_of(rules, spec, name)
    order = [rule.component for rule in ANSWERS]
    return dict(sorted(components.items(), key=lambda item: (order.index(item[1]), item[0])))


def _can_be_sketched(inputs: Inputs) -> bool:
    """Whether a request is one small picture in shades of grey."""
    match [spec.shape for spec in inputs.values()]:
        case [(_, int(height), int(width), 1)]:
            return max(height, width) <= SKETCHED
    return False
