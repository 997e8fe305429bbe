"""Generate text with a trained language model."""

import os

import numpy as np

from src.errors import UserError
from src.generation.sampling import MOST_TOKENS
from src.runs.run import find
from src.runs.ways import instead
from src.system import screen


def generate(
    *,
    run: str = "",
    model: str = "",
    data: str = "",
    prompt: str = "",
    length: int = 500,
    temperature: float = 0.8,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    runs_dir: str = "runs",
) -> str:
    """Writes a text, and nothing else, to the standard output; from Python, it is also what this returns.

    Args:
        run: folder of the run.
        model: use the newest run of this model.
        data: use the newest run on this data set.
        prompt: beginning of the text.
        length: number of tokens to generate, up to 10,000.
        temperature: randomness: below 1, likely tokens become likelier; 0 always takes the likeliest one.
        top_k: sample only from this many likeliest tokens; 0 for all.
        top_p: sample only from the likeliest tokens that together have this probability, above 0 and up to 1.
        seed: seed of the random numbers.
        runs_dir: folder of the runs.
    """
    trained = find(run, model, data, runs_dir)
    if "text" not in trained.takes.get("generate", ()):
        raise UserError(f"{trained.path} is no language model. {instead(trained.path, trained.takes)}")
    if not 0 <= length <= MOST_TOKENS:
        raise UserError(f"length has to be from 0 to {MOST_TOKENS:,}, not {length}.")
    check_drawing(temperature, top_k, top_p)
    request = {"text": os.fsencode(prompt), "length": length, "seed": seed}
    request |= {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    answers = trained.predict({name: np.array([value]) for name, value in request.items()}, signature="generate")
    (text,) = answers["text"]
    screen.put(text)
    return text


def check_drawing(temperature: float, top_k: int, top_p: float) -> None:
    """Raises UserError for what no token can be drawn by; see `Drawing` of src/generation/sampling.py."""
    for holds, what in (
        (temperature >= 0, f"temperature has to be 0 or more, not {temperature}"),
        (top_k >= 0, f"top_k has to be 0 or more, not {top_k}"),
        (0 < top_p <= 1, f"top_p has to be above 0 and up to 1, not {top_p}"),
    ):
        if not holds:
            raise UserError(f"{what}.")
