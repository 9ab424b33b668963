//! Dependence: the attribution of a player over its value, coloured by the player that bends it most.

use super::colour::{Colour, frequent};
use super::output::{Output, text_of, value_of};
use super::partner::partner;
use super::rank::correlation;
use super::spec::{WHISKER, extent, labels, line_at, number, on_canvas, on_lines, picture, shortest, spread, tooltip};
use super::swarm::pile;
use super::text::{cut, short, slug};
use crate::explain::ExplainedRow;
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Points drawn, of one output and of each of several.
const POINTS: usize = 800;
const POINTS_OF_SEVERAL: usize = 300;
/// Whiskers of more points are pale, and left out where points are piled.
const CROWD: usize = 150;
/// Categories with a strip.
const STRIPS: usize = 14;

/// Attributions of `player` over its value. None without rows that have it.
pub fn dependence(output: &Output, player: usize) -> Option<Figure> {
    let sample = &output.findings.sample;
    let most = if output.findings.global.len() == 1 { POINTS } else { POINTS_OF_SEVERAL };
    let known = |row: &&ExplainedRow| output.phi(row, player).0.is_finite();
    let all: Vec<&ExplainedRow> = spread(sample.len(), most).map(|r| &sample[r]).filter(known).collect();
    let numbers = all.iter().filter(|row| value_of(row, player).is_some()).count();
    let numeric = 2 * numbers >= all.len().max(1);
    let strips = if numeric { Vec::new() } else { frequent(&all, player, STRIPS) };
    let has_place = |row: &&&ExplainedRow| {
        if numeric { value_of(row, player).is_some() } else { strips.contains(&text_of(row, player)) }
    };
    let drawn: Vec<&ExplainedRow> = all.iter().filter(has_place).copied().collect();
    if drawn.is_empty() {
        return None;
    }
    let other = partner(output, player);
    let colour = Colour::of(&drawn, other, output);
    let phi: Vec<f64> = drawn.iter().map(|row| f64::from(output.phi(row, player).0)).collect();
    let domain = extent(phi.iter().copied().chain([0.0]), 0.04);
    let places = if numeric { places(&drawn, player) } else { strip_places(&drawn, player, &strips, &phi, domain) };
    let datum = |(row, place): (&&ExplainedRow, f64)| {
        let (phi, stderr) = output.phi(row, player);
        let mut datum = json!({"x": place, "y": shortest(phi), "n": row.number});
        if stderr > 0.0 {
            datum["e"] = shortest(stderr);
        }
        if !numeric {
            datum["t"] = json!(cut(text_of(row, player), 40));
        }
        if let Some(other) = other {
            (datum["c"], datum["partner"]) = (colour.value(row, other), json!(cut(text_of(row, other), 40)));
        }
        datum
    };
    let values: Vec<Value> = drawn.iter().zip(places).map(datum).collect();
    let params = [("names", labels(strips.iter().copied())), ("groups", json!(colour.groups))];
    let name = output.player_name(player);
    let layers = layers(output, player, (numeric, strips.len()), &values, domain, &colour);
    let height = if numeric { 260 } else { strips.len() * 40 + 10 };
    let mut spec = on_canvas(picture(height, &params, layers), values.len() * 2);
    spec["data"] = json!({"values": values});
    let coloured = match other {
        Some(other) => format!(" Colour: {}, the feature that bends it most.", cut(output.player_name(other), 60)),
        None => " No other feature bends it visibly.".into(),
    };
    let rules = if numeric || drawn.len() <= CROWD { " Light rules: 95 % intervals." } else { "" };
    let absent = all.len() - drawn.len();
    let absent = if absent == 0 {
        String::new()
    } else {
        format!(" {absent} rows have no value here or a rare one and are not drawn.")
    };
    Some(Figure {
        id: output.id(&format!("dependence-{}", slug(name))),
        title: output.title(&format!("Attributions of {name}")),
        caption: format!(
            "A point is one row of {}: its value of {name} and what that value did to {}. Points of one value at different heights: \
             other features change its effect.{coloured}{rules}{absent}",
            output.drawn_from(drawn.len()),
            output.unit()
        ),
        alt: alt(output, player, other, &drawn, numeric),
        spec,
        table: table(output, player, other, &drawn),
    })
}

fn places(rows: &[&ExplainedRow], player: usize) -> Vec<f64> {
    rows.iter().map(|row| value_of(row, player).unwrap_or(f64::NAN)).collect()
}

/// Each category has a strip, in which points are piled.
fn strip_places(rows: &[&ExplainedRow], player: usize, strips: &[&str], phi: &[f64], domain: (f64, f64)) -> Vec<f64> {
    let mut places = vec![f64::NAN; rows.len()];
    for (strip, text) in strips.iter().enumerate() {
        let members: Vec<usize> = (0..rows.len()).filter(|&r| text_of(rows[r], player) == *text).collect();
        let heights = pile(&members.iter().map(|&r| phi[r]).collect::<Vec<_>>(), domain);
        members.iter().zip(heights).for_each(|(&r, h)| places[r] = ((strip as f64 + h) * 1e3).round() / 1e3);
    }
    places
}

