"""Time of scikit-learn's partial_dependence around onnxruntime on the reference network: wall and CPU seconds.

python -m venv v && v/bin/pip install numpy scikit-learn onnxruntime && v/bin/python benches/peers/effects.py

All features, one by one as scikit-learn does it; beside it the bare forward of the same rows through the same session.
"""

import argparse
import time

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence

from games import network

parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=10_000)
parser.add_argument("--points", type=int, default=50)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeats", type=int, default=3)
arguments = parser.parse_args()
model, features = network(arguments.threads), 30
x = np.random.default_rng(0).standard_normal((arguments.rows, features)).astype(np.float32)


class Net(RegressorMixin, BaseEstimator):
    def fit(self, x, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict(self, x):
        return model(np.ascontiguousarray(x, dtype=np.float32)).reshape(-1)


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def effects():
    for j in range(features):
        partial_dependence(Net(), x, [j], grid_resolution=arguments.points, percentiles=(0.0, 1.0), method="brute")


for _ in range(arguments.repeats):
    wall, cpu = timed(effects)
    calls = features * arguments.points
    bare_wall, bare_cpu = timed(lambda: [model(x) for _ in range(calls)])
    print(f"{calls * len(x):,} model rows: scikit-learn wall {wall:.1f} s, CPU {cpu:.1f} s; "
          f"bare forward wall {bare_wall:.1f} s, CPU {bare_cpu:.1f} s", flush=True)
