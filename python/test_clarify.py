"""Configurations that the SageMaker Python SDK writes run unchanged.

    python python/test_clarify.py target/release/pellucid

The SDK's own classes (`sagemaker.clarify`) write an analysis_config.json for each of six analyses; `pellucid analyze` runs each, and what it
writes is read as the SDK's users do. Exits with 1 at the first thing that is wrong.

Runs with python/requirements.txt and python/clarify.txt. Importing the whole SDK takes boto3 and a hundred megabytes that the classes do not use: only its file of configurations is loaded.
"""

import importlib
import json
import subprocess
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import pandas as pd

TOP = Path(__file__).resolve().parent.parent
FIXTURES = TOP / "tests/fixtures"
CENSUS = FIXTURES / "data/adult"


def load_sdk():
    """`sagemaker.clarify` without the rest of its package, which talks to AWS."""
    from importlib.metadata import distribution

    package = types.ModuleType("sagemaker")
    package.__path__ = [str(distribution("sagemaker").locate_file("sagemaker"))]
    sys.modules["sagemaker"] = package
    names = {
        "image_uris": [],
        "s3": [],
        "utils": ["format_tags", "Tags"],
        "session": ["Session"],
        "network": ["NetworkConfig"],
        "processing": ["ProcessingInput", "ProcessingOutput", "Processor"],
    }
    for name, members in names.items():
        module = types.ModuleType(f"sagemaker.{name}")
        for member in members:
            setattr(module, member, type(member, (), {}))
        sys.modules[module.__name__] = module
        setattr(package, name, module)
    return importlib.import_module("sagemaker.clarify")


def main():
    program = Path(sys.argv[1]).resolve()
    sdk = load_sdk()
    analyses = [bias_of_csv, shap_and_pdp, json_lines, json_document, segments, side_files]
    for analysis in analyses:
        with tempfile.TemporaryDirectory() as folder:
            analysis(sdk, Analysis(program, sdk, Path(folder)))
    print(f"all well; {len(analyses)} configurations of the SDK ran")


class Analysis:
    """One configuration, and the program that runs it."""

    def __init__(self, program, sdk, folder):
        self.program, self.sdk, self.folder = program, sdk, folder

    def run(self, config, data, *more):
        """What `analysis.json` says. The configuration goes through the SDK's own check first."""
        self.sdk.ANALYSIS_CONFIG_SCHEMA_V1_0.validate(config)
        written = self.folder / "analysis_config.json"
        written.write_text(json.dumps(config))
        command = [self.program, "analyze", "--quiet", "--device", "cpu", "--config", written, "--output", self.folder / "out"]
        command += ["--data", data, *more]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
        assert (self.folder / "out/report.html").stat().st_size > 100_000
        return json.loads((self.folder / "out/analysis.json").read_text())

    def data_config(self, **settings):
        return self.sdk.DataConfig(s3_data_input_path="s3://bucket/data", s3_output_path="s3://bucket/out", **settings)

    def model(self):
        return self.sdk.ModelConfig(model_name="census", instance_type="ml.m5.xlarge", instance_count=1, accept_type="text/csv")


def model_of(name):
    return ["--model", FIXTURES / f"models/{name}.onnx"]


CENSUS_MODEL = [*model_of("adult_mlp"), "--schema", CENSUS / "schema.json"]


def metrics(block):
    return {metric["name"]: metric["value"] for metric in block["metrics"]}


def census_bias(sdk):
    return sdk.BiasConfig(label_values_or_threshold=[">50K"], facet_name="sex", facet_values_or_threshold=["Female"], group_name="race")


def bias_of_csv(sdk, analysis):
    """The first notebook of most users: the census without a header line, headers given, labels that a model predicts."""
    table = pd.read_csv(CENSUS / "raw_test.csv")
    data = analysis.folder / "census.csv"
    table.to_csv(data, index=False, header=False)
    config = sdk._AnalysisConfigGenerator.bias(
        analysis.data_config(label="target", headers=list(table.columns), dataset_type="text/csv"),
        census_bias(sdk),
        analysis.model(),
        sdk.ModelPredictedLabelConfig(probability_threshold=0.8, label_headers=[">50K"]),
    )
    found = analysis.run(config, data, *CENSUS_MODEL)
    block = metrics(found["pre_training_bias_metrics"]["facets"]["sex"][0])
    women, positive = table.sex == "Female", table.target == ">50K"
    assert np.isclose(block["CI"], (~women).mean() - women.mean())
    assert np.isclose(block["DPL"], positive[~women].mean() - positive[women].mean())
    after = found["post_training_bias_metrics"]
    assert after["label"] == "target" and after["label_value_or_threshold"] == ">50K"
    assert len(after["facets"]["sex"][0]["metrics"]) == 13


