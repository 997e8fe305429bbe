"""Judges: one that was cut off is trained anew, and leaves nothing."""

from pathlib import Path

import pytest

from src.runs import judges
from src.settings import catalogue, config

MODELS = [file.name for file in catalogue.models().values() if file.judge]


@pytest.mark.skipif(not MODELS, reason="no model has a judge")
def test_a_judge_that_was_cut_off_is_removed_by_the_next_one(tmp_path):
    settings, manifest = config.resolve(MODELS[0], {}), {"splits": {"train": {"sha256": "0"}}}
    places = []

    def teach(model, *, runs_dir, **knobs):
        places.append(Path(runs_dir))
        assert not [path for path in places[0].iterdir() if path.is_dir()]
        (places[0] / f"cut-off-{len(places)}" / "state").mkdir(parents=True)
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            judges.trained(settings, manifest, tmp_path, teach, lambda text: None)
    assert places[0] == places[1]
    assert [path.name for path in places[0].iterdir() if path.is_dir()] == ["cut-off-2"]
