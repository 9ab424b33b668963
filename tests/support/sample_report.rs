//! A report with every kind of content, and names that break careless code.

use pellucid::report::{Figure, Item, MarkedText, Report, Run, Section, Table};
use serde_json::{Value, json};

/// Names as tables have them: markup, dots and brackets (paths in Vega), quotes, an end of script, other scripts, emoji.
pub const NASTY: [&str; 10] = [
    "</script><script>alert(1)</script>",
    "income.net[2023] \"€\"",
    "a < b & c > d",
    "it's \\ back`tick` ${x}",
    "年齢 (age)",
    "🙂 mood",
    "datum['x']",
    "hours-per-week",
    "a name so long that no axis has room for it, whatever the width of the window may be",
    "__proto__",
];

/// Marks of the largest figure.
pub const POINTS: usize = 5_000;

pub fn sample_report() -> Report {
    Report {
        title: "What moves income-net.onnx".into(),
        subtitle: "A network of 30,000 weights, explained on 5,000 rows of population.csv".into(),
        sections: vec![overview(), global(), effects(), rows(), texts(), interactions(), repeat()],
    }
}

fn overview() -> Section {
    let facts = [("file", "income-net.onnx"), ("inputs", "12 numbers in 1 tensor"), ("outputs", "probabilities[1]")];
    Section {
        id: "model-and-data".into(),
        title: "Model and data".into(),
        text: vec!["The model says how likely a person earns more than $50,000 a year.".into()],
        warnings: vec![],
        items: vec![
            Item::Table(Table {
                title: "Model".into(),
                columns: vec!["fact".into(), "value".into()],
                rows: facts.iter().map(|(k, v)| vec![json!(k), json!(v)]).collect(),
                left_out: 0,
            }),
            Item::Table(Table {
                title: "Columns".into(),
                columns: ["column", "kind", "missing", "mean", "smallest"].map(String::from).to_vec(),
                rows: NASTY.iter().enumerate().map(|(i, name)| column(i, name)).collect(),
                left_out: 3,
            }),
        ],
    }
}

fn column(i: usize, name: &str) -> Vec<Value> {
    let mean = if i == 4 { Value::Null } else { json!(38.581_646_7 * 10f64.powi(i as i32 - 3)) };
    vec![json!(name), json!("number"), json!(i * 1234), mean, json!(-1.5e-9 * i as f64)]
}

fn global() -> Section {
    let mut draws = Draws(7);
    let bars: Vec<Value> = (0..NASTY.len())
        .map(|i| {
            let mean = 0.09 * 0.75f64.powi(i as i32);
            json!({"player": NASTY[i], "mean": mean, "low": mean * 0.93, "high": mean * 1.07})
        })
        .collect();
    let points: Vec<Value> = (0..POINTS)
        .map(|k| {
            let (i, value) = (k % NASTY.len(), draws.uniform());
            let phi = (value - 0.5) * 0.3 * 0.8f64.powi(i as i32) + 0.02 * draws.normal();
            json!({"player": NASTY[i], "phi": phi, "value": value, "offset": draws.normal()})
        })
        .collect();
    Section {
        id: "global".into(),
        title: "What drives the model".into(),
        text: vec![
            "Each bar is the mean size of a feature's attributions: how far it moves the prediction, up or down, on average.".into(),
            "The thin lines are two standard errors on either side.".into(),
        ],
        warnings: vec!["age and marital-status are correlated (0.62): attributions split between them.".into()],
        items: vec![
            Item::Figure(Figure {
                id: "global-bar".into(),
                title: "Mean size of attributions".into(),
                caption: "Features from the strongest to the weakest; lines show two standard errors.".into(),
                alt: "The first feature moves predictions by 0.09 on average, each further one by a quarter less.".into(),
                spec: json!({
                    "width": "container", "height": {"step": 26},
                    "data": {"values": bars},
                    "encoding": {"y": {"field": "player", "type": "nominal", "sort": null, "title": null}},
                    "layer": [
                        {"mark": {"type": "bar", "tooltip": true, "height": {"band": 0.7}}, "encoding": {"x": {"field": "mean", "type": "quantitative", "title": "mean |φ|", "stack": null}}},
                        {"mark": {"type": "rule", "style": "error"}, "encoding": {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}}}
                    ]
                }),
                table: Table {
                    title: "Mean size of attributions".into(),
                    columns: ["feature", "mean |φ|", "± SE"].map(String::from).to_vec(),
                    rows: bars.iter().map(|b| vec![b["player"].clone(), b["mean"].clone(), json!(0.0031)]).collect(),
                    left_out: 0,
                },
            }),
            Item::Figure(Figure {
                id: "beeswarm".into(),
                title: "Every row".into(),
                caption: "A point a row: left of the line it lowers the prediction, right of it it raises it; the colour is the feature's value.".into(),
                alt: "High values of every feature raise the prediction, low values lower it.".into(),
                spec: json!({
                    "width": "container", "height": {"step": 40},
                    "data": {"values": points},
                    "encoding": {"y": {"field": "player", "type": "nominal", "sort": null, "title": null}},
                    "layer": [
                        {"mark": {"type": "rule", "style": "zero"}, "encoding": {"x": {"datum": 0}, "y": null}},
                        {"mark": {"type": "circle", "size": 14, "opacity": 0.8, "tooltip": {"content": "data"}},
                         "encoding": {
                            "x": {"field": "phi", "type": "quantitative", "title": "attribution φ"},
                            "yOffset": {"field": "offset", "type": "quantitative", "scale": {"domain": [-4, 4]}},
                            "color": {"field": "value", "type": "quantitative", "title": "value of the feature", "scale": {"range": "feature"},
                                "legend": {"values": [0, 1], "labelExpr": "datum.value ? 'high' : 'low'"}}
                        }}
                    ]
                }),
                table: Table {
                    title: "Attributions".into(),
                    columns: ["feature", "φ", "value"].map(String::from).to_vec(),
                    rows: points.iter().take(50).map(|p| vec![p["player"].clone(), p["phi"].clone(), p["value"].clone()]).collect(),
                    left_out: POINTS - 50,
                },
            }),
        ],
    }
}

