"""The table that the bias bench reads, and the time of pandas + smclarify on its first rows.

python -m venv v && v/bin/pip install "pandas<3" "numpy<2" "pyarrow<21" scikit-learn scipy pyfunctional
v/bin/pip install --no-deps smclarify==0.5
v/bin/python benches/peers/bias.py make people.parquet --rows 10000000
v/bin/python benches/peers/bias.py run people.parquet --rows 1000000 --age-rows 20000 --flip-rows 20000

`run` does what Clarify's bias reports do: pandas reads the file, smclarify measures the metrics of each facet before and after training;
it has no intervals. The continuous facet, which smclarify goes through row by row for each metric, and the flip test have fewer rows.
"""

import argparse
import logging
import time

import numpy as np
import pandas as pd

FACETS = [("region", None), ("sex", [0]), ("age", [40.0])]


def make(path, rows, seed=0):
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(seed)
    writer = None
    for start in range(0, rows, 1 << 20):
        n = min(1 << 20, rows - start)
        region, sex = random.integers(0, 5, n), random.integers(0, 2, n)
        job = random.integers(0, 8, n)
        age = np.round(18 + 60 * random.beta(2, 3, n), 2)
        hours = random.integers(0, 80, n)
        income = np.round(np.exp(10 + 0.3 * sex + 0.1 * random.standard_normal(n) + 0.02 * job), 2)
        score = 0.4 * sex + 0.1 * region + 0.01 * (age - 45) + 0.1 * (job - 4) + random.standard_normal(n)
        table = pa.table({
            "region": np.array(["north", "south", "east", "west", "centre"])[region],
            "sex": sex,
            "age": age,
            "job": np.array(["clerk", "nurse", "teacher", "driver", "cook", "engineer", "farmer", "other"])[job],
            "hours": hours,
            "income": income,
            "label": (score + 0.5 * random.standard_normal(n) > 0.2).astype(np.int64),
            "decision": (score > 0.3).astype(np.int64),
        })
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def clock(work):
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - wall, time.process_time() - cpu


def run(path, rows, age_rows, flip_rows):
    from smclarify.bias import report

    logging.disable(logging.CRITICAL)
    pre, post = report.StageType.PRE_TRAINING, report.StageType.POST_TRAINING
    counted = [(pre, ["CI", "DPL", "KL", "JS", "LP", "TVD", "KS", "CDDL"]),
               (post, ["DPPL", "DI", "DCA", "DCR", "RD", "SD", "DAR", "DRR", "AD", "CDDPL", "TE", "GE"])]

    def measure(frame, column, values, stages):
        found = []
        for stage, names in stages:
            label = report.LabelColumn("label", frame["label"].copy(), [1])
            predicted = report.LabelColumn("decision", frame["decision"].copy(), [1]) if stage == post else None
            facet = report.FacetColumn(column, None if values is None else list(values))
            found.append(report.bias_report(frame.copy(), facet, label, stage, predicted, names, frame["job"]))
        return found

    whole, wall, cpu = clock(lambda: pd.read_parquet(path))
    print(f"pandas reads {len(whole):,} rows: wall {wall:.2f} s, CPU {cpu:.2f} s", flush=True)
    for column, values in FACETS:
        frame = whole.head(age_rows if column == "age" else rows).copy()
        found, wall, cpu = clock(lambda: measure(frame, column, values, counted))
        first = {m["name"]: m["value"] for stage in found for m in stage[0]["metrics"]}
        print(f"{column}: {len(frame):,} rows: wall {wall:.2f} s, CPU {cpu:.2f} s, {1e6 * cpu / len(frame):.1f} s a million; "
              f"DPL {first['DPL']!r}, DI {first['DI']!r}, CDDL {first['CDDL']!r}", flush=True)
    frame = whole.head(flip_rows).copy()
    jobs = frame["job"]
    for column, values in FACETS:
        numbers = frame.drop(columns=[c for c in ("region", "job") if c != column]).assign(job=jobs)
        found, wall, cpu = clock(lambda: measure_flips(report, numbers, column, values))
        print(f"FT by {column}: {len(frame):,} rows: wall {wall:.2f} s, CPU {cpu:.2f} s: {found}", flush=True)


def measure_flips(report, frame, column, values):
    features = frame.drop(columns=["job"])
    label = report.LabelColumn("label", frame["label"].copy(), [1])
    predicted = report.LabelColumn("decision", frame["decision"].copy(), [1])
    facet = report.FacetColumn(column, None if values is None else list(values))
    found = report.bias_report(features, facet, label, report.StageType.POST_TRAINING, predicted, ["FT"], frame["job"])
    return [metric["value"] for block in found for metric in block["metrics"]]


parser = argparse.ArgumentParser()
parser.add_argument("what", choices=["make", "run"])
parser.add_argument("file")
parser.add_argument("--rows", type=int, help="of the table made [10,000,000], or measured [1,000,000]")
parser.add_argument("--age-rows", type=int, default=20_000)
parser.add_argument("--flip-rows", type=int, default=20_000)
arguments = parser.parse_args()
if arguments.what == "make":
    make(arguments.file, arguments.rows or 10_000_000)
else:
    run(arguments.file, arguments.rows or 1_000_000, arguments.age_rows, arguments.flip_rows)
