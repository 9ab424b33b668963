//! Attention as one operator: ONNX's own and those that onnxruntime's optimiser writes.

use super::attend::four_axes;
use super::slice::join;
use super::{Cost, Maker, Prepared};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::{Array, map_rank};
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, activation};

pub const TABLE: &[(&str, Maker)] = &[
    ("Attention", |n| Ok(attention(n))),
    ("RotaryEmbedding", |n| Ok(rotary(n, false))),
    ("com.microsoft:RotaryEmbedding", |n| Ok(rotary(n, true))),
];

/// What no key may be: added to a score, it leaves a weight of 0.
const NEVER: f32 = f32::NEG_INFINITY;

/// `[batch, tokens, heads · width]` as `[batch, heads, tokens, width]`; four axes are so already.
pub fn by_head(x: Array, heads: usize) -> Result<Tensor<4>> {
    match x {
        Array::R4(x) => Ok(x),
        Array::R3(x) => {
            let [batch, tokens, width] = x.dims();
            if heads == 0 || !width.is_multiple_of(heads) {
                return Err(Error::input(format!("{width} columns are no whole number of {heads} heads")));
            }
            Ok(x.reshape([batch, tokens, heads, width / heads]).swap_dims(1, 2))
        }
        other => Err(Error::input(format!("an operand of attention has shape {:?}", other.dims()))),
    }
}

/// `[batch, heads, tokens, width]` as `[batch, tokens, heads · width]`.
pub fn joined(x: Tensor<4>) -> Tensor<3> {
    let [batch, heads, tokens, width] = x.dims();
    x.swap_dims(1, 2).reshape([batch, tokens, heads * width])
}

/// Each head of keys or values for several heads of queries.
fn for_heads(x: Tensor<4>, heads: usize) -> Tensor<4> {
    let [batch, own, tokens, width] = x.dims();
    if own == heads || own == 0 {
        return x;
    }
    let spread: Tensor<5> = x.reshape([batch, own, 1, tokens, width]).expand([batch, own, heads / own, tokens, width]);
    spread.reshape([batch, heads, tokens, width])
}

/// Softmax along the last axis; a row that may attend to nothing gets zeros.
fn weights(scores: Tensor<4>, guarded: bool) -> Tensor<4> {
    if !guarded {
        return activation::softmax(scores, 3);
    }
    let nothing = scores.clone().max_dim(3).equal_scalar(NEVER);
    let dims = scores.dims();
    let safe = scores.mask_fill(nothing.clone().expand(dims), 0.0);
    activation::softmax(safe, 3).mask_fill(nothing.expand(dims), 0.0)
}