fn effects() -> Section {
    let name = NASTY[1];
    let curve: Vec<Value> = (0..50)
        .map(|i| {
            let x = 17.0 + i as f64 * 1.5;
            let mean = 0.15 + 0.25 / (1.0 + (-(x - 45.0) / 8.0).exp());
            json!({"x": x, "mean": mean, "low": mean - 0.02, "high": mean + 0.02})
        })
        .collect();
    // Field names of the table itself: Vega reads dots and brackets as paths unless they are escaped.
    let escaped = name.replace('\\', "\\\\").replace('.', "\\.").replace('[', "\\[").replace(']', "\\]");
    let renamed: Vec<Value> =
        curve.iter().map(|p| json!({name: p["x"], "mean": p["mean"], "low": p["low"], "high": p["high"]})).collect();
    Section {
        id: "effects".into(),
        title: "How predictions change with a feature".into(),
        text: vec!["The line is the mean prediction when every row is given the value below it.".into()],
        warnings: vec![],
        items: vec![Item::Figure(Figure {
            id: "partial-dependence".into(),
            title: format!("Partial dependence on {name}"),
            caption: "The band is two standard errors wide on either side.".into(),
            alt: "The prediction rises from 0.15 to 0.40, most steeply at 45.".into(),
            spec: json!({
                "width": "container", "height": 260,
                "data": {"values": renamed},
                "encoding": {"x": {"field": escaped, "type": "quantitative", "title": name, "scale": {"zero": false}}},
                "layer": [
                    {"mark": {"type": "area", "opacity": 0.2}, "encoding": {"y": {"field": "low", "type": "quantitative", "title": "mean prediction"}, "y2": {"field": "high"}}},
                    {"mark": {"type": "line", "tooltip": true}, "encoding": {"y": {"field": "mean", "type": "quantitative"}}}
                ]
            }),
            table: Table {
                title: "Partial dependence".into(),
                columns: vec![name.into(), "mean".into(), "low".into(), "high".into()],
                rows: curve.iter().map(|p| ["x", "mean", "low", "high"].map(|k| p[k].clone()).to_vec()).collect(),
                left_out: 0,
            },
        })],
    }
}

