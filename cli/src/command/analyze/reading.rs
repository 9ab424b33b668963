//! From JSON to a configuration: each key read, what one key asks of others checked, what has no effect remarked.

use super::config::{Column, Config, DatasetType, Facet, SegmentConfig, Side};
use super::keys::At;
use super::methods::Methods;
use super::predictor::Predictor;
use pellucid::bias::Value;
use pellucid::{Error, Result};
use std::path::Path;

const KEYS: [&str; 21] = [
    "version",
    "dataset_type",
    "dataset_uri",
    "headers",
    "label",
    "features",
    "predicted_label",
    "predicted_label_dataset_uri",
    "predicted_label_headers",
    "facet_dataset_uri",
    "facet_headers",
    "joinsource_name_or_index",
    "excluded_columns",
    "probability_threshold",
    "label_values_or_threshold",
    "facet",
    "group_variable",
    "segment_config",
    "time_series_data_config",
    "methods",
    "predictor",
];

impl Config {
    /// # Errors
    /// A file that cannot be read, JSON that is malformed (with line and column), a key that is unknown, wrong or not supported.
    pub fn open(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
        let of_file = |error: Error| match error {
            Error::Input { message, hint } => Error::Input { message: format!("{}: {message}", path.display()), hint },
            other => other,
        };
        Self::parse(text.trim_start_matches('\u{feff}')).map_err(of_file)
    }

    pub fn parse(text: &str) -> Result<Self> {
        let value = serde_json::from_str(text).map_err(|error| {
            let what = error.to_string();
            let what = what.split(" at line ").next().unwrap_or_default();
            Error::input(format!("line {}, column {}: {what}", error.line(), error.column())).hint(
                "the configuration is one JSON object; is a comma, a quote or a bracket missing before that place?",
            )
        })?;
        Self::read(&At::root(&value))
    }

    fn read(root: &At) -> Result<Self> {
        root.object(&KEYS)?;
        let mut remarks = Vec::new();
        if let Some(version) = root.get("version")
            && version.text()? != "1.0"
        {
            return Err(version.wrong("\"1.0\""));
        }
        if let Some(series) = root.get("time_series_data_config") {
            return Err(series.refused(
                "time series are not supported",
                "leave it out, and `methods.asymmetric_shapley_value` with it",
            ));
        }
        let (label, predicted_label) = (column(root, "label")?, column(root, "predicted_label")?);
        let predictor = match root.get("predictor") {
            Some(at) => Predictor::read(&at, &mut remarks)?,
            None => Predictor::default(),
        };
        let threshold = root.get("probability_threshold").map(|at| at.number()).transpose()?;
        let config = Self {
            kind: kind(&root.need("dataset_type")?)?,
            dataset_uri: root.get("dataset_uri").map(|at| at.text()).transpose()?,
            headers: root.get("headers").map(|at| at.texts()).transpose()?,
            label,
            features: root.get("features").map(|at| at.text()).transpose()?,
            predicted_label,
            facet_dataset: side(root, "facet_dataset_uri", "facet_headers")?,
            predicted_dataset: side(root, "predicted_label_dataset_uri", "predicted_label_headers")?,
            joinsource: column(root, "joinsource_name_or_index")?,
            excluded: root.get("excluded_columns").map_or(Ok(Vec::new()), |at| at.columns())?,
            label_values: root.get("label_values_or_threshold").map_or(Ok(Vec::new()), |at| at.values())?,
            probability_threshold: threshold,
            facets: root.get("facet").map_or(Ok(Vec::new()), |at| at.list()?.iter().map(facet).collect())?,
            group: column(root, "group_variable")?,
            segments: root
                .get("segment_config")
                .map_or(Ok(Vec::new()), |at| at.list()?.iter().map(segments).collect())?,
            methods: Methods::read(&root.need("methods")?, &mut remarks)?,
            predictor,
            remarks,
        };
        config.check()?;
        Ok(config.with_remarks())
    }

    /// Says which keys have no effect beside others.
    fn with_remarks(mut self) -> Self {
        let by_name =
            self.kind == DatasetType::Parquet || (self.kind == DatasetType::JsonLines && self.features.is_none());
        if self.headers.is_some() && by_name {
            self.remarks.push("`headers` has no effect: the data set names its columns".into());
        }
        if self.methods.bias_at().is_none() && !self.segments.is_empty() {
            self.remarks.push("`segment_config` has no effect: no metrics of bias are asked for".into());
        }
        self
    }

