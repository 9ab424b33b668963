//! One layer: attention of grouped queries with rotary positions, then SwiGLU, each behind a norm and added to what came in.

use super::packed::Packed;
use super::{floats, whole_numbers};
use crate::Device;
use crate::Result;
use crate::transformer::config::DecoderConfig;
use crate::transformer::layers::{Linear, RmsNorm};
use crate::transformer::weights::Loader;
use burn::tensor::activation::silu;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{DType, Int, Tensor};

pub(super) struct Layer {
    before_attention: RmsNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    /// Norms of each head's query and key, where the family has them.
    head_norms: Option<[RmsNorm; 2]>,
    before_mlp: RmsNorm,
    gate: Linear,
    up: Linear,
    down: Linear,
}

/// Where tokens stand, on the device.
pub(super) struct Places {
    cos: Tensor<3>,
    sin: Tensor<3>,
    sequences: usize,
    length: usize,
    /// Nodes by place and places by node; None where they are the same.
    moves: Option<[Tensor<1, Int>; 2]>,
    /// Heads of keys are repeated for the queries they serve; burn's CPU attention does that itself.
    repeat: bool,
}

impl Places {
    pub fn new(packed: &Packed, config: &DecoderConfig, dtype: DType, device: &Device) -> Self {
        let positions = packed.positions.iter().max().map_or(0, |&last| last as usize + 1);
        let half = config.head_size / 2;
        let at = whole_numbers(packed.positions.clone(), device);
        let [cos, sin] = config.rope.tables(config.head_size, positions).map(|table| {
            let table = floats(table, [positions, half], dtype, device);
            table.select(0, at.clone()).unsqueeze_dim(1)
        });
        let moves = (!packed.is_plain())
            .then(|| [packed.nodes.clone(), packed.places.clone()].map(|list| whole_numbers(list, device)));
        let (sequences, length) = (packed.sequences, packed.length);
        Self { cos, sin, sequences, length, moves, repeat: !device.is_cpu() }
    }

    /// Turns pairs of coordinates `(i, i + size / 2)` of every head, `[nodes, heads, size]`.
    fn turned(&self, x: Tensor<3>) -> Tensor<3> {
        let halves = x.chunk(2, 2);
        let (a, b) = (halves[0].clone(), halves[1].clone());
        let (cos, sin) = (&self.cos, &self.sin);
        let first = a.clone() * cos.clone() - b.clone() * sin.clone();
        let second = b * cos.clone() + a * sin.clone();
        Tensor::cat(vec![first, second], 2)
    }

    /// Nodes `[nodes, heads · size]` as sequences `[sequences, heads, length, size]`.
    fn spread(&self, x: Tensor<2>, heads: usize) -> Tensor<4> {
        let width = x.dims()[1];
        let x = match &self.moves {
            Some([nodes, _]) => x.select(0, nodes.clone()),
            None => x,
        };
        x.reshape([self.sequences, self.length, heads, width / heads]).swap_dims(1, 2)
    }

    /// The inverse of [`Places::spread`].
    fn gathered(&self, x: Tensor<4>) -> Tensor<2> {
        let [sequences, heads, length, size] = x.dims();
        let x = x.swap_dims(1, 2).reshape([sequences * length, heads * size]);
        match &self.moves {
            Some([_, places]) => x.select(0, places.clone()),
            None => x,
        }
    }
}

