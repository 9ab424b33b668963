//! Partial dependence of two features as a heat map.

use super::output::Output;
use super::spec::{axis, labels, picture, tooltip};
use super::text::{cut, short, slug};
use crate::effect::{Grid, Surface};
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// The surface of a pair of axes. None without points.
pub fn surface(output: &Output, found: &Surface) -> Option<Figure> {
    let (x, y) = (edges(&found.x), edges(&found.y));
    if x.len() < 2 || y.len() < 2 {
        return None;
    }
    let column = |p: usize| json!({"x": x[p], "x2": x[p + 1], "a": label(&found.x, p), "v": found.mean[p], "e": found.stderr[p]});
    let values: Vec<Value> = (0..found.x.points.len()).map(column).collect();
    let rows = 0..found.y.points.len();
    let params = [
        ("names", names(&found.y)),
        ("columns", found.x.points.iter().map(|point| cut(&point.label, 20)).collect()),
        ("low", json!(y[..y.len() - 1])),
        ("high", json!(y[1..])),
        ("rows", rows.map(|q| json!(label(&found.y, q))).collect()),
    ];
    let hover = json!([{"field": "a", "type": "nominal", "title": found.x.axis.name}, {"field": "b", "type": "nominal", "title": found.y.axis.name}]);
    let numbers = tooltip(&[("v", "partial dependence"), ("e", "standard error")]);
    let hover: Vec<&Value> = [&hover, &numbers].into_iter().filter_map(Value::as_array).flatten().collect();
    let layer = json!({
        "transform": [
            {"calculate": "low", "as": "y"}, {"calculate": "high", "as": "y2"}, {"calculate": "rows", "as": "b"},
            {"flatten": ["v", "e", "y", "y2", "b"]}],
        "mark": {"type": "rect"},
        "encoding": {
            "x": place("x", &found.x, &x, "columns"), "x2": {"field": "x2"}, "y": place("y", &found.y, &y, "names"), "y2": {"field": "y2"},
            "color": {"field": "v", "type": "quantitative", "scale": {"range": "heatmap", "zero": false, "nice": false},
                      "legend": {"title": output.unit(), "orient": "top", "tickCount": 4}},
            "tooltip": hover,
        },
    });
    let height = if found.y.axis.categories.is_empty() { 300 } else { found.y.points.len() * 32 };
    let mut spec = picture(height, &params, vec![layer]);
    spec["data"] = json!({"values": values});
    let (a, b) = (&found.x.axis.name, &found.y.axis.name);
    Some(Figure {
        id: output.id(&format!("surface-{}-{}", slug(a), slug(b))),
        title: output.title(&format!("{a} and {b} together")),
        caption: format!(
            "Partial dependence: {} over {} with both features set. Without an interaction every column has the same shading up to a constant. \
             Corners that hold no rows of the data show what the model would say, not what occurs.",
            output.mean(),
            output.findings.effects_over
        ),
        alt: alt(output, found),
        spec,
        table: table(output, found),
    })
}

/// Borders between points: half way between neighbours; a category takes a unit.
fn edges(grid: &Grid) -> Vec<f64> {
    let n = grid.points.len();
    if !grid.axis.categories.is_empty() || n == 1 {
        let first = if n == 1 && grid.axis.categories.is_empty() { grid.points[0].position } else { 0.0 };
        return (0..=n).map(|p| first + p as f64 - 0.5).collect();
    }
    let at: Vec<f64> = grid.points.iter().map(|point| point.position).collect();
    let between = at.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0);
    at.first().copied().into_iter().chain(between).chain(at.last().copied()).collect()
}

fn names(grid: &Grid) -> Value {
    if grid.axis.categories.is_empty() {
        json!([])
    } else {
        labels(grid.points.iter().map(|point| point.label.as_str()))
    }
}

fn label(grid: &Grid, p: usize) -> String {
    cut(&grid.points[p].label, 40)
}

fn place(field: &str, grid: &Grid, edges: &[f64], names: &str) -> Value {
    let domain = (edges[0], edges[edges.len() - 1]);
    let mut axis = axis(domain);
    axis["grid"] = json!(false);
    if !grid.axis.categories.is_empty() {
        let places: Vec<usize> = (0..grid.points.len()).collect();
        axis = json!({"values": places, "tickCount": places.len(), "labelExpr": format!("{names}[datum.value]"), "grid": false, "labelOverlap": false});
        if field == "x" {
            axis["labelAngle"] = json!(-30);
        } else {
            axis["labelOffset"] =
                json!({"condition": {"test": "isArray(names[datum.value])", "value": -6}, "value": 0});
        }
    }
    json!({"field": field, "type": "quantitative", "title": cut(&grid.axis.name, 60), "axis": axis,
           "scale": {"domain": [domain.0, domain.1], "nice": false, "zero": false, "reverse": field == "y" && !grid.axis.categories.is_empty()}})
}

fn alt(output: &Output, found: &Surface) -> String {
    let cells = || (0..found.x.points.len()).flat_map(|p| (0..found.y.points.len()).map(move |q| (p, q)));
    let size = |&(p, q): &(usize, usize)| found.mean[p][q];
    let known = || cells().filter(|cell| size(cell).is_finite());
    let say = |cell: (usize, usize)| {
        let (a, b) = (&found.x, &found.y);
        let (p, q) = cell;
        format!(
            "{} at {} = {} and {} = {}",
            short(size(&cell)),
            a.axis.name,
            a.points[p].label,
            b.axis.name,
            b.points[q].label
        )
    };
    let ends = (known().min_by(|a, b| size(a).total_cmp(&size(b))), known().max_by(|a, b| size(a).total_cmp(&size(b))));
    match ends {
        (Some(low), Some(high)) => {
            format!("Partial dependence of {} is lowest, {}, and highest, {}.", output.unit(), say(low), say(high))
        }
        _ => "The surface is not known.".into(),
    }
}

fn table(output: &Output, found: &Surface) -> Table {
    /// Lines of the table.
    const MOST: usize = 200;
    let (a, b) = (&found.x, &found.y);
    let cells = (0..a.points.len()).flat_map(|p| (0..b.points.len()).map(move |q| (p, q)));
    let row = |(p, q): (usize, usize)| {
        vec![json!(a.points[p].label), json!(b.points[q].label), json!(found.mean[p][q]), json!(found.stderr[p][q])]
    };
    Table {
        title: output.title(&format!("{} and {}", a.axis.name, b.axis.name)),
        columns: vec![a.axis.name.clone(), b.axis.name.clone(), "partial dependence".into(), "standard error".into()],
        left_out: (a.points.len() * b.points.len()).saturating_sub(MOST),
        rows: cells.take(MOST).map(row).collect(),
    }
}
