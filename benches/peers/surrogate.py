"""Peers of benches/examples/surrogate.rs on the same games: median |φ̂ − φ|²/|φ|² and CPU seconds a game, as Markdown.

pip install shapiq lightgbm numpy; python benches/peers/surrogate.py [--players 128] [--rows 5,10,20,50] [--seeds 5]
"""

import argparse
import importlib.metadata
import math
import statistics
import time
import warnings

import numpy as np
import shapiq

warnings.filterwarnings("ignore")
WORD = (1 << 64) - 1


class Draws:
    """SplitMix64, as in tests/support/sparse.rs."""

    def __init__(self, seed):
        self.state = seed * 0xD1342543DE82EF95 & WORD

    def next(self):
        self.state = self.state + 0x9E3779B97F4A7C15 & WORD
        x = (self.state ^ self.state >> 30) * 0xBF58476D1CE4E5B9 & WORD
        x = (x ^ x >> 27) * 0x94D049BB133111EB & WORD
        return x ^ x >> 31

    def below(self, bound):
        return self.next() % bound

    def normal(self):
        return sum((self.next() >> 11) / (1 << 53) for _ in range(12)) - 6.0

    def some(self, n, count):
        order = list(range(n))
        for i in range(count):
            other = i + self.below(n - i)
            order[i], order[other] = order[other], order[i]
        return order[:count]


def sets(n, seed, terms=30, order=6):
    draws, found, phi = Draws(seed), [], np.zeros(n)
    for _ in range(terms):
        count = 1 + draws.below(order)
        found.append((draws.some(n, count), draws.below(2) == 0, draws.normal()))
    for players, _, worth in found:
        phi[players] += worth / len(players)

    def game(z):
        z = np.atleast_2d(np.asarray(z, bool))
        return sum(w * (z[:, t].any(1) if any_of else z[:, t].all(1)) for t, any_of, w in found)

    return game, phi


def sigmoid(n, seed, active=12, scale=8.0):
    draws = Draws(seed)
    at = draws.some(n, active)
    weights = np.array([draws.normal() * scale / math.sqrt(active) for _ in range(active)])
    members = (np.arange(2**active)[:, None] >> np.arange(active) & 1).astype(bool)
    worth, size, phi = 1 / (1 + np.exp(-(members @ weights))), members.sum(1), np.zeros(n)
    for i in range(active):
        of = np.flatnonzero(members[:, i])
        share = np.array([1 / (k * math.comb(active, k)) for k in size[of]])
        phi[at[i]] = (share * (worth[of] - worth[of & ~(1 << i)])).sum()
    return lambda z: 1 / (1 + np.exp(-(np.atleast_2d(np.asarray(z, float))[:, at] @ weights))), phi


def first_order(values, n):
    return np.array([values[(i,)] for i in range(n)])


def peers(n, seed):
    yield "ProxySPEX", shapiq.ProxySPEX(n=n, index="SV", max_order=1, random_state=seed)
    yield "KernelSHAP", shapiq.KernelSHAP(n=n, random_state=seed)
    yield "permutations", shapiq.PermutationSamplingSV(n=n, random_state=seed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--players", default="128")
    parser.add_argument("--rows", default="5,10,20,50")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    print(f"shapiq {importlib.metadata.version("shapiq")}\n\n| game | players | rows a player | peer | error | CPU s |\n| --- | --- | --- | --- | --- | --- |")
    for name, make in (("sets", sets), ("sigmoid", sigmoid)):
        for n in map(int, args.players.split(",")):
            for rows in map(int, args.rows.split(",")):
                found = {}
                for seed in range(args.seeds):
                    game, phi = make(n, seed)
                    base = game(np.zeros((1, n), bool))[0]
                    for peer, approximator in peers(n, seed):
                        start = time.process_time()
                        try:
                            values = approximator.approximate(rows * n, lambda z: game(z) - base)
                            error = ((first_order(values, n) - phi) ** 2).sum() / (phi**2).sum()
                        except Exception as failure:  # a peer that cannot is part of the table
                            found.setdefault(peer, []).append((math.nan, 0.0))
                            print(f"<!-- {peer}: {type(failure).__name__}: {str(failure)[:120]} -->")
                            continue
                        found.setdefault(peer, []).append((error, time.process_time() - start))
                for peer, cells in found.items():
                    errors, cpu = zip(*cells)
                    print(f"| {name} | {n} | {rows} | {peer} | {statistics.median(errors):.1e} | {statistics.mean(cpu):.2f} |", flush=True)


if __name__ == "__main__":
    main()
