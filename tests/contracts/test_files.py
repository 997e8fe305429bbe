"""What each file that is plugged in has to be, before anything of it runs."""

import pytest

from src.settings import catalogue

READ = {"models": catalogue.model, "src/datasets": catalogue.dataset, "src/tasks": catalogue.task}
CASES = [
    pytest.param(read, path.stem, id=f"{folder}/{path.name}")
    for folder, read in READ.items()
    for path in catalogue.files(folder)
]


@pytest.mark.parametrize(("read", "name"), CASES)
def test_can_be_read(read, name):
    """Where it can't, a UserError says what to mend; the file's other tests, and nobody else's, are left out."""
    read(name)
