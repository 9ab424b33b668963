//! Findings of a made-up model, of any size: for tests of figures and pages, and for documentation.
//!
//! Attributions are w (x − mean) of numbers, a step for each category, and a product of the first two players; log-odds add up to
//! the prediction. Names hold what names hold somewhere: dots, brackets, quotes, markup, emoji.

use super::{ColumnCard, DataCard, Findings, ModelCard, ShownRow};
use crate::effect::{
    Ale, Association, Axis, Category, Curve, Grid, Histogram, Importance, Interaction, Loss, Point, Surface,
};
use crate::explain::{
    Cohort, Cohorts, ExplainedRow, FeatureValue, GlobalExplanation, GlobalInteraction, GlobalValue, Provenance,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const NAMES: [&str; 12] = [
    "age",
    "workclass",
    "capital.gain[0]",
    "hours per week",
    "\"marital\" 'status'",
    "<script>alert('x')</script>",
    "a feature with a name of sixty characters, units in mm / year",
    "naïve_größe 🦀",
    "education-num",
    "zip code \\ region",
    "balance",
    "f(x) = x^2 | {a: 1}",
];
const CATEGORIES: [&str; 5] = ["Private", "Self-emp-not-inc", "State-gov", "never \"worked\"", "Without-pay"];

/// A made-up run over `rows` rows of `features` columns with `outputs` outputs; every fourth column, from the second, is a category.
pub fn findings(rows: usize, features: usize, outputs: usize) -> Findings {
    Maker { rows, features, outputs, rng: ChaCha8Rng::seed_from_u64(7) }.make()
}

struct Maker {
    rows: usize,
    features: usize,
    outputs: usize,
    rng: ChaCha8Rng,
}

impl Maker {
    fn make(mut self) -> Findings {
        let players: Vec<String> = (0..self.features).map(name).collect();
        let outputs: Vec<String> = match self.outputs {
            1 => vec!["income".into()],
            n => (0..n).map(|k| format!("probabilities[{k}]")).collect(),
        };
        let rows: Vec<ExplainedRow> = (0..self.rows).map(|r| self.row(r)).collect();
        let grids: Vec<Grid> = (0..self.features.min(20)).map(|i| self.grid(i)).collect();
        let curves = grids.iter().flat_map(|grid| outputs.iter().map(move |o| (grid, o)));
        let curves: Vec<Curve> = curves.map(|(grid, output)| self.curve(grid, output)).collect();
        let numeric: Vec<&Curve> = curves.iter().filter(|c| c.grid.axis.categories.is_empty()).collect();
        let global: Vec<GlobalExplanation> =
            outputs.iter().enumerate().map(|(k, output)| global(output, k, &players, &rows)).collect();
        let shown = rows.iter().take(3).map(|row| ShownRow { row: row.clone(), why: "asked for".into() });
        Findings {
            title: "Example model".into(),
            command: "pellucid report example.onnx rows.csv --background train.csv --seed 7".into(),
            created: "2026-11-22 14:05 UTC".into(),
            model: ModelCard { name: "example.onnx".into(), facts: vec![("parameters".into(), "12,345".into())] },
            data: DataCard { name: "rows.csv".into(), rows: self.rows as u64, columns: columns(&players) },
            provenance: provenance(&players, &outputs),
            worst_additivity_gap: 3.1e-6,
            shown: shown.collect(),
            cohorts: Some(self.cohorts(&global)),
            surfaces: self.surfaces(&grids, &outputs),
            ale: numeric.iter().map(|curve| ale(curve)).collect(),
            interactions: self.interactions(&players, &outputs),
            loss: Some(Loss::LogLoss),
            importances: self.importances(&players, &outputs),
            associations: associations(&players),
            effects_over: format!("1,000 of {} rows of train.csv", self.rows.max(1000)),
            global,
            sample: rows,
            curves,
        }
    }

    /// Between −1 and 1, denser in the middle.
    fn noise(&mut self) -> f64 {
        (self.rng.random::<f64>() + self.rng.random::<f64>() + self.rng.random::<f64>()) / 1.5 - 1.0
    }

    fn row(&mut self, number: usize) -> ExplainedRow {
        let x: Vec<f64> = (0..self.features).map(|_| self.noise()).collect();
        let values: Vec<Vec<f32>> = (0..self.outputs).map(|k| self.attributions(&x, k)).collect();
        let logit = |phi: &Vec<f32>| base(self.outputs) + phi.iter().map(|&v| f64::from(v)).sum::<f64>();
        ExplainedRow {
            number: number + 1,
            id: String::new(),
            predictions: values.iter().map(|phi| (1.0 / (1.0 + (-logit(phi)).exp())) as f32).collect(),
            stderr: values.iter().map(|phi| phi.iter().map(|v| 0.004 + 0.05 * v.abs()).collect()).collect(),
            features: (0..self.features).map(|i| feature(i, x[i])).collect(),
            values,
        }
    }

    fn attributions(&mut self, x: &[f64], k: usize) -> Vec<f32> {
        let sign = if k == 0 { 1.0 } else { -1.0 / k as f64 };
        let product = if x.len() > 2 { 0.8 * x[0] * x[2] } else { 0.0 };
        let own = |(i, &x): (usize, &f64)| if i % 4 == 1 { step(category(x)) } else { x + 0.6 * x * x };
        let phi =
            x.iter().enumerate().map(|(i, x)| own((i, x)) * weight(i) + if i == 0 || i == 2 { product } else { 0.0 });
        phi.map(|phi| (sign * phi) as f32).collect()
    }

    fn grid(&mut self, i: usize) -> Grid {
        if i % 4 == 1 {
            let categories = CATEGORIES.iter().enumerate();
            let categories: Vec<Category> =
                categories.map(|(c, label)| Category { label: (*label).into(), values: vec![c as f32] }).collect();
            let point = |(c, at): (usize, &Category)| Point {
                label: at.label.clone(),
                position: c as f64,
                values: at.values.clone(),
            };
            let points = categories.iter().enumerate().map(point).collect();
            let histogram = Histogram { edges: Vec::new(), share: vec![0.55, 0.2, 0.15, 0.09, 0.01] };
            return Grid { axis: Axis { name: name(i), features: vec![i], categories }, points, histogram };
        }
        let point = |p: usize| {
            let x = scale(i, p as f64 / 24.0 * 1.6 - 0.8);
            Point { label: format!("{x:.3}"), position: x, values: vec![x as f32] }
        };
        let share = |b: usize| (20 - (b as i64 - 9).pow(2).min(19)) as f64;
        let total: f64 = (0..20).map(share).sum();
        Grid {
            axis: Axis { name: name(i), features: vec![i], categories: Vec::new() },
            points: (0..25).map(point).collect(),
            histogram: Histogram {
                edges: (0..=20).map(|b| scale(i, f64::from(b) / 10.0 - 1.0)).collect(),
                share: (0..20).map(|b| share(b) / total).collect(),
            },
        }
    }

    fn curve(&mut self, grid: &Grid, output: &str) -> Curve {
        let n = grid.points.len();
        let shape = |p: usize| (p as f64 / n as f64 * 5.0).sin();
        let mean: Vec<f64> = (0..n).map(|p| base(self.outputs) + shape(p)).collect();
        let mut line = || {
            let (level, slope) = (self.noise(), 1.0 + 0.8 * self.noise());
            (0..n).map(|p| (mean[p] + level + (slope - 1.0) * shape(p)) as f32).collect()
        };
        let ice = (0..100).map(|_| line()).collect();
        Curve {
            output: output.into(),
            grid: grid.clone(),
            stderr: vec![0.06; n],
            centred_stderr: (0..n).map(|p| if p == 0 { 0.0 } else { 0.03 }).collect(),
            ice,
            mean,
        }
    }

    fn surfaces(&mut self, grids: &[Grid], outputs: &[String]) -> Vec<Surface> {
        let pairs = if grids.len() > 2 { vec![(0, 2), (0, 1)] } else { Vec::new() };
        let surface = |output: &String, (a, b): (usize, usize)| Surface {
            output: output.clone(),
            x: grids[a].clone(),
            y: grids[b].clone(),
            mean: table(&grids[a], &grids[b], |p, q| (p / 6.0).sin() * (q / 5.0).cos()),
            stderr: table(&grids[a], &grids[b], |p, _| 0.01 + p / 1000.0),
        };
        outputs.iter().flat_map(|o| pairs.iter().map(|&pair| surface(o, pair)).collect::<Vec<_>>()).collect()
    }

    fn interactions(&mut self, players: &[String], outputs: &[String]) -> Vec<Interaction> {
        let n = players.len().min(7);
        let mut all = Vec::new();
        for output in outputs {
            for (a, b) in (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))) {
                let h = if (a, b) == (0, 2) { 0.61 } else { 0.12 * self.rng.random::<f64>() };
                all.push(Interaction {
                    output: output.clone(),
                    a: players[a].clone(),
                    b: players[b].clone(),
                    h,
                    h_stderr: 0.02,
                    strength: h * 0.4,
                    strength_stderr: 0.01,
                });
            }
        }
        all
    }

    fn importances(&mut self, players: &[String], outputs: &[String]) -> Vec<Importance> {
        let mut all = Vec::new();
        for output in outputs {
            for (i, axis) in players.iter().enumerate() {
                let (output, axis) = (output.clone(), axis.clone());
                let rise = 0.1 * weight(i) + 0.004 * self.noise();
                all.push(Importance { output, axis, loss: 0.41, rise, stderr: 0.003 });
            }
        }
        all
    }

    fn cohorts(&mut self, global: &[GlobalExplanation]) -> Cohorts {
        let mut shares = CATEGORIES.iter().zip([0.55, 0.2, 0.15, 0.1]);
        let mut cohort = |(name, share): (&&str, f64)| {
            let mut global = global.to_vec();
            global.iter_mut().flat_map(|g| &mut g.values).for_each(|v| v.mean_abs *= 1.0 + 0.4 * self.noise());
            Cohort { name: (*name).into(), rows: (self.rows as f64 * share) as u64, global }
        };
        Cohorts { by: "workclass".into(), cohorts: shares.by_ref().map(&mut cohort).collect() }
    }
}

