"""Attributions in Python: runs all Python of docs/guide.md, and more, on files that the program writes.

    python python/test_interop.py target/release/pellucid [FOLDER FOR PICTURES]

Checked: shapes, names and ids, additivity, standard errors, the same numbers in pandas, polars and DuckDB, and that shap draws every
plot. Exits with 1 at the first thing that is wrong.
"""

import ast
import io
import os
import re
import subprocess
import sys
import tempfile
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import duckdb
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl

TOP = Path(__file__).resolve().parent.parent
# Share of a picture that must not be of the colour of its corner. A plot with ten lines of text has about 2 %.
DRAWN = 0.005


def main():
    program = Path(sys.argv[1]).resolve()
    pictures = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.symlink(TOP / "tests", "tests")
        explain = lambda *more: subprocess.run(
            [program, "shap", "--quiet", "--device", "cpu", *more], check=True, stdout=subprocess.DEVNULL
        )
        explain(*arguments("diabetes_mlp_regression", "diabetes/test.csv", "diabetes/train.csv"), "--stderr", "--output", "why.parquet")
        effects(program)
        plots = Plots(pictures)
        names = {}
        for block in guide():
            plots.run(block, names)
        explanation = names["explanation"]
        one_output(explanation)
        several_outputs(explain, explanation, plots)
        categories_and_ids(explain, explanation, plots)
        tables()
    missing = {"bar", "beeswarm", "violin", "heatmap", "scatter", "waterfall", "force", "decision"} - plots.kinds
    assert not missing, f"the guide does not draw {missing}"
    print(f"all well; {plots.drawn} plots drawn")


def arguments(model, data, background):
    fixtures = TOP / "tests/fixtures"
    given = {"--model": fixtures / f"models/{model}.onnx", "--data": fixtures / "data" / data, "--background": fixtures / "data" / background}
    return [part for pair in given.items() for part in pair]


def effects(program):
    """The file of effects that the guide draws from; a mean of the lines of single rows is the curve."""
    fixtures = TOP / "tests/fixtures"
    run = [program, "pdp", "--quiet", "--device", "cpu", "--model", fixtures / "models/diabetes_mlp_regression.onnx"]
    run += ["--data", fixtures / "data/diabetes/test.csv", "--features", "bmi", "--ice", "110", "--output", "effects.parquet"]
    subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    table = pd.read_parquet("effects.parquet")
    curve = table[table.kind == "pd"].set_index("value").effect
    lines = table[table.kind == "ice"].groupby("value").effect.mean()
    assert len(curve) > 10 and np.allclose(curve, lines, rtol=1e-5), (curve - lines).abs().max()


def guide():
    """The Python of the guide, block by block."""
    blocks = re.findall(r"^```python\n(.*?)^```", (TOP / "docs/guide.md").read_text(), re.M | re.S)
    assert len(blocks) >= 4, blocks
    return blocks


class Plots:
    """Runs code statement by statement, and looks at what each has drawn."""

    def __init__(self, folder):
        self.folder, self.drawn, self.kinds = folder, 0, set()

    def run(self, code, names):
        for statement in ast.parse(code).body:
            with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")  # Agg shows nothing, and says so
                exec(compile(ast.Module([statement], []), "guide.md", "exec"), names)
            text = ast.unparse(statement)
            if kind := re.match(r"shap\.plots\.(\w+)\(", text):
                self.look(text)
                self.kinds.add(kind[1])

    def look(self, text):
        assert plt.get_fignums(), f"{text} drew no figure"
        picture = io.BytesIO()
        plt.gcf().savefig(picture, format="png", bbox_inches="tight")
        plt.close("all")
        picture.seek(0)
        pixels = plt.imread(picture)[..., :3]
        share = (pixels != pixels[0, 0]).any(axis=-1).mean()
        assert share > DRAWN, f"{text}: {share:.2%} of the picture is drawn on"
        self.drawn += 1
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / f"{self.drawn}.png").write_bytes(picture.getvalue())


def adds_up(why, predictions):
    """base + Σ values = prediction, to the rounding of f32 in each number and of f64 in their sum."""
    sums = why.values.sum(axis=1, dtype=float) + why.base_values
    sizes = np.abs(why.values).sum(axis=1, dtype=float) + np.abs(why.base_values) + np.abs(predictions)
    worst = (np.abs(sums - predictions) / sizes).max()
    assert worst <= np.finfo(np.float32).eps, worst