/// Operands Q, K, V, mask, past key, past value, lengths; outputs Y, present key, present value, scores at a stage.
fn attention(n: &Node) -> Prepared {
    let (q_heads, kv_heads) = (n.int("q_num_heads").unwrap_or(0), n.int("kv_num_heads").unwrap_or(0));
    let scale = n.has_attribute("scale").then(|| n.float("scale", 1.0));
    let (softcap, causal) = (n.float("softcap", 0.0), n.flag("is_causal", false));
    let (left, right) = (n.int("left_window_size").unwrap_or(-1), n.int("right_window_size").unwrap_or(-1));
    let stage = n.int("qk_matmul_output_mode").unwrap_or(0);
    Prepared::many(4, move |args| {
        let flat = args.dims(0).len() == 3;
        let q = by_head(args.float(0)?, q_heads.max(0) as usize)?;
        let (mut k, mut v) =
            (by_head(args.float(1)?, kv_heads.max(0) as usize)?, by_head(args.float(2)?, kv_heads.max(0) as usize)?);
        let mut past = None;
        if args.has(4) {
            let (before_k, before_v) = (by_head(args.float(4)?, 0)?, by_head(args.float(5)?, 0)?);
            past = Some(before_k.dims()[2]);
            (k, v) = (Tensor::cat(vec![before_k, k], 2), Tensor::cat(vec![before_v, v], 2));
        }
        let (present_k, present_v) = (k.clone(), v.clone());
        let [batch, heads, queries, width] = q.dims();
        let keys = k.dims()[2];
        let lengths = args.optional_ints(6)?;
        let scale = scale.unwrap_or(1.0 / (width as f64).sqrt());
        let scores = q.mul_scalar(scale).matmul(for_heads(k, heads).swap_dims(2, 3));
        let mask = mask(args, 3, keys)?;
        let rules = Rules { causal, left, right, past: past.unwrap_or(0), lengths };
        let rule = rules.bias(batch, queries, keys, args.device)?;
        let guarded = mask.is_some() || rule.is_some();
        let mut stages = vec![scores.clone()];
        let capped = if softcap > 0.0 { scores.div_scalar(softcap).tanh().mul_scalar(softcap) } else { scores };
        stages.push(capped.clone());
        let mut biased = capped;
        for bias in [mask, rule].into_iter().flatten() {
            biased = biased.add(bias);
        }
        stages.push(biased.clone());
        let weights = weights(biased, guarded);
        stages.push(weights.clone());
        let y = weights.matmul(for_heads(v, heads));
        let y = if flat { Array::R3(joined(y)) } else { Array::R4(y) };
        let shown = stages.swap_remove(stage.clamp(0, 3) as usize);
        Ok([y, Array::R4(present_k), Array::R4(present_v), Array::R4(shown)].map(Value::Float).to_vec())
    })
    .cost(Cost::Contraction)
}

/// A mask as numbers to add, `[batch or 1, heads or 1, queries or 1, keys]`; missing keys at its end are never attended to.
fn mask(args: &mut Args, i: usize, keys: usize) -> Result<Option<Tensor<4>>> {
    if !args.has(i) {
        return Ok(None);
    }
    let bias = match args.array(i)? {
        Value::Bool(m) => map_rank!(m, m => m.clone().float().zeros_like().mask_fill(m.bool_not(), NEVER)),
        other => other.into_float()?,
    };
    let dims = bias.dims();
    let given = dims.last().copied().unwrap_or(0);
    let bias = if given < keys {
        let mut rest = dims;
        *rest.last_mut().ok_or_else(|| Error::input("the mask is a scalar"))? = keys - given;
        let never = Host::floats(vec![NEVER; rest.iter().product()], &rest).upload(args.device)?.into_float()?;
        join(vec![bias, never], rest.len() - 1)?
    } else {
        bias
    };
    four_axes(bias).map(Some)
}

/// Which keys a query may see by their places.
pub struct Rules {
    pub causal: bool,
    /// Keys before and after a query's place that it sees; −1 for all.
    pub left: i64,
    pub right: i64,
    /// Keys before the first query.
    pub past: usize,
    /// Keys of each row that are there.
    pub lengths: Option<Vec<i64>>,
}

impl Rules {
    pub fn bias(&self, batch: usize, queries: usize, keys: usize, device: &Device) -> Result<Option<Tensor<4>>> {
        if !self.causal && self.left < 0 && self.right < 0 && self.lengths.is_none() {
            return Ok(None);
        }
        let rows = if self.lengths.is_some() { batch } else { 1 };
        let mut numbers = Vec::with_capacity(rows * queries * keys);
        for row in 0..rows {
            let length = self.lengths.as_ref().and_then(|l| l.get(row)).copied();
            let offset = length.map_or(self.past as i64, |l| l - queries as i64);
            for (i, j) in (0..queries as i64).flat_map(|i| (0..keys as i64).map(move |j| (i, j))) {
                let place = i + offset;
                let sees = (!self.causal || j <= place)
                    && (self.left < 0 || place - j <= self.left)
                    && (self.right < 0 || j - place <= self.right)
                    && length.is_none_or(|l| j < l);
                numbers.push(if sees { 0.0 } else { NEVER });
            }
        }
        match Host::floats(numbers, &[rows, 1, queries, keys]).upload(device)? {
            Value::Float(Array::R4(t)) => Ok(Some(t)),
            _ => Err(Error::input("a mask has not four axes")),
        }
    }
}

