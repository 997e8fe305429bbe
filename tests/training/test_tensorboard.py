"""What TensorBoard is shown of a training: events that are read back."""

from types import SimpleNamespace

import keras
import numpy as np
import tensorflow as tf

from src.data import Data
from src.preprocess.images import pixels
from src.sources.memory import InMemory
from src.specs import Image, Mask
from src.tasks.segmentation import Task
from src.training.tensorboard import Overlays

SPEC = Image(6, 4, 3)


def test_true_and_predicted_masks_are_shown_now_and_then_and_after_the_last_epoch(tmp_path):
    images, masks = np.zeros((5, 6, 4, 3), "uint8"), np.zeros((5, 6, 4), "int32")
    source = InMemory.of({"image": images}, masks)
    outputs = Mask(6, 4, ("ground", "thing"), ((0, 0, 0), (255, 0, 0)), (1, 1))
    image = keras.Input((6, 4, 3))
    model = keras.Model(image, keras.layers.Conv2D(2, 1)(image))
    data = Data(source, source, source, SPEC, outputs, pixels(SPEC))
    overlays = Overlays(tmp_path, SimpleNamespace(model=model, task=Task(outputs), data=data))
    for epoch in range(6):
        overlays.on_epoch_end(epoch)
    overlays.on_train_end()
    events = (event for file in tmp_path.iterdir() for event in tf.compat.v1.train.summary_iterator(str(file)))
    shown = {event.step: value.tensor for event in events for value in event.summary.value}
    assert sorted(shown) == [0, 1, 3, 5]
    _, _, *pictures = tf.make_ndarray(shown[5])  # behind width and height
    assert [tf.io.decode_png(picture).shape for picture in pictures] == [(14, 4, 3)] * 3
