"""What every recipe has to be: knobs of a result, with the command and the figure it stands for."""

import tomllib

import pytest

from src.cli import main
from src.settings import catalogue, config, config_files

RECIPES = catalogue.recipes().values()
each_recipe = pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)


@each_recipe
def test_its_knobs_are_those_of_its_model_and_data(path):
    model = config_files.model_of_recipe(path.stem)
    if model not in catalogue.models():
        pytest.skip(f"the model {model} was deleted")
    data = tomllib.loads(path.read_text(encoding="utf-8"))["data"]
    if data not in catalogue.datasets():
        pytest.skip(f"the data set {data} was deleted")
    if not set(catalogue.dataset(data).outputs) <= {task.spec for task in catalogue.tasks().values()}:
        pytest.skip("its task was deleted")
    settings = config.resolve(model, {"recipe": path.stem})
    used = f"recipes/{path.name}" in settings.origins.values()
    assert used, f"recipes/{path.name} sets no knob: name some under [knobs], or delete it"
    name = settings.choices.data.name
    assert name in path.stem, f"recipes/{path.name} trains on {name}: call it MODEL-{name}.toml"


@each_recipe
def test_it_says_how_it_is_used_and_what_comes_of_it(path):
    head = path.read_text(encoding="utf-8").split("\n\n")[0]
    command = f"make train RECIPE={path.stem}"
    told = all(line.startswith("#") for line in head.splitlines()) and command in head
    assert told, f"recipes/{path.name} has to begin with comments that name `{command}` and the figure to expect"


def test_an_unknown_recipe_is_named(capsys):
    assert main(["train", "--recipe", "nowhere"]) == 2, "a recipe that isn't there has to end with status 2"
    said = capsys.readouterr().err
    assert "There is no recipe 'nowhere'" in said, f"a recipe that isn't there has to be named, not: {said}"