/// Pairs of columns turned by an angle that depends on the place of their token.
fn rotary(n: &Node, microsoft: bool) -> Prepared {
    let (interleaved, heads) = (n.flag("interleaved", false), n.int("num_heads").unwrap_or(0).max(0) as usize);
    let part = n.int("rotary_embedding_dim").unwrap_or(0).max(0) as usize;
    let (cos_at, sin_at, places_at) = if microsoft { (2, 3, 1) } else { (1, 2, 3) };
    Prepared::new(move |args| {
        let flat = args.dims(0).len() == 3;
        let heads = if flat && heads == 0 && microsoft { args.dims(0)[2] / (2 * args.dims(cos_at)[1]) } else { heads };
        let x = by_head(args.float(0)?, heads)?;
        let [batch, n_heads, tokens, width] = x.dims();
        let turned = if part == 0 { width } else { part };
        let angles = |t: Array| -> Result<Tensor<4>> {
            let half = t.dims()[t.rank() - 1];
            let rows: usize = t.len() / (tokens * half).max(1);
            match t.reshape(&[rows, 1, tokens, half])? {
                Array::R4(t) => Ok(t.expand([batch, 1, tokens, half])),
                _ => Err(Error::input("angles have not four axes")),
            }
        };
        let places = match args.has(places_at) {
            true => Some(places(args, places_at, batch, tokens)?),
            false => None,
        };
        let cache = |args: &mut Args, i: usize| -> Result<Tensor<4>> {
            let cache = args.float(i)?;
            match &places {
                Some(places) => {
                    let table = cache.matrix()?;
                    let half = table.dims()[1];
                    let at = args.upload(places.clone())?.flat()?;
                    angles(Array::R2(table.select(0, at)).reshape(&[batch, tokens, half])?)
                }
                None => angles(cache),
            }
        };
        let (cos, sin) = (cache(args, cos_at)?, cache(args, sin_at)?);
        let (turn, rest) =
            (x.clone().narrow(3, 0, turned), (turned < width).then(|| x.narrow(3, turned, width - turned)));
        let half = turned / 2;
        let (a, b) = match interleaved {
            true => {
                let pairs: Tensor<5> = turn.reshape([batch, n_heads, tokens, half, 2]);
                let side = |k: usize| pairs.clone().narrow(4, k, 1).reshape([batch, n_heads, tokens, half]);
                (side(0), side(1))
            }
            false => (turn.clone().narrow(3, 0, half), turn.narrow(3, half, half)),
        };
        let real = a.clone().mul(cos.clone()).sub(b.clone().mul(sin.clone()));
        let imaginary = a.mul(sin).add(b.mul(cos));
        let mut y: Tensor<4> = match interleaved {
            true => {
                let [real, imaginary] = [real, imaginary].map(|t| t.reshape([batch, n_heads, tokens, half, 1]));
                Tensor::<5>::cat(vec![real, imaginary], 4).reshape([batch, n_heads, tokens, turned])
            }
            false => Tensor::cat(vec![real, imaginary], 3),
        };
        if let Some(rest) = rest {
            y = Tensor::cat(vec![y, rest], 3);
        }
        Ok(Value::Float(if flat { Array::R3(joined(y)) } else { Array::R4(y) }))
    })
    .cost(Cost::PerOutput(4))
}

/// The place of each token; one number is the place of the first.
fn places(args: &mut Args, i: usize, batch: usize, tokens: usize) -> Result<Vec<i64>> {
    let given = args.ints(i)?;
    match given[..] {
        [first] if tokens != 1 || batch != 1 => Ok((0..batch * tokens).map(|k| first + (k % tokens) as i64).collect()),
        _ => Ok(given),
    }
}
