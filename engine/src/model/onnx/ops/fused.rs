//! Attention and embeddings as onnxruntime's optimiser writes them.

use super::attend::four_axes;
use super::attention::{Rules, by_head, joined};
use super::linear::product;
use super::{Cost, Maker, Prepared};
use crate::kernels::{self, Scores};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::{Array, map_rank, zip_rank};
use crate::model::onnx::node::Node;
use crate::model::onnx::value::{Host, Value};
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, activation};

pub const TABLE: &[(&str, Maker)] = &[
    ("com.microsoft:Attention", fused_attention),
    ("com.microsoft:MultiHeadAttention", multi_head),
    ("com.microsoft:EmbedLayerNormalization", |n| Ok(embed_layer_norm(n))),
];

/// `x · W + b` cut into queries, keys and values, then attention. Operands input, weights, bias, mask, past, scores to add.
fn fused_attention(n: &Node) -> Result<Prepared> {
    let heads = n.int("num_heads").unwrap_or(0).max(0) as usize;
    let (causal, scale) = (n.flag("unidirectional", false), n.has_attribute("scale").then(|| n.float("scale", 1.0)));
    let sizes = n.sizes("qkv_hidden_sizes")?.unwrap_or_default();
    if n.has(4) || n.flag("do_rotary", false) {
        return Err(n.refuse("a past or rotary embeddings"));
    }
    let never = n.float("mask_filter_value", -10_000.0);
    Ok(Prepared::new(move |args| {
        let (x, w) = (args.float(0)?, args.float(1)?);
        let mut all = product(x, w)?;
        if args.has(2) {
            let bias = args.float(2)?;
            all = zip_rank!(all, bias, (x, b) => x.add(b));
        }
        let Array::R3(all) = all else { return Err(Error::input("the input has not three axes")) };
        let [batch, tokens, columns] = all.dims();
        let sizes = if sizes.len() == 3 { sizes.clone() } else { vec![columns / 3; 3] };
        let part = |k: usize| by_head(Array::R3(all.clone().narrow(2, sizes[..k].iter().sum(), sizes[k])), heads);
        let mask = key_mask(args, 3, batch, tokens, never)?;
        let added = args.has(5).then(|| args.float(5)).transpose()?;
        let y = attend(part(0)?, part(1)?, part(2)?, scale, [mask, added], causal, args.device)?;
        Ok(Value::Float(Array::R3(joined(y))))
    })
    .cost(Cost::Contraction))
}

/// Operands query, key, value, bias, key padding mask, scores to add; outputs the result.
fn multi_head(n: &Node) -> Result<Prepared> {
    let heads = n.int("num_heads").unwrap_or(0).max(0) as usize;
    let (causal, scale) = (n.flag("unidirectional", false), n.has_attribute("scale").then(|| n.float("scale", 1.0)));
    let never = n.float("mask_filter_value", -10_000.0);
    if n.has(6) || n.has(7) || !n.has(1) || !n.has(2) {
        return Err(n.refuse("a past or packed operands"));
    }
    Ok(Prepared::new(move |args| {
        let mut parts = vec![];
        let bias = args.has(3).then(|| args.float(3)?.flat()).transpose()?;
        let mut start = 0;
        for i in 0..3 {
            let mut x = args.float(i)?;
            if let (Some(bias), Array::R3(t)) = (&bias, &x) {
                let width = t.dims()[2];
                let bias = Array::R1(bias.clone().narrow(0, start, width));
                start += width;
                x = zip_rank!(x, bias, (x, b) => x.add(b));
            }
            parts.push(by_head(x, heads)?);
        }
        let [batch, _, keys, _] = parts[1].dims();
        let mask = key_mask(args, 4, batch, keys, never)?;
        let added = args.has(5).then(|| args.float(5)).transpose()?;
        let (v, k, q) = (parts.remove(2), parts.remove(1), parts.remove(0));
        let y = attend(q, k, v, scale, [mask, added], causal, args.device)?;
        Ok(Value::Float(Array::R3(joined(y))))
    })
    .cost(Cost::Contraction))
}

