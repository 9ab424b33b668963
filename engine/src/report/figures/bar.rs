//! Mean |φ| of each player with its whiskers, largest first.

use super::output::Output;
use super::spec::{PLAIN, extent, labels, on_lines, picture, player_name, rules, tooltip, whiskers};
use super::text::{count, list, percent, plus_minus};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Players drawn.
const TOP: usize = 20;

/// How much each player moves `output`, on average over rows. None without players.
pub fn bar(output: &Output) -> Option<Figure> {
    let order = output.ranking();
    let top = &order[..order.len().min(TOP)];
    if top.is_empty() {
        return None;
    }
    let values: Vec<Value> = top.iter().enumerate().map(|(line, &i)| datum(output, line, i)).collect();
    let ends = top
        .iter()
        .map(|&i| output.player(i))
        .flat_map(|v| [Some(v.mean_abs), whiskers(v.mean_abs, v.mean_abs_stderr)[1]]);
    let high = extent(ends.flatten(), 0.0).1;
    let high = if high > 0.0 { high * 1.05 } else { 1.0 };
    let x = super::spec::number("x", &format!("mean |φ|, {}", output.unit()), (0.0, high));
    let y = on_lines("i", top.len());
    let mut height = on_lines("y", top.len());
    height["axis"] = y["axis"].clone();
    let hover =
        tooltip(&[("player", "feature"), ("x", "mean |φ|"), ("e", "standard error"), ("m", "mean φ"), ("r", "rank")]);
    let bars = json!({
        "mark": {"type": "bar", "color": PLAIN, "cornerRadiusEnd": 2},
        "encoding": {"x": x, "x2": {"datum": 0}, "y": height, "y2": {"field": "y2"}, "tooltip": hover},
    });
    let names = output.names(top);
    let params = [("names", labels(names.iter().copied())), ("full", json!(names))];
    let mut spec = picture(top.len() * 29 + 10, &params, vec![bars, rules("x", y, x.clone())]);
    spec["data"] = json!({"values": values});
    spec["transform"] =
        json!([player_name(), {"calculate": "datum.i - 0.36", "as": "y"}, {"calculate": "datum.i + 0.36", "as": "y2"}]);
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
        spec,
        table: table(output, &order),
    })
}

fn datum(output: &Output, line: usize, i: usize) -> Value {
    let value = output.player(i);
    let [lo, hi] = whiskers(value.mean_abs, value.mean_abs_stderr);
    json!({"i": line, "x": value.mean_abs, "e": value.mean_abs_stderr, "m": value.mean, "r": value.rank, "lo": lo.map(|lo| lo.max(0.0)), "hi": hi})
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
