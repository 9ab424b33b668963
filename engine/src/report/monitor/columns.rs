//! Columns: how far each has moved, and the shapes of those that moved most.

use crate::drift::{ColumnDrift, DataDrift, Role};
use crate::report::figures::spec::{labels, line_at, number, on_lines, picture};
use crate::report::figures::text::{cut, list, percent, short, slug, thousands};
use crate::report::origin;
use crate::report::{Figure, Item, Section, Table};
use serde_json::{Value, json};

/// Columns on the overview.
const OVERVIEW: usize = 30;
/// Columns with a picture of their own: those that drift, at most so many, and at least so many of the largest distances.
const SHAPES: (usize, usize) = (3, 10);
/// Bins that are drawn.
const BINS: usize = 20;
/// Pixels of a line.
const LINE: usize = 24;

pub fn section(found: &DataDrift) -> Section {
    let mut order: Vec<&ColumnDrift> = found.columns.iter().collect();
    let size = |c: &ColumnDrift| c.psi.unwrap_or(-1.0);
    order.sort_by(|a, b| b.drifted.cmp(&a.drifted).then(size(b).total_cmp(&size(a))));
    let mut items: Vec<Item> = overview(&order, found).map(Item::Figure).into_iter().collect();
    let drifting = order.iter().filter(|c| c.drifted).count().clamp(SHAPES.0, SHAPES.1);
    let drawn = order.iter().filter(|c| !c.bins.is_empty()).take(drifting);
    items.extend(drawn.map(|column| Item::Figure(shape(column))));
    items.push(Item::Table(table(&order)));
    items.extend(remarks(&order).map(Item::Table));
    let text = [
        "Each column's values in the new data against the baseline. The population stability index (PSI) grows with the difference: below 0.1 is \
         little, from 0.2 much. With many rows the smallest difference is significant and with few rows chance makes large ones, so a column \
         drifts only where its PSI reaches the threshold and its p-value, corrected for the number of columns, is small.",
    ];
    let mut warnings: Vec<String> = found.schema.iter().map(|change| format!("{}.", change.sentence())).collect();
    let uncompared: Vec<String> = found.columns.iter().filter(|c| c.psi.is_none()).map(|c| c.name.clone()).collect();
    if !uncompared.is_empty() {
        warnings.push(format!("Not compared, for reasons in the table: {}.", list(&uncompared)));
    }
    origin::section("columns", "Columns", &text, warnings, items)
}

