//! Column by column: is the new data distributed as the baseline was?

use super::bins::{self, Bin};
use super::categories::Categories;
use super::distance::{jensen_shannon, psi};
use super::numbers::Numbers;
use super::profile::{ColumnProfile, Content, Profile};
use super::schema::{SchemaChange, schema_changes};
use super::significance::{benjamini_hochberg, chi_square, ks_p, ks_statistic};
use serde::Serialize;

/// Names of new and vanished categories that are kept.
const NAMED: usize = 20;

/// From when on a column drifts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ColumnLimits {
    /// The population stability index from which a difference is large; [`psi`] has the conventions.
    pub psi: f64,
    /// The corrected p-value up to which a difference is not chance.
    pub p: f64,
    /// The difference of two shares of missing cells from which it is large.
    pub missing: f64,
    /// Bins of a column of numbers.
    pub bins: usize,
}

impl Default for ColumnLimits {
    fn default() -> Self {
        ColumnLimits { psi: 0.2, p: 0.05, missing: 0.1, bins: 10 }
    }
}

/// What a column is to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Feature,
    Label,
    Prediction,
}

/// One column in both tables.
#[derive(Debug, Clone, Serialize)]
pub struct ColumnDrift {
    pub name: String,
    pub role: Role,
    /// `numbers`, `categories` or `nothing`.
    pub kind: &'static str,
    pub psi: Option<f64>,
    /// Jensen-Shannon distance in [0, 1].
    pub js: Option<f64>,
    /// `KS` for numbers, `chi-square` for categories.
    pub test: &'static str,
    /// D of the first in [0, 1], χ² of the second.
    pub statistic: Option<f64>,
    pub p: Option<f64>,
    /// Corrected for the number of columns.
    pub p_adjusted: Option<f64>,
    /// Shares of missing cells.
    pub missing: [f64; 2],
    pub missing_p: Option<f64>,
    pub missing_p_adjusted: Option<f64>,
    /// Categories of the new data that the baseline lacks, most frequent first, with their rows.
    pub new: Vec<(String, u64)>,
    /// Categories of the baseline that the new data lacks.
    pub vanished: Vec<(String, u64)>,
    /// What psi and js are computed from.
    pub bins: Vec<Bin>,
    /// Mean and standard deviation of numbers, in the baseline and in the new data.
    pub moments: Option<[[f64; 2]; 2]>,
    /// Large and significant.
    pub drifted: bool,
    /// The same of the missing cells.
    pub missing_drifted: bool,
    /// Why nothing was compared, and remarks.
    pub notes: Vec<String>,
}

/// A table against a baseline.
#[derive(Debug, Clone, Serialize)]
pub struct DataDrift {
    pub baseline_rows: u64,
    pub rows: u64,
    pub limits: ColumnLimits,
    pub schema: Vec<SchemaChange>,
    /// Columns of both, in the baseline's order.
    pub columns: Vec<ColumnDrift>,
    pub notes: Vec<String>,
}

/// Compares two profiles; `role` says what each column is.
///
/// A column drifts if PSI ≥ `limits.psi` **and** its p-value, corrected by [`benjamini_hochberg`] over all compared columns, is
/// at most `limits.p`; its missing cells drift if their share moved by at least `limits.missing` and the same correction of a
/// chi-square test agrees. Distances and tests leave missing cells out.
pub fn data_drift(baseline: &Profile, data: &Profile, limits: ColumnLimits, role: impl Fn(&str) -> Role) -> DataDrift {
    let pairs = baseline.columns.iter().filter_map(|old| Some((old, data.column(&old.name)?)));
    let rows = [baseline.rows, data.rows];
    let mut columns: Vec<ColumnDrift> =
        pairs.map(|(old, new)| one([old, new], rows, role(&old.name), &limits)).collect();
    let of = |p: fn(&ColumnDrift) -> Option<f64>| {
        benjamini_hochberg(&columns.iter().map(|c| p(c).unwrap_or(f64::NAN)).collect::<Vec<_>>())
    };
    let (p, missing) = (of(|c| c.p), of(|c| c.missing_p));
    for (column, (p, missing)) in columns.iter_mut().zip(p.into_iter().zip(missing)) {
        column.judge(p, missing, &limits);
    }
    let notes = [("baseline", baseline), ("new data", data)].into_iter().filter_map(sampled).collect();
    let schema = schema_changes(baseline, data);
    DataDrift { baseline_rows: baseline.rows, rows: data.rows, limits, schema, columns, notes }
}

fn sampled((name, profile): (&str, &Profile)) -> Option<String> {
    let numbers = profile.columns.iter().any(|c| matches!(c.content, Content::Numbers(_)));
    (numbers && profile.kept_rows < profile.rows).then(|| {
        format!(
            "numbers of the {name} are compared over {} of its {} rows, drawn at random (seed {}); categories over all",
            profile.kept_rows, profile.rows, profile.seed
        )
    })
}

