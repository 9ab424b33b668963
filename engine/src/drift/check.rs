//! A verdict: one number, what it was held against, and a sentence.

use super::attribution_check::AttributionDrift;
use super::bias::{BiasDrift, BiasRule, group, short, shown};
use super::columns::{ColumnDrift, ColumnLimits, DataDrift, Role};
use super::schema::SchemaChange;
use crate::bias::number;
use serde::Serialize;

/// What was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckKind {
    /// That a column is there, and of its kind.
    Schema,
    /// The distribution of a feature.
    Data,
    /// Its share of missing cells, of labels and predictions too.
    Missing,
    Label,
    Prediction,
    Bias,
    Attribution,
}

impl CheckKind {
    pub const ALL: [CheckKind; 7] =
        [Self::Schema, Self::Data, Self::Missing, Self::Label, Self::Prediction, Self::Bias, Self::Attribution];

    /// As it is written in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Data => "data",
            Self::Missing => "missing",
            Self::Label => "label",
            Self::Prediction => "prediction",
            Self::Bias => "bias",
            Self::Attribution => "attribution",
        }
    }

    pub fn named(name: &str) -> Option<CheckKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// One check of one run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    pub kind: CheckKind,
    /// A column, a bias metric, or an output.
    pub name: String,
    /// What `value` is: `psi`, `missing share`, a bias metric's short name, `ndcg`, `distance`, `present`, `kind`.
    pub measure: String,
    /// The facet's column and group for bias; empty otherwise.
    pub facet: String,
    pub facet_value: String,
    #[serde(serialize_with = "number")]
    pub value: Option<f64>,
    /// The interval of the value, if there is one.
    #[serde(serialize_with = "number")]
    pub low: Option<f64>,
    #[serde(serialize_with = "number")]
    pub high: Option<f64>,
    /// What it was held against; for bias the baseline's value.
    #[serde(serialize_with = "number")]
    pub threshold: Option<f64>,
    /// Corrected, if it took part in the verdict.
    pub p_value: Option<f64>,
    pub violated: bool,
    /// One sentence: what was found, or why nothing could be.
    pub message: String,
}

impl Check {
    fn new(kind: CheckKind, name: &str, measure: &str) -> Self {
        Check {
            kind,
            name: name.into(),
            measure: measure.into(),
            facet: String::new(),
            facet_value: String::new(),
            value: None,
            low: None,
            high: None,
            threshold: None,
            p_value: None,
            violated: false,
            message: String::new(),
        }
    }
}

impl Check {
    /// What it is about: a column, an output, a metric of a group.
    pub fn subject(&self) -> String {
        match self.facet.is_empty() {
            true => self.name.clone(),
            false => format!("{} of {}", self.name, group(&self.facet, &self.facet_value)),
        }
    }
}

impl SchemaChange {
    fn check(&self) -> Check {
        let measure = if let SchemaChange::Kind { .. } = self { "kind" } else { "present" };
        let mut check = Check::new(CheckKind::Schema, self.column(), measure);
        check.violated = self.is_violation();
        check.message = self.sentence();
        check
    }
}

impl DataDrift {
    /// Columns that changed as a whole, then each column's distribution and missing cells.
    pub fn checks(&self) -> Vec<Check> {
        let columns = self.columns.iter().flat_map(|column| column.checks(&self.limits));
        self.schema.iter().map(SchemaChange::check).chain(columns).collect()
    }
}

impl ColumnDrift {
    fn checks(&self, limits: &ColumnLimits) -> [Check; 2] {
        let kind = match self.role {
            Role::Feature => CheckKind::Data,
            Role::Label => CheckKind::Label,
            Role::Prediction => CheckKind::Prediction,
        };
        let mut moved = Check::new(kind, &self.name, "psi");
        (moved.value, moved.threshold, moved.p_value) = (self.psi, Some(limits.psi), self.p_adjusted);
        moved.violated = self.drifted;
        moved.message = match (self.psi, self.p_adjusted) {
            (Some(psi), Some(p)) => format!(
                "Population stability index {} {} the threshold {}, corrected {} p-value {}",
                short(psi),
                if psi >= limits.psi { "reaches" } else { "is below" },
                shown(limits.psi),
                self.test,
                short(p)
            ),
            _ => self.notes.first().cloned().unwrap_or_default(),
        };
        let mut missing = Check::new(CheckKind::Missing, &self.name, "missing share");
        (missing.value, missing.threshold) = (Some(self.missing[1]), Some(limits.missing));
        (missing.p_value, missing.violated) = (self.missing_p_adjusted, self.missing_drifted);
        missing.message = format!(
            "Share of missing cells {}, in the baseline {}; the two may differ by less than {}",
            short(self.missing[1]),
            short(self.missing[0]),
            shown(limits.missing)
        );
        [moved, missing]
    }
}

impl BiasDrift {
    /// With the reference's sentence under its rule.
    pub fn check(&self, rule: BiasRule) -> Check {
        let mut check = Check::new(CheckKind::Bias, &self.metric, &self.metric);
        (check.facet, check.facet_value) = (self.facet.clone(), self.facet_value.clone());
        (check.value, check.threshold, check.violated) = (self.value, self.baseline, self.drifted);
        if let Some((low, high)) = self.interval {
            (check.low, check.high) = (Some(low), Some(high));
        }
        check.message = self.sentence(rule);
        check
    }
}

impl AttributionDrift {
    /// The check of the order and that of the sizes; `compat` has the reference's sentence for the first.
    pub fn checks(&self, compat: bool) -> Vec<Check> {
        let mut order = Check::new(CheckKind::Attribution, &self.output, "ndcg");
        (order.value, order.threshold, order.violated) = (self.ndcg, Some(self.limits.ndcg), self.order_drifted);
        order.message = match self.ndcg {
            None => format!("No order to compare: {}", self.ndcg_error.clone().unwrap_or_default()),
            Some(value) => {
                let limit = shown(self.limits.ndcg);
                match self.order_drifted {
                    true if compat => format!("Feature attribution drift {} exceeds threshold {limit}", shown(value)),
                    true => {
                        format!("nDCG {} of the order of attributions is below the threshold {limit}", short(value))
                    }
                    false => {
                        format!("nDCG {} of the order of attributions is not below the threshold {limit}", short(value))
                    }
                }
            }
        };
        let mut size = Check::new(CheckKind::Attribution, &self.output, "distance");
        (size.value, size.threshold, size.violated) = (Some(self.distance), self.limits.distance, self.size_drifted);
        if let Some((low, high)) = self.interval {
            (size.low, size.high) = (Some(low), Some(high));
        }
        let interval = self.interval.map(|(low, high)| format!(" (interval {} to {})", short(low), short(high)));
        size.message = format!(
            "{} of all attribution is on one side only{}{}",
            short(self.distance),
            interval.unwrap_or_default(),
            match (self.limits.distance, self.size_drifted) {
                (None, _) => "; not judged".into(),
                (Some(limit), true) => format!(", above the threshold {}", shown(limit)),
                (Some(limit), false) => format!(", not above the threshold {}", shown(limit)),
            }
        );
        vec![order, size]
    }
}
