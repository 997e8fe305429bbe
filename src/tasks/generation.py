"""Generation: new images like those of a data set, of a class that is asked for where there are classes.

Measured by the Fréchet distance in the features of a classifier of the same data set (src/generation/likeness.py),
which isn't the FID: numbers of different data sets can't be compared.
"""

from collections.abc import Callable
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from src import task
from src.data import Source
from src.generation.latents import latents, walks
from src.generation.likeness import Moments, coverage, frechet_distance, nearest, spread
from src.preprocess.images import mosaic
from src.signatures import DEFAULT, predictor
from src.sources import summaries
from src.specs import Images

SPEC = Images
FRECHET = "frechet_classifier_distance"
MOST = 5_000  # images of a split that the distance is measured on
CLOSELY = 200  # images that are compared one by one
AT_ONCE = 100
ROWS, COLUMNS = 10, 10  # of the pictures that training shows
ALIKE, ALIKE_EPOCHS = 0.25, 10  # a diversity that is a collapse, if it lasts; young generators have it too


def adapt(outputs: Images, train: Source) -> Images:
    """The spec as it is.

    Raises:
        ValueError: for labels that aren't int32 indices into `outputs.names`, one an example.
    """
    if outputs.names:
        target = train.targets()
        if target.ndim != 1 or target.dtype != "int32" or not 0 <= target.min() <= target.max() < len(outputs.names):
            raise ValueError(f"labels have to be int32 (examples,), from 0 to {len(outputs.names) - 1}")
    return outputs


