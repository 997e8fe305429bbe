"""Text to text: translation, dialogue, and whatever else turns one text into another, a token at a time.

Sutskever, Vinyals and Le (2014), Sequence to sequence learning with neural networks; label smoothing: Szegedy et al.
(2016), Rethinking the Inception architecture, section 7, as in Vaswani et al. (2017), section 5.4. What is written is
found by beam search (src/generation/beams.py).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, cast

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from src import task
from src.analysis import translations
from src.analysis.intervals import Scores
from src.analysis.sections import SHOWN, Examples, Section, Table
from src.data import Source
from src.generation import sampling
from src.generation.beams import search
from src.generation.ngrams import ORDER, NGrams
from src.generation.sampling import START, USUAL, Drawing
from src.generation.tokens import Example, Rows, examples, first, is_learnt, of_tokens, padded
from src.generation.writing import Writer
from src.preprocess.subwords import END, SPECIAL, Subwords, learn
from src.signatures import DEFAULT, Steps, features_of, request_of
from src.specs import OR, Text, Tokens

SPEC = Text
LEARNT = 200_000  # pairs in which the simple predictor looks for the nearest text
LOOKS, FEWEST, MOST = 3, 3, 20  # texts whose attention is drawn, and tokens that they have
READ = 20  # texts that are shown as they come


def adapt(outputs: Text, train: Source) -> Text:
    """The spec with the tokens of the training texts. Raises ValueError for targets that aren't texts."""
    for target in train.target_batches():
        texts = np.asarray(target)
        if texts.ndim != 1 or not all(isinstance(text, bytes) for text in texts):
            raise ValueError("a target has to be a text, given as bytes (examples,)")
    return replace(outputs, tokens=outputs.tokens or learn(train, outputs.vocabulary))


def sample(examples: int) -> tuple[Text, np.ndarray]:
    """A spec and random texts, some with a second one that is right too, for the contract tests."""
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("abc"), random.integers(0, 4))) for _ in range(examples)]
    texts = [f"{text}{OR}{text[::-1]}" if number % 3 == 0 else text for number, text in enumerate(texts)]
    tokens = (*SPECIAL, *map(chr, range(256)), "ab")
    return Text(6, len(tokens), tokens), np.array([text.encode() for text in texts], object)


