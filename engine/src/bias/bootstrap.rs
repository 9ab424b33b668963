//! Intervals of all metrics of a group by resampling its counts: in each replicate a cell of n rows gets a Poisson number of rows with
//! mean n, the limit of drawing rows with replacement (Hanley & MacGibbon, 2006). The flip test resamples its verdicts, with
//! the neighbours held fixed.

use super::cells::{Key, Sums};
use super::flip::Flipped;
use super::formula::metric;
use super::request::{Bootstrap, Mode};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Share of replicates in which a metric must have a value.
const DEFINED: f64 = 0.9;
/// From this mean on, Poisson is drawn as a rounded normal.
const LARGE: f64 = 50.0;

/// What is resampled.
pub struct Sample<'a> {
    pub cells: &'a [(Key, f64)],
    pub strata: &'a Result<usize, String>,
    pub flips: Option<Flipped>,
    pub mode: Mode,
}

/// The percentile interval of each named metric.
pub fn intervals(sample: &Sample, names: &[&'static str], how: &Bootstrap) -> Vec<Option<(f64, f64)>> {
    resampled(names.len(), how, |random| replicate(sample, names, random))
}

/// The percentile interval of each of `n` values that `draw` has in a replicate.
pub fn resampled(
    n: usize,
    how: &Bootstrap,
    draw: impl Fn(&mut ChaCha8Rng) -> Vec<Option<f64>> + Sync,
) -> Vec<Option<(f64, f64)>> {
    let replicate = |stream: u64| {
        let mut random = ChaCha8Rng::seed_from_u64(how.seed);
        random.set_stream(stream);
        draw(&mut random)
    };
    let replicates: Vec<Vec<Option<f64>>> = (0..how.replicates as u64).into_par_iter().map(replicate).collect();
    let interval =
        |m: usize| percentiles(replicates.iter().filter_map(|r| r[m]).collect(), replicates.len(), how.level);
    (0..n).map(interval).collect()
}

/// The interval that holds the share `level` of values; none where fewer than 9 of 10 replicates have one.
pub fn percentiles(mut values: Vec<f64>, replicates: usize, level: f64) -> Option<(f64, f64)> {
    if (values.len() as f64) < DEFINED * replicates as f64 || values.is_empty() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let tail = 0.5 * (1.0 - level);
    Some((quantile(&values, tail), quantile(&values, 1.0 - tail)))
}

fn replicate(sample: &Sample, names: &[&'static str], random: &mut ChaCha8Rng) -> Vec<Option<f64>> {
    let cells: Vec<(Key, f64)> = sample.cells.iter().map(|&(key, n)| (key, poisson(n, random))).collect();
    let sums = Sums::of(&cells, sample.strata);
    let flips = sample.flips.map(|f| Flipped {
        worse: poisson(f.worse, random),
        better: poisson(f.better, random),
        same: poisson(f.same, random),
    });
    let value = |name: &&'static str| match *name {
        "FT" => flips.map(|f| f.value(sample.mode)),
        name => metric(name, &sums, sample.mode).ok(),
    };
    names.iter().map(value).map(|v| v.filter(|v| !v.is_nan())).collect()
}

/// A Poisson number: by products of uniforms (Knuth) where the mean is small.
pub fn poisson(mean: f64, random: &mut ChaCha8Rng) -> f64 {
    if mean >= LARGE {
        let (u, v): (f64, f64) = (1.0 - random.random::<f64>(), random.random());
        let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
        return (mean + mean.sqrt() * normal).round().max(0.0);
    }
    let (limit, mut product, mut n) = ((-mean).exp(), random.random::<f64>(), 0.0);
    while product > limit {
        product *= random.random::<f64>();
        n += 1.0;
    }
    n
}

/// Of ascending values, between the two nearest; infinities do not mix.
fn quantile(values: &[f64], at: f64) -> f64 {
    let place = at * (values.len() - 1) as f64;
    let (low, high) = (values[place.floor() as usize], values[place.ceil() as usize]);
    if low == high || low.is_infinite() || high.is_infinite() { low } else { low + (high - low) * place.fract() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of a Poisson number are its mean; both estimates err by about mean·√(2/n), here four times that.
    #[test]
    fn poisson_has_its_moments() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        for mean in [0.7, 20.0, 400.0] {
            let n = 20_000;
            let drawn: Vec<f64> = (0..n).map(|_| poisson(mean, &mut random)).collect();
            let average = drawn.iter().sum::<f64>() / n as f64;
            let variance = drawn.iter().map(|x| (x - average).powi(2)).sum::<f64>() / n as f64;
            let bound = 4.0 * (2.0 / n as f64).sqrt();
            assert!((average / mean - 1.0).abs() < bound.max(4.0 / (mean * n as f64).sqrt()), "{average} for {mean}");
            assert!((variance / mean - 1.0).abs() < 2.0 * bound, "{variance} for {mean}");
        }
    }

    #[test]
    fn quantiles_lie_between() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0], 0.25), 1.5);
        assert_eq!(quantile(&[1.0, f64::INFINITY], 0.5), 1.0);
    }
}
