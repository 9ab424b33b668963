"""The two games of benches/data for the Python peers: (predict, background, instances, true Shapley values)."""

import json
import pathlib

import numpy as np
import onnxruntime

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
ROWS_A_CALL = 4096


def network(threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(
        str(DATA / "mlp30.onnx"), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(["probabilities"], {"X": x})[0][:, 1]


def trees():
    """All rows walk down a tree together."""
    nodes = [{k: np.array(v) for k, v in tree.items()} for tree in json.load(open(DATA / "lgbm30_trees.json"))]

    def predict(x):
        total, rows = np.zeros(len(x)), np.arange(len(x))
        for tree in nodes:
            at = np.zeros(len(x), int)
            while (inner := tree["feature"][at] >= 0).any():
                left = x[rows, tree["feature"][at]] <= tree["threshold"][at]
                at = np.where(inner, np.where(left, tree["left"][at], tree["right"][at]), at)
            total += tree["value"][at]
        return total

    return predict


def load(name, threads=2):
    file = json.load(open(DATA / "games.json"))
    model = network(threads) if name == "mlp" else trees()

    def predict(x):
        x = np.ascontiguousarray(x, dtype=np.float32)
        return np.concatenate([model(x[i : i + ROWS_A_CALL]) for i in range(0, len(x), ROWS_A_CALL)])

    background, instances = (np.array(file[key], np.float32) for key in ("background", "instances"))
    return predict, background, instances, np.array(file[name]["phi"])
