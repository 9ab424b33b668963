//! Losses of classes, as sums of logarithms in f64 on the host.

use super::{Maker, Prepared};
use crate::model::onnx::args::Args;
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};

pub const TABLE: &[(&str, Maker)] = &[
    ("NegativeLogLikelihoodLoss", |n| {
        let loss = Loss::read(n)?;
        Ok(Prepared::new(move |args| {
            let (dims, scores) = (args.dims(0), args.host(0)?.numbers.floats());
            loss.of(args, &dims, &scores)
        }))
    }),
    ("SoftmaxCrossEntropyLoss", |n| {
        let loss = Loss::read(n)?;
        Ok(Prepared::many(2, move |args| {
            let dims = args.dims(0);
            let scores = log_softmax(&dims, &args.host(0)?.numbers.floats())?;
            Ok(vec![loss.of(args, &dims, &scores)?, Host::floats(scores, &dims).into()])
        }))
    }),
];

#[derive(Clone, Copy, PartialEq)]
enum Together {
    None,
    Mean,
    Sum,
}

struct Loss {
    together: Together,
    ignored: Option<i64>,
}

/// Classes and places of `[batch, classes, …]`.
fn sizes(dims: &[usize]) -> Result<(usize, usize)> {
    match dims {
        [_, classes, places @ ..] if *classes > 0 => Ok((*classes, places.iter().product())),
        _ => Err(Error::input(format!("scores of shape {dims:?}; batch and classes are expected"))),
    }
}

fn log_softmax(dims: &[usize], scores: &[f32]) -> Result<Vec<f32>> {
    let (classes, places) = sizes(dims)?;
    let mut made = vec![0f32; scores.len()];
    for start in
        (0..scores.len() / (classes * places).max(1)).flat_map(|b| (0..places).map(move |p| b * classes * places + p))
    {
        let at = |c: usize| f64::from(scores[start + c * places]);
        let top = (0..classes).map(at).fold(f64::NEG_INFINITY, f64::max);
        let total = (0..classes).map(|c| (at(c) - top).exp()).sum::<f64>().ln() + top;
        (0..classes).for_each(|c| made[start + c * places] = (at(c) - total) as f32);
    }
    Ok(made)
}

impl Loss {
    fn read(n: &Node) -> Result<Self> {
        let together = match n.text("reduction").unwrap_or("mean") {
            "none" => Together::None,
            "mean" => Together::Mean,
            "sum" => Together::Sum,
            other => return Err(Error::input(format!("the reduction {other} is not known"))),
        };
        Ok(Self { together, ignored: n.int("ignore_index") })
    }

    /// `−weight · score` of the classes in operand 1; operand 2 holds the weights.
    fn of(&self, args: &mut Args, dims: &[usize], scores: &[f32]) -> Result<Value> {
        let (classes, places) = sizes(dims)?;
        let target_dims = args.dims(1);
        let targets = args.ints(1)?;
        let weights = args.has(2).then(|| args.host(2)).transpose()?.map(|h| h.numbers.floats());
        let (mut losses, mut total) = (vec![], 0f64);
        for (k, &class) in targets.iter().enumerate() {
            if self.ignored == Some(class) {
                losses.push(0.0);
                continue;
            }
            let class = super::host::index(class, classes)?;
            let weight = weights.as_ref().map_or(1.0, |w| f64::from(w.get(class).copied().unwrap_or(0.0)));
            let at = (k / places * classes + class) * places + k % places;
            let score = scores.get(at).ok_or_else(|| Error::input("classes and scores differ in shape"))?;
            losses.push(-weight * f64::from(*score));
            total += weight;
        }
        let sum: f64 = losses.iter().sum();
        Ok(match self.together {
            Together::None => Host::floats(losses.into_iter().map(|l| l as f32).collect(), &target_dims),
            Together::Sum => Host::floats(vec![sum as f32], &[]),
            Together::Mean => Host::floats(vec![(sum / total) as f32], &[]),
        }
        .into())
    }
}