/// The name of column `i`.
fn name(i: usize) -> String {
    NAMES.get(i).map_or_else(|| format!("feature_{i}"), |name| (*name).into())
}

fn weight(i: usize) -> f64 {
    1.0 / (1.0 + i as f64)
}

fn base(outputs: usize) -> f64 {
    -((outputs.max(2) - 1) as f64).ln() - 0.4
}

fn category(x: f64) -> usize {
    (((x + 1.0) / 2.0).powi(2) * CATEGORIES.len() as f64).clamp(0.0, 4.0) as usize
}

fn step(category: usize) -> f64 {
    [0.3, -0.5, 0.9, -1.1, 0.1][category]
}

/// −1 to 1 as numbers of the size that the column has.
fn scale(i: usize, x: f64) -> f64 {
    match i % 4 {
        0 => 50.0 + 33.0 * x,
        2 => 5e4 * (x + 1.0).powi(3),
        _ => 1e-5 * x,
    }
}

fn feature(i: usize, x: f64) -> FeatureValue {
    if i % 4 == 1 {
        return FeatureValue { text: CATEGORIES[category(x)].into(), number: None };
    }
    let digits = [10.0, 1.0, 1.0, 1e7][i % 4];
    let number = (scale(i, x) * digits).round() / digits;
    FeatureValue { text: number.to_string(), number: Some(number) }
}

