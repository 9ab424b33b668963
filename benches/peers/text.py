"""Python shap on the words of short messages: time and |φ̂ − φ|²/|φ|² of the margin beside exact values, around onnxruntime.

python -m venv v && v/bin/pip install numpy shap shapiq onnxruntime tokenizers && v/bin/python benches/peers/text.py

The texts, the players (words between spaces, each token masked when absent) and the value (difference of the logits) are those of
`cargo run --release -p pellucid-benches --example text`. PartitionExplainer gives Owen values over a tree of neighbouring words, which
are not Shapley values: its error does not go to 0.
"""

import argparse
import csv
import itertools
import math
import pathlib
import time

import numpy as np
import onnxruntime
import shap
import shapiq
from tokenizers import Tokenizer

root = pathlib.Path(__file__).parents[2] / "tests" / "fixtures"
parser = argparse.ArgumentParser()
parser.add_argument("--model", type=pathlib.Path, default=root / "models" / "sms_bert_tiny")
parser.add_argument("--data", type=pathlib.Path, default=root / "data" / "sms_spam" / "test.csv")
parser.add_argument("--texts", type=int, default=40)
parser.add_argument("--words", type=int, nargs=2, default=[6, 12], help="fewest and most words")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--per-word", type=int, nargs="*", default=[2, 5, 10, 20, 50])
arguments = parser.parse_args()

tokenizer = Tokenizer.from_file(str(arguments.model / "tokenizer.json"))
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = arguments.threads
session = onnxruntime.InferenceSession(str(arguments.model / "model.onnx"), options, providers=["CPUExecutionProvider"])
mask_id = tokenizer.token_to_id("[MASK]")
rows = [row["text"] for row in csv.DictReader(open(arguments.data, encoding="utf-8"))]
low, high = arguments.words
texts = [text for text in rows if low <= len(text.split()) <= high][: arguments.texts]


def game(text):
    """The value of coalitions `[n, words]` of 0 and 1, in batches, and the number of words."""
    encoding = tokenizer.encode(text)
    ids, owner = np.array(encoding.ids), np.full(len(encoding.ids), -1)
    words, at = text.split(), 0
    for number, word in enumerate(words):
        at = text.index(word, at)
        for token, (start, end) in enumerate(encoding.offsets):
            if start < end and at <= start < at + len(word):
                owner[token] = number
        at += len(word)

    def value(coalitions):
        coalitions = np.atleast_2d(coalitions) > 0.5
        keep = np.ones((len(coalitions), len(ids)), bool)
        keep[:, owner >= 0] = coalitions[:, owner[owner >= 0]]
        tokens = np.where(keep, ids, mask_id).astype(np.int64)
        out = []
        for part in np.array_split(tokens, max(1, len(tokens) // 512)):
            out.append(session.run(None, {"input_ids": part, "attention_mask": np.ones_like(part)})[0])
        logits = np.concatenate(out)
        return (logits[:, 1] - logits[:, 0]).astype(np.float64)

    return value, len(words)


def exact(value, n):
    z = np.array(list(itertools.product([0, 1], repeat=n)))
    v, size = value(z), z.sum(1)
    index = z @ (1 << np.arange(n)[::-1])
    table = np.empty(1 << n)
    table[index] = v
    phi = np.zeros(n)
    for i in range(n):
        without = z[:, i] == 0
        weight = np.array([math.factorial(s) * math.factorial(n - s - 1) / math.factorial(n) for s in size[without]])
        phi[i] = (weight * (table[index[without] + (1 << (n - 1 - i))] - table[index[without]])).sum()
    return phi


def balanced(n):
    """A binary tree of neighbouring words as scipy writes linkages: children, distance, size."""
    tree = []

    def node(start, end):
        if end - start == 1:
            return start
        middle = (start + end) // 2
        left, right = node(start, middle), node(middle, end)
        tree.append([left, right, end - start, end - start])
        return n + len(tree) - 1

    node(0, n)
    return np.array(tree, float)


def timed(explain):
    """What it gives, and its wall and CPU seconds."""
    started = time.perf_counter(), time.process_time()
    found = explain()
    return found, (time.perf_counter() - started[0], time.process_time() - started[1])


def report(name, per_word, runs):
    errors, seconds = zip(*runs)
    wall, cpu = 1e3 * np.mean(seconds, axis=0)
    print(f"| {name} | {per_word} | {np.median(errors):.2e} | {np.mean(errors):.2e} | {wall:.2f} | {cpu:.2f} |")


def relative(found, phi):
    return ((np.ravel(found) - phi) ** 2).sum() / (phi**2).sum()


def kernel(value, n, per_word):
    explainer = shap.KernelExplainer(value, np.zeros((1, n)))
    return explainer.shap_values(np.ones((1, n)), nsamples=per_word * n - 2, l1_reg=0, silent=True)[0]


def partition(value, n, per_word):
    explainer = shap.PartitionExplainer(value, shap.maskers.Partition(np.zeros((1, n)), clustering=balanced(n)))
    return explainer(np.ones((1, n)), max_evals=per_word * n, silent=True).values[0]


def approximated(approximator):
    def explain(value, n, per_word):
        found = approximator(n).approximate(per_word * n, lambda z: value(z))
        return np.array([found[(i,)] for i in range(n)])

    return explain


explainers = {
    "shap KernelExplainer": kernel,
    "shap PartitionExplainer": partition,
    "shapiq KernelSHAP, paired": approximated(lambda n: shapiq.KernelSHAP(n, pairing_trick=True, random_state=0)),
    "shapiq PermutationSamplingSV": approximated(lambda n: shapiq.approximator.PermutationSamplingSV(n, random_state=0)),
}
games = [game(text) for text in texts]
truth = [exact(value, n) for value, n in games]
print("| explainer | coalitions a word | median error | mean error | ms a text alone | CPU ms |\n| --- | --- | --- | --- | --- | --- |")
for name, explain in explainers.items():
    for per_word in arguments.per_word:
        runs = []
        for (value, n), phi in zip(games, truth):
            found, seconds = timed(lambda: explain(value, n, per_word))
            runs.append((relative(found, phi), seconds))
        report(name, per_word, runs)
