//! What single rows do differently: centred ICE and its derivative (Goldstein et al. 2015).

use super::effect::drawn_lines;
use super::output::Output;
use super::spec::{curve, extent, mean_at, number, picture, shortest, thin_lines};
use super::text::{cut, percent, short, slug};
use crate::effect::Curve;
use crate::report::{Figure, Table};
use serde_json::{Value, json};

/// Rows differ if the spread of their centred lines is at least this share of how far the lines go.
const DIFFER: f64 = 0.05;

/// Centred ICE of a number whose single rows do not all follow the mean. None otherwise.
pub fn centred(output: &Output, found: &Curve) -> Option<Figure> {
    let centred = found.centred();
    let share = differing(found)?;
    let at = positions(found);
    let points: Vec<Value> = (0..at.len()).map(|p| mean_at(at[p], centred.mean[p], centred.stderr[p])).collect();
    let lines: Vec<Vec<f32>> = drawn_lines(output, found).map(|l| centred.ice[l].clone()).collect();
    let name = &found.grid.axis.name;
    let title = format!("change of {}", output.unit());
    let rows = at.iter().zip(centred.mean.iter().zip(&centred.stderr));
    Some(Figure {
        id: output.id(&format!("centred-ice-{}", slug(name))),
        title: output.title(&format!("{name}, row by row")),
        caption: format!(
            "Each thin line is one row as {name} grows from {}; the strong line is their mean with its 95 % band. \
             Lines that fan out or cross: the effect depends on other features.",
            found.grid.points[0].label
        ),
        alt: format!(
            "Rows differ in the effect of {name}: the standard deviation between their lines is {} of how far they go.",
            percent(share)
        ),
        spec: lines_and_mean(name, &title, &lines, (&at, &points), "mean"),
        table: Table {
            title: output.title(&format!("Centred effect of {name}")),
            columns: vec![name.clone(), "mean change".into(), "standard error".into()],
            rows: rows.map(|(x, (mean, stderr))| vec![json!(x), json!(mean), json!(stderr)]).collect(),
            left_out: 0,
        },
    })
}

/// Slopes of the ICE lines of a number whose single rows do not all follow the mean. None otherwise.
pub fn derivative(output: &Output, found: &Curve) -> Option<Figure> {
    differing(found)?;
    let slopes = found.derivative().filter(|slopes| !slopes.position.is_empty())?;
    let at = &slopes.position;
    let points: Vec<Value> = (0..at.len()).map(|p| mean_at(at[p], slopes.mean[p], f64::NAN)).collect();
    let lines: Vec<Vec<f32>> =
        drawn_lines(output, found).map(|l| slopes.ice[l].iter().map(|&slope| slope as f32).collect()).collect();
    let name = &found.grid.axis.name;
    let widest = (0..at.len())
        .filter(|&p| slopes.spread[p].is_finite())
        .max_by(|&a, &b| slopes.spread[a].total_cmp(&slopes.spread[b]))?;
    let rows = (0..at.len()).map(|p| vec![json!(at[p]), json!(slopes.mean[p]), json!(slopes.spread[p])]);
    Some(Figure {
        id: output.id(&format!("derivative-ice-{}", slug(name))),
        title: output.title(&format!("{name}, slopes row by row")),
        caption: format!(
            "How fast {} rises with {name}, for single rows (thin) and their mean. Where the lines spread, other features decide.",
            output.unit()
        ),
        alt: format!(
            "The slopes of single rows spread most near {name} = {}: standard deviation {} around a mean of {}.",
            short(at[widest]),
            short(slopes.spread[widest]),
            short(slopes.mean[widest])
        ),
        spec: lines_and_mean(
            name,
            &format!("slope of {}, per unit", output.unit()),
            &lines,
            (at, &points),
            "mean slope",
        ),
        table: Table {
            title: output.title(&format!("Slopes of {name}")),
            columns: vec![name.clone(), "mean slope".into(), "standard deviation over rows".into()],
            rows: rows.collect(),
            left_out: 0,
        },
    })
}

fn positions(found: &Curve) -> Vec<f64> {
    found.grid.points.iter().map(|point| point.position).collect()
}

/// The spread of the centred lines as a share of how far they go, if it is worth a figure.
fn differing(found: &Curve) -> Option<f64> {
    if !found.grid.axis.categories.is_empty() || found.ice.len() < 2 || found.grid.points.len() < 3 {
        return None;
    }
    let lines = found.centred().ice;
    let at = |p: usize| lines.iter().map(move |line| f64::from(line[p]));
    let n = lines.len() as f64;
    let deviation = |p: usize| {
        let mean = at(p).sum::<f64>() / n;
        (at(p).map(|y| (y - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
    };
    let points = found.grid.points.len();
    let mean = (1..points).map(deviation).sum::<f64>() / (points - 1) as f64;
    let far = (0..points).flat_map(at).fold(0.0, |far: f64, y| far.max(y.abs()));
    Some(mean / far).filter(|share| *share >= DIFFER)
}

fn lines_and_mean(name: &str, title: &str, lines: &[Vec<f32>], (at, points): (&[f64], &[Value]), mean: &str) -> Value {
    let ends = points.iter().flat_map(|v| ["y", "lo", "hi"].map(|f| v[f].as_f64().unwrap_or(f64::NAN)));
    let domain = extent(lines.iter().flatten().map(|&y| f64::from(y)).chain(ends), 0.03);
    let (x, y) = (number("x", &cut(name, 60), extent(at.iter().copied(), 0.01)), number("y", title, domain));
    let thin: Vec<Value> = lines.iter().map(|line| line.iter().map(|&y| shortest(y)).collect()).collect();
    let mut layers = vec![thin_lines(&thin, x.clone(), y.clone())];
    layers.extend(curve(points, x, y, (mean, &[mean]), false));
    picture(240, &[("along", json!(at))], layers)
}
