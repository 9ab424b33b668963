//! `Einsum`: sums of products over labelled axes, as permutations and matrix products.

use super::linear::product;
use super::reduce::{Reduction, reduce_axes};
use super::{Cost, Maker, Prepared};
use crate::model::onnx::array::Array;
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};

pub const TABLE: &[(&str, Maker)] = &[("Einsum", einsum)];

/// An array whose axes have labels; those of an ellipsis are digits counted from its end.
struct Labelled {
    array: Array,
    labels: Vec<char>,
}

fn einsum(n: &Node) -> Result<Prepared> {
    let equation: String = n.text("equation").unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
    let step = Prepared::new(move |args| {
        let (left, right) = equation.split_once("->").map_or((equation.as_str(), None), |(l, r)| (l, Some(r)));
        let terms: Vec<&str> = left.split(',').collect();
        if terms.len() != args.values.len() {
            return Err(Error::input(format!("{equation:?} does not fit {} operands", args.values.len())));
        }
        let mut operands = vec![];
        for (i, term) in terms.iter().enumerate() {
            let array = args.number(i)?;
            operands.push(diagonals(Labelled { labels: labels(term, array.rank(), &equation)?, array }, args.device)?);
        }
        let wanted = wanted(right, &operands, left);
        let mut result = operands.remove(0);
        while !operands.is_empty() {
            let next = operands.remove(0);
            let still = |c: char| wanted.contains(&c) || operands.iter().any(|o| o.labels.contains(&c));
            result = multiply(result, next, still)?;
        }
        finished(result, &wanted).map(Value::Float)
    });
    Ok(step.cost(Cost::Contraction))
}

/// The labels of a term for an array of so many axes.
fn labels(term: &str, rank: usize, equation: &str) -> Result<Vec<char>> {
    let letters = term.chars().filter(|c| c.is_alphabetic()).count();
    let has_ellipsis = term.contains("...");
    if letters > rank || (letters < rank && !has_ellipsis) || rank - letters > 9 {
        return Err(Error::input(format!("the term {term:?} of {equation:?} does not fit {rank} axes")));
    }
    let hidden = rank - letters;
    let mut labels = vec![];
    for part in term.replace("...", ".").chars() {
        match part {
            '.' => labels.extend((0..hidden).rev().map(|i| char::from(b'0' + i as u8))),
            letter => labels.push(letter),
        }
    }
    Ok(labels)
}

/// The labels of the result: those stated, or all that occur once, in alphabetical order.
fn wanted(right: Option<&str>, operands: &[Labelled], left: &str) -> Vec<char> {
    let all = || operands.iter().flat_map(|o| o.labels.iter().copied());
    let mut hidden: Vec<char> = all().filter(char::is_ascii_digit).collect();
    hidden.sort_unstable_by(|a, b| b.cmp(a));
    hidden.dedup();
    match right {
        Some(right) => {
            right.replace("...", ".").chars().flat_map(|c| if c == '.' { hidden.clone() } else { vec![c] }).collect()
        }
        None => {
            let once = |c: &char| left.chars().filter(|l| l == c).count() == 1;
            let mut letters: Vec<char> = all().filter(|c| c.is_alphabetic() && once(c)).collect();
            letters.sort_unstable();
            hidden.into_iter().chain(letters).collect()
        }
    }
}

/// Repeated labels within a term pick the diagonal.
fn diagonals(x: Labelled, device: &burn::tensor::Device) -> Result<Labelled> {
    let Labelled { mut array, mut labels } = x;
    while let Some((a, b)) = (0..labels.len())
        .flat_map(|a| (a + 1..labels.len()).map(move |b| (a, b)))
        .find(|&(a, b)| labels[a] == labels[b])
    {
        let mut order: Vec<usize> = (0..labels.len()).filter(|&i| i != a && i != b).collect();
        order.extend([a, b]);
        let moved = array.permute(&order)?;
        let dims = moved.dims();
        let n = dims[dims.len() - 1];
        let outer = &dims[..dims.len() - 2];
        let count: usize = outer.iter().product();
        let at: Vec<i64> = (0..count * n).map(|k| ((k / n) * n * n + (k % n) * (n + 1)) as i64).collect();
        let Value::Int(at, _) = Host::ints(at, &[count * n]).upload(device)? else {
            return Err(Error::input("positions are no integers"));
        };
        let kept: Vec<usize> = outer.iter().copied().chain([n]).collect();
        array = Array::R1(moved.flat()?.select(0, at.flat()?)).reshape(&kept)?;
        labels = order[..order.len() - 1].iter().map(|&i| labels[i]).collect();
    }
    Ok(Labelled { array, labels })
}

