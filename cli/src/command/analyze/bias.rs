//! Bias metrics of the data set and of its segments.

use super::config::{Config, SegmentConfig};
use super::dataset::Dataset;
use super::methods::Methods;
use crate::args::{AnalyzeArgs, Compat};
use pellucid::bias::{
    BiasReport, BiasRequest, Bootstrap, Mode, Predicted, Segment, SegmentValue, Selection, Value, measure, split,
};
use pellucid::data::Table;
use pellucid::{Error, Result};

/// Metrics of all rows, and of parts of them.
pub struct Bias {
    pub all: BiasReport,
    pub segments: Vec<SegmentBias>,
}

/// One part: the name of the configuration that makes it, its own, and that to show.
pub struct SegmentBias {
    pub config: String,
    pub name: String,
    pub alias: Option<String>,
    /// Or why nothing was measured: no rows, say.
    pub found: Result<BiasReport, String>,
}

/// Measures the table, which has the predictions, and its segments.
///
/// # Errors
/// A column or label that cannot be used in the whole table; a segment that is no list of values or intervals.
pub fn bias(
    config: &Config,
    dataset: &Dataset,
    table: &Table,
    predicted: Option<Predicted>,
    args: &AnalyzeArgs,
) -> Result<Bias> {
    let request = request(config, dataset, predicted, args)?;
    let cut = config.segments.iter().map(|segments| Ok((segments, parts(segments, dataset, table)?)));
    let cut = cut.collect::<Result<Vec<_>>>()?;
    let mut bias = Bias { all: measure(table, &request)?, segments: Vec::new() };
    for (segments, parts) in cut {
        for (place, (name, table)) in parts.into_iter().enumerate() {
            let found = match measure(&table, &request) {
                Ok(found) => Ok(found),
                Err(Error::Input { message, .. }) => {
                    Err(if is_empty(&table)? { "no row is in this segment".to_string() } else { message })
                }
                Err(other) => return Err(other),
            };
            let config = segments.name.clone().unwrap_or_else(|| segments.at.clone());
            bias.segments.push(SegmentBias { config, name, alias: segments.aliases.get(place).cloned(), found });
        }
    }
    Ok(bias)
}

fn is_empty(table: &Table) -> Result<bool> {
    for batch in table.batches(1 << 15)? {
        if batch?.num_rows() > 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The table's parts, the rest of its rows last.
fn parts(segments: &SegmentConfig, dataset: &Dataset, table: &Table) -> Result<Vec<(String, Table)>> {
    let column = dataset.own.find(&segments.column)?;
    let segment = |(place, values): (usize, &Vec<Value>)| {
        let any_of = values.iter().map(|value| match value {
            Value::Text(text) => SegmentValue::parse(text),
            other => Ok(SegmentValue::Equal(other.clone())),
        });
        let at = |error: Error| match error {
            Error::Input { message, hint } => {
                Error::Input { message: format!("`{}.segments[{place}]`: {message}", segments.at), hint }
            }
            other => other,
        };
        let name = values.iter().map(Value::python).collect::<Vec<_>>().join(",");
        Ok(Segment { column: column.clone(), name, any_of: any_of.collect::<Result<_>>().map_err(at)? })
    };
    split(table, &segments.segments.iter().enumerate().map(segment).collect::<Result<Vec<_>>>()?)
}

fn request(
    config: &Config,
    dataset: &Dataset,
    predicted: Option<Predicted>,
    args: &AnalyzeArgs,
) -> Result<BiasRequest> {
    let selection = |column: String, values: &[_]| Selection { column, values: values.to_vec(), kind: None };
    let facets = config.facets.iter().map(|facet| Ok(selection(dataset.column(&facet.column)?, &facet.values)));
    let label = dataset.label.clone().unwrap_or_default();
    let mut request = BiasRequest::new(selection(label, &config.label_values), facets.collect::<Result<_>>()?);
    let clarify = args.compute.compat == Some(Compat::Clarify);
    request.mode = if clarify { Mode::Clarify } else { Mode::Correct };
    request.predicted = predicted;
    request.group = config.group.as_ref().map(|column| dataset.column(column)).transpose()?;
    request.metrics = wanted(&config.methods);
    request.ignore = dataset.excluded.iter().chain(&dataset.joinsource).cloned().collect();
    if dataset.predicted.is_some() && request.predicted.is_none() {
        request.ignore.extend(dataset.predicted.clone());
    }
    let replicates = args.compute.bootstrap;
    request.bootstrap = (!clarify && replicates > 0).then(|| Bootstrap { replicates, ..Bootstrap::default() });
    Ok(request)
}

/// Short names of all metrics asked for.
fn wanted(methods: &Methods) -> Vec<String> {
    methods.pre.iter().chain(&methods.post).flatten().cloned().collect()
}