/// PSI of the columns that moved most. None without one.
fn overview(order: &[&ColumnDrift], found: &DataDrift) -> Option<Figure> {
    let shown: Vec<&&ColumnDrift> = order.iter().filter(|c| c.psi.is_some()).take(OVERVIEW).collect();
    let largest = shown.iter().filter_map(|c| c.psi).fold(0.0, f64::max);
    if shown.is_empty() {
        return None;
    }
    let limit = found.limits.psi;
    let domain = (0.0, largest.max(limit) * 1.08);
    let datum = |(i, c): (usize, &&&ColumnDrift)| json!({"i": i, "z": 0, "x": c.psi, "s": u8::from(c.drifted), "p": c.p_adjusted, "js": c.js});
    let values: Vec<Value> = shown.iter().enumerate().map(datum).collect();
    let names: Vec<&str> = shown.iter().map(|c| c.name.as_str()).collect();
    let colour = json!({"field": "s", "type": "nominal", "scale": {"domain": [0, 1], "range": "sign"}, "legend": null});
    let hover = json!([{"field": "player", "type": "nominal", "title": "column"}, {"field": "x", "type": "quantitative", "title": "PSI", "format": ".4~g"},
        {"field": "js", "type": "quantitative", "title": "Jensen-Shannon distance", "format": ".4~g"}, {"field": "p", "type": "quantitative", "title": "corrected p-value", "format": ".3~g"}]);
    let title = "population stability index";
    let x = number("x", title, domain);
    let y = on_lines("i", shown.len());
    let stem = json!({"mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.5}, "encoding": {"x": number("z", title, domain), "x2": {"field": "x"}, "y": y, "color": colour}});
    let dot = json!({"mark": {"type": "circle", "size": 80, "opacity": 1}, "encoding": {"x": x, "y": y, "color": colour, "tooltip": hover}});
    let params = [("names", labels(names.iter().copied())), ("full", json!(names))];
    let mut spec = picture(shown.len() * LINE + 10, &params, vec![line_at("x", limit), stem, dot]);
    spec["data"] = json!({"values": values});
    spec["transform"] = json!([{"calculate": "full[datum.i]", "as": "player"}]);
    let drifted: Vec<String> =
        shown.iter().filter(|c| c.drifted).map(|c| format!("{} ({})", c.name, short(c.psi.unwrap_or(0.0)))).collect();
    let left_out = order.len() - shown.len();
    Some(Figure {
        id: "columns-psi".into(),
        title: "How far the columns have moved".into(),
        caption: format!(
            "The dashed line is the threshold {}. Red columns drift: they reach it, and chance alone would not do that.{}",
            short(limit),
            if left_out == 0 { String::new() } else { format!(" {left_out} more columns are in the table.") }
        ),
        alt: match drifted.is_empty() {
            true => "No column drifts.".into(),
            false => format!("Drifting: {}.", list(&drifted)),
        },
        spec,
        table: table(order),
    })
}

/// Shares of both tables in each bin, below each other.
fn shape(column: &ColumnDrift) -> Figure {
    let bins = &column.bins[..column.bins.len().min(BINS)];
    let totals = column.bins.iter().fold((0, 0), |(a, b), bin| (a + bin.baseline, b + bin.data));
    let share = |n: u64, all: u64| n as f64 / all.max(1) as f64;
    let sides = ["baseline", "new data"];
    let mut values = Vec::new();
    for (i, bin) in bins.iter().enumerate() {
        for (side, (n, all)) in [(bin.baseline, totals.0), (bin.data, totals.1)].into_iter().enumerate() {
            let top = i as f64 - 0.36 + 0.38 * side as f64;
            values.push(json!({"i": i, "z": 0, "s": side, "x": share(n, all), "n": n, "y": top, "y2": top + 0.34}));
        }
    }
    let widest = values.iter().filter_map(|v| v["x"].as_f64()).fold(0.0, f64::max);
    let mut x = number("x", "share of rows with a value", (0.0, widest * 1.04));
    x["axis"]["format"] = json!("%");
    let mut from = x.clone();
    from["field"] = json!("z");
    let hover = json!([{"field": "player", "type": "nominal", "title": column.name}, {"field": "side", "type": "nominal", "title": "table"},
        {"field": "x", "type": "quantitative", "title": "share", "format": ".1%"}, {"field": "n", "type": "quantitative", "title": "rows"}]);
    let colour = json!({"field": "s", "type": "nominal", "scale": {"domain": [0, 1], "range": "category"},
        "legend": {"title": null, "orient": "top", "labelExpr": "sides[datum.value]", "symbolType": "square"}});
    let mut y = on_lines("y", bins.len());
    y["title"] = Value::Null;
    let bar = json!({"mark": {"type": "rect", "cornerRadius": 1},
        "encoding": {"x": from, "x2": {"field": "x"}, "y": y, "y2": {"field": "y2"}, "color": colour, "tooltip": hover}});
    let axis = json!({"mark": {"type": "point", "opacity": 0}, "encoding": {"x": x, "y": on_lines("i", bins.len())}});
    let names: Vec<&str> = bins.iter().map(|bin| bin.label.as_str()).collect();
    let params = [("names", labels(names.iter().copied())), ("full", json!(names)), ("sides", json!(sides))];
    let mut spec = picture(bins.len() * (LINE + 6) + 10, &params, vec![axis, bar]);
    spec["data"] = json!({"values": values});
    spec["transform"] =
        json!([{"calculate": "full[datum.i]", "as": "player"}, {"calculate": "sides[datum.s]", "as": "side"}]);
    let moved = bins.iter().max_by(|a, b| {
        let gap = |bin: &crate::drift::Bin| (share(bin.data, totals.1) - share(bin.baseline, totals.0)).abs();
        gap(a).total_cmp(&gap(b))
    });
    let moved = moved.map(|bin| {
        format!(
            "The largest change is {}: {} of the baseline, {} of the new data.",
            bin.label,
            percent(share(bin.baseline, totals.0)),
            percent(share(bin.data, totals.1))
        )
    });
    let row = |bin: &crate::drift::Bin| {
        vec![
            json!(bin.label),
            json!(bin.baseline),
            json!(bin.data),
            json!(share(bin.baseline, totals.0)),
            json!(share(bin.data, totals.1)),
        ]
    };
    Figure {
        id: format!("shape-{}", slug(&column.name)),
        title: format!("{}: PSI {}", cut(&column.name, 60), short(column.psi.unwrap_or(f64::NAN))),
        caption: format!(
            "{}{}",
            match column.kind {
                "numbers" =>
                    "Bins lie between quantiles of the baseline, so that each holds about as many of its rows.",
                _ => "The most frequent categories of the baseline, then those of the new data.",
            },
            match column.bins.len() - bins.len() {
                0 => String::new(),
                n => format!(" {n} more are in the table."),
            }
        ),
        alt: moved.unwrap_or_default(),
        spec,
        table: Table {
            title: format!("Rows of {}", column.name),
            columns: [column.name.as_str(), "baseline", "new data", "share of the baseline", "share of the new data"]
                .map(String::from)
                .to_vec(),
            rows: column.bins.iter().map(row).collect(),
            left_out: 0,
        },
    }
}

fn table(order: &[&ColumnDrift]) -> Table {
    let row = |c: &&ColumnDrift| {
        let verdict = match (c.drifted, c.missing_drifted, c.psi) {
            (true, false, _) => "drifts",
            (true, true, _) => "drifts, missing cells too",
            (false, true, _) => "missing cells drift",
            (false, false, None) => "not compared",
            (false, false, Some(_)) => "",
        };
        let numbers = [c.psi, c.js, c.p_adjusted, Some(c.missing[0]), Some(c.missing[1])];
        [json!(c.name), json!(verdict)].into_iter().chain(numbers.map(|x| json!(x))).collect()
    };
    let columns = ["column", "verdict", "PSI", "JS", "p", "missing before", "now"];
    Table {
        title: "All columns".into(),
        columns: columns.map(String::from).to_vec(),
        rows: order.iter().map(row).collect(),
        left_out: 0,
    }
}

/// What else is to be said of some columns. None if there is nothing.
fn remarks(order: &[&ColumnDrift]) -> Option<Table> {
    let named = |what: &str, all: &[(String, u64)]| {
        let names: Vec<String> = all.iter().map(|(name, n)| format!("{} ({})", cut(name, 40), thousands(*n))).collect();
        (!all.is_empty()).then(|| format!("{what}: {}", list(&names)))
    };
    let of = |c: &&ColumnDrift| {
        let role = match c.role {
            Role::Feature => None,
            Role::Label => Some("it is the label".to_string()),
            Role::Prediction => Some("it is the prediction".to_string()),
        };
        let categories = [named("new", &c.new), named("vanished", &c.vanished)];
        let all: Vec<String> =
            role.into_iter().chain(categories.into_iter().flatten()).chain(c.notes.clone()).collect();
        (!all.is_empty()).then(|| vec![json!(c.name), json!(all.join("; "))])
    };
    let rows: Vec<Vec<Value>> = order.iter().filter_map(of).collect();
    (!rows.is_empty()).then(|| Table {
        title: "Remarks".into(),
        columns: ["column", "remark"].map(String::from).to_vec(),
        rows,
        left_out: 0,
    })
}
