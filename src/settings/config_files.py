"""Files of knobs: recipes, a run's config.json, and TOML files of one's own."""

import json
import tomllib
from pathlib import Path
from typing import Any

from src.errors import UserError
from src.settings import catalogue
from src.system.files import parsed, read_text

PLACES = ("runs_dir", "exports_dir", "export_name", "tag")  # say where things go: `--config` doesn't repeat them


def read(path: str) -> dict[str, Any]:
    """The file of --config, a run's config.json or TOML: {"model", "data", "task", "knobs": {…}}.

    A file without "knobs" holds knobs at its top level, beside model, data and task.
    """
    where = shown(path)
    try:
        text = read_text(Path(path))
        content = parsed(tomllib.loads if path.endswith(".toml") else json.loads, text)
    except OSError as error:
        raise UserError(f"Can't read the configuration {where}: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"{where} is neither a run's config.json nor TOML: {error}") from None
    if not isinstance(content, dict):
        raise UserError(f"{where} has to hold named values, such as epochs = 3.")
    chosen = {name: content.pop(name) for name in ("model", "data", "task") if name in content}
    chosen |= {"model": content.pop("model_path")} if "model_path" in content else {}
    values = content.get("knobs", content)
    if "format" in content and isinstance(values, dict):  # a run's
        values = {name: value for name, value in values.items() if name not in PLACES}
    by_hand = content.get("by_hand", {})
    if not (isinstance(values, dict) and isinstance(by_hand, dict)) or not all(
        isinstance(n, str) for n in chosen.values()
    ):
        raise UserError(f"{where}: model, data and task have to be names, and knobs named values.")
    return {**chosen, "by_hand": by_hand, "knobs": values}


def model_of_recipe(name: str) -> str:
    """The model that a recipe is for."""
    path = catalogue.recipe(name)
    if "model" not in (saved := read(str(path))):
        raise UserError(f"{shown(str(path))} names no model.")
    return saved["model"]


def shown(path: str) -> str:
    """A recipe's path as a reader of the project knows it; another as it was given."""
    return f"recipes/{Path(path).name}" if Path(path).parent == catalogue.ROOT / "recipes" else path