impl Layer {
    pub fn load(loader: &mut Loader, n: usize, c: &DecoderConfig) -> Result<Self> {
        let name = |part: &str| format!("model.layers.{n}.{part}");
        let (queries, keys) = (c.heads * c.head_size, c.kv_heads * c.head_size);
        let mut linear = |part: &str, shape: [usize; 2], bias: bool| Linear::load(loader, &name(part), shape, bias);
        let query = linear("self_attn.q_proj", [c.hidden, queries], c.qkv_bias)?;
        let key = linear("self_attn.k_proj", [c.hidden, keys], c.qkv_bias)?;
        let value = linear("self_attn.v_proj", [c.hidden, keys], c.qkv_bias)?;
        let output = linear("self_attn.o_proj", [queries, c.hidden], c.output_bias)?;
        let gate = linear("mlp.gate_proj", [c.hidden, c.inner], c.mlp_bias)?;
        let up = linear("mlp.up_proj", [c.hidden, c.inner], c.mlp_bias)?;
        let down = linear("mlp.down_proj", [c.inner, c.hidden], c.mlp_bias)?;
        let mut norm = |part: &str, width: usize| RmsNorm::load(loader, &name(part), width, c.epsilon);
        let head_norms = match c.qk_norm {
            true => Some([norm("self_attn.q_norm", c.head_size)?, norm("self_attn.k_norm", c.head_size)?]),
            false => None,
        };
        let before_attention = norm("input_layernorm", c.hidden)?;
        let before_mlp = norm("post_attention_layernorm", c.hidden)?;
        Ok(Self { before_attention, query, key, value, output, head_norms, before_mlp, gate, up, down })
    }

    /// `[nodes, hidden]` to the same, with the keys and values of all that was read, the cached before them.
    pub fn of(
        &self,
        x: Tensor<2>,
        places: &Places,
        cached: Option<&[Tensor<4>; 2]>,
        config: &DecoderConfig,
    ) -> (Tensor<2>, [Tensor<4>; 2]) {
        let (mixed, kept) = self.attend(self.before_attention.of(x.clone()), places, cached, config);
        let x = x + self.output.of(mixed);
        let y = self.before_mlp.of(x.clone());
        let inner = silu(self.gate.of(y.clone())) * self.up.of(y);
        (x + self.down.of(inner), kept)
    }

    fn attend(
        &self,
        x: Tensor<2>,
        places: &Places,
        cached: Option<&[Tensor<4>; 2]>,
        c: &DecoderConfig,
    ) -> (Tensor<2>, [Tensor<4>; 2]) {
        let rotated = |projected: Tensor<2>, heads: usize, norm: Option<&RmsNorm>| {
            let nodes = projected.dims()[0];
            let split = projected.reshape([nodes, heads, c.head_size]);
            let split = norm.map_or(split.clone(), |norm| norm.of(split));
            places.spread(places.turned(split).reshape([nodes, heads * c.head_size]), heads)
        };
        let [query_norm, key_norm] = self.head_norms.as_ref().map_or([None, None], |norms| norms.each_ref().map(Some));
        let query = rotated(self.query.of(x.clone()), c.heads, query_norm);
        let mut key = rotated(self.key.of(x.clone()), c.kv_heads, key_norm);
        let mut value = places.spread(self.value.of(x), c.kv_heads);
        if let Some([keys, values]) = cached {
            key = behind(keys, key);
            value = behind(values, value);
        }
        let kept = [key.clone(), value.clone()];
        if places.repeat {
            key = repeated(key, c.heads / c.kv_heads);
            value = repeated(value, c.heads / c.kv_heads);
        }
        let options = AttentionModuleOptions { is_causal: true, ..Default::default() };
        (places.gathered(attention(query, key, value, None, None, options)), kept)
    }
}

/// What is cached for one sequence, `[1, heads, cached, size]`, before each of several.
fn behind(cached: &Tensor<4>, new: Tensor<4>) -> Tensor<4> {
    let [sequences, heads, _, size] = new.dims();
    let length = cached.dims()[2];
    let cached = cached.clone().expand([sequences, heads, length, size]);
    Tensor::cat(vec![cached, new], 2)
}

/// Every head `times` times, one after the other.
fn repeated(x: Tensor<4>, times: usize) -> Tensor<4> {
    if times == 1 {
        return x;
    }
    let [sequences, heads, length, size] = x.dims();
    let x = x.unsqueeze_dim::<5>(2).expand([sequences, heads, times, length, size]);
    x.reshape([sequences, heads * times, length, size])
}