def shap_and_pdp(sdk, analysis):
    """SHAP with a baseline in the configuration, and partial dependence; the local values add up to the predictions."""
    table = pd.read_csv(FIXTURES / "data/diabetes/test.csv")
    features = table.drop(columns="target")
    baseline = [list(row) for row in features.iloc[:3].itertuples(index=False)]
    data = analysis.folder / "diabetes.csv"
    table.to_csv(data, index=False)
    config = sdk._AnalysisConfigGenerator.explainability(
        analysis.data_config(label="target", headers=list(table.columns)),
        analysis.model(),
        sdk.ModelPredictedLabelConfig(),
        [
            sdk.SHAPConfig(baseline=baseline, num_samples=200, agg_method="mean_abs", seed=1),
            sdk.PDPConfig(features=["bmi", "sex"], grid_resolution=12),
        ],
    )
    found = analysis.run(config, data, *model_of("diabetes_mlp_regression"))
    shap = found["explanations"]["kernel_shap"]["label0"]
    local = pd.read_csv(analysis.folder / "out/explanations_shap/out.csv")
    # As notebooks take the feature names from the columns.
    assert [name.removesuffix("_label0") for name in local.columns] == list(shap["global_shap_values"]) == list(features.columns)
    assert np.allclose(local.abs().mean(), list(shap["global_shap_values"].values()), rtol=1e-5)
    assert len(local) == len(table)
    written = pd.read_csv(analysis.folder / "out/explanations_shap/baseline.csv", header=None)
    assert np.allclose(written, baseline)
    bmi = found["explanations"]["pdp"][0]
    low, high = features.bmi.min(), features.bmi.max()
    centres = low + (np.arange(12) + 0.5) * (high - low) / 12
    assert bmi["feature_name"] == "bmi" and np.allclose(bmi["feature_values"], centres, rtol=1e-6)
    assert np.isclose(sum(bmi["data_distribution"]), 1) and len(bmi["model_predictions"][0]) == 12
    # The same from Parquet, whose columns have names and types.
    stored = analysis.folder / "diabetes.parquet"
    table.to_parquet(stored)
    other = Analysis(analysis.program, sdk, analysis.folder / "parquet")
    other.folder.mkdir()
    del config["headers"]
    same = other.run(config | {"dataset_type": "application/x-parquet"}, stored, *model_of("diabetes_mlp_regression"))
    assert same["explanations"] == found["explanations"]


def dense(table):
    return [list(row) for row in table.drop(columns="target").itertuples(index=False)], list(table.target)


def json_lines(sdk, analysis):
    """Dense JSON Lines, features and label by JMESPath; the same numbers as from CSV."""
    table = pd.read_csv(CENSUS / "raw_test.csv")
    features, labels = dense(table)
    data = analysis.folder / "census.jsonl"
    data.write_text("\n".join(json.dumps({"features": row, "outcome": {"label": label}}) for row, label in zip(features, labels)))
    config = sdk._AnalysisConfigGenerator.bias_and_explainability(
        analysis.data_config(
            label="outcome.label", features="features", headers=list(table.columns), dataset_type="application/jsonlines"
        ),
        analysis.model(),
        sdk.ModelPredictedLabelConfig(probability="score", label_headers=["<=50K", ">50K"]),
        [sdk.SHAPConfig(baseline=[{"features": features[0]}], num_samples=100, seed=3), sdk.PDPConfig(top_k_features=2)],
        census_bias(sdk),
    )
    found = analysis.run(config, data, *CENSUS_MODEL)
    assert len(found["explanations"]["pdp"]) == 2
    assert list(found["explanations"]["kernel_shap"]) == ["<=50K", ">50K"]
    other = Analysis(analysis.program, sdk, analysis.folder / "csv")
    other.folder.mkdir()
    del config["features"]
    config |= {"dataset_type": "text/csv", "label": "target"}
    config["methods"]["shap"]["baseline"] = [features[0]]
    same = other.run(config, CENSUS / "raw_test.csv", *CENSUS_MODEL)
    for key in ["pre_training_bias_metrics", "post_training_bias_metrics", "explanations"]:
        assert found[key] == same[key], key