class Task(task.Task):
    """Another text for each text.

    Args:
        outputs: the tokens, and how many a text has at most.
        label_smoothing: share of the probability that is spread over all tokens in training, in [0, 1).
        beam: texts that are kept while the likeliest is searched for; 1 takes the likeliest token each time.
        length_penalty: 0 prefers short texts, 1 nearly the mean probability of a token: α of Wu et al. (2016).
        written: texts of a split that are written after each epoch, to be compared with right ones.
    """

    monitor, direction = "val_chrf", "max"  # bits judge how sure it is, which label smoothing changes
    meanings: ClassVar = {
        "bits_per_token": "how unsure the model is of the next token of a right text, in bits; less is better.",
        "token_accuracy": "how often the likeliest token is the right one, after right ones.",
        "bleu": "how many runs of one to four words are also in a right text, from 0 to 100.",
        "chrf": "the same of runs of one to six characters, found and missed, from 0 to 100.",
        "exact_match": "how many texts are a right one, character by character.",
    }
    limits = "A text is read and written up to as many tokens as `--length` said in training, and cut off there."

    def __init__(
        self,
        outputs: Text,
        *,
        label_smoothing: float = 0.1,
        beam: int = 4,
        length_penalty: float = 0.6,
        written: int = 1000,
    ):
        if not (0 <= label_smoothing < 1 and min(beam, written) >= 1 and length_penalty >= 0):
            raise ValueError(
                "label_smoothing has to be in [0, 1), beam and written 1 or more, length_penalty 0 or more"
            )
        self.outputs, self.label_smoothing = outputs, label_smoothing
        self.beam, self.length_penalty, self.written = beam, length_penalty, written
        self._writers: dict[Steps, Writer] = {}

    @cached_property
    def subwords(self) -> Subwords:
        """From texts to tokens, and back."""
        return Subwords(self.outputs.tokens, self.outputs.length, ends=True)

    def supervise(self, features, target):
        """The source and the first right text, a token behind; and all right texts, with a 0 behind each.

        Args:
            features: tokens of the source, int32 (batch, time).
            target: texts (batch,).
        """
        texts = tf.strings.split(target, OR)
        tokens = tf.pad(self.subwords(texts.values), [[0, 0], [0, 1]])
        sizes = tf.math.count_nonzero(tokens, axis=1) + 1
        parts = texts.with_values(tf.RaggedTensor.from_tensor(tokens, lengths=sizes))
        right = parts.merge_dims(1, 2).to_tensor()
        learnt = tf.where(is_learnt(right), right, 0)
        longest = tf.reduce_max(tf.math.count_nonzero(learnt, axis=1))
        written = tf.pad(learnt[:, : longest - 1], [[0, 0], [1, 0]], constant_values=START)
        return {"tokens": features, "written": written}, right

    def loss(self, target, logits):
        """Cross-entropy (batch,), the mean over the tokens of each text, of (batch, time) and (batch, time, tokens)."""
        right, here = _as_long(target, logits)
        size, smoothing = len(self.outputs.tokens), self.label_smoothing
        # Half the time of the sparse op, to which what is spread evenly would have to be added.
        shares = tf.one_hot(right, size, 1 - smoothing + smoothing / size, smoothing / size)
        nats = tf.nn.softmax_cross_entropy_with_logits(shares, logits) * here
        return tf.reduce_sum(nats, axis=1) / tf.maximum(tf.reduce_sum(here, axis=1), 1)

    def metrics(self) -> list[keras.metrics.Metric]:
        """Bits per token, and the share of tokens that are the likeliest."""

        class BitsPerToken(keras.metrics.Mean):
            def update_state(self, y_true, y_pred, sample_weight=None):
                nats, here = _nats(y_true, y_pred)
                super().update_state(*of_tokens(nats / math.log(2), here))

        class TokenAccuracy(keras.metrics.Mean):
            def update_state(self, y_true, y_pred, sample_weight=None):
                super().update_state(*of_tokens(_hits(y_true, y_pred), _as_long(y_true, y_pred)[1]))

        return [BitsPerToken("bits_per_token"), TokenAccuracy("token_accuracy")]

    def watch(self, predict, batches) -> dict[str, float]:
        """BLEU, chrF and exact match of the first texts of a split, which are written by beam search."""
        shown = first(batches, self.written)
        texts = self._texts(self._writer(predict.steps).write([one.source for one in shown]))
        return translations.likeness(texts, self._right(shown))

    def answers(self, logits) -> dict[str, tf.Tensor]:
        """The text of the likeliest tokens (batch,), each after right ones."""
        return {"text": self.subwords.texts(tf.argmax(logits, axis=-1, output_type=tf.int32))}

    def signatures(self, model, preprocess, doors, steps) -> dict:
        """`serving_default`: the best text. `candidates`: the best ones of a beam. `sample`: one that is drawn."""
        step, start, request = steps.step(), steps.start(), request_of(preprocess)

        def candidates(raw):
            tokens, scores = self._search(step, start(features_of(preprocess, raw)), self.beam)
            texts = self.subwords.texts(tf.reshape(tokens, [-1, self.outputs.length]))
            return {"texts": tf.reshape(texts, [-1, self.beam]), "scores": scores}

        def serve(raw):
            tokens, scores = self._search(step, start(features_of(preprocess, raw)), 1)
            return {"text": self.subwords.texts(tokens[:, 0]), "score": scores[:, 0]}

        def draw(asked):
            states = start(features_of(preprocess, asked))
            rows, length = tf.shape(asked["seed"])[0], self.outputs.length
            drawing = Drawing(tf.fill([rows], length), **{name: asked[name] for name in USUAL})
            nothing = tf.zeros([rows, 1], tf.int32)
            return {"text": self.subwords.texts(sampling.sample(step, nothing, length, drawing, states))}

        knobs = {name: tf.TensorSpec((None,), kind, name=name) for name, (kind, _) in USUAL.items()}
        through = {name: (lambda asked, door=door: serve(door(asked)), door.request) for name, door in doors.items()}
        usual = {DEFAULT: (serve, request), "candidates": (candidates, request)}
        return {**usual, "sample": (draw, {**request, **knobs}), **through}

    def requests(self, raw, specs) -> dict:
        """Samples of a request for each signature, from raw texts."""
        size = len(next(iter(raw.values())))
        knobs = {name: np.full(size, usual, kind.as_numpy_dtype) for name, (kind, usual) in USUAL.items()}
        return {DEFAULT: raw, "candidates": raw, "sample": {**raw, **knobs, "seed": np.arange(size, dtype="int32")}}

    def summarize(self, targets) -> dict:
        """One split's targets, in batches, for the manifest: its texts, and how many sources have several."""
        counts = np.array([(1, OR.encode() in text) for batch in targets for text in batch]).reshape(-1, 2).sum(axis=0)
        return {"texts": int(counts[0]), "with several right ones": int(counts[1])}

    def figures(self, predict, batches) -> dict:
        """Bits per token and token accuracy; of the first texts BLEU, chrF and exact match, and some of them whole.

        Args:
            predict: from source and shifted tokens to logits; its `steps` write.
            batches: ({"tokens": …, "written": …}, right tokens) of one split, each example once.
        """
        sums, shown = np.zeros(3), list[Example]()
        for features, target, *_ in batches:
            logits = predict(features)
            nats, here = _nats(target, logits)
            sums += [float(tf.reduce_sum(part)) for part in (nats / math.log(2), _hits(target, logits) * here, here)]
            shown += examples(features["tokens"], target)[: self.written - len(shown)]
        bits, hits, _ = sums / max(sums[2], 1)
        return {"bits_per_token": bits, "token_accuracy": hits, **self._beside_right_ones(predict.steps, shown)}

    def keep(self, features, target, logits) -> dict:
        """The tokens of each text that is learnt, how many they are, and their mean bits."""
        nats, here = _nats(target, logits)
        size = tf.reduce_sum(here, axis=1)
        bits = tf.reduce_sum(nats, axis=1) / tf.maximum(size, 1) / math.log(2)
        kind = np.min_scalar_type(len(self.outputs.tokens))
        right = _learnt(target.numpy())[:, : nats.shape[1]].astype(kind)
        return {"bits": bits.numpy(), "tokens": size.numpy().astype("int32"), "right": right}

    def scores(self, predictions) -> Scores:
        """Bits per token, of each text; of other tokens they can't be compared."""
        scale = (float(len(self.outputs.tokens)),)
        return Scores("bits_per_token", predictions["bits"], np.maximum(predictions["tokens"], 1), scale=scale)

    def errors(self, predictions) -> list[Section]:
        """The sources whose right text the model expected least."""
        worst = np.argsort(-predictions["bits"] * predictions["tokens"], kind="stable")[:SHOWN]
        captions = dict(zip(predictions.numbers[worst].tolist(), self.captions(predictions, worst), strict=True))
        return [Examples("Least expected", captions, "Sources whose right text was least likely.")]

    def captions(self, predictions, rows) -> list[str]:
        """The right text of each, and how many bits its tokens take."""
        texts = self._texts([tokens[tokens > 0] for tokens in predictions["right"][rows]])
        return [f"{text}: {bits:.2f} bits a token" for text, bits in zip(texts, predictions["bits"][rows], strict=True)]

    def simple(self, train, batches) -> dict:
        """Figures of answering with the text of the most alike training source, and bits by n-grams of targets.

        Args:
            train: ({"tokens": …}, right tokens) of the training split.
            batches: … of the split that is measured.
        """
        ngrams = NGrams((_learnt(target.numpy()) for _, target, *_ in train), len(self.outputs.tokens))
        nats = np.concatenate([ngrams.nats(_learnt(target.numpy())) for _, target, *_ in batches])
        known, asked = first(train, LEARNT), first(batches, self.written)
        chosen = translations.nearest([one.source for one in known], [one.source for one in asked])
        written = self._texts([known[number].right[0] for number in chosen])
        found = translations.likeness(written, self._right(asked))
        predictor = f"nearest training text; {ORDER}-grams"
        return {"bits_per_token": float(nats.mean()) / math.log(2), **found, "predictor": predictor}

    def sections(self, figures: dict) -> list[Section]:
        """What was written for some sources, those least like a right text and the first, beside what is right."""
        how = f"Of the first {figures['written']:,} texts; {'; '.join(figures['measured'].values())}."
        return [
            *([Table("Least like a right text", figures["worst"], how)] if figures["worst"] else []),
            Table("As they come", figures["first"], how, is_folded=bool(figures["worst"])),
        ]

    def draw(self, figures: dict) -> dict[str, Figure]:
        """chrF by length, and where the model looked while it wrote."""
        drawn = {"by_length": translations.draw_lengths(figures["by_length"])}
        if figures["attention"]:
            drawn["attention"] = translations.draw_attention(figures["attention"])
        return drawn

    def _search(self, step: keras.Model, states: Mapping[str, tf.Tensor], best: int) -> tuple[tf.Tensor, tf.Tensor]:
        """The tokens of the best texts of each row, (batch, best, length), and their scores (batch, best)."""
        width, penalty = self.beam, self.length_penalty
        return search(step, states, self.outputs.length, END, width=width, penalty=penalty, best=best)

    def _writer(self, steps: Steps) -> Writer:
        """What writes; it is traced once a training."""
        if steps not in self._writers:
            self._writers[steps] = Writer(
                steps.step(), steps.start(), lambda step, states: self._search(step, states, 1)[0][:, 0]
            )
        return self._writers[steps]

    def _beside_right_ones(self, steps: Steps, shown: Sequence[Example]) -> dict:
        """Figures of what is written for examples, and some of it."""
        writer, inputs, sources = self._writer(steps), cast(Tokens, steps.inputs), [one.source for one in shown]
        tokens = writer.write(sources)
        written, references = self._texts(tokens), self._right(shown)
        chrf = translations.chrf_of_each(written, references)
        rows = [
            {"source": source, "right": " | ".join(right), "written": text, "chrF": score}
            for source, right, text, score in zip(
                self._sources(sources, inputs), references, written, chrf.tolist(), strict=True
            )
        ]
        wrong = [row for row in np.argsort(chrf, kind="stable")[:SHOWN] if written[row] not in references[row]]
        return {
            **translations.likeness(written, references),
            "written": len(written),
            "measured": translations.how_measured(references),
            "by_length": translations.by_length(np.array(list(map(len, sources))), chrf),
            "worst": [rows[row] for row in wrong],
            "first": rows[:READ],
            "attention": self._looks(writer, sources, tokens, inputs),
        }

    def _looks(
        self, writer: Writer, sources: Sequence[np.ndarray], written: Sequence[np.ndarray], inputs: Tokens
    ) -> list[dict]:
        """Where the model looked while it wrote some of the texts; [] where it doesn't say."""
        sizes = [sorted((len(source), len(text))) for source, text in zip(sources, written, strict=True)]
        shown = [row for row, (shorter, longer) in enumerate(sizes) if shorter >= FEWEST and longer <= MOST][:LOOKS]
        looks = []
        for row in shown:
            weights = writer.looked(sources[row], written[row])
            if weights is None:
                return []
            read, pieces = self._pieces(sources[row], inputs), self.subwords.pieces(written[row])
            looks.append({"source": read, "written": pieces, "weights": weights.round(3).tolist()})
        return looks

    def _texts(self, tokens: Rows) -> list[str]:
        """The text of each row of tokens."""
        return [text.decode() for text in self.subwords.texts(padded(tokens)).numpy()]

    def _right(self, shown: Sequence[Example]) -> list[list[str]]:
        """All texts that are right, of each example."""
        texts = iter(self._texts([text for one in shown for text in one.right]))
        return [[next(texts) for _ in one.right] for one in shown]

    def _sources(self, tokens: Rows, inputs: Tokens) -> list[str]:
        """The text of each row of a source's tokens; their numbers where a run doesn't know them any more."""
        if self._shares(inputs):
            return self._texts(tokens)
        names = inputs.tokens or list(map(str, range(inputs.vocabulary)))
        return [inputs.between.join(names[token] for token in row) for row in tokens]

    def _pieces(self, tokens: np.ndarray, inputs: Tokens) -> list[str]:
        """The text of each token of a source, (tokens,)."""
        if self._shares(inputs):
            return self.subwords.pieces(tokens)
        return self._sources([[token] for token in tokens], inputs)

    def _shares(self, inputs: Tokens) -> bool:
        """Whether what is read and what is written have the same tokens."""
        return inputs.vocabulary == len(self.outputs.tokens)


def _learnt(right: np.ndarray) -> np.ndarray:
    """The tokens of the first text, 0 behind them, (batch, time)."""
    return right * np.cumprod(right > 0, axis=1)


def _as_long(right: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The right tokens, as long as their logits, and which of them are learnt, float32 (batch, time) of 0 and 1."""
    time = tf.shape(logits)[1]
    right = tf.pad(tf.cast(right, tf.int32), [[0, 0], [0, time]])[:, :time]
    return right, tf.cast(is_learnt(right), tf.float32)


def _nats(right: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """-log of the probability of each token that is learnt, 0 elsewhere, and where they are: both (batch, time)."""
    right, here = _as_long(right, logits)
    return (tf.reduce_logsumexp(logits, axis=-1) - tf.gather(logits, right, batch_dims=2)) * here, here


def _hits(right: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Where the right token is the likeliest, float32 (batch, time)."""
    right, _ = _as_long(right, logits)
    return tf.cast(tf.gather(logits, right, batch_dims=2) == tf.reduce_max(logits, axis=-1), tf.float32)