class Task(task.Task):
    """Generation of images.

    The model has losses of its own. It answers {"latent": float32 (batch, numbers), "label": int32 (batch,)} with
    images; without "label" where no class can be asked for.

    Args:
        outputs: the images and their classes.
    """

    monitor, direction = f"val_{FRECHET}", "min"
    is_judged = True
    meanings: ClassVar = {
        FRECHET: "between the images and a split's own, in the features of a classifier of this data set. Less is "
        "better; it can't be compared with another data set's, or with an FID.",
        "class_accuracy": "the share that this classifier takes for the class asked for.",
        "class_coverage": "the share of the classes that are found among them.",
        "diversity": "how much two of a class differ. 1: as much as real ones; 0: all are alike.",
        "novelty": "how far each is from the nearest training image. 1: as far as the split's own images; 0: a copy.",
        "samples": "A row is a class, where there are classes; the seeds are the same in each epoch.",
        "same noise": "The first image of each row, over the epochs.",
        "interpolation": "From one latent vector to another, along the arc between them.",
        "samples and their nearest training images": "Above what was made, below the training image nearest to it.",
    }
    side_by_side = ("same noise",)

    def __init__(self, outputs: Images):
        self.outputs = outputs
        self._known: dict[tf.data.Dataset, dict] = {}  # by batches of a split: what is real

    def compare_with(self, judge: keras.Model, train: tf.data.Dataset) -> None:
        """Takes what images are compared with.

        Args:
            judge: a classifier of images; its last layer's input are the features.
            train: (images, target) of the training split, each example once.
        """
        self._judge = predictor(keras.Model(judge.input, [judge.layers[-1].input, judge.output]))
        self._train = train

    def answers(self, images) -> dict[str, tf.Tensor]:
        """The images as uint8 (batch, height, width, channels), and each as PNG."""
        pixels = tf.cast(tf.clip_by_value(tf.round(images * 255), 0, 255), tf.uint8)  # ops that LiteRT has too
        return {"image": pixels, "png_bytes": tf.io.encode_png(pixels)}

    def signatures(self, model, preprocess, doors, steps) -> dict:
        """`serving_default`: images of latent vectors. `generate`: of a seed each. Both ask for classes by name."""
        latent = model.input["latent"]
        asked = {"label": tf.TensorSpec((None,), tf.string, name="label")} if "label" in model.input else {}

        def serve(request):
            given = {"label": self._labels(request["label"])} if asked else {}
            return self.answers(model({"latent": request["latent"], **given}, training=False))

        def generate(request):
            return serve({**request, "latent": latents(request["seed"], latent.shape[1])})

        vectors = {"latent": tf.TensorSpec(latent.shape, tf.float32, name="latent")}
        seeds = {"seed": tf.TensorSpec((None,), tf.int32, name="seed")}
        return {DEFAULT: (serve, {**vectors, **asked}), "generate": (generate, {**seeds, **asked})}

    def requests(self, raw, specs) -> dict:
        """Samples of a request for each signature, as many as there are raw examples."""
        count = len(next(iter(raw.values())))
        asked = {"label": self._names(count)} if "label" in specs[DEFAULT] else {}
        seed = np.arange(count, dtype="int32")
        vectors = latents(tf.constant(seed), specs[DEFAULT]["latent"].shape[1]).numpy()
        return {DEFAULT: {"latent": vectors, **asked}, "generate": {"seed": seed, **asked}}

    def samples(self, ask) -> dict[str, np.ndarray]:
        """Pictures of the model's work; `ask` has the functions of `signatures` by name.

        In "samples" and "interpolation" a row is one class; in "samples" and "same noise" the same seeds each time.
        """
        shape = self.outputs.shape
        (request,) = ask["generate"].input_signature
        names = self._names(ROWS, many=COLUMNS) if "label" in request else None
        asked = {} if names is None else {"label": tf.constant(names)}
        seeds = np.arange(ROWS * COLUMNS, dtype="int32")
        # The same noise for each class; another one where the classes, fewer than the rows, come again.
        rows = seeds % COLUMNS + COLUMNS * (seeds // COLUMNS // len(self.outputs.names)) if asked else seeds
        made = ask["generate"]({"seed": tf.constant(rows), **asked})["image"].numpy()
        between = walks(ROWS, COLUMNS, ask[DEFAULT].input_signature[0]["latent"].shape[1])
        walked = ask[DEFAULT]({"latent": tf.constant(between), **asked})["image"].numpy()
        grid, first = made.reshape(ROWS, COLUMNS, *shape), made[:: COLUMNS + 1]
        _, neighbours = nearest((first / 255).astype("float32"), self._images(self._train))
        return {
            "samples": mosaic(grid),
            "interpolation": mosaic(walked.reshape(ROWS, COLUMNS, *shape)),
            "samples and their nearest training images": mosaic(
                np.stack([first, np.uint8(np.round(neighbours * 255))])
            ),
            "same noise": mosaic(grid[:, :1]),
        }

    def summarize(self, targets) -> dict:
        """One split's targets, in batches, for the manifest: the number of examples of each class."""
        return {"classes": summaries.counts(targets, self.outputs.names) if self.outputs.names else {}}

    def watch(self, predict, batches) -> dict[str, float]:
        """Figures of what the model makes, as many images of each class as a split has; see `figures`."""
        return self._compare(_maker(predict), batches, "label" in predict.input_signature[0])[0]

    def figures(self, predict, batches) -> dict:
        """How like a split's images those are that the model makes, beside pixels drawn one by one.

        - the Fréchet distance in the judge's features;
        - class_accuracy: the share that the judge takes for the class asked for;
        - class_coverage: the share of the classes that are found among them (src/generation/likeness.py);
        - diversity: the mean distance between two of a class, as a share of that between real ones;
        - novelty: the mean distance to the nearest training image, as a share of that of the split's own images, to
          another one than themselves; near 0 where training images are merely repeated, 1 where there is no other.

        Args:
            predict: from latent vectors (and labels) to images.
            batches: (images, target) of one split, each example once.
        """
        asked = "label" in predict.input_signature[0]
        figures, apart, classes = self._compare(_maker(predict), batches, asked)
        noise, *_ = self._compare(self._noise(), batches, asked)
        training = Moments()
        for images in self._images(self._train, MOST):
            training.add(self._judge(images)[0])
        real = self._real(batches)
        confusion = np.zeros([len(self.outputs.names)] * 2, int)  # (asked for, taken for)
        if asked:
            np.add.at(confusion, (real["labels"], classes), 1)
        return {
            **figures,
            "baseline": {**noise, "predictor": "each pixel by its mean and deviation"},
            "training_images": {FRECHET: frechet_distance(training, real["moments"])},
            "nearest": {"samples": apart.tolist(), "real": real["nearest"].tolist()},
            "confusion": confusion.tolist(),
        }

    def draw(self, figures: dict) -> dict[str, Figure]:
        """The Fréchet distance between that of training images and that of noise; distances to training images."""
        distances = {
            "training images": figures["training_images"][FRECHET],
            "made images": figures[FRECHET],
            "noise": figures["baseline"][FRECHET],
        }
        figure = Figure(figsize=(10, 3), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.barh(list(distances), list(distances.values()), color=["0.6", "C0", "0.6"])
        left.bar_label(left.containers[0], fmt="%.3g", padding=3)
        left.set(xscale="symlog", title="Fréchet distance in the classifier's features")
        for name, apart in figures["nearest"].items():
            right.hist(apart, bins=30, alpha=0.5, label=name)
        right.set(title="Distance to the nearest training image", xlabel="root mean square of pixels", ylabel="images")
        right.legend(frameon=False)
        for axes in (left, right):
            axes.spines[["top", "right"]].set_visible(False)
        return {"likeness": figure}

    def warnings(self, history: task.History) -> list[str]:
        """What is wrong with the images made so far, and what to change."""
        last = history["val_diversity"][-ALIKE_EPOCHS:]
        if len(last) < ALIKE_EPOCHS or max(last) > ALIKE or last[-1] > last[0]:
            return []
        return [
            f"the images of a class are all alike: for {ALIKE_EPOCHS} epochs they have differed by {last[-1]:.2f} of "
            "what real ones do. The generator has collapsed; try another loss, a larger latent vector or a smaller "
            "--learning-rate."
        ]

    def _compare(self, make: Callable, batches: tf.data.Dataset, asked: bool) -> tuple[dict, np.ndarray, np.ndarray]:
        """The figures of what `make` makes of seeds and labels, distances to training images, and classes."""
        real = self._real(batches)
        moments, taken_for, some = Moments(), [], []
        for start in range(0, len(real["labels"]), AT_ONCE):
            labels = real["labels"][start : start + AT_ONCE]
            images = make(np.arange(start, start + len(labels), dtype="int32"), labels)
            features, logits = self._judge(images)
            moments.add(features)
            taken_for.append(np.argmax(logits, axis=1))
            some.append(np.asarray(images)[: max(0, CLOSELY - start)])
        classes, closely = np.concatenate(taken_for), np.concatenate(some)
        figures = {FRECHET: frechet_distance(moments, real["moments"])}
        if asked:
            figures["class_accuracy"] = float(np.mean(classes == real["labels"]))
        if self.outputs.names:
            figures["class_coverage"] = coverage(real["labels"], classes)
        labels = real["labels"][:CLOSELY] if asked else np.zeros(len(closely))
        figures["diversity"] = spread(closely, labels) / (spread(real["closely"], labels) or 1)
        apart, _ = nearest(closely, self._images(self._train))
        finite = real["nearest"][np.isfinite(real["nearest"])]
        figures["novelty"] = float(apart.mean() / finite.mean()) if len(finite) else 1.0
        return figures, apart, classes

    def _real(self, batches: tf.data.Dataset) -> dict:
        """What there is to know of a split's own images; it is found out once."""
        if batches not in self._known:
            moments, targets, some, count = Moments(), [], [], 0
            for images, target in batches:
                images, target = images[: MOST - count], target[: MOST - count]
                moments.add(self._judge(images)[0])
                targets.append(target.numpy() if self.outputs.names else np.zeros(len(target), int))
                some.append(images[: max(0, CLOSELY - count)].numpy())
                if (count := count + len(images)) >= MOST:
                    break
            closely = np.concatenate(some)
            apart, _ = nearest(closely, self._images(self._train), another=True)
            labels = np.concatenate(targets)
            self._known[batches] = {"moments": moments, "labels": labels, "closely": closely, "nearest": apart}
        return self._known[batches]

    def _noise(self) -> Callable:
        """Makes images whose pixels are drawn one by one, from their mean and deviation over the training images."""
        count, total, squares = 0, 0.0, 0.0
        for images in self._images(self._train):
            count += len(images)
            total, squares = total + images.sum(axis=0, dtype=float), squares + (images**2).sum(axis=0, dtype=float)
        mean = total / count
        deviation = np.sqrt(np.maximum(squares / count - mean**2, 0))

        def make(seeds, labels):
            random = np.random.default_rng(seeds[0])
            drawn = random.normal(mean, deviation, (len(seeds), *self.outputs.shape))
            return np.clip(drawn, 0, 1).astype("float32")

        return make

    def _images(self, batches: tf.data.Dataset, most: int | None = None):
        """The images of a split's batches, as arrays; the first `most` ones."""
        for images, _ in batches:
            yield images.numpy()[:most]
            if most is not None and (most := most - len(images)) <= 0:
                return

    def _labels(self, names: tf.Tensor) -> tf.Tensor:
        """The index of each class, (batch,)."""
        here = names[:, tf.newaxis] == tf.constant(self.outputs.names)
        known = tf.debugging.Assert(
            tf.reduce_all(tf.reduce_any(here, axis=1)), ["there is no such class; there are", *self.outputs.names]
        )
        with tf.control_dependencies([known]):
            return tf.argmax(here, axis=1, output_type=tf.int32)

    def _names(self, count: int, many: int = 1) -> np.ndarray:
        """The classes by turns, each `many` times."""
        turns = [self.outputs.names[row % len(self.outputs.names)] for row in range(count)]
        return np.repeat(np.array(turns, object), many)


def _maker(predict: task.Predict) -> Callable:
    """From seeds and labels to images."""
    (given,) = predict.input_signature

    def make(seeds, labels):
        vectors = latents(tf.constant(seeds), given["latent"].shape[1])
        return predict({"latent": vectors, **({"label": tf.constant(labels)} if "label" in given else {})})

    return make
