"""Makes the checkpoints here with TensorFlow: `python tests/golden/tensorflow/make.py` (was tensorflow-cpu 2.21.0).

A small `ModelWithoutDropout` of x-vector-kaldi-tf and a small `ModelWithoutDropoutTdnn`, wired and named as there
(local/tf/models.py, local/tf/tf_block.py, commit 5249e7d5c499),
saved as there, with the variables of Adam; beside each what it gives for made-up features. Of the graph in `model.meta`
only the names and the kinds of the nodes are kept, without those of the optimizer.
"""

import json
from pathlib import Path

import numpy as np
import tensorflow.compat.v1 as tf

FOLDER = Path(__file__).parent
DIM, LAYERS, EMBEDDINGS, SPEAKERS, FRAMES = 4, (6, 6, 6, 6, 9), (5, 5), 3, 40
NETWORKS = {"plain": ((5, 5, 7, 1, 1), (1, 1, 1, 1, 1)), "tdnn": ((5, 3, 3, 1, 1), (1, 2, 3, 1, 1))}

generator = np.random.default_rng(0)


def made_up(shape, scale=1.0, offset=0.0):
    return (scale * generator.standard_normal(shape) + offset).astype(np.float32)


def batch_norm(x, is_training):
    n = [int(x.shape[-1])]
    values = {"gamma": made_up(n, 0.3, 1), "beta": made_up(n), "mean": made_up(n), "variance": made_up(n) ** 2 + 0.1}
    gamma, beta, mean, variance = (
        tf.get_variable(name, n, initializer=tf.constant_initializer(x), trainable=name in ("gamma", "beta"))
        for name, x in values.items()
    )

    def in_training():
        batch_mean, batch_variance = tf.nn.moments(x, list(range(len(x.shape) - 1)))
        return tf.nn.batch_normalization(x, batch_mean, batch_variance, beta, gamma, 1e-3)

    return tf.cond(is_training, in_training, lambda: tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-3))


def affine(shape):
    n_in = int(np.prod(shape[:-1]))
    return tf.Variable(made_up(shape, n_in**-0.5), name="w"), tf.Variable(made_up(shape[-1:], 0.3), name="b")


def build(kernels, dilations):
    """The graph of x-vector-kaldi-tf; gives its input, the switch of training, and the first embedding."""
    x = tf.placeholder(tf.float32, [None, None, DIM], name="input_x")
    y = tf.placeholder(tf.float32, [None, SPEAKERS], name="input_y")
    phase = tf.placeholder(tf.bool, name="phase")
    h, width = x, DIM
    for i, (kernel, dim, dilation) in enumerate(zip(kernels, LAYERS, dilations, strict=True)):
        with tf.variable_scope(f"frame_level_info_layer-{i}"):
            w, b = affine([kernel, width, dim])
            h = tf.nn.convolution(h, w, dilations=[dilation], padding="SAME", name=f"conv-layer-{i}")
            h = batch_norm(tf.nn.relu(tf.nn.bias_add(h, b), name="relu"), phase)
        width = dim
    mean, variance = tf.nn.moments(h, 1)
    h, width = tf.concat([mean, tf.sqrt(variance + 0.00001)], 1), 2 * width
    embeddings = []
    for i, dim in enumerate(EMBEDDINGS):
        with tf.variable_scope(f"embed_layer-{i}"):
            w, b = affine([width, dim])
            embeddings.append(tf.nn.xw_plus_b(h, w, b, name="scores"))
            h = batch_norm(tf.nn.relu(embeddings[-1], name="relu"), phase)
        width = dim
    with tf.variable_scope("output"):
        w, b = affine([width, SPEAKERS])
        scores = tf.nn.xw_plus_b(h, w, b, name="scores")
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=scores, labels=y), name="loss")
    return x, phase, embeddings[0], loss


def make(name, kernels, dilations):
    tf.reset_default_graph()
    x, phase, embedding, loss = build(kernels, dilations)
    meta = tf.MetaGraphDef()
    for node in tf.get_default_graph().as_graph_def().node:
        meta.graph_def.node.add(name=node.name, op=node.op)
    tf.train.AdamOptimizer(0.001).minimize(loss, name="optimizer")
    saver = tf.train.Saver()
    features = made_up([1, FRAMES, DIM])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        expected = session.run(embedding, {x: features, phase: False})[0]
        saver.save(session, str(FOLDER / name / "model"), write_meta_graph=False)
    (FOLDER / name / "model.meta").write_bytes(meta.SerializeToString())
    case = {"made_by": f"TensorFlow {tf.__version__}", "features": features[0].tolist(), "embedding": expected.tolist()}
    (FOLDER / name / "case.json").write_text(json.dumps(case) + "\n")
    (FOLDER / name / "checkpoint").unlink()


if __name__ == "__main__":
    tf.disable_v2_behavior()
    for name, (kernels, dilations) in NETWORKS.items():
        make(name, kernels, dilations)