    /// What one key asks of others.
    fn check(&self) -> Result<()> {
        let needs = |key: &str, what: &str| Err(Error::input(format!("`{key}` is missing")).hint(what));
        let json = matches!(self.kind, DatasetType::Json | DatasetType::JsonLines);
        if let Some(at) = self.methods.bias_at() {
            let needed_by = format!("`{at}` needs it");
            if self.label.is_none() {
                return needs("label", &needed_by);
            }
            if self.label_values.is_empty() {
                return needs(
                    "label_values_or_threshold",
                    &format!("{needed_by}: the positive labels, or [a number] above which they are positive"),
                );
            }
            if self.facets.is_empty() {
                return needs(
                    "facet",
                    &format!("{needed_by}: a list of {{\"name_or_index\": …, \"value_or_threshold\": […]}}"),
                );
            }
        }
        if self.kind == DatasetType::Json && self.features.is_none() {
            return needs(
                "features",
                "data of type application/json need a JMESPath to the matrix of features, as `[*].features`",
            );
        }
        if self.features.is_some() && !json {
            return Err(Error::input("`features` is for JSON and JSON Lines")
                .hint("leave it out: the columns of other tables have names"));
        }
        if let (Some(side), true) = (self.facet_dataset.as_ref().or(self.predicted_dataset.as_ref()), json) {
            return Err(Error::input(format!("`{}` goes with text/csv and application/x-parquet", side.at))
                .hint("put the columns into the data set itself"));
        }
        Ok(())
    }
}

fn kind(at: &At) -> Result<DatasetType> {
    const IMAGES: &str = "application/x-image";
    const CAPTURE: &str = "application/sagemakercapturejson";
    let known = ["text/csv", "application/jsonlines", "application/json", "application/x-parquet", IMAGES, CAPTURE];
    match at.word(&known)? {
        "text/csv" => Ok(DatasetType::Csv),
        "application/jsonlines" => Ok(DatasetType::JsonLines),
        "application/json" => Ok(DatasetType::Json),
        "application/x-parquet" => Ok(DatasetType::Parquet),
        IMAGES => {
            Err(at
                .refused("images are not supported here", "`analyze` reads tables: CSV, JSON Lines, JSON and Parquet"))
        }
        _ => Err(at.refused("captured requests are read by the monitor", "see `pellucid monitor --help`")),
    }
}

fn column(root: &At, key: &str) -> Result<Option<Column>> {
    root.get(key).map(|at| at.column()).transpose()
}

fn side(root: &At, uri: &str, headers: &str) -> Result<Option<Side>> {
    let names = root.get(headers);
    match (root.get(uri), names) {
        (Some(at), names) => {
            Ok(Some(Side { uri: at.text()?, headers: names.map(|at| at.texts()).transpose()?, at: at.path }))
        }
        (None, Some(names)) => Err(names.refused(&format!("there is no `{uri}`"), "give both, or neither")),
        (None, None) => Ok(None),
    }
}

fn facet(at: &At) -> Result<Facet> {
    at.object(&["name_or_index", "value_or_threshold"])?;
    let values = at.get("value_or_threshold").map_or(Ok(Vec::new()), |at| at.values())?;
    Ok(Facet { column: at.need("name_or_index")?.column()?, values })
}

fn segments(at: &At) -> Result<SegmentConfig> {
    at.object(&["config_name", "name_or_index", "segments", "display_aliases"])?;
    let lists = at.need("segments")?;
    let segments: Vec<Vec<Value>> = lists.list()?.iter().map(At::values).collect::<Result<_>>()?;
    if segments.is_empty() || segments.iter().any(Vec::is_empty) {
        return Err(lists.refused(
            "a segment has no values",
            "write lists of values or intervals, as [[\"[1, 4]\", \"(5, 6]\"], [\"(7, 9)\"]]",
        ));
    }
    let aliases = at.get("display_aliases").map_or(Ok(Vec::new()), |at| at.texts())?;
    if !aliases.is_empty() && !(segments.len()..=segments.len() + 1).contains(&aliases.len()) {
        return Err(Error::input(format!(
            "`{}.display_aliases` has {} names for {} segments",
            at.path,
            aliases.len(),
            segments.len()
        ))
        .hint("give one a segment, and perhaps one more for the rest"));
    }
    Ok(SegmentConfig {
        at: at.path.clone(),
        column: at.need("name_or_index")?.column()?,
        name: at.get("config_name").map(|at| at.text()).transpose()?,
        segments,
        aliases,
    })
}
