//! Positions in row-major arrays, for what is computed on the host.

use crate::{Error, Result};

/// Elements from one to the next along each axis.
pub fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for axis in (1..dims.len()).rev() {
        strides[axis - 1] = strides[axis] * dims[axis];
    }
    strides
}

/// Calls a function with each index of an array of these dims, in order.
pub fn each_index(dims: &[usize], mut visit: impl FnMut(&[usize])) {
    if dims.contains(&0) {
        return;
    }
    let mut index = vec![0; dims.len()];
    loop {
        visit(&index);
        let Some(axis) = (0..dims.len()).rev().find(|&axis| index[axis] + 1 < dims[axis]) else { return };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}

/// For each index of an array, the position that a function gives.
pub fn positions(dims: &[usize], mut position: impl FnMut(&[usize]) -> usize) -> Vec<usize> {
    let mut all = Vec::with_capacity(dims.iter().product());
    each_index(dims, |index| all.push(position(index)));
    all
}

/// The positions in an array of dims `from` that broadcasting to `to` visits, in order.
pub fn broadcast_positions(from: &[usize], to: &[usize]) -> Vec<usize> {
    let (skip, step) = (to.len() - from.len(), strides(from));
    positions(to, |index| {
        let place = |axis: usize| if from[axis] == 1 { 0 } else { index[skip + axis] * step[axis] };
        (0..from.len()).map(place).sum()
    })
}

/// The common shape of shapes, axes aligned at the end.
pub fn broadcast_dims(shapes: &[Vec<usize>]) -> Result<Vec<usize>> {
    let rank = shapes.iter().map(Vec::len).max().unwrap_or(0);
    let size = |axis: usize| {
        let sizes = shapes.iter().filter_map(|s| (s.len() + axis).checked_sub(rank).map(|i| s[i]));
        let size = sizes.clone().find(|&n| n != 1).unwrap_or(1);
        match sizes.clone().all(|n| n == 1 || n == size) {
            true => Ok(size),
            false => Err(Error::input(format!("shapes {shapes:?} cannot be broadcast together"))),
        }
    };
    (0..rank).map(size).collect()
}

/// An index from 0, given one that may count from the end.
pub fn index(i: i64, n: usize) -> Result<usize> {
    let from_start = if i < 0 { i + n as i64 } else { i };
    let outside = || Error::input(format!("index {i} is outside of an axis of {n}"));
    usize::try_from(from_start).ok().filter(|&i| i < n).ok_or_else(outside)
}