fn one([old, new]: [&ColumnProfile; 2], rows: [u64; 2], role: Role, limits: &ColumnLimits) -> ColumnDrift {
    let missing = [old.missing, new.missing];
    let present = [rows[0] - missing[0], rows[1] - missing[1]];
    let mut found = ColumnDrift {
        name: old.name.clone(),
        role,
        kind: if let Content::Empty = old.content { new.content.kind() } else { old.content.kind() },
        psi: None,
        js: None,
        test: "",
        statistic: None,
        p: None,
        p_adjusted: None,
        missing: [0, 1].map(|side| missing[side] as f64 / rows[side].max(1) as f64),
        missing_p: chi_square(&[missing[0], present[0]], &[missing[1], present[1]]).map(|test| test.p),
        missing_p_adjusted: None,
        new: Vec::new(),
        vanished: Vec::new(),
        bins: Vec::new(),
        moments: None,
        drifted: false,
        missing_drifted: false,
        notes: Vec::new(),
    };
    match (&old.content, &new.content) {
        (Content::Numbers(a), Content::Numbers(b)) => found.numbers(a, b, limits),
        (Content::Categories(a), Content::Categories(b)) => found.categories(a, b),
        (Content::Empty, Content::Empty) => found.note("not compared: every cell is missing in both tables"),
        (Content::Empty, _) => found.note("not compared: every cell is missing in the baseline"),
        (_, Content::Empty) => found.note("not compared: every cell is missing in the new data"),
        (a, b) => found.note(&format!("not compared: {} in the baseline, {} in the new data", a.kind(), b.kind())),
    }
    found
}

impl ColumnDrift {
    fn note(&mut self, text: &str) {
        self.notes.push(text.into());
    }

    fn numbers(&mut self, old: &Numbers, new: &Numbers, limits: &ColumnLimits) {
        self.test = "KS";
        self.moments = Some([old, new].map(|side| [side.mean, side.deviation()]));
        let (a, b) = (old.kept(), new.kept());
        if a.is_empty() || b.is_empty() {
            return self.note("not compared: no row that was kept has a number");
        }
        self.bins = bins::numeric(old, new, limits.bins);
        self.statistic = Some(ks_statistic(a, b));
        self.p = Some(ks_p(a, b));
        self.distances();
        if old.min == old.max {
            self.note(&format!("the baseline is constant: {}", old.min));
        }
    }

    fn categories(&mut self, old: &Categories, new: &Categories) {
        self.test = "chi-square";
        if old.are_ids() {
            return self.note("not compared: most rows of the baseline have a category of their own, as ids have");
        }
        self.bins = bins::categorical(old, new);
        let (a, b) = bins::counts(&self.bins);
        let test = chi_square(&a, &b);
        self.statistic = test.map(|test| test.statistic);
        self.p = test.map(|test| test.p);
        self.distances();
        if old.is_exact() && new.is_exact() {
            let absent = |from: &Categories, other: &Categories| -> Vec<(String, u64)> {
                let all = from.top(usize::MAX).into_iter().filter(|(text, _)| other.count(text).0 == 0);
                all.map(|(text, n)| (text.to_string(), n)).collect()
            };
            (self.new, self.vanished) = (absent(new, old), absent(old, new));
            self.name_few();
        }
        if self.bins.last().is_some_and(|bin| bin.label == "all others") {
            self.note(&format!(
                "of about {} categories the {} most frequent are compared one by one, all others as one",
                old.distinct().max(new.distinct()),
                self.bins.len() - 1
            ));
        }
        match test {
            None => self.note("not tested: fewer than two categories with five expected rows"),
            Some(test) if test.pooled > 0 => self.note(&format!(
                "{} rare categories, of which fewer than five rows are expected, are tested as one",
                test.pooled
            )),
            Some(_) => {}
        }
    }

    /// Keeps the most frequent names and says how many there are.
    fn name_few(&mut self) {
        let told = [(&self.new, "are new"), (&self.vanished, "have vanished")];
        let told = told.map(|(all, what)| {
            (all.len() > NAMED).then(|| format!("{} categories {what}; the first {NAMED} are named", all.len()))
        });
        self.notes.extend(told.into_iter().flatten());
        self.new.truncate(NAMED);
        self.vanished.truncate(NAMED);
    }

    fn distances(&mut self) {
        let (a, b) = bins::counts(&self.bins);
        self.psi = Some(psi(&a, &b));
        self.js = Some(jensen_shannon(&a, &b)).filter(|js| !js.is_nan());
    }

    fn judge(&mut self, p: f64, missing: f64, limits: &ColumnLimits) {
        self.p_adjusted = Some(p).filter(|p| !p.is_nan());
        self.missing_p_adjusted = Some(missing).filter(|p| !p.is_nan());
        let significant = |p: Option<f64>| p.is_some_and(|p| p <= limits.p);
        let large = self.psi.is_some_and(|psi| psi >= limits.psi);
        self.drifted = large && significant(self.p_adjusted);
        if large && !self.drifted && self.p_adjusted.is_some() {
            self.note("the distance is large, but so few rows could show it by chance");
        }
        let moved = (self.missing[1] - self.missing[0]).abs() >= limits.missing;
        self.missing_drifted = moved && significant(self.missing_p_adjusted);
    }
}
