//! Sums, means, extremes and their positions along axes.

use super::{Cost, Prepared, not_constant};
use crate::model::onnx::value::{Array, Value, map_rank};
use crate::{Error, Result};
use burn::tensor::Tensor;
use onnx_ir::reduce::{ReduceAxes, ReduceConfig};

#[derive(Clone, Copy, Debug)]
pub enum Reduction {
    Sum,
    Mean,
    Max,
    Min,
    Prod,
    L1,
    L2,
    SumSquare,
    LogSum,
    LogSumExp,
}

/// A reduction along constant axes; none given means all of them.
pub fn reduce(kind: Reduction, config: &ReduceConfig) -> Result<Prepared> {
    let ReduceAxes::Static(axes) = &config.axes else { return Err(not_constant("the axes of a reduction")) };
    let (axes, keep, noop) = (axes.clone(), config.keepdims, config.noop_with_empty_axes);
    Ok(Prepared::new(move |args| {
        let x = args.float(0)?;
        let axes = match axes.is_empty() {
            true if noop => return Ok(Value::Float(x)),
            true => (0..x.rank()).collect(),
            false => axes.clone(),
        };
        let y = reduce_axes(kind, x, &axes);
        Ok(Value::Float(if keep { y } else { drop_axes(y, &axes)? }))
    })
    .cost(Cost::PerInput(1)))
}

/// Reduces axes one after the other; they keep length 1.
pub fn reduce_axes(kind: Reduction, x: Array, axes: &[usize]) -> Array {
    map_rank!(x, t => along(kind, t, axes))
}

fn along<const D: usize>(kind: Reduction, x: Tensor<D>, axes: &[usize]) -> Tensor<D> {
    let sum = |x: Tensor<D>| axes.iter().fold(x, |x, &axis| x.sum_dim(axis));
    match kind {
        Reduction::Sum => sum(x),
        Reduction::Mean => axes.iter().fold(x, |x, &axis| x.mean_dim(axis)),
        Reduction::Max => axes.iter().fold(x, |x, &axis| x.max_dim(axis)),
        Reduction::Min => axes.iter().fold(x, |x, &axis| x.min_dim(axis)),
        Reduction::Prod => axes.iter().fold(x, |x, &axis| x.prod_dim(axis)),
        Reduction::L1 => sum(x.abs()),
        Reduction::L2 => sum(x.square()).sqrt(),
        Reduction::SumSquare => sum(x.square()),
        Reduction::LogSum => sum(x).log(),
        Reduction::LogSumExp => {
            let top = axes.iter().fold(x.clone(), |x, &axis| x.max_dim(axis));
            sum(x.sub(top.clone()).exp()).log().add(top)
        }
    }
}

fn drop_axes(x: Array, axes: &[usize]) -> Result<Array> {
    let dims = x.dims();
    let kept: Vec<usize> = (0..dims.len()).filter(|axis| !axes.contains(axis)).map(|axis| dims[axis]).collect();
    x.reshape(&kept)
}

/// The position of the first largest or smallest element along an axis.
pub fn arg(largest: bool, axis: usize, keep: bool, last: bool) -> Result<Prepared> {
    if last {
        return Err(Error::input("ArgMax and ArgMin with select_last_index are not supported"));
    }
    Ok(Prepared::new(move |args| {
        let x = args.float(0)?;
        let mut dims = x.dims();
        let y = if largest { map_rank!(x, t => t.argmax(axis)) } else { map_rank!(x, t => t.argmin(axis)) };
        dims[axis] = 1;
        if !keep {
            dims.remove(axis);
        }
        Ok(Value::Int(y.reshape(&dims)?))
    })
    .cost(Cost::PerInput(1)))
}