fn layers(
    output: &Output,
    player: usize,
    (numeric, strips): (bool, usize),
    values: &[Value],
    domain: (f64, f64),
    colour: &Colour,
) -> Vec<Value> {
    let (along, phi) = if numeric { ("x", "y") } else { ("y", "x") };
    let title = format!("φ, change of {}", output.unit());
    let place = if numeric {
        let range = extent(values.iter().filter_map(|v| v["x"].as_f64()), 0.02);
        number("x", &cut(output.player_name(player), 60), range)
    } else {
        on_lines("x", strips)
    };
    let hover = tooltip(&[
        if numeric { ("x", "value") } else { ("t", "value") },
        ("y", "φ"),
        ("e", "standard error"),
        ("partner", "coloured by"),
        ("n", "row"),
    ]);
    let opacity = if values.len() > CROWD { 0.4 } else { 0.8 };
    let mut whiskers = json!({"transform": [{"filter": "datum.e > 0"}, {"calculate": format!("datum.y - {WHISKER} * datum.e"), "as": "lo"},
                                            {"calculate": format!("datum.y + {WHISKER} * datum.e"), "as": "hi"}],
        "mark": {"type": "rule", "style": "quiet", "opacity": opacity, "strokeWidth": 1, "clip": true}, "encoding": {}});
    whiskers["encoding"][along] = place.clone();
    whiskers["encoding"][phi] = number("lo", &title, domain);
    whiskers["encoding"][format!("{phi}2")] = json!({"field": "hi"});
    let mut layers = vec![line_at(phi, 0.0)];
    if numeric || values.len() <= CROWD {
        layers.push(whiskers);
    }
    let mut points = |test: &str, (part, key): (&str, &str), value: Value| {
        let mut layer = json!({"transform": [{"filter": test}], "mark": {"type": "circle", "size": 18, "opacity": 0.8, "clip": true},
                               "encoding": {"tooltip": hover}});
        layer["encoding"][along] = place.clone();
        layer["encoding"][phi] = number("y", &title, domain);
        layer[part][key] = value;
        layers.push(layer);
    };
    if colour.channel.is_null() {
        points("true", ("mark", "filled"), json!(true));
    } else {
        points("!isValid(datum.c)", ("mark", "style"), json!("neutral"));
        points("isValid(datum.c)", ("encoding", "color"), colour.channel.clone());
    }
    layers
}

fn alt(output: &Output, player: usize, other: Option<usize>, rows: &[&ExplainedRow], numeric: bool) -> String {
    let name = output.player_name(player);
    let phi = |row: &ExplainedRow| f64::from(output.phi(row, player).0);
    let (low, high) = extent(rows.iter().map(|row| phi(row)), 0.0);
    let mut alt = format!("φ of {name} goes from {} to {}", short(low), short(high));
    if numeric {
        let trend = correlation(&rows.iter().map(|row| (value_of(row, player), phi(row))).collect::<Vec<_>>());
        alt += &trend.map_or(String::new(), |r| format!("; its rank correlation with the value is {}", short(r)));
    } else {
        let mean = |text: &str| {
            let of: Vec<f64> = rows.iter().filter(|row| text_of(row, player) == text).map(|row| phi(row)).collect();
            of.iter().sum::<f64>() / of.len() as f64
        };
        let said = frequent(rows, player, 3).into_iter().map(|text| format!("{} for {text}", short(mean(text))));
        alt += &format!("; on average {}", super::text::list(&said.collect::<Vec<_>>()));
    }
    match other {
        Some(other) => format!("{alt}. {} bends it most.", output.player_name(other)),
        None => format!("{alt}. No other feature bends it visibly."),
    }
}

fn table(output: &Output, player: usize, other: Option<usize>, rows: &[&ExplainedRow]) -> Table {
    /// Lines of the table.
    const SHOWN: usize = 100;
    let mut columns = vec!["row".into(), output.player_name(player).to_owned(), "φ".into(), "standard error".into()];
    columns.extend(other.map(|other| output.player_name(other).to_owned()));
    let line = |r: usize| {
        let (phi, stderr) = output.phi(rows[r], player);
        let mut cells = vec![json!(rows[r].number), json!(text_of(rows[r], player)), shortest(phi), shortest(stderr)];
        cells.extend(other.map(|other| json!(text_of(rows[r], other))));
        cells
    };
    Table {
        title: output.title(&format!("Attributions of {}", output.player_name(player))),
        columns,
        rows: spread(rows.len(), SHOWN).map(line).collect(),
        left_out: rows.len().saturating_sub(SHOWN),
    }
}
