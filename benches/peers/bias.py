"""The table that the bias bench reads, and the time of pandas + smclarify on its first rows.

python -m venv v && v/bin/pip install "pandas<3" pyarrow scikit-learn scipy "numpy<2" pyfunctional && v/bin/pip install --no-deps smclarify==0.5
v/bin/python benches/peers/bias.py make people.parquet --rows 10000000
v/bin/python benches/peers/bias.py run people.parquet --rows 1000000

`run` does what Clarify's bias reports do: pandas reads the file, smclarify measures all metrics of three facets before and after training
(without intervals, which it does not have). The flip test is measured apart, on --flip-rows rows.
"""

import argparse
import resource
import time

import numpy as np
import pandas as pd

FACETS = [("region", ["north", "south", "east", "west", "centre"]), ("sex", [0]), ("age", [40.0])]


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


def run(path, rows, flip_rows):
    from smclarify.bias import report
    from smclarify.bias.metrics import common

    def read():
        frame = pd.read_parquet(path)
        return frame if rows is None else frame.head(rows).copy()

    def measure(frame, metrics):
        label, predicted = report.LabelColumn("label", frame["label"], [1]), report.LabelColumn("decision", frame["decision"], [1])
        found = []
        for column, values in FACETS:
            facet = report.FacetColumn(column, [[v] for v in values][0] if column != "region" else None)
            for stage, names in metrics.items():
                found.append(report.bias_report(
                    frame, facet, label, stage, predicted if stage == report.StageType.POST_TRAINING else None,
                    group_variable=frame["job"], metrics=names))
        return found

    pre, post = report.StageType.PRE_TRAINING, report.StageType.POST_TRAINING
    names = {stage: [m for m in report.fetch_metrics_to_run(metrics, ["all"])] if False else ["all"]
             for stage, metrics in ((pre, None), (post, None))}
    print(names)
    frame, wall, cpu = clock(read)
    print(f"read {len(frame):,} rows: wall {wall:.2f} s, CPU {cpu:.2f} s")


parser = argparse.ArgumentParser()
parser.add_argument("what", choices=["make", "run"])
parser.add_argument("file")
parser.add_argument("--rows", type=int)
parser.add_argument("--flip-rows", type=int, default=20_000)
arguments = parser.parse_args()
if arguments.what == "make":
    make(arguments.file, arguments.rows or 10_000_000)
else:
    run(arguments.file, arguments.rows, arguments.flip_rows)
