//! The methods of a configuration.

use super::config::Column;
use super::keys::At;
use pellucid::bias::{Metric, Stage};
use pellucid::data::did_you_mean;
use pellucid::{Error, Result};
use serde_json::Value;

#[derive(Debug)]
pub struct Methods {
    /// Metrics by their short names.
    pub pre: Option<Vec<String>>,
    pub post: Option<Vec<String>>,
    pub shap: Option<Shap>,
    pub pdp: Option<Pdp>,
    pub report: Option<ReportMethod>,
}

#[derive(Debug)]
pub struct Shap {
    pub baseline: Option<Baseline>,
    pub num_clusters: Option<usize>,
    /// Coalitions for each row.
    pub num_samples: Option<u64>,
    pub aggregation: Aggregation,
    pub use_logit: bool,
    pub save_local: bool,
    pub seed: Option<u64>,
    /// Empty: all.
    pub features_to_explain: Vec<Column>,
}

/// Rows that stand for absent features.
#[derive(Debug)]
pub enum Baseline {
    Uri(String),
    Inline(Value),
}

/// From the attributions of rows to one number a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregation {
    MeanAbs,
    MeanSquare,
    Median,
}

#[derive(Debug)]
pub struct Pdp {
    /// Empty: the strongest by SHAP.
    pub features: Vec<Column>,
    pub top_k: usize,
    pub grid_resolution: usize,
}

#[derive(Debug)]
pub struct ReportMethod {
    /// The name of its file, without an ending.
    pub name: String,
    pub title: String,
}

impl Methods {
    pub fn read(at: &At, remarks: &mut Vec<String>) -> Result<Self> {
        at.object(&["pre_training_bias", "post_training_bias", "shap", "pdp", "report", "asymmetric_shapley_value"])?;
        if let Some(series) = at.get("asymmetric_shapley_value") {
            return Err(series.refused("Shapley values of time series are not supported", "leave it out"));
        }
        let methods = Self {
            pre: at.get("pre_training_bias").map(|at| metrics(&at, Stage::PreTraining)).transpose()?,
            post: at.get("post_training_bias").map(|at| metrics(&at, Stage::PostTraining)).transpose()?,
            shap: at.get("shap").map(|at| Shap::read(&at, remarks)).transpose()?,
            pdp: at.get("pdp").map(|at| pdp(&at)).transpose()?,
            report: at.get("report").map(|at| report(&at)).transpose()?,
        };
        if methods.bias_at().is_none() && methods.shap.is_none() && methods.pdp.is_none() {
            return Err(
                at.refused("there is nothing to compute", "ask for pre_training_bias, post_training_bias, shap or pdp")
            );
        }
        if let Some(found) = &methods.pdp
            && found.features.is_empty()
            && methods.shap.is_none()
        {
            return Err(Error::input("`methods.pdp.features` is missing")
                .hint("name the features, or ask for `shap` too: the strongest are then taken"));
        }
        Ok(methods)
    }

    /// The key that asks for metrics of bias.
    pub fn bias_at(&self) -> Option<&'static str> {
        let pre = self.pre.as_ref().map(|_| "methods.pre_training_bias");
        pre.or(self.post.as_ref().map(|_| "methods.post_training_bias"))
    }
}

fn metrics(at: &At, stage: Stage) -> Result<Vec<String>> {
    at.object(&["methods"])?;
    let at = at.need("methods")?;
    let all = || Metric::of_stage(stage).map(|metric| metric.name);
    if at.value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("all")) {
        return Ok(all().map(String::from).collect());
    }
    if at.value.is_string() {
        return Err(at.wrong("\"all\", or a list of short names"));
    }
    let one = |item: &At| {
        let text = item.text()?;
        // The guide spells it so.
        let name = if text.eq_ignore_ascii_case("DCAcc") { "DCA" } else { &text };
        match Metric::named(name) {
            Some(metric) if metric.stage == stage => Ok(metric.name.to_string()),
            Some(_) => Err(item.refused(
                &format!("{text} is not a metric of this stage"),
                "pre-training metrics compare labels, post-training metrics predictions",
            )),
            None => {
                Err(Error::input(format!("`{}`: there is no metric `{text}`{}", item.path, did_you_mean(&text, all())))
                    .hint(format!("the metrics are {}", all().collect::<Vec<_>>().join(", "))))
            }
        }
    };
    at.list()?.iter().map(one).collect()
}

impl Shap {
    fn read(at: &At, remarks: &mut Vec<String>) -> Result<Self> {
        at.object(&[
            "baseline",
            "num_clusters",
            "num_samples",
            "agg_method",
            "use_logit",
            "save_local_shap_values",
            "seed",
            "features_to_explain",
            "text_config",
            "image_config",
        ])?;
        if let Some(text) = at.get("text_config") {
            return Err(text.refused(
                "columns of free text are not explained here",
                "leave it out; `analyze` explains numbers and categories",
            ));
        }
        if let Some(image) = at.get("image_config") {
            return Err(image.refused("images are not supported here", "leave it out; `analyze` explains tables"));
        }
        let baseline = at.get("baseline").map(|at| match at.value {
            Value::String(uri) => Ok(Baseline::Uri(uri.clone())),
            Value::Array(_) | Value::Object(_) => Ok(Baseline::Inline(at.value.clone())),
            _ => Err(at.wrong("a list of rows, or the path of a file")),
        });
        let (baseline, clusters) = (baseline.transpose()?, at.get("num_clusters"));
        if let (Some(_), Some(clusters)) = (&baseline, &clusters) {
            return Err(clusters.refused("a baseline is given as well", "keep one of the two"));
        }
        let aggregation =
            match at.get("agg_method").map(|at| at.word(&["mean_abs", "mean_sq", "median"])).transpose()? {
                Some("median") => Aggregation::Median,
                Some("mean_sq") => Aggregation::MeanSquare,
                _ => Aggregation::MeanAbs,
            };
        let flag = |key: &str| at.get(key).map_or(Ok(false), |at| at.flag());
        let seed = at.get("seed").map(|at| at.count(0)).transpose()?;
        if seed.is_none() {
            remarks.push("`methods.shap.seed` is not given: it is 0, so the same run gives the same values".into());
        }
        Ok(Self {
            baseline,
            num_clusters: clusters.map(|at| at.count(1)).transpose()?.map(|n| n as usize),
            num_samples: at.get("num_samples").map(|at| at.count(1)).transpose()?,
            aggregation,
            use_logit: flag("use_logit")?,
            save_local: flag("save_local_shap_values")?,
            seed,
            features_to_explain: at.get("features_to_explain").map_or(Ok(Vec::new()), |at| at.columns())?,
        })
    }
}

fn pdp(at: &At) -> Result<Pdp> {
    at.object(&["features", "top_k_features", "grid_resolution"])?;
    let resolution = at.get("grid_resolution").map_or(Ok(15), |at| at.count(2))?;
    Ok(Pdp {
        features: at.get("features").map_or(Ok(Vec::new()), |at| at.columns())?,
        top_k: at.get("top_k_features").map_or(Ok(10), |at| at.count(1))? as usize,
        grid_resolution: resolution as usize,
    })
}

fn report(at: &At) -> Result<ReportMethod> {
    at.object(&["name", "title"])?;
    let named = at.get("name");
    let name = named.as_ref().map_or(Ok("report".to_string()), At::text)?;
    if let Some(at) = named
        && (name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.'))
    {
        return Err(at.wrong("the name of a file without a folder, as \"report\""));
    }
    let title = at.get("title").map_or(Ok("Analysis Report".to_string()), |at| at.text())?;
    Ok(ReportMethod { name, title })
}
