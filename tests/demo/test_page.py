"""The page of an export as people have it: what is filled in at first, asked and shown, in Gradio and in a browser."""

import csv
import html
import json
import re
import shutil
import socket
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio", reason="Gradio isn't installed: make setup EXTRA=demo")
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from src.demo.demo import HOST, start
from src.demo.showing import digits
from src.exporting.verify import from_json
from src.signatures import DEFAULT
from src.train import train
from tests.conftest import FEW
from tests.nets import written
from tests.samples import PAIRS

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
HEADLESS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--virtual-time-budget=15000"),
]
HOSTILE = "<img src=http://example.com/ onerror=document.title=1>"


@pytest.fixture(scope="module")
def served():
    """From a run to the address of the page of its export."""
    stops = []

    def serve(run):
        with socket.create_server((HOST, 0)) as server:
            port = server.getsockname()[1]
        stops.append(start(Path(json.loads((run.path / "export.json").read_text())["path"]), port))
        return f"http://{HOST}:{port}"

    yield serve
    for stop in stops:
        stop()


@pytest.fixture
def page(request, short_run, served, tmp_path):
    """A short run of a pair, and a client of its page."""
    if request.param not in PAIRS:
        pytest.skip(f"there is no {' on '.join(request.param)}")
    run = short_run(*request.param)
    return run, Client(served(run), verbose=False, download_files=str(tmp_path))


def of(*pair):
    return pytest.mark.parametrize("page", [pair], indirect=True, ids="-".join)


def answer_of(run, signature=DEFAULT, **changed):
    """The run's answer to the first example of its sample request."""
    request = run.signatures[signature][1]
    columns = {name: from_json(column, request[name].dtype)[:1] for name, column in run.requests[signature].items()}
    answers = run.predict({**columns, **{name: np.array([value]) for name, value in changed.items()}}, signature)
    return {name: column[0] for name, column in answers.items()}


def check_bars(shown, expected, name="label"):
    assert shown["label"] == expected[name]
    assert shown["confidences"][0]["confidence"] == pytest.approx(expected["probability"], rel=1e-4)


@of("cnn", "digits")
def test_a_picture_is_sketched_or_dropped_and_a_broken_one_is_refused(page, tmp_path):
    run, client = page
    for name in ("/sketch", "/picture"):
        check_bars(client.predict(api_name=name), answer_of(run))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(AppError, match=r"^The model refuses it: it is no picture[^\n]*$"):
        client.predict(handle_file(tmp_path / "broken.png"), api_name="/picture")
    Image.new("RGB", (90, 70), "white").save(tmp_path / "large.jpg")
    assert client.predict(handle_file(tmp_path / "large.jpg"), api_name="/picture")["label"] in run.task.outputs.names


@of("mlp", "wine")
def test_a_row_is_filled_in_and_a_number_may_be_missing(page):
    run, client = page
    check_bars(client.predict(api_name="/row"), answer_of(run))
    check_bars(client.predict(None, api_name="/row"), answer_of(run, alcohol=np.nan))
    with pytest.raises(AppError, match=r"^alcohol is 'strong', not a number.$"):
        client.predict("strong", api_name="/row")


@of("mlp", "diabetes")
def test_a_number_is_answered_with_its_name(page):
    run, client = page
    assert float(client.predict(api_name="/row")["label"].split()[0]) == pytest.approx(
        answer_of(run)["value"], rel=1e-4
    )


@of("lstm", "docstrings")
def test_a_text_is_typed_and_an_empty_one_is_refused(page):
    run, client = page
    check_bars(client.predict(api_name="/text"), answer_of(run))
    with pytest.raises(AppError, match=r"^text is empty: write something.$"):
        client.predict("", api_name="/text")
    assert client.predict("again", api_name="/text")["label"] in run.task.outputs.names


@of("lstm", "pydoc")
def test_a_text_is_written_on_also_from_nothing(page):
    run, client = page
    expected = answer_of(run, "generate", length=50, seed=3)["text"]
    prompt = run.requests["generate"]["text"][0]
    assert client.predict(prompt, 3, 50, api_name="/generate") == expected
    assert len(client.predict("", 0, 30, api_name="/generate")) == 30


