//! Permutation importance: how much worse the model predicts when a column is shuffled.

use super::bars::{Bar, bars};
use super::output::Output;
use super::text::{list, plus_minus, short};
use crate::effect::{Importance, Loss};
use crate::report::{Figure, Table};
use serde_json::json;

/// Columns drawn.
const TOP: usize = 20;

/// The rise of the loss for each column, largest first. None if it was not measured for this output.
pub fn importance(output: &Output) -> Option<Figure> {
    let mut found: Vec<&Importance> =
        output.findings.importances.iter().filter(|i| i.output == output.name()).collect();
    let size = |importance: &Importance| if importance.rise.is_finite() { importance.rise } else { f64::NEG_INFINITY };
    found.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let top = &found[..found.len().min(TOP)];
    let loss = match output.findings.loss {
        Some(Loss::LogLoss) => "log loss",
        Some(Loss::SquaredError) => "squared error",
        None => "loss",
    };
    let first = top.first()?;
    let drawn = top.iter().map(|i| Bar { name: i.axis.clone(), size: i.rise, stderr: i.stderr });
    let spec = bars(&drawn.collect::<Vec<_>>(), &format!("rise of the {loss} when the column is shuffled"), false);
    let said = top.iter().take(3).map(|i| format!("{} (by {})", i.axis, plus_minus(i.rise, i.stderr)));
    Some(Figure {
        id: output.id("permutation-importance"),
        title: output.title("What the predictions need"),
        caption: format!(
            "How much the {loss} rises above {} when a column is shuffled and so tells nothing. Whiskers: 95 % interval over the \
             repeats. A bar at 0 or below: the predictions do as well without the column. Of columns that say the same, each looks \
             unimportant, since the other one remains.",
            short(first.loss)
        ),
        alt: format!("Shuffling raises the {loss} most for {}.", list(&said.collect::<Vec<_>>())),
        spec,
        table: Table {
            title: output.title("Permutation importance"),
            columns: ["feature", "loss", "rise of the loss", "standard error"].map(String::from).to_vec(),
            rows: found.iter().map(|i| vec![json!(i.axis), json!(i.loss), json!(i.rise), json!(i.stderr)]).collect(),
            left_out: 0,
        },
    })
}
