"""Time of Python shap's KernelExplainer (l1_reg=0) around onnxruntime on the game's network: wall and CPU seconds, all threads.

python -m venv v && v/bin/pip install numpy shap onnxruntime && v/bin/python benches/peers/speed.py --background 100
"""

import argparse
import time

import numpy as np
import shap

from games import load, network

parser = argparse.ArgumentParser()
parser.add_argument("--background", type=int, default=100)
parser.add_argument("--coalitions", type=int, default=2048)
parser.add_argument("--instances", type=int, default=20)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeats", type=int, default=3)
arguments = parser.parse_args()
_, background, instances, _ = load("mlp")
background = background[: arguments.background].astype(np.float64)
instances = instances[: arguments.instances].astype(np.float64)
model, evaluated = network(arguments.threads), 0


def predict(x):
    global evaluated
    evaluated += len(x)
    return model(np.ascontiguousarray(x, dtype=np.float32))


def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


explainer = shap.KernelExplainer(predict, background)
for _ in range(arguments.repeats):
    np.random.seed(0)
    evaluated = 0
    wall, cpu = timed(lambda: explainer.shap_values(
        instances, nsamples=arguments.coalitions, silent=True, l1_reg=0))
    rows = evaluated
    x = np.random.default_rng(0).standard_normal((1000, instances.shape[1])).astype(np.float32)
    _, bare = timed(lambda: [model(x) for _ in range(max(1, rows // len(x)))])
    bare *= rows / (max(1, rows // len(x)) * len(x))
    print(f"{len(instances)} instances x {rows // len(instances)} model rows: wall {wall:.2f} s, CPU {cpu:.2f} s; "
          f"bare forward CPU {bare:.2f} s, ratio {cpu / bare:.2f}", flush=True)
