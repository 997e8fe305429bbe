"""Builds the small SavedModels that answered in cases.jsonl.

    python tests/serving/case_models.py OUT

writes OUT/MODEL/VERSION/ and OUT/models.config.
"""

import os
import sys

import keras
import numpy as np
import tensorflow as tf

OUT = sys.argv[1] if len(sys.argv) > 1 else "models"
SPEC = tf.TensorSpec


def save(name, version, signatures, obj=None):
    """signatures: {signature name: (python function, {input name: TensorSpec})}"""
    m = obj if obj is not None else tf.Module()
    sigs = {}
    for sig, (fn, specs) in signatures.items():
        f = tf.function(fn, autograph=False)
        sigs[sig] = f.get_concrete_function(**{k: SPEC(v.shape, v.dtype, k) for k, v in specs.items()})
        m.__dict__.setdefault("_keep", []).append(f)
    tf.saved_model.save(m, os.path.join(OUT, name, str(version)), signatures=sigs)


def F(*shape):
    return SPEC(list(shape), tf.float32)


def lin():
    save("lin", 1, {"serving_default": (lambda x: {"y": 2.0 * x + 1.0}, {"x": F(None)})})
    save("lin", 2, {"serving_default": (lambda x: {"y": 3.0 * x + 1.0}, {"x": F(None)})})


def vec():
    save(
        "vec",
        1,
        {
            "serving_default": (lambda x: {"total": tf.reduce_sum(x, 1), "doubled": 2.0 * x}, {"x": F(None, 3)}),
            "total": (lambda x: {"total": tf.reduce_sum(x, 1)}, {"x": F(None, 3)}),
            "matrix": (lambda x: {"out": x}, {"x": F(None, 2, 2)}),
            "any": (lambda x: {"out": x}, {"x": SPEC(None, tf.float32)}),
        },
    )


def mixed():
    def f(age, clicks, city):
        code = tf.where(city == "Oslo", 1, tf.where(city == "Rome", 2, 0))
        return {
            "score": age + tf.cast(clicks, tf.float32),
            "code": tf.cast(code, tf.int64),
            "city_upper": tf.strings.upper(city),
        }

    cols = {"age": F(None), "clicks": SPEC([None], tf.int64), "city": SPEC([None], tf.string)}
    cols1 = {k: SPEC([None, 1], v.dtype) for k, v in cols.items()}
    save("mixed", 1, {"serving_default": (f, cols), "column_vectors": (f, cols1)})


def lookup():
    layer = keras.layers.StringLookup(vocabulary=["red", "green", "blue"])
    color = keras.Input((1,), dtype="string", name="color")
    size = keras.Input((1,), dtype="float32", name="size")
    count = keras.Input((1,), dtype="int64", name="count")
    out = {"index": layer(color), "product": keras.ops.multiply(size, keras.ops.cast(count, "float32"))}
    keras.Model({"color": color, "size": size, "count": count}, out).export(
        os.path.join(OUT, "lookup", "1"), verbose=False
    )


def text():
    layer = keras.layers.TextVectorization(output_sequence_length=4, vocabulary=["the", "cat", "sat"])
    inp = keras.Input((), dtype="string", name="text")
    keras.Model(inp, {"tokens": layer(inp)}).export(os.path.join(OUT, "text", "1"), verbose=False)


def dense():
    inp = keras.Input((3,), name="features")
    layer = keras.layers.Dense(2, name="head")
    model = keras.Model(inp, layer(inp))
    layer.set_weights([np.array([[1, 2], [3, 4], [5, 6]], "float32"), np.array([0.5, -0.5], "float32")])
    model.export(os.path.join(OUT, "dense", "1"), verbose=False)


def image():
    names = tf.constant([f"c{i}" for i in range(10)])

    def answer(mean):  # mean pixel 0..255, [None]
        k = tf.minimum(tf.cast(mean * 10.0 / 256.0, tf.int32), 9)
        p = tf.one_hot(k, 10, on_value=0.875, off_value=0.0625)
        return {"label": tf.gather(names, k), "probability": tf.reduce_max(p, 1), "probabilities": p}

    def pixels(image):
        return answer(tf.reduce_mean(tf.cast(image, tf.float32), [1, 2, 3]))

    def one(b):
        img = tf.io.decode_image(b, channels=1, expand_animations=False)
        return tf.image.resize(tf.cast(img, tf.float32), [28, 28])

    def from_bytes(image_bytes):
        imgs = tf.map_fn(one, image_bytes, fn_output_signature=F(28, 28, 1))
        return answer(tf.reduce_mean(imgs, [1, 2, 3]))

    save(
        "image",
        1,
        {
            "serving_default": (pixels, {"image": SPEC([None, 28, 28, 1], tf.uint8)}),
            "image_bytes": (from_bytes, {"image_bytes": SPEC([None], tf.string)}),
        },
    )


def blob():
    def f(data_bytes):
        return {"data_bytes": data_bytes, "length": tf.strings.length(data_bytes, unit="BYTE"), "plain": data_bytes}

    def png(level):  # one 2x2 grey PNG a row, all pixels = level
        def one(v):
            return tf.io.encode_png(tf.fill([2, 2, 1], tf.cast(v, tf.uint8)))

        return {"png_bytes": tf.map_fn(one, level, fn_output_signature=tf.string)}

    save(
        "blob",
        1,
        {
            "serving_default": (f, {"data_bytes": SPEC([None], tf.string)}),
            "png": (png, {"level": SPEC([None], tf.int32)}),
            "only_plain": (lambda s: {"plain": s}, {"s": SPEC([None], tf.string)}),
        },
    )


