//! Elements ordered, counted and marked: most of it on the host, where ties are broken as the standard says.

use super::gather::picked;
use super::host::{self, each_index, strides};
use super::{Cost, Maker, Prepared, list};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::map_rank;
use crate::model::onnx::dtype::Dtype;
use crate::model::onnx::node::{self, Node};
use crate::model::onnx::value::{Host, Numbers, Value};
use crate::{Error, Result};
use std::cmp::Ordering;

pub const TABLE: &[(&str, Maker)] = &[
    ("TopK", |n| Ok(top_k(n))),
    ("OneHot", |n| Ok(one_hot(n.int("axis").unwrap_or(-1)))),
    ("NonZero", |_| Ok(Prepared::new(non_zero))),
    ("Unique", |n| Ok(unique(n.int("axis"), n.flag("sorted", true)))),
    ("CumSum", |n| Ok(cumulative(n, false))),
    ("CumProd", |n| Ok(cumulative(n, true))),
    ("EyeLike", |n| Ok(eye_like(n))),
];

/// Positions along an axis: all those that share the other coordinates, list by list.
fn lines(dims: &[usize], axis: usize) -> Vec<Vec<usize>> {
    let step = strides(dims);
    let mut outer = dims.to_vec();
    outer[axis] = 1;
    let mut all = vec![];
    each_index(&outer, |index| {
        let start: usize = index.iter().zip(&step).map(|(i, s)| i * s).sum();
        all.push((0..dims[axis]).map(|i| start + i * step[axis]).collect());
    });
    all
}

/// The order of two elements; NaN is larger than all.
fn compare(numbers: &Numbers, a: usize, b: usize) -> Ordering {
    match numbers {
        Numbers::Float(v) => v[a].partial_cmp(&v[b]).unwrap_or_else(|| v[a].is_nan().cmp(&v[b].is_nan())),
        Numbers::Int(v, Dtype::U64) => (v[a] as u64).cmp(&(v[b] as u64)),
        Numbers::Int(v, _) => v[a].cmp(&v[b]),
        Numbers::Bool(v) => v[a].cmp(&v[b]),
    }
}

/// The k largest or smallest along an axis with their positions; of equal elements the first is taken.
fn top_k(n: &Node) -> Prepared {
    let (axis, largest, attribute) = (n.int("axis").unwrap_or(-1), n.flag("largest", true), n.int("k"));
    Prepared::many(2, move |args| {
        let k = match attribute {
            Some(k) => k,
            None => args.ints(1)?.first().copied().unwrap_or(0),
        };
        let host = args.host(0)?;
        let axis = node::axis(axis, host.dims.len())?;
        let k = usize::try_from(k).ok().filter(|&k| k <= host.dims[axis]);
        let k = k.ok_or_else(|| Error::input(format!("k does not fit an axis of {}", host.dims[axis])))?;
        let mut dims = host.dims.clone();
        dims[axis] = k;
        let step = strides(&dims);
        let mut at = vec![0; dims.iter().product()];
        let mut places = vec![0; at.len()];
        for (line, start) in lines(&host.dims, axis).iter().zip(lines(&dims, axis).iter().map(|l| l.first())) {
            let mut order: Vec<usize> = (0..line.len()).collect();
            order.sort_by(|&a, &b| {
                let order = compare(&host.numbers, line[a], line[b]);
                if largest { order.reverse() } else { order }
            });
            for (i, &from) in order[..k].iter().enumerate() {
                let to = start.copied().unwrap_or(0) + i * step[axis];
                (at[to], places[to]) = (line[from], from as i64);
            }
        }
        Ok(vec![Host { numbers: host.numbers.at(&at), dims: dims.clone() }.into(), Host::ints(places, &dims).into()])
    })
    .cost(Cost::PerInput(1))
}

/// Operand 2 holds what is off and what is on.
fn one_hot(axis: i64) -> Prepared {
    Prepared::new(move |args| {
        let depth = args.scalar(1)? as usize;
        let (indices, values) = (args.host(0)?, args.host(2)?);
        let axis = node::axis(axis, indices.dims.len() + 1)?;
        let mut dims = indices.dims.clone();
        dims.insert(axis, depth);
        let (numbers, step) = (indices.numbers.ints(), strides(&indices.dims));
        let at = host::positions(&dims, |index| {
            let mut inner = index.to_vec();
            let place = inner.remove(axis) as i64;
            let i = numbers[inner.iter().zip(&step).map(|(i, s)| i * s).sum::<usize>()];
            usize::from(place == if i < 0 { i + depth as i64 } else { i })
        });
        if values.numbers.len() != 2 {
            return Err(Error::input("two values are needed: off and on"));
        }
        Ok(Host { numbers: values.numbers.at(&at), dims }.into())
    })
}

/// Indices of the elements that are not 0, one column an element.
fn non_zero(args: &mut Args) -> Result<Value> {
    let host = args.host(0)?;
    let values = host.numbers.floats();
    let mut found: Vec<Vec<usize>> = vec![];
    let mut i = 0;
    each_index(&host.dims, |index| {
        if values[i] != 0.0 {
            found.push(index.to_vec());
        }
        i += 1;
    });
    let rank = host.dims.len();
    let flat = (0..rank).flat_map(|a| found.iter().map(move |index| index[a] as i64)).collect();
    Ok(Host::ints(flat, &[rank, found.len()]).into())
}

