//! The bins in which two columns are compared.

use super::categories::Categories;
use super::numbers::Numbers;
use serde::Serialize;

/// Categories with a bin of their own.
const CATEGORIES: usize = 1000;
/// A count of fewer than so many times what it may lack is too uncertain for a bin of its own.
const CERTAIN: u64 = 100;

/// Rows of both tables in one bin.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bin {
    /// A category, or the numbers in it: `at most 3`, `above 3 to 7`, `above 7`.
    pub label: String,
    pub baseline: u64,
    pub data: u64,
}

/// Rows of each bin, side by side.
pub fn counts(bins: &[Bin]) -> (Vec<u64>, Vec<u64>) {
    bins.iter().map(|bin| (bin.baseline, bin.data)).unzip()
}

/// Bins between quantiles of the baseline: as many rows in each as ties allow, at most `most` and two more.
///
/// Inner edges are the quantiles 1/`most`, 2/`most` …, each value of which belongs to the bin below it. Where more than one part of the baseline
/// is its smallest number, what is smaller gets a bin of its own, as does what is larger than an equally frequent largest one.
pub fn numeric(baseline: &Numbers, data: &Numbers, most: usize) -> Vec<Bin> {
    let kept = baseline.kept();
    let mut edges: Vec<f64> = (1..most).map(|k| baseline.quantile(k as f64 / most as f64)).collect();
    edges.dedup();
    if edges.first() == kept.first() {
        let below = kept[0].next_down();
        edges.insert(0, below);
    }
    let below = |numbers: &[f64], edge: f64| numbers.partition_point(|&x| x <= edge) as u64;
    let mut bins = Vec::with_capacity(edges.len() + 1);
    let (mut last, mut from) = ([0, 0], None);
    for edge in edges.into_iter().map(Some).chain([None]) {
        let upto = |numbers: &[f64]| edge.map_or(numbers.len() as u64, |edge| below(numbers, edge));
        let now = [upto(kept), upto(data.kept())];
        bins.push(Bin { label: label(from, edge, kept), baseline: now[0] - last[0], data: now[1] - last[1] });
        (last, from) = (now, edge);
    }
    bins
}

fn label(from: Option<f64>, to: Option<f64>, kept: &[f64]) -> String {
    let lowest = kept.first().copied().unwrap_or(f64::NAN);
    let first = |edge: f64| edge < lowest;
    let shown = |x: f64| short(x);
    match (from, to) {
        (None, Some(to)) if first(to) => format!("below {}", shown(lowest)),
        (None, Some(to)) => format!("at most {}", shown(to)),
        (Some(from), Some(to)) if first(from) && to == lowest => shown(lowest),
        (Some(from), Some(to)) => format!("above {} to {}", shown(from), shown(to)),
        (Some(from), None) => format!("above {}", shown(from)),
        (None, None) => "all".into(),
    }
}

/// Four significant digits, without zeros at the end.
fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return x.to_string();
    }
    let rounded: f64 = format!("{x:.3e}").parse().unwrap_or(x);
    if (1e-4..1e7).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") }
}

/// A bin for each of the most frequent categories, by frequency in the baseline, and one for the rest, if there is one.
///
/// The most frequent are those of most rows in both tables together: which these are says nothing of how the rows of each are split, so the test
/// that follows is not misled. Categories that were not counted from their first cell on belong to the rest.
pub fn categorical(baseline: &Categories, data: &Categories) -> Vec<Bin> {
    let bin = |text: &str| {
        let ((a, before_a), (b, before_b)) = (baseline.count(text), data.count(text));
        (a + b >= CERTAIN * (before_a + before_b)).then(|| Bin { label: text.into(), baseline: a, data: b })
    };
    let both = baseline.texts().chain(data.texts().filter(|text| baseline.count(text).0 == 0));
    let mut bins: Vec<Bin> = both.filter_map(bin).collect();
    bins.sort_unstable_by(|a, b| (b.baseline + b.data).cmp(&(a.baseline + a.data)).then(a.label.cmp(&b.label)));
    bins.truncate(CATEGORIES);
    bins.sort_by_key(|bin| std::cmp::Reverse(bin.baseline));
    let (a, b) = counts(&bins);
    let rest = [baseline.total() - a.iter().sum::<u64>(), data.total() - b.iter().sum::<u64>()];
    if rest != [0, 0] {
        bins.push(Bin { label: "all others".into(), baseline: rest[0], data: rest[1] });
    }
    bins
}