fn global(output: &str, k: usize, players: &[String], rows: &[ExplainedRow]) -> GlobalExplanation {
    let n = rows.len().max(1) as f64;
    let mean = |i: usize, f: &dyn Fn(f64) -> f64| rows.iter().map(|r| f(f64::from(r.values[k][i]))).sum::<f64>() / n;
    let value = |(i, player): (usize, &String)| {
        let (mean_abs, signed, square) = (mean(i, &f64::abs), mean(i, &|x| x), mean(i, &|x| x * x));
        GlobalValue {
            player: player.clone(),
            mean_abs,
            mean_abs_stderr: ((square - mean_abs * mean_abs).max(0.0) / n).sqrt(),
            mean: signed,
            mean_stderr: ((square - signed * signed).max(0.0) / n).sqrt(),
            mean_square: square,
            mean_square_stderr: square / n.sqrt(),
            median: signed,
            typical_stderr: 0.02 * weight(i) + 0.004,
            rank: 0,
            rank_low: 0,
            rank_high: 0,
            rank_stderr: 0.1 * i as f64,
        }
    };
    let mut values: Vec<GlobalValue> = players.iter().enumerate().map(value).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].mean_abs.total_cmp(&values[a].mean_abs));
    for (place, i) in order.into_iter().enumerate() {
        let (rank, slack) = (place + 1, place / 4);
        let value = &mut values[i];
        (value.rank, value.rank_low, value.rank_high) = (rank, rank - slack, (rank + slack).min(players.len()));
    }
    GlobalExplanation {
        output: output.into(),
        base_value: base(rows.first().map_or(1, |r| r.values.len())),
        rows: rows.len() as u64,
        interactions: together(players),
        values,
    }
}

