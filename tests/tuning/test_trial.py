"""What a trial leaves for TensorBoard."""

import tensorflow as tf
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from tuning.trial import show_in_tensorboard


def test_trials_of_two_searches_are_not_one_in_tensorboard(tmp_path):
    names = set()
    for search in ("tune-a", "tune-b"):
        folder = tmp_path / search / "trials" / "0000"
        folder.mkdir(parents=True)
        show_in_tensorboard(folder, {"batch": None, "units": [4, 8]}, "val_accuracy", {"score": 0.5, "epochs": 2})
        (file,) = (tmp_path / search / "logs" / "0000").glob("events*")
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                content = HParamsPluginData.FromString(value.metadata.plugin_data.content)
                if content.HasField("session_start_info"):
                    names.add(content.session_start_info.group_name)
                    assert content.session_start_info.hparams["batch"].string_value == "auto"
    assert names == {"0000 a", "0000 b"}
