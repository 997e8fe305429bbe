"""Language modelling: which token comes next, at each place of a text, by cross-entropy.

Goodfellow, Bengio and Courville, Deep Learning (2016), section 12.4; perplexity and bits per character: Graves (2013),
Generating sequences with recurrent neural networks, section 3.
"""

import math
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from numpy.lib.stride_tricks import sliding_window_view

from src import task
from src.analysis.intervals import Scores
from src.analysis.sections import Passages, Section
from src.data import Source
from src.generation import sampling
from src.generation.ngrams import ORDER, NGrams
from src.generation.sampling import Drawing
from src.generation.tokens import of_tokens
from src.signatures import DEFAULT, features_of, request_of
from src.specs import NextToken

SPEC = NextToken
KNOBS = {"length": (tf.int32, 200), **sampling.USUAL}  # of generation: type and usual value
SAMPLES, SAMPLE_LENGTH = 3, 400  # that training shows
PASSAGES, PASSAGE = 8, 80  # that the report shows, and tokens of each


def adapt(outputs: NextToken, train: Source) -> NextToken:
    """The spec as it is: what is predicted is in the features."""
    return outputs


class Task(task.Task):
    """Prediction of the token after each one, from those before it.

    Args:
        outputs: the tokens.
    """

    monitor, direction = "val_bits_per_character", "min"
    meanings: ClassVar = {
        "bits_per_character": "how many bits the text takes, a character, if the model's probabilities encode it. Less "
        "is better; text as it is stored takes 8.",
        "perplexity": "among how many equally likely tokens the model would have to choose, to be as unsure as it is.",
    }
    limits = f"`generate` writes at most {sampling.MOST_TOKENS:,} tokens a text; a greater length counts as that."

    def __init__(self, outputs: NextToken):
        self.outputs = outputs
        self.usual = {name: usual for name, (_, usual) in KNOBS.items()}
        self.written = [outputs.between + token if token else "" for token in outputs.tokens]
        self.characters = np.array([len(token) for token in self.written], "float32")

    def supervise(self, features, target):
        """What the model is trained on: each text (batch, time) begins with padding and is to be read one step on."""
        return tf.pad(features[:, :-1], [[0, 0], [1, 0]]), features

    def loss(self, target, logits):
        """Cross-entropy (batch,), the mean over the tokens of each text, of (batch, time) and (batch, time, tokens)."""
        nats, here = _nats(target, logits)
        return tf.reduce_sum(nats, axis=1) / tf.maximum(tf.reduce_sum(here, axis=1), 1)

    def metrics(self) -> list[keras.metrics.Metric]:
        """Bits per character, and perplexity of a token."""
        characters = self.characters

        class BitsPerCharacter(keras.metrics.Mean):
            def update_state(self, y_true, y_pred, sample_weight=None):
                nats, _ = _nats(y_true, y_pred)
                size = tf.gather(characters, tf.cast(y_true, tf.int32))
                super().update_state(*of_tokens(tf.math.divide_no_nan(nats, size) / math.log(2), size))

        class Perplexity(keras.metrics.Mean):
            def update_state(self, y_true, y_pred, sample_weight=None):
                super().update_state(*of_tokens(*_nats(y_true, y_pred)))

            def result(self):
                return keras.ops.exp(super().result())

        return [BitsPerCharacter("bits_per_character"), Perplexity("perplexity")]

    def answers(self, logits) -> dict[str, tf.Tensor]:
        """The likeliest token after a text, its probability (batch,), and all probabilities (batch, tokens)."""
        probabilities = tf.nn.softmax(logits)
        return {
            "next": tf.gather(tf.constant(self.outputs.tokens), tf.argmax(probabilities, axis=-1)),
            "probability": tf.reduce_max(probabilities, axis=-1),
            "probabilities": probabilities,
        }

    def signatures(self, model, preprocess, doors, steps) -> dict:
        """`serving_default`: what comes after a text. `generate`: how it goes on, with a sampling loop inside."""
        context, advance = steps.inputs.length, steps.step()

        def serve(raw):
            tokens = tf.convert_to_tensor(features_of(preprocess, raw))
            full = tf.math.count_nonzero(tokens, axis=1, keepdims=True, dtype=tf.int32) == context
            # The first token of a full one makes place for the beginning.
            places = tf.cast(full, tf.int32) + tf.range(tf.minimum(tf.shape(tokens)[1], context - 1))
            tokens = tf.gather(tf.pad(tokens, [[0, 0], [0, 1]]), places, batch_dims=1)
            logits = model(tf.pad(tokens, [[0, 0], [1, 0]]), training=False)
            return self.answers(tf.gather(logits, tf.math.count_nonzero(tokens, axis=1), batch_dims=1))

        def generate(request):
            text = tf.strings.unicode_transcode(request["text"], "UTF-8", "UTF-8")  # an answer is always valid
            prompts = features_of(preprocess, {"text": text})
            tokens = sampling.sample(advance, prompts, context, Drawing(**{name: request[name] for name in KNOBS}))
            written = tf.strings.reduce_join(tf.gather(tf.constant(self.written), tokens), axis=1)
            return {"text": tf.strings.join([text, written])}

        request = request_of(preprocess)
        knobs = {name: tf.TensorSpec((None,), kind, name=name) for name, (kind, _) in KNOBS.items()}
        return {DEFAULT: (serve, request), "generate": (generate, {**request, **knobs})}

    def requests(self, raw, specs) -> dict:
        """Samples of a request for each signature, from raw texts."""
        prompts = np.array([text.decode(errors="ignore")[:20] for text in raw["text"]], object)
        knobs = {name: np.full(len(prompts), usual, kind.as_numpy_dtype) for name, (kind, usual) in KNOBS.items()}
        knobs |= {"length": np.full(len(prompts), 20, "int32"), "seed": np.arange(len(prompts), dtype="int32")}
        return {DEFAULT: raw, "generate": {"text": prompts, **knobs}}

    def samples(self, ask) -> dict[str, str]:
        """Texts that the model writes from nothing; `ask` has the functions of `signatures` by name."""
        request = {name: tf.fill([SAMPLES], tf.constant(usual, kind)) for name, (kind, usual) in KNOBS.items()}
        request |= {"length": tf.fill([SAMPLES], SAMPLE_LENGTH), "seed": tf.range(SAMPLES)}
        texts = ask["generate"]({"text": tf.fill([SAMPLES], ""), **request})["text"].numpy()
        return {f"seed {seed}": text.decode() for seed, text in enumerate(texts)}

    def summarize(self, targets) -> dict:
        """One split's targets, in batches, for the manifest: the number of its texts."""
        return {"texts": sum(map(len, targets))}

    def figures(self, predict, batches) -> dict:
        """Bits per character and perplexity; by place in the text.

        Args:
            predict: from shifted tokens to logits.
            batches: (shifted tokens, tokens) of one split, each example once.
        """
        total, tokens, characters = 0.0, 0, 0.0
        places = np.zeros((2, 0))  # nats and tokens at each place
        for features, target, *_ in batches:
            nats, here = (part.numpy() for part in _nats(target, predict(features)))
            kept = target.numpy()[here > 0]
            total, tokens = total + nats.sum(dtype=float), tokens + len(kept)
            characters += self.characters[kept].sum(dtype=float)
            places = np.pad(places, [(0, 0), (0, max(0, nats.shape[1] - places.shape[1]))])
            places[:, : nats.shape[1]] += nats.sum(axis=0, dtype=float), here.sum(axis=0, dtype=float)
        by_place = places[0] / np.maximum(places[1], 1) / math.log(2)
        return {**_figures(total, tokens, characters), "bits_by_place": by_place.tolist()}

    def keep(self, features, target, logits) -> dict:
        """The tokens (batch, time) of each text, and the bits of each, 0 for padding."""
        nats, _ = _nats(target, logits)
        kind = np.min_scalar_type(self.outputs.size)
        return {"tokens": target.numpy().astype(kind), "bits": (nats.numpy() / math.log(2)).astype("float16")}

    def scores(self, predictions) -> Scores:
        """Bits per character, of each text."""
        characters = self.characters[predictions["tokens"]].sum(axis=1, dtype=float)
        bits = predictions["bits"].sum(axis=1, dtype=float)
        return Scores("bits_per_character", bits / np.maximum(characters, 1), characters)

    def errors(self, predictions) -> list[Section]:
        """The passages that were hardest to predict, each from another text."""
        tokens, bits = predictions["tokens"], predictions["bits"].astype(float)
        size = min(PASSAGE, bits.shape[1])
        sums = sliding_window_view(bits, size, axis=1).sum(axis=-1)  # (texts, places)
        starts, worst = sums.argmax(axis=1), np.argsort(-sums.max(axis=1), kind="stable")[:PASSAGES]
        most = max(1.0, float(np.percentile(bits[worst], 99)))  # bits of a token with the strongest colour
        passages = {}
        for row in worst:
            part = slice(starts[row], starts[row] + size)
            where = f"text {predictions.numbers[row]}, from token {starts[row]}"
            written = [self.written[token] for token in tokens[row, part]]
            weights = np.minimum(bits[row, part] / most, 1).tolist()
            passages[f"{where}: {bits[row, part].mean():.2f} bits a token"] = list(zip(written, weights, strict=True))
        text = "The stronger its colour, the less a token was expected."
        return [Passages("Most surprising passages", passages, text)]

    def simple(self, train, batches) -> dict:
        """Figures of an n-gram model of the training split, which a network has to beat.

        Args:
            train: (shifted tokens, tokens) of the training split.
            batches: … of the split that is measured.
        """
        model = NGrams((target.numpy() for _, target, *_ in train), self.outputs.size)
        nats, tokens, characters = 0.0, 0, 0.0
        for _, target, *_ in batches:
            text = target.numpy()
            nats += model.nats(text).sum()
            tokens += int((text > 0).sum())
            characters += self.characters[text[text > 0]].sum(dtype=float)
        return {**_figures(nats, tokens, characters), "predictor": f"{ORDER}-grams, smoothed"}

    def draw(self, figures: dict) -> dict[str, Figure]:
        """Bits for a token by its place in a text: how much what came before helps."""
        bits = figures["bits_by_place"]
        figure = Figure(figsize=(5, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.plot(range(1, len(bits) + 1), bits)
        axes.set(xlabel="place in the text", ylabel="bits a token", title="What came before helps", xscale="log")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        return {"bits_by_place": figure}


def _nats(target, logits) -> tuple[tf.Tensor, tf.Tensor]:
    """Cross-entropy of each token, 0 for padding, and whether it is none: both (batch, time)."""
    target = tf.cast(target, tf.int32)
    here = tf.cast(target > 0, tf.float32)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits) * here, here


def _figures(nats: float, tokens: int, characters: float) -> dict[str, float]:
    return {
        "bits_per_character": nats / math.log(2) / max(characters, 1),
        "perplexity": math.exp(min(nats / max(tokens, 1), 700)),
    }