def one_output(explanation):
    table, data = pd.read_parquet("why.parquet"), pd.read_csv("tests/fixtures/data/diabetes/test.csv")
    why = explanation("why.parquet", data)
    features = [name for name in data.columns if name != "target"]
    assert why.shape == (len(data), len(features)) and why.base_values.shape == (len(data),), why.shape
    assert list(why.feature_names) == features and why.output_names == "prediction", why.output_names
    assert (why.data == data[features].to_numpy()).all()
    assert (why[:, "bmi"].values == table["shap.bmi"]).all() and (why[3].values == table.filter(regex=r"^shap\.").iloc[3]).all()
    assert (why.error_std == table.filter(regex=r"^stderr\.").to_numpy()).all() and (why.error_std > 0).any()
    assert (why[:, "bmi"].error_std == table["stderr.bmi"]).all()
    adds_up(why, table.prediction.to_numpy(float))
    assert explanation("why.parquet").data is None


def several_outputs(explain, explanation, plots):
    explain(*arguments("wine_mlp", "wine/test.csv", "wine/train.csv"), "--budget", "1000", "--output", "wine.parquet")
    table, data = pd.read_parquet("wine.parquet"), pd.read_csv(TOP / "tests/fixtures/data/wine/test.csv")
    why = explanation("wine.parquet", data)
    outputs = [name.removeprefix("prediction.") for name in table if name.startswith("prediction.")]
    assert len(outputs) == 3 and list(why.output_names) == outputs, why.output_names
    assert why.shape == (len(data), data.shape[1] - 1, 3) and why.base_values.shape == (len(data), 3), why.shape
    assert why.error_std is None
    adds_up(why, table[[f"prediction.{output}" for output in outputs]].to_numpy(float))
    for k, output in enumerate(outputs):
        one = why[:, :, k]
        assert (one.values == table.filter(regex=rf"^shap\..*\.{re.escape(output)}$").to_numpy()).all()
        assert (one.base_values == table[f"base_value.{output}"]).all()
    plots.run("shap.plots.beeswarm(why[:, :, 1])\nshap.plots.waterfall(why[0, :, 2])", {"shap": sys.modules["shap"], "why": why})


def categories_and_ids(explain, explanation, plots):
    people = pd.read_csv(TOP / "tests/fixtures/data/adult/raw_test.csv").head(40)
    people.insert(0, "person", [f"0{i}" for i in range(len(people))])
    people.to_csv("people.csv", index=False)
    schema = TOP / "tests/fixtures/data/adult/schema.json"
    given = arguments("adult_mlp", Path.cwd() / "people.csv", "adult/raw_train.csv")
    explain(*given, "--schema", schema, "--id", "person", "--target", "1", "--output", "people.parquet")
    assert list(pd.read_parquet("people.parquet").person) == list(people.person)
    why = explanation("people.parquet", people)
    assert "person" not in why.feature_names and "workclass" in why.feature_names, why.feature_names
    assert (why[:, "workclass"].data == people.workclass).all()
    adds_up(why, pd.read_parquet("people.parquet").prediction.to_numpy(float))
    code = 'shap.plots.beeswarm(why)\nshap.plots.scatter(why[:, "workclass"])\nshap.plots.waterfall(why[0])\nshap.plots.bar(why[0])'
    plots.run(code, {"shap": sys.modules["shap"], "why": why})


def tables():
    """Plain Parquet: the same numbers to everybody."""
    expected = pd.read_parquet("why.parquet")
    assert pl.read_parquet("why.parquet").columns == list(expected.columns)
    assert (pl.read_parquet("why.parquet").to_pandas() == expected).all(axis=None)
    assert (duckdb.sql("SELECT * FROM 'why.parquet'").df() == expected).all(axis=None)
    keys = {key.decode() for key, *_ in duckdb.sql("SELECT key FROM parquet_kv_metadata('why.parquet')").fetchall()}
    assert {"pellucid.model_sha256", "pellucid.seed"} <= keys, keys


if __name__ == "__main__":
    main()