/// The product of two operands; labels that nothing else needs are summed over.
fn multiply(a: Labelled, b: Labelled, needed: impl Fn(char) -> bool) -> Result<Labelled> {
    let a = summed(a, |c| needed(c) || b.labels.contains(&c))?;
    let b = summed(b, |c| needed(c) || a.labels.contains(&c))?;
    let both = |c: &char| a.labels.contains(c) && b.labels.contains(c);
    let batch: Vec<char> = a.labels.iter().copied().filter(|c| both(c) && needed(*c)).collect();
    let inner: Vec<char> = a.labels.iter().copied().filter(|c| both(c) && !needed(*c)).collect();
    let rows: Vec<char> = a.labels.iter().copied().filter(|c| !both(c)).collect();
    let columns: Vec<char> = b.labels.iter().copied().filter(|c| !both(c)).collect();
    let size = |x: &Labelled, c: &char| x.labels.iter().position(|l| l == c).map_or(1, |i| x.array.dims()[i]);
    let sizes = |x: &Labelled, labels: &[char]| labels.iter().map(|c| size(x, c)).collect::<Vec<usize>>();
    // An axis of length 1 under a label of the batch or the sum meets the other's length.
    let common = |c: &char| size(&a, c).max(size(&b, c));
    let batch_sizes: Vec<usize> = batch.iter().map(common).collect();
    let inner_sizes: Vec<usize> = inner.iter().map(common).collect();
    let (row_sizes, column_sizes) = (sizes(&a, &rows), sizes(&b, &columns));
    let n = |sizes: &[usize]| sizes.iter().product::<usize>();
    let left =
        arranged(a, &[&batch[..], &rows, &inner].concat(), &[&batch_sizes[..], &row_sizes, &inner_sizes].concat())?;
    let right = arranged(
        b,
        &[&batch[..], &inner, &columns].concat(),
        &[&batch_sizes[..], &inner_sizes, &column_sizes].concat(),
    )?;
    let left = left.reshape(&[n(&batch_sizes), n(&row_sizes), n(&inner_sizes)])?;
    let right = right.reshape(&[n(&batch_sizes), n(&inner_sizes), n(&column_sizes)])?;
    let dims = [batch_sizes, row_sizes, column_sizes].concat();
    Ok(Labelled { array: product(left, right)?.reshape(&dims)?, labels: [batch, rows, columns].concat() })
}

/// Axes in the order of labels, expanded to sizes.
fn arranged(x: Labelled, labels: &[char], sizes: &[usize]) -> Result<Array> {
    let at =
        |c: &char| x.labels.iter().position(|l| l == c).ok_or_else(|| Error::input(format!("no axis is labelled {c}")));
    let order = labels.iter().map(at).collect::<Result<Vec<_>>>()?;
    super::elementwise::broadcast(x.array.permute(&order)?, sizes)
}

/// Summed over the labels that are not kept.
fn summed(x: Labelled, keep: impl Fn(char) -> bool) -> Result<Labelled> {
    let dropped: Vec<usize> = (0..x.labels.len()).filter(|&i| !keep(x.labels[i])).collect();
    if dropped.is_empty() {
        return Ok(x);
    }
    let dims = x.array.dims();
    let kept: Vec<usize> = (0..dims.len()).filter(|i| !dropped.contains(i)).collect();
    let array = reduce_axes(Reduction::Sum, x.array, &dropped);
    let array = array.reshape(&kept.iter().map(|&i| dims[i]).collect::<Vec<_>>())?;
    Ok(Labelled { array, labels: kept.iter().map(|&i| x.labels[i]).collect() })
}

/// The wanted axes in their order.
fn finished(x: Labelled, wanted: &[char]) -> Result<Array> {
    let x = summed(x, |c| wanted.contains(&c))?;
    let dims = x.array.dims();
    let sizes: Vec<usize> =
        wanted.iter().map(|c| x.labels.iter().position(|l| l == c).map_or(1, |i| dims[i])).collect();
    arranged(x, wanted, &sizes)
}