/// Different elements, or slices along an axis: first places, places of each in the result, counts.
fn unique(axis: Option<i64>, sorted: bool) -> Prepared {
    Prepared::many(4, move |args| {
        let host = args.host(0)?;
        let axis = axis.map(|axis| node::axis(axis, host.dims.len())).transpose()?;
        // The positions of each slice, in row-major order.
        let slices: Vec<Vec<usize>> = match axis {
            None => (0..host.numbers.len()).map(|i| vec![i]).collect(),
            Some(axis) => {
                let step = strides(&host.dims);
                let mut dims = host.dims.clone();
                dims[axis] = 1;
                let start = host::positions(&dims, |index| index.iter().zip(&step).map(|(i, s)| i * s).sum());
                (0..host.dims[axis]).map(|k| start.iter().map(|s| s + k * step[axis]).collect()).collect()
            }
        };
        let order = |a: usize, b: usize| {
            let pairs = slices[a].iter().zip(&slices[b]);
            pairs.map(|(&i, &j)| compare(&host.numbers, i, j)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        };
        let mut all: Vec<usize> = (0..slices.len()).collect();
        all.sort_by(|&a, &b| order(a, b));
        let mut groups: Vec<Vec<usize>> = vec![];
        for slice in all {
            match groups.last_mut().filter(|g| order(g[0], slice).is_eq()) {
                Some(group) => group.push(slice),
                None => groups.push(vec![slice]),
            }
        }
        if !sorted {
            groups.sort_by_key(|g| g[0]);
        }
        let mut inverse = vec![0; slices.len()];
        groups.iter().enumerate().for_each(|(k, g)| g.iter().for_each(|&slice| inverse[slice] = k as i64));
        let firsts: Vec<usize> = groups.iter().map(|g| g[0]).collect();
        let values = match axis {
            Some(axis) => super::slice::pick(Value::Host(host.clone()), axis, &firsts, args)?,
            None => picked(Value::Host(host.clone()), firsts.clone(), &[firsts.len()], args.device)?,
        };
        let first = list(firsts.iter().map(|&i| i as i64).collect());
        Ok(vec![values, first, list(inverse), list(groups.iter().map(|g| g.len() as i64).collect())])
    })
}

/// Sums or products along an axis up to each element, itself included unless `exclusive`, from the end if `reverse`.
fn cumulative(n: &Node, products: bool) -> Prepared {
    let (exclusive, reverse) = (n.flag("exclusive", false), n.flag("reverse", false));
    Prepared::new(move |args| {
        let dims = args.dims(0);
        let axis = node::axis(args.ints(1)?.first().copied().unwrap_or(0), dims.len())?;
        if !products && !args.is_known(0) {
            return Ok(match args.array(0)? {
                Value::Int(x, dtype) => Value::Int(
                    map_rank!(x, t => {
                        let t = if reverse { t.flip([axis]) } else { t };
                        let y = t.clone().cumsum(axis);
                        let y = if exclusive { y.sub(t) } else { y };
                        if reverse { y.flip([axis]) } else { y }
                    }),
                    dtype,
                ),
                other => Value::Float(map_rank!(other.into_float()?, t => {
                    let t = if reverse { t.flip([axis]) } else { t };
                    let y = t.clone().cumsum(axis);
                    let y = if exclusive { y.sub(t) } else { y };
                    if reverse { y.flip([axis]) } else { y }
                })),
            });
        }
        let host = args.host(0)?;
        let mut made = host.numbers.clone();
        for mut line in lines(&dims, axis) {
            if reverse {
                line.reverse();
            }
            match &mut made {
                Numbers::Float(v) => run(v, &line, exclusive, products, |a, b| if products { a * b } else { a + b }),
                Numbers::Int(v, _) => {
                    run(
                        v,
                        &line,
                        exclusive,
                        products,
                        |a, b| {
                            if products { a.wrapping_mul(b) } else { a.wrapping_add(b) }
                        },
                    )
                }
                Numbers::Bool(_) => return Err(Error::input("sums of booleans")),
            }
        }
        Ok(Host { numbers: made, dims }.into())
    })
}

fn run<T: Copy + From<i8>>(
    values: &mut [T],
    line: &[usize],
    exclusive: bool,
    products: bool,
    join: impl Fn(T, T) -> T,
) {
    let mut total = T::from(i8::from(products));
    for &i in line {
        let next = join(total, values[i]);
        values[i] = if exclusive { total } else { next };
        total = next;
    }
}

/// Ones on a diagonal.
fn eye_like(n: &Node) -> Prepared {
    let (k, dtype) = (n.int("k").unwrap_or(0), n.int("dtype").map(|code| Dtype::from_code(code as i32)));
    Prepared::new(move |args| {
        let value = args.take(0)?;
        let [rows, columns] = value.dims()[..] else { return Err(Error::input("an identity of other than two axes")) };
        let ones = (0..rows * columns).map(|i| i64::from((i % columns) as i64 == (i / columns) as i64 + k)).collect();
        super::converted(Host::ints(ones, &[rows, columns]).into(), dtype.unwrap_or(value.dtype()))
    })
}
