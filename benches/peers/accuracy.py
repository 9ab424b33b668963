"""Error of other estimators at equal model rows: median |estimate - true|^2 / |true|^2, one Markdown line an estimator and budget.

python -m venv v && v/bin/pip install numpy shap onnxruntime && v/bin/python benches/peers/accuracy.py mlp
Rows are coalitions x 100 background rows: all of these evaluate every coalition on the whole background.
"""

import argparse
import itertools
import math

import numpy as np
import shap

from games import load


def values(predict, background, x):
    """v(z) of coalitions [m, n]: the mean prediction over the background."""
    def v(z):
        out = np.empty(len(z))
        for i in range(0, len(z), 400):
            part = z[i : i + 400]
            rows = np.where(part[:, None], x, background[None])
            out[i : i + 400] = predict(rows.reshape(-1, len(x))).reshape(len(part), -1).mean(1)
        return out
    return v


def permutations(v, n, m, rng):
    """Antithetic permutations: an order and its reverse, 2 (n - 1) coalitions."""
    orders = [o for _ in range(max(1, round(m / (2 * (n - 1))))) for p in [rng.permutation(n)] for o in (p, p[::-1])]
    walks = np.zeros((len(orders), n + 1, n), bool)
    for walk, order in zip(walks, orders):
        for step, player in enumerate(order):
            walk[step + 1 :, player] = True
    gains = np.diff(v(walks.reshape(-1, n)).reshape(len(orders), n + 1))
    phi = np.zeros(n)
    for order, gain in zip(orders, gains):
        phi[order] += gain / len(orders)
    return phi


def leverage(v, n, m, rng):
    """Leverage SHAP (Musco & Witter 2025): pairs, sizes uniform, without replacement, small sizes in full; projected regression."""
    pairs, sizes = m // 2 - 1, np.arange(1, n // 2 + 1)
    all_of = [math.comb(n, k) // (2 if 2 * k == n else 1) for k in sizes]
    low, high = 0.0, float(max(all_of))
    for _ in range(200):
        middle = (low + high) / 2
        enough = sum(min(a, middle * (0.5 if 2 * k == n else 1)) for a, k in zip(all_of, sizes)) >= pairs
        low, high = (low, middle) if enough else (middle, high)
    z, weights = [], []
    for k, count in zip(sizes, all_of):
        want = high * (0.5 if 2 * k == n else 1)
        if count <= want:
            chosen = {c for c in itertools.combinations(range(n), int(k)) if 2 * k != n or 0 in c}
        else:
            chosen, want = set(), max(1, int(want + rng.random()))
            while len(chosen) < want:
                c = tuple(sorted(rng.choice(n, k, replace=False).tolist()))
                if 2 * k == n and 0 not in c:
                    c = tuple(sorted(set(range(n)) - set(c)))
                chosen.add(c)
        for c in chosen:
            row = np.zeros(n, bool)
            row[list(c)] = True
            z.append(row)
        weights += [(0.5 if 2 * k == n else 1.0) / (k * (n - k)) / len(chosen)] * len(chosen)
    z, weights = np.array(z), np.array(weights)
    ends = v(np.array([np.zeros(n, bool), np.ones(n, bool)]))
    gain = ends[1] - ends[0]
    size = z.sum(1)
    contrast = v(z) - v(~z) - (2 * size - n) * gain / n
    signs = 2.0 * z - 1
    signs -= signs.mean(1, keepdims=True)
    root = np.sqrt(weights)[:, None]
    return np.linalg.lstsq(signs * root, contrast * root[:, 0], rcond=None)[0] + gain / n


def kernel(predict, background, x, m, seed, **options):
    np.random.seed(seed)
    explainer = shap.KernelExplainer(predict, background.astype(np.float64))
    return np.ravel(explainer.shap_values(x[None].astype(np.float64), nsamples=m, silent=True, **options))


parser = argparse.ArgumentParser()
parser.add_argument("game", choices=["mlp", "lgbm"])
parser.add_argument("--instances", type=int, default=4)
parser.add_argument("--seeds", type=int, default=2)
parser.add_argument("--rows", type=int, nargs="+", default=[12800, 51200, 204800])
parser.add_argument("--only", nargs="+", default=["shap, default", "shap, l1_reg=0", "permutation", "leverage"])
arguments = parser.parse_args()
predict, background, instances, truth = load(arguments.game)
n = instances.shape[1]
for rows in arguments.rows:
    m, errors = rows // len(background), {}
    for x, phi in list(zip(instances, truth))[: arguments.instances]:
        v = values(predict, background, x)
        for seed in range(arguments.seeds):
            estimators = {
                "shap, default": lambda: kernel(predict, background, x, m, seed),
                "shap, l1_reg=0": lambda: kernel(predict, background, x, m, seed, l1_reg=0),
                "permutation": lambda: permutations(v, n, m, np.random.default_rng(seed)),
                "leverage": lambda: leverage(v, n, m, np.random.default_rng(seed)),
            }
            for name in arguments.only:
                error = ((estimators[name]() - phi) ** 2).sum() / (phi**2).sum()
                errors.setdefault(name, []).append(error)
    for name, error in errors.items():
        low, middle, high = np.quantile(error, [0.25, 0.5, 0.75])
        print(f"| {arguments.game} | {rows} | {name} | {middle:.2e} | {low:.1e} to {high:.1e} | {len(error)} |", flush=True)
