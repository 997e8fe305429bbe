"""The page of an export: a tab for each way to ask it, and what happens when somebody asks."""

import html
from functools import partial
from itertools import islice
from typing import Any

import gradio as gr

from src.demo import reading, showing
from src.demo.components import Field, Tab, tabs_of
from src.demo.exported import Exported
from src.demo.widgets import FIELDS, PARTS, SHOWN, refusal
from src.errors import UserError
from src.reports.pictures import legend

SYSTEM = ["system-ui", "sans-serif"]  # fonts that are there: nothing is fetched
THEME = gr.themes.Default(primary_hue="blue", font=SYSTEM, font_mono=["ui-monospace", "monospace"])
STYLE = """
.curves { display: flex; flex-wrap: wrap; gap: 8px }
.curves figure { flex: 1 1 260px; max-width: 460px; margin: 0 }
.curves svg { width: 100%; height: auto }
.picture img { width: 100%; height: 100%; object-fit: contain }
.things { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
.things :is(td, th) { padding: 4px; text-align: right; font-weight: normal; overflow-wrap: anywhere }
.things :is(td, th):first-child { text-align: left; white-space: pre-line }
.things th { color: var(--block-label-text-color) }
.things td { border-top: 1px solid var(--border-color-primary) }
.table textarea { font-family: var(--font-mono); overflow-x: auto; white-space: pre }
.gradio-container { overflow: clip !important }
.answers { position: sticky; top: 16px; align-self: flex-start }
[data-testid="block-info"] { overflow-wrap: anywhere }
"""
LABELS = {
    "png_bytes": "Picture",
    "probabilities": "Answer",
    "count": "Found",
    "texts": "Texts",
}  # of answers; others are called as they are


def page_of(exported: Exported) -> gr.Blocks:
    """The page, which isn't shown yet."""
    about, folder = exported.about, exported.folder
    line = f"{folder.parent.name}, version {folder.name}. {about.verdict}"
    with gr.Blocks(title=about.title, analytics_enabled=False) as page:
        gr.HTML(f"<h1>{html.escape(about.title)}</h1><p>{html.escape(line)}</p>")
        with gr.Tabs():
            for tab in tabs_of(exported.signatures, exported.samples, exported.called, about.names):
                with gr.Tab(tab.title), gr.Row():
                    _fill(tab, exported)
    return page


def _fill(tab: Tab, exported: Exported) -> None:
    """Puts what is asked and what is answered side by side, and connects them."""
    with gr.Column():
        with gr.Row():
            parts = [FIELDS[field.component](field, exported.about) for field in tab.fields]
        button = gr.Button("Ask", variant="primary")
    inputs = [part for each in parts for part in each]
    with gr.Column(elem_classes="answers"):
        outputs = []
        for name, component in _single(tab).items():
            outputs.append(SHOWN[component](_label(name, exported)))
            if exported.about.colors and component == "picture":
                gr.HTML(str(legend(exported.about.names, exported.about.colors)))
        if "curves" in tab.answers.values() or any(field.component == "series" for field in tab.fields):
            outputs.append(curves := gr.HTML())
    ask = partial(_ask, tab, exported)
    entered = [part.submit for part in inputs if isinstance(part, gr.Textbox | gr.Number)]
    gr.on([button.click, *entered], ask, inputs, outputs, api_name=tab.title.lower().replace(" ", "_"))
    for field, each in zip(tab.fields, parts, strict=True):
        if field.component == "latent":  # a picture for each step of the way
            moved = [part.input for part in each]
            gr.on(
                moved,
                ask,
                inputs,
                outputs,
                trigger_mode="always_last",
                show_progress="hidden",
                api_visibility="private",
            )
        if field.component == "series":
            (table,) = each
            curves.value = _drawn(field, table.value)
            table.change(partial(_drawn, field), table, curves, show_progress="hidden", api_visibility="private")


def _ask(tab: Tab, exported: Exported, *values: Any) -> Any:
    """What is shown of the answers to what was filled in; raises Gradio's error with one line."""
    left = iter(values)
    request: dict[str, Any] = {}
    try:
        for field in tab.fields:
            request |= reading.READ[field.component](field, *islice(left, PARTS.get(field.component, 1)))
        answers = exported.ask(tab.signature, request)
    except UserError as error:
        raise refusal(error) from None
    shown = [
        showing.TABLES[component](answers)
        if component in showing.TABLES
        else showing.SHOW[component](answers[name], exported.about)
        for name, component in _single(tab).items()
    ]
    past = {name: request[name] for field in tab.fields if field.component == "series" for name in field.inputs}
    ahead = {name: answers[name] for name, component in tab.answers.items() if component == "curves"}
    if past or ahead:
        shown.append(showing.curves(past, ahead, exported.called))
    return shown if len(shown) > 1 else shown[0]


def _drawn(field: Field, table: str) -> str:
    """The curves of a table of series, or what is wrong with it."""
    try:
        return showing.curves(reading.series(field, table), {}, field.called)
    except UserError as error:
        return f"<p>{html.escape(str(error))}</p>"


def _single(tab: Tab) -> dict[str, str]:
    """The answers that have a component each; all curves have one."""
    return {name: component for name, component in tab.answers.items() if component != "curves"}


def _label(name: str, exported: Exported) -> str:
    """What stands above an answer."""
    names = exported.about.names
    return names[0] if name == "value" and len(names) == 1 else LABELS.get(name, name)
