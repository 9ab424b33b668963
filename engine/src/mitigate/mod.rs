//! Mitigation: change the data before training, or the decisions after it, so that groups fare alike.
//!
//! | method | changes | source |
//! | --- | --- | --- |
//! | [`Reweighing`] | a weight for each row | Kamiran & Calders 2012, "Data preprocessing techniques for classification without discrimination", section 5.2 |
//! | [`Massaging`] | the fewest labels, nearest to the decision boundary first | the same, section 5.1 |
//! | [`Repair`] | numeric columns, so that they tell less of the group | Feldman et al. 2015, "Certifying and removing disparate impact", section 5 |
//! | [`Rules`] | a threshold of its own for each group, after training | Hardt, Price & Srebro 2016, "Equality of opportunity in supervised learning", section 3 |
//!
//! [`Groups::survey`] reads a table once and tells its groups and their outcomes; a method is made from that (and, but for reweighing,
//! another pass), and gives a table back whose batches are changed as they are read. [`Destination`] writes such a table.

mod columns;
mod destination;
mod draws;
mod groups;
mod massage;
mod repair;
mod reweigh;
mod side;
mod tally;
mod thresholds;

pub use destination::Destination;
pub use groups::{Group, Groups};
pub use massage::{Change, Massaging};
pub use repair::{Cost, Repair, RepairedColumn, Ties};
pub use reweigh::{CellWeight, Reweighing};
pub use thresholds::{
    Constraint, Cut, Decide, GroupOutcome, GroupRule, Objective, Outcome, Rules, Sample, ScoredRows, Thresholds,
};
