//! Mean |φ| of each player with its whiskers, largest first.

use super::bars::{Bar, bars};
use super::output::Output;
use super::text::{count, list, percent, plus_minus};
use crate::report::{Figure, Table};
use serde_json::json;

/// Players drawn.
const TOP: usize = 20;

/// How much each player moves `output`, on average over rows. None without players.
pub fn bar(output: &Output) -> Option<Figure> {
    let order = output.ranking();
    let top = &order[..order.len().min(TOP)];
    if top.is_empty() {
        return None;
    }
    let drawn = top.iter().map(|&i| output.player(i));
    let drawn: Vec<Bar> =
        drawn.map(|v| Bar { name: v.player.clone(), size: v.mean_abs, stderr: v.mean_abs_stderr }).collect();
    Some(Figure {
        id: output.id("bar"),
        title: output.title("What moves the output"),
        caption: format!(
            "Mean |φ|: how far a feature moves {}, up or down, on average over {}. Whiskers: 95 % interval of the mean over rows.{}",
            output.unit(),
            count(output.global.rows, "row"),
            left_out(output, &order)
        ),
        alt: alt(output, &order),
        spec: bars(&drawn, &format!("mean |φ|, {}", output.unit()), true),
        table: table(output, &order),
    })
}

/// Says what the features that are not drawn amount to.
fn left_out(output: &Output, order: &[usize]) -> String {
    let rest = &order[order.len().min(TOP)..];
    let sum = |of: &[usize]| of.iter().map(|&i| output.player(i).mean_abs).filter(|x| x.is_finite()).sum::<f64>();
    match rest.len() {
        0 => String::new(),
        n => format!(
            " {} of {} features are left out; they hold {} of the sum.",
            n,
            order.len(),
            percent(sum(rest) / sum(order).max(f64::MIN_POSITIVE))
        ),
    }
}

fn alt(output: &Output, order: &[usize]) -> String {
    let most = |&i: &usize| {
        let value = output.player(i);
        format!("{} ({})", value.player, plus_minus(value.mean_abs, value.mean_abs_stderr))
    };
    let first: Vec<String> = order.iter().take(3).map(most).collect();
    if order.iter().all(|&i| output.player(i).mean_abs == 0.0) {
        return format!("No feature moves {}: every attribution is 0.", output.unit());
    }
    format!("What moves {} most: {}.", output.unit(), list(&first))
}

fn table(output: &Output, order: &[usize]) -> Table {
    let row = |&i: &usize| {
        let v = output.player(i);
        vec![
            json!(v.player),
            json!(v.rank),
            json!(v.mean_abs),
            json!(v.mean_abs_stderr),
            json!(v.mean),
            json!(v.mean_stderr),
            json!(v.median),
            json!(v.typical_stderr),
            json!(v.rank_low),
            json!(v.rank_high),
        ]
    };
    Table {
        title: output.title("Attributions over all rows"),
        columns: [
            "feature",
            "rank",
            "mean |φ|",
            "standard error",
            "mean φ",
            "standard error of mean φ",
            "median φ",
            "typical standard error of one φ",
            "rank, low",
            "rank, high",
        ]
        .map(String::from)
        .to_vec(),
        rows: order.iter().map(row).collect(),
        left_out: 0,
    }
}
