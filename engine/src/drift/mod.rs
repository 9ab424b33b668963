//! Drift: is new data, and what a model makes of it, still like a baseline?
//!
//! | what | from | effect | significance |
//! | --- | --- | --- | --- |
//! | columns, label, predictions | a [`Profile`] of each table | [`psi`], [`jensen_shannon`] | [`ks_p`], [`chi_square`], corrected by [`benjamini_hochberg`] |
//! | bias metrics | [`Constraints`] and a [`BiasReport`](crate::bias::BiasReport) | distance from the neutral value | bootstrap intervals |
//! | attributions | mean \|φ\| of each player, [`Importance`] | [`ndcg`], [`attribution_distance`] | standard errors over rows |
//!
//! With enough rows every difference is significant, and with few rows chance makes large ones: a column drifts only where the effect is
//! large *and* the corrected p-value is small. Every verdict is a [`Check`]; checks become violations in the reference's form
//! ([`violations`]) and rows of a history ([`History`]).

mod attribution;
mod attribution_check;
mod bias;
mod bins;
mod categories;
mod check;
mod columns;
mod constraints;
mod distance;
mod history;
mod numbers;
mod profile;
mod schema;
mod significance;
mod statistics;
#[cfg(test)]
mod tests;
mod violation;

pub use attribution::{Importance, attribution_distance, ndcg};
pub use attribution_check::{AttributionDrift, AttributionLimits, PlayerChange, attribution_drift};
pub use bias::{BiasDrift, BiasRule, bias_drift};
pub use bins::Bin;
pub use categories::Categories;
pub use check::{Check, CheckKind};
pub use columns::{ColumnDrift, ColumnLimits, DataDrift, Role, data_drift};
pub use constraints::{Constraint, Constraints};
pub use distance::{jensen_shannon, psi};
pub use history::{History, Record};
pub use numbers::Numbers;
pub use profile::{ColumnProfile, Content, Profile, ProfileOptions};
pub use schema::{SchemaChange, schema_changes};
pub use significance::{ChiSquare, benjamini_hochberg, chi_square, ks_p, ks_statistic};
pub use violation::violations;