fn rows() -> Section {
    let mut level = 0.244;
    let steps: Vec<Value> = (0..NASTY.len())
        .map(|i| {
            let phi = if i % 3 == 1 { -1.0 } else { 1.0 } * 0.12 * 0.7f64.powi(i as i32);
            let step = json!({"player": format!("{} = {i}", NASTY[i]), "start": level, "end": level + phi, "phi": phi});
            level += phi;
            step
        })
        .collect();
    let order: Vec<&Value> = steps.iter().map(|s| &s["player"]).collect();
    let signed = |style: &str, filter: &str| {
        json!({"transform": [{"filter": filter}], "mark": {"type": "bar", "style": style, "tooltip": {"content": "data"}},
            "encoding": {"x": {"field": "start", "type": "quantitative", "title": "probabilities[1]", "scale": {"zero": false}}, "x2": {"field": "end"}}})
    };
    Section {
        id: "rows".into(),
        title: "Single rows".into(),
        text: vec!["From the base value to the prediction, one feature after the other.".into()],
        warnings: vec![],
        items: vec![Item::Figure(Figure {
            id: "row-17".into(),
            title: "Row 17: the highest prediction".into(),
            caption: "Red raises the prediction, blue lowers it.".into(),
            alt: "From 0.24 to the prediction; the first feature raises it most.".into(),
            spec: json!({
                "width": "container", "height": {"step": 26}, "data": {"values": steps},
                "encoding": {"y": {"field": "player", "type": "nominal", "sort": order, "title": null}},
                "layer": [signed("positive", "datum.phi >= 0"), signed("negative", "datum.phi < 0")]
            }),
            table: Table {
                title: "Row 17".into(),
                columns: vec!["feature".into(), "φ".into()],
                rows: steps.iter().map(|s| vec![s["player"].clone(), s["phi"].clone()]).collect(),
                left_out: 0,
            },
        })],
    }
}

fn interactions() -> Section {
    let mut draws = Draws(3);
    let mut cells = Vec::new();
    for row in 0..60 {
        for name in NASTY.iter() {
            cells.push(json!({"row": row, "player": name, "phi": 0.1 * draws.normal()}));
        }
    }
    Section {
        id: "heat-map".into(),
        title: "Rows side by side".into(),
        text: vec![],
        warnings: vec!["60 of 5,000 rows are drawn, taken evenly.".into()],
        items: vec![Item::Figure(Figure {
            id: "heat-map".into(),
            title: "Attributions of 60 rows".into(),
            caption: "A column a row, a line a feature.".into(),
            alt: "No feature has one sign throughout.".into(),
            spec: json!({
                "width": "container", "height": {"step": 24}, "data": {"values": cells},
                "mark": {"type": "rect", "tooltip": true},
                "encoding": {
                    "x": {"field": "row", "type": "ordinal", "axis": {"labels": false, "title": "rows"}},
                    "y": {"field": "player", "type": "nominal", "sort": null, "title": null},
                    "color": {"field": "phi", "type": "quantitative", "title": "φ", "scale": {"domainMid": 0, "range": "diverging"}}
                }
            }),
            table: Table {
                title: "Attributions of 60 rows".into(),
                columns: vec!["row".into(), "feature".into(), "φ".into()],
                rows: cells
                    .iter()
                    .take(40)
                    .map(|c| vec![c["row"].clone(), c["player"].clone(), c["phi"].clone()])
                    .collect(),
                left_out: cells.len() - 40,
            },
        })],
    }
}

/// Parts of every shade, one after the other.
fn texts() -> Section {
    let run = |(i, name): (usize, &&str)| {
        let level = i as i8 % 9 - 4;
        Run { text: format!("{name} "), level, note: format!("{level}0 ± 0.1 \"of\" <4>") }
    };
    Section {
        id: "texts".into(),
        title: "Texts".into(),
        text: vec!["Red raises, blue lowers.".into()],
        warnings: vec![],
        items: vec![Item::Text(MarkedText {
            title: "Text 7".into(),
            caption: "0.1 without its parts, 0.9 with all of them.".into(),
            runs: NASTY.iter().enumerate().map(run).collect(),
            table: Table {
                title: "Parts of text 7".into(),
                columns: vec!["part".into(), "φ".into()],
                rows: NASTY.iter().enumerate().map(|(i, name)| vec![json!(name), json!(i as f64 - 4.0)]).collect(),
                left_out: 0,
            },
        })],
    }
}

fn repeat() -> Section {
    Section {
        id: "repeat".into(),
        title: "Repeat it".into(),
        text: vec!["The same command with the same files gives the same numbers.".into()],
        warnings: vec![],
        items: vec![Item::Code {
            title: "Command".into(),
            text: "pellucid report --model income-net.onnx --data population.csv --background population.csv --budget 4096 --seed 0 --out 'a <b> & \"c\".html'".into(),
        }],
    }
}

/// The same numbers every time, without a crate.
struct Draws(u64);

impl Draws {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}
