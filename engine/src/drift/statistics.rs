//! `statistics.json`: what each column held, in the form of the reference's data-quality monitor, with quantiles in place of its sketch.

use super::profile::{ColumnProfile, Content, Profile};
use serde_json::{Value, json};

/// Categories that are listed.
const LISTED: usize = 100;
const QUANTILES: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

impl Profile {
    /// The statistics of every column.
    pub fn statistics(&self) -> Value {
        let features: Vec<Value> = self.columns.iter().map(|column| statistics(column, self.rows)).collect();
        json!({"version": 0.0, "dataset": {"item_count": self.rows}, "features": features})
    }
}

fn statistics(column: &ColumnProfile, rows: u64) -> Value {
    let common = json!({"num_present": rows - column.missing, "num_missing": column.missing});
    match &column.content {
        Content::Empty => json!({"name": column.name, "inferred_type": "Unknown", "common": common}),
        Content::Numbers(numbers) => {
            let whole = numbers.kept().iter().all(|x| x.fract() == 0.0);
            let finite = |x: f64| Some(x).filter(|x| x.is_finite());
            let quantile = |share: &f64| json!({"share": share, "value": finite(numbers.quantile(*share))});
            json!({
                "name": column.name,
                "inferred_type": if whole { "Integral" } else { "Fractional" },
                "numerical_statistics": {
                    "common": common,
                    "mean": finite(numbers.mean),
                    "sum": finite(numbers.mean * numbers.count as f64),
                    "std_dev": finite(numbers.deviation()),
                    "min": finite(numbers.min),
                    "max": finite(numbers.max),
                    "quantiles": QUANTILES.iter().map(quantile).collect::<Vec<_>>(),
                },
            })
        }
        Content::Categories(categories) => {
            let bucket = |(value, count): (&str, u64)| json!({"value": value, "count": count});
            let buckets: Vec<Value> = categories.top(LISTED).into_iter().map(bucket).collect();
            json!({
                "name": column.name,
                "inferred_type": "String",
                "string_statistics": {
                    "common": common,
                    "distinct_count": categories.distinct(),
                    "distribution": {"categorical": {"buckets": buckets}},
                },
            })
        }
    }
}