def json_document(sdk, analysis):
    """One JSON document: JMESPaths to the matrix and to the list of labels; bias of the data only."""
    table = pd.read_csv(CENSUS / "raw_test.csv")
    features, labels = dense(table)
    data = analysis.folder / "census.json"
    data.write_text(json.dumps({"instances": [{"features": row, "label": label} for row, label in zip(features, labels)]}))
    config = sdk._AnalysisConfigGenerator.bias_pre_training(
        analysis.data_config(
            label="instances[*].label", features="instances[*].features", headers=list(table.columns), dataset_type="application/json"
        ),
        sdk.BiasConfig(label_values_or_threshold=[">50K"], facet_name=["sex", "age"], facet_values_or_threshold=[["Female"], [40]]),
        methods=["CI", "DPL"],
    )
    found = analysis.run(config, data)
    facets = found["pre_training_bias_metrics"]["facets"]
    assert set(metrics(facets["sex"][0])) == {"CI", "DPL"} and facets["age"][0]["value_or_threshold"] == f"(40, {table.age.max()}]"
    assert "post_training_bias_metrics" not in found


def segments(sdk, analysis):
    """Metrics of parts of the rows: each as if the part were the data set."""
    table = pd.read_csv(CENSUS / "raw_test.csv")
    segmentation = sdk.SegmentationConfig(
        name_or_index="age", segments=[["[17, 30]", "(60, 90]"], ["(30, 45]"]], config_name="ages", display_aliases=["young or old", "middle"]
    )
    config = sdk._AnalysisConfigGenerator.bias_pre_training(
        analysis.data_config(label="target", segmentation_config=[segmentation]), census_bias(sdk), methods="all"
    )
    found = analysis.run(config, CENSUS / "raw_test.csv")
    young = table.age.between(17, 30) | (table.age > 60)
    middle = (table.age > 30) & (table.age <= 45)
    parts = {part["name"]: part for part in found["segments"]}
    assert len(parts) == 3, list(parts)
    for name, mask in zip(parts, [young, middle, ~(young | middle)]):
        rows = table[mask]
        women, positive = rows.sex == "Female", rows.target == ">50K"
        block = metrics(parts[name]["pre_training_bias_metrics"]["facets"]["sex"][0])
        assert parts[name]["rows"] == len(rows)
        assert np.isclose(block["DPL"], positive[~women].mean() - positive[women].mean()), name
    assert list(parts)[-1] == "__default__" and parts["(30, 45]"]["display_alias"] == "middle"


def side_files(sdk, analysis):
    """Facets and predicted labels in files of their own, in another order, joined by a row id."""
    table = pd.read_csv(CENSUS / "raw_test.csv")
    table.insert(0, "id", [f"r{i}" for i in range(len(table))])
    table["said"] = np.where(table["education-num"] > 11, ">50K", "<=50K")
    mixed = table.sample(frac=1, random_state=5)
    folder = analysis.folder
    table.drop(columns=["sex", "said"]).to_csv(folder / "data.csv", index=False)
    mixed[["id", "sex"]].to_csv(folder / "sex.csv", index=False)
    mixed[["id", "said"]].iloc[:150].to_csv(folder / "said.csv", index=False, header=False)
    config = sdk._AnalysisConfigGenerator.bias(
        analysis.data_config(
            label="target",
            joinsource="id",
            facet_dataset_uri="s3://bucket/data/sex.csv",
            facet_headers=["id", "sex"],
            predicted_label_dataset_uri="s3://bucket/data/said.csv",
            predicted_label_headers=["id", "said"],
            predicted_label="said",
        ),
        sdk.BiasConfig(label_values_or_threshold=[">50K"], facet_name="sex", facet_values_or_threshold=["Female"]),
        None,
        None,
    )
    found = analysis.run(config, folder / "data.csv", "--uri", f"s3://bucket/data={folder}")
    rows = mixed.iloc[:150]
    women, said = rows.sex == "Female", rows.said == ">50K"
    block = metrics(found["post_training_bias_metrics"]["facets"]["sex"][0])
    assert np.isclose(block["DPPL"], said[~women].mean() - said[women].mean())
    assert np.isclose(block["DI"], said[women].mean() / said[~women].mean())


main()