/// Pairs of neighbours act together, the first the most.
fn together(players: &[String]) -> Vec<GlobalInteraction> {
    let pair = |(i, two): (usize, &[String])| GlobalInteraction {
        a: two[0].clone(),
        b: two[1].clone(),
        mean_abs: 0.3 / (i + 1) as f64,
        mean_abs_stderr: 0.02 / (i + 1) as f64,
        mean: if i % 2 == 0 { 0.1 } else { -0.1 } / (i + 1) as f64,
        mean_stderr: 0.01,
        typical_stderr: 0.005,
    };
    players.windows(2).enumerate().map(pair).collect()
}

fn table(x: &Grid, y: &Grid, f: impl Fn(f64, f64) -> f64) -> Vec<Vec<f64>> {
    (0..x.points.len()).map(|p| (0..y.points.len()).map(|q| f(p as f64, q as f64)).collect()).collect()
}

fn ale(curve: &Curve) -> Ale {
    let edges: Vec<f64> = curve.grid.points.iter().step_by(2).map(|point| point.position).collect();
    let n = edges.len();
    Ale {
        output: curve.output.clone(),
        axis: curve.grid.axis.name.clone(),
        labels: Vec::new(),
        share: vec![1.0 / (n - 1) as f64; n - 1],
        effect: (0..n).map(|p| 0.7 * (p as f64 / n as f64 * 5.0).sin() - 0.2).collect(),
        stderr: vec![0.02; n],
        edges,
    }
}

fn associations(players: &[String]) -> Vec<Association> {
    let pair = |strength: f64, b: &String| Association { a: players[0].clone(), b: b.clone(), strength };
    [0.83, 0.4].into_iter().zip(players.iter().skip(2)).map(|(strength, b)| pair(strength, b)).collect()
}

fn columns(players: &[String]) -> Vec<ColumnCard> {
    let column = |(i, name): (usize, &String)| ColumnCard {
        name: name.clone(),
        kind: if i % 4 == 1 { "category" } else { "number" }.into(),
        missing: (i % 3) as u64,
        summary: if i % 4 == 1 { "Private 55 %, Self-emp-not-inc 20 %" } else { "17 to 90, mean 38.6" }.into(),
    };
    players.iter().enumerate().map(column).collect()
}

fn provenance(players: &[String], outputs: &[String]) -> Provenance {
    Provenance {
        version: env!("CARGO_PKG_VERSION").into(),
        device: "CPU".into(),
        model: "example.onnx".into(),
        model_sha256: "0".repeat(64),
        seed: 7,
        design: "512 permutation pairs".into(),
        budget: "auto".into(),
        tolerance: None,
        rows_per_instance: 2048,
        background_rows: 100,
        background: "100 rows of train.csv".into(),
        link: "logit".into(),
        players: players.to_vec(),
        player_of: (0..players.len() as u32).collect(),
        outputs: outputs.to_vec(),
    }
}