@of("seq2seq", "iso_dates")
def test_the_best_texts_are_shown_with_their_scores(page):
    run, client = page
    asked, expected = run.requests["candidates"]["text"][0], answer_of(run, "candidates")
    found = client.predict(asked, api_name="/candidates")
    assert re.findall("<td>(.*?)</td>", found)[1::2] == [f"{score:.2f}" for score in expected["scores"]]
    assert all(f"<td>{html.escape(text)}</td>" in found for text in expected["texts"])
    assert client.predict(asked, api_name="/text")[0] == answer_of(run)["text"]


@of("lstm", "stocks")
def test_a_series_is_pasted_and_its_curve_goes_on(page):
    run, client = page
    drawn = client.predict(api_name="/series")
    assert drawn.count("<svg") == len(run.task.outputs.names)
    assert f"next: {digits(answer_of(run)['IBM'][0])}"[:11] in drawn
    with pytest.raises(AppError, match=r"^The table has 1 steps; the model looks at the last"):
        client.predict("IBM,AAPL,MSFT,XRX,ADBE,GSPC,IXIC\n1,2,3,4,5,6,7\n", api_name="/series")


@of("gan", "digits")
def test_a_seed_is_a_picture_and_so_is_each_place_on_the_way_to_another(page):
    run, client = page

    def shown(name, *filled_in):
        return np.asarray(Image.open(client.predict(*filled_in, api_name=name)).convert("L")).astype(int)

    expected = answer_of(run, "generate", seed=7, label="3")["image"]
    scale = shown("/generate", "3", 7).shape[0] // len(expected)
    seventh = expected[..., 0].repeat(scale, axis=0).repeat(scale, axis=1)
    for name, filled_in in (
        ("/generate", ("3", 7)),
        ("/latent_space", (7, 9, 0, "3")),
        ("/latent_space", (5, 7, 1, "3")),
    ):
        assert abs(shown(name, *filled_in) - seventh).max() <= 1  # rounding
    assert abs(shown("/latent_space", 5, 7, 0.5, "3") - seventh).max() > 1
    with pytest.raises(AppError, match=r"^seed is 1.5, not a whole number.$"):
        client.predict("3", 1.5, api_name="/generate")


@pytest.mark.skipif(not CHROMIUM, reason="Chromium isn't installed")
def test_a_browser_shows_the_page_asks_no_other_host_and_runs_no_name(served, tmp_path):
    random = np.random.default_rng(0).random(90)
    rows = [[f"{x:.3f}", "north" if x > 0.3 else "<b>south</b>", HOSTILE if x > 0.5 else "no"] for x in random]
    with (tmp_path / "houses.csv").open("w", newline="") as file:
        csv.writer(file).writerows([[f"size {HOSTILE}", "side", "sold"], *rows])
    data = {"data": "csv", "path": str(tmp_path / "houses.csv"), "target": "sold"}
    folders = {"runs_dir": str(tmp_path / "runs"), "exports_dir": str(tmp_path / "saved_models")}
    run = train(str(written(tmp_path)), **data, **FEW, **folders)
    url, log = served(run), tmp_path / "log.json"
    user = f"--user-data-dir={tmp_path / 'user'}"
    command = [CHROMIUM, *HEADLESS, user, f"--log-net-log={log}", "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)
    page = Elements(done.stdout)
    assert page.texts.count("small_net on houses") == 2, done.stdout[:2000] + done.stderr  # the title stays
    assert {f"size {HOSTILE}", "side", "Ask"} <= {*page.texts}
    assert not page.sources & {"http://example.com/"}
    asked = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    hosts = {urlsplit(event["url"]).netloc for event in asked if event.get("initiator") == url}
    assert hosts == {urlsplit(url).netloc}  # Chromium's own requests, such as for updates, have no initiator


class Elements(HTMLParser):
    """The texts of a page, and the addresses of its pictures."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.sources = [], set()
        self.feed(page)

    def handle_data(self, data):
        self.texts.append(data.strip())

    def handle_starttag(self, tag, attributes):
        self.sources |= {value for name, value in attributes if name == "src"}
