"""shapiq and shap on the segments of pictures: |φ̂ − φ|²/|φ|² beside exact values, on the very games that our own run was measured on.

cargo run --release -p pellucid-benches --example image -- --games games
python -m venv v && v/bin/pip install numpy shap shapiq && v/bin/python benches/peers/image.py games

`game_N.npy` holds the values of all coalitions of a picture; bit i of a coalition's number is segment i. Nothing is run but the estimators.
"""

import argparse
import math
import pathlib
import time

import numpy as np
import shapiq

parser = argparse.ArgumentParser()
parser.add_argument("games", type=pathlib.Path)
parser.add_argument("--per-segment", type=int, nargs="*", default=[2, 5, 10, 20, 50])
parser.add_argument("--seeds", type=int, default=4)
arguments = parser.parse_args()


def load(path):
    values = np.load(path).astype(np.float64)
    n = len(values).bit_length() - 1
    bits = 1 << np.arange(n)
    return n, values, lambda z: values[(np.atleast_2d(z) > 0.5) @ bits]


def exact(n, values):
    coalitions = np.arange(1 << n)
    size = np.array([bin(c).count("1") for c in coalitions])
    weight = np.array([math.factorial(s) * math.factorial(n - s - 1) / math.factorial(n) for s in range(n)])
    phi = np.empty(n)
    for i in range(n):
        without = coalitions[coalitions >> i & 1 == 0]
        phi[i] = (weight[size[without]] * (values[without | 1 << i] - values[without])).sum()
    return phi


def kernel_explainer(n, value, budget, seed):
    import shap

    np.random.seed(seed)
    explainer = shap.KernelExplainer(value, np.zeros((1, n)))
    return explainer.shap_values(np.ones((1, n)), nsamples=budget - 2, l1_reg=0, silent=True)[0]


def approximator(make):
    def run(n, value, budget, seed):
        found = make(n, seed).approximate(budget, value)
        return np.array([found[(i,)] for i in range(n)])

    return run


PEERS = {
    "shapiq KernelSHAP, paired": approximator(lambda n, s: shapiq.KernelSHAP(n, pairing_trick=True, random_state=s)),
    "shapiq PermutationSamplingSV": approximator(lambda n, s: shapiq.approximator.PermutationSamplingSV(n, random_state=s)),
    "shapiq SVARM": approximator(lambda n, s: shapiq.approximator.SVARM(n, random_state=s)),
    "shapiq UnbiasedKernelSHAP": approximator(lambda n, s: shapiq.approximator.UnbiasedKernelSHAP(n, random_state=s)),
    "shap KernelExplainer": kernel_explainer,
}

games = [load(path) for path in sorted(arguments.games.glob("game_*.npy"))]
truth = [exact(n, values) for n, values, _ in games]
ours = [np.load(path) for path in sorted(arguments.games.glob("exact_*.npy"))]
apart = max(np.abs(a - b).max() for a, b in zip(truth, ours))
print(f"{len(games)} games; our exact attributions are within {apart:.1e} of these")
for name, peer in PEERS.items():
    for per_segment in arguments.per_segment:
        errors, started = [], time.process_time()
        for seed in range(arguments.seeds):
            for (n, _, value), phi in zip(games, truth):
                found = peer(n, value, per_segment * n, seed)
                errors.append(((found - phi) ** 2).sum() / (phi**2).sum())
        seconds = (time.process_time() - started) / len(errors)
        print(f"{name}, {per_segment} forwards a segment: median error {np.median(errors):.2e}, mean {np.mean(errors):.2e}, "
              f"{1e3 * seconds:.2f} ms a picture without the network")