def dtypes():
    sigs = {}
    for d in [
        tf.float16,
        tf.bfloat16,
        tf.float32,
        tf.float64,
        tf.int8,
        tf.int16,
        tf.int32,
        tf.int64,
        tf.uint8,
        tf.uint16,
        tf.uint32,
        tf.uint64,
        tf.bool,
        tf.string,
        tf.complex64,
    ]:
        sigs[d.name] = (lambda x: {"y": tf.identity(x)}, {"x": SPEC([None], d)})
    sigs["half_out"] = (lambda x: {"y": tf.cast(x, tf.float16)}, {"x": F(None)})
    sigs["serving_default"] = (lambda x: {"y": tf.identity(x)}, {"x": F(None)})
    save("dtypes", 1, sigs)


def shapes():
    save(
        "shapes",
        1,
        {
            "serving_default": (lambda x: {"total": tf.reduce_sum(x)}, {"x": F(None)}),  # rank-0 output
            "total_and_rows": (lambda x: {"total": tf.reduce_sum(x), "rows": x}, {"x": F(None)}),
            "two_batches": (lambda x: {"a": x, "b": tf.concat([x, x], 0)}, {"x": F(None)}),
            "fixed_batch": (lambda x: {"y": x + 1.0}, {"x": F(2, 2)}),
            "scalar_in": (lambda x: {"y": tf.fill([3], x)}, {"x": F()}),
            "empty_out": (lambda x: {"y": x[:0]}, {"x": F(None)}),
            "constant": (lambda x: {"y": tf.constant([7.0, 8.0])}, {"x": F(None)}),
        },
    )


def generate():
    def g(count, seed):
        n = tf.random.stateless_uniform([count, 2], seed=tf.stack([seed, 0]), minval=0, maxval=100, dtype=tf.int32)
        return {"numbers": n}

    def rows(latent):
        return {"image": tf.reshape(tf.concat([latent, -latent], 1), [-1, 2, 2])}

    save(
        "generate",
        1,
        {
            "serving_default": (rows, {"latent": F(None, 2)}),
            "generate": (g, {"count": SPEC([], tf.int32), "seed": SPEC([], tf.int32)}),
            "no_input": (lambda: {"y": tf.constant([1.0])}, {}),
        },
    )


def prompts():
    def f(prompt, length):  # appends 'length' copies of "ab"[i % 2] in a loop
        def body(i, s):
            return i + 1, tf.strings.join([s, tf.fill(tf.shape(s), tf.gather(tf.constant(["a", "b"]), i % 2))])

        _, s = tf.while_loop(
            lambda i, s: i < tf.reduce_max(length),
            body,
            [tf.constant(0), prompt],
            shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])],
        )
        return {"text": s}

    save("prompts", 1, {"serving_default": (f, {"prompt": SPEC([None], tf.string), "length": SPEC([None], tf.int32)})})


def errors():
    def positive(x):
        with tf.control_dependencies([tf.debugging.assert_positive(x, message="x must be positive")]):
            return {"y": tf.math.sqrt(x)}

    save(
        "errors",
        1,
        {
            "serving_default": (positive, {"x": F(None)}),
            "divide": (lambda a, b: {"q": a // b}, {"a": SPEC([None], tf.int32), "b": SPEC([None], tf.int32)}),
            "special": (lambda x: {"y": x / 0.0, "z": tf.math.log(x)}, {"x": F(None)}),
        },
    )


def examples():
    def parse(serialized):
        p = tf.io.parse_example(
            serialized,
            {"x": tf.io.FixedLenFeature([], tf.float32, 0.0), "name": tf.io.FixedLenFeature([], tf.string, "")},
        )
        return p["x"], p["name"]

    def regress(inputs):
        x, _ = parse(inputs)
        return {"outputs": 2.0 * x}

    def classify(inputs):
        x, _ = parse(inputs)
        n = tf.shape(x)[0]
        return {"classes": tf.tile([["low", "high"]], [n, 1]), "scores": tf.stack([1.0 - x, x], 1)}

    def predict(inputs):
        x, name = parse(inputs)
        return {"x": x, "name": name}

    ex = {"inputs": SPEC([None], tf.string)}
    save("examples", 1, {"serving_default": (regress, ex), "classify": (classify, ex), "predict": (predict, ex)})


def counter():
    m = tf.Module()
    m.v = tf.Variable(0, dtype=tf.int64)
    save(
        "counter",
        1,
        {"serving_default": (lambda x: {"count": tf.fill(tf.shape(x), m.v.assign_add(1))}, {"x": F(None)})},
        m,
    )


CONFIG = """model_config_list {
%s}
"""
ONE = """  config {
    name: "%s"
    base_path: "%s"
    model_platform: "tensorflow"
%s  }
"""
LIN = """    model_version_policy { specific { versions: 1 versions: 2 } }
    version_labels { key: "stable" value: 1 }
    version_labels { key: "canary" value: 2 }
"""

if __name__ == "__main__":
    builders = [
        lin,
        vec,
        mixed,
        lookup,
        text,
        dense,
        image,
        blob,
        dtypes,
        shapes,
        generate,
        prompts,
        errors,
        examples,
        counter,
    ]
    for b in builders:
        b()
        print("built", b.__name__, flush=True)
    with open(os.path.join(OUT, "models.config"), "w") as f:
        f.write(
            CONFIG
            % "".join(
                ONE % (b.__name__, os.path.join(os.path.abspath(OUT), b.__name__), LIN if b is lin else "")
                for b in builders
            )
        )