/// `softmax(scale · q kᵀ + biases) v`.
fn attend(
    q: Tensor<4>,
    k: Tensor<4>,
    v: Tensor<4>,
    scale: Option<f64>,
    biases: [Option<Array>; 2],
    causal: bool,
    device: &Device,
) -> Result<Tensor<4>> {
    let [batch, _, queries, width] = q.dims();
    let keys = k.dims()[2];
    let scale = scale.filter(|&s| s != 0.0).unwrap_or(1.0 / (width as f64).sqrt());
    let rules = Rules { causal, left: -1, right: -1, past: keys.saturating_sub(queries), lengths: None };
    let rule = rules.bias(batch, queries, keys, device)?.map(Array::R4);
    let mut mask: Option<Tensor<4>> = None;
    for bias in biases.into_iter().chain([rule]).flatten() {
        let bias = four_axes(bias)?;
        mask = Some(if let Some(mask) = mask { mask.add(bias) } else { bias });
    }
    let k = k.swap_dims(2, 3);
    if let Some(y) = kernels::attention(&q, &k, &v, mask.as_ref(), Scores { scale: scale as f32, guarded: false }) {
        return Ok(y);
    }
    let Array::R4(scores) = product(Array::R4(q.mul_scalar(scale)), Array::R4(k))? else {
        return Err(Error::input("scores have not four axes"));
    };
    let scores = if let Some(mask) = mask { scores.add(mask) } else { scores };
    Ok(activation::softmax(scores, 3).matmul(v))
}

/// A mask of keys as numbers to add. It may be `[batch]` (lengths), `[batch, keys]`, `[batch, queries, keys]` or
/// `[batch, 1, queries, keys]`; 1 means that a key is there.
fn key_mask(args: &mut Args, i: usize, batch: usize, keys: usize, never: f64) -> Result<Option<Array>> {
    if !args.has(i) {
        return Ok(None);
    }
    let dims = args.dims(i);
    let mask = match dims.len() {
        1 if dims[0] == batch => {
            let lengths = args.ints(i)?;
            let there = (0..batch * keys).map(|k| f32::from(((k % keys) as i64) < lengths[k / keys])).collect();
            Host::floats(there, &[batch, keys]).upload(args.device)?.into_float()?
        }
        1 => return Err(Error::input("a mask of starts and ends is not supported")),
        _ => args.number(i)?,
    };
    let dims = mask.dims();
    let shape = match dims[..] {
        [b, k] => vec![b, 1, 1, k],
        [b, q, k] => vec![b, 1, q, k],
        _ => dims,
    };
    let mask = mask.reshape(&shape)?;
    Ok(Some(map_rank!(mask, m => m.neg().add_scalar(1.0).mul_scalar(never))))
}

/// Sums of embeddings, normalised. Operands ids, segment ids, tables of words, places and segments, gamma, beta, mask, place ids;
/// outputs the result, keys that are there by row, the sum.
fn embed_layer_norm(n: &Node) -> Prepared {
    let epsilon = n.float("epsilon", 1e-12);
    Prepared::many(3, move |args| {
        let [batch, tokens] = args.dims(0)[..] else { return Err(Error::input("ids have not two axes")) };
        let rows = |args: &mut Args, table: usize, at: Vec<i64>| -> Result<Tensor<3>> {
            let table = args.float(table)?.matrix()?;
            let width = table.dims()[1];
            Ok(table.select(0, args.upload(at)?.flat()?).reshape([batch, tokens, width]))
        };
        let ids = args.ints(0)?;
        let mut sum = rows(args, 2, ids)?;
        let places = match args.optional_ints(8)? {
            Some(places) if places.len() == tokens => places.repeat(batch),
            Some(places) => places,
            None => (0..batch * tokens).map(|k| (k % tokens) as i64).collect(),
        };
        sum = sum.add(rows(args, 3, places)?);
        if args.has(1) && args.has(4) {
            let segments = args.ints(1)?;
            sum = sum.add(rows(args, 4, segments)?);
        }
        let centred = sum.clone().sub(sum.clone().mean_dim(2));
        let normal = centred.clone().div(centred.square().mean_dim(2).add_scalar(epsilon).sqrt());
        let (gamma, beta) = (args.float(5)?, args.float(6)?);
        let y = Array::R3(normal);
        let y = zip_rank!(y, gamma, (y, g) => y.mul(g));
        let y = zip_rank!(y, beta, (y, b) => y.add(b));
        let there: Vec<i64> = match args.optional_ints(7)? {
            Some(mask) => mask.chunks(tokens.max(1)).map(|row| row.iter().sum()).collect(),
            None => vec![0; batch],
        };
        Ok(vec![Value::Float(y), Host::ints(there, &[batch]).into(), Value::Float(Array::R3(sum))])
    })
    .cost(Cost::PerOutput(10))
}
