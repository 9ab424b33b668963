//! Sizes as numbers, and arrays made from sizes: all on the host.

use super::{Maker, Prepared, list};
use crate::model::onnx::args::Args;
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Numbers, Value};
use crate::{Error, Result};

pub const TABLE: &[(&str, Maker)] = &[
    ("Shape", |n| Ok(shape(n.int("start"), n.int("end")))),
    ("Size", |_| {
        Ok(Prepared::new(|args| {
            let n: usize = args.take(0)?.dims().iter().product();
            Ok(Host::ints(vec![n as i64], &[]).into())
        })
        .free())
    }),
    ("ConstantOfShape", constant_of_shape),
    ("Range", |_| Ok(Prepared::new(range).free())),
];

/// The sizes of axes `start..end`, on the host.
fn shape(start: Option<i64>, end: Option<i64>) -> Prepared {
    Prepared::new(move |args: &mut Args| {
        let dims = args.take(0)?.dims();
        let n = dims.len() as i64;
        let bound = |given: Option<i64>, absent: i64| {
            let at = given.unwrap_or(absent);
            (if at < 0 { at + n } else { at }).clamp(0, n) as usize
        };
        let (start, end) = (bound(start, 0), bound(end, n));
        Ok(list(dims[start..end.max(start)].iter().map(|&d| d as i64).collect()))
    })
    .free()
}

/// One number all over a shape; a float 0 by default.
fn constant_of_shape(node: &Node) -> Result<Prepared> {
    let value = node.tensor("value")?.unwrap_or_else(|| Host::floats(vec![0.0], &[1]));
    Ok(Prepared::new(move |args| {
        let dims = args.ints(0)?.iter().map(|&n| usize::try_from(n).ok()).collect::<Option<Vec<_>>>();
        let dims = dims.ok_or_else(|| Error::input("a size is negative"))?;
        let n = dims.iter().product();
        Ok(Host { numbers: value.numbers.at(&vec![0; n]), dims }.into())
    })
    .free())
}

/// `start`, `start + delta`, … up to `limit`.
fn range(args: &mut Args) -> Result<Value> {
    let (start, limit, delta) = (args.host(0)?, args.host(1)?, args.host(2)?);
    let count = |span: f64, delta: f64| (span / delta).ceil().max(0.0) as usize;
    let undefined = || Error::input("the step of a range is 0, or its bounds are empty");
    let numbers = match &start.numbers {
        Numbers::Int(_, dtype) => {
            let first = |host: &Host| host.numbers.ints().first().copied().ok_or_else(undefined);
            let (start, limit, delta) = (first(&start)?, first(&limit)?, first(&delta)?);
            if delta == 0 {
                return Err(undefined());
            }
            let n = count((limit - start) as f64, delta as f64);
            Numbers::Int((0..n as i64).map(|i| start + i * delta).collect(), *dtype)
        }
        _ => {
            let first = |host: &Host| host.numbers.floats().first().copied().map(f64::from).ok_or_else(undefined);
            let (start, limit, delta) = (first(&start)?, first(&limit)?, first(&delta)?);
            if delta == 0.0 {
                return Err(undefined());
            }
            let n = count(limit - start, delta);
            Numbers::Float((0..n).map(|i| (start + i as f64 * delta) as f32).collect())
        }
    };
    let dims = vec![numbers.len()];
    Ok(Host { numbers, dims }.into())
}
