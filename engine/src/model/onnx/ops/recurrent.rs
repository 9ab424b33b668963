//! Recurrent layers: LSTM, GRU and RNN, step by step, in one or both directions.

use super::{Cost, Maker, Prepared};
use crate::model::onnx::args::Args;
use crate::model::onnx::array::Array;
use crate::model::onnx::node::Node;
use crate::model::onnx::value::Value;
use crate::{Error, Result};
use burn::tensor::{Bool, Int, Tensor, activation};

pub const TABLE: &[(&str, Maker)] = &[
    ("LSTM", |n| recurrent(n, Cell::Lstm)),
    ("GRU", |n| recurrent(n, Cell::Gru)),
    ("RNN", |n| recurrent(n, Cell::Rnn)),
];

#[derive(Clone, Copy, PartialEq)]
enum Cell {
    Lstm,
    Gru,
    Rnn,
}

#[derive(Clone, Copy)]
enum Shape {
    Sigmoid,
    Tanh,
    Relu,
    LeakyRelu(f64),
    Affine(f64, f64),
    HardSigmoid(f64, f64),
    Elu(f64),
    Softsign,
    Softplus,
}

impl Shape {
    fn read(name: &str, alpha: Option<f32>, beta: Option<f32>) -> Result<Self> {
        let or = |given: Option<f32>, absent: f64| given.map_or(absent, f64::from);
        Ok(match name.to_lowercase().as_str() {
            "sigmoid" => Shape::Sigmoid,
            "tanh" => Shape::Tanh,
            "relu" => Shape::Relu,
            "leakyrelu" => Shape::LeakyRelu(or(alpha, 0.01)),
            "affine" => Shape::Affine(or(alpha, 1.0), or(beta, 0.0)),
            "hardsigmoid" => Shape::HardSigmoid(or(alpha, 0.2), or(beta, 0.5)),
            "elu" => Shape::Elu(or(alpha, 1.0)),
            "softsign" => Shape::Softsign,
            "softplus" => Shape::Softplus,
            _ => return Err(Error::input(format!("the activation {name} is not supported"))),
        })
    }

    fn of(self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Shape::Sigmoid => activation::sigmoid(x),
            Shape::Tanh => x.tanh(),
            Shape::Relu => activation::relu(x),
            Shape::LeakyRelu(a) => activation::leaky_relu(x, a),
            Shape::Affine(a, b) => x.mul_scalar(a).add_scalar(b),
            Shape::HardSigmoid(a, b) => x.mul_scalar(a).add_scalar(b).clamp(0.0, 1.0),
            Shape::Elu(a) => activation::elu(x, a),
            Shape::Softsign => activation::softsign(x),
            Shape::Softplus => activation::softplus(x, 1.0),
        }
    }
}

/// What the file says of a layer.
struct Layer {
    cell: Cell,
    /// Whether each direction runs backwards.
    backwards: Vec<bool>,
    /// Activations, direction by direction.
    shapes: Vec<Vec<Shape>>,
    clip: Option<f32>,
    batch_first: bool,
    reset_after: bool,
    couple: bool,
}

impl Layer {
    fn read(n: &Node, cell: Cell) -> Result<Self> {
        let backwards = match n.text("direction").unwrap_or("forward") {
            "forward" => vec![false],
            "reverse" => vec![true],
            "bidirectional" => vec![false, true],
            other => return Err(Error::input(format!("the direction {other} is not known"))),
        };
        let usual: &[&str] = match cell {
            Cell::Lstm => &["Sigmoid", "Tanh", "Tanh"],
            Cell::Gru => &["Sigmoid", "Tanh"],
            Cell::Rnn => &["Tanh"],
        };
        let named = n.texts("activations");
        let names: Vec<&str> = match named.len() {
            0 => usual.repeat(backwards.len()),
            _ => named.iter().map(String::as_str).collect(),
        };
        if names.len() != usual.len() * backwards.len() {
            return Err(Error::input(format!("{} activations for {} directions", names.len(), backwards.len())));
        }
        let number = |list: &str, i: usize| n.floats(list).and_then(|v| v.get(i)).copied();
        let read =
            |(i, name): (usize, &&str)| Shape::read(name, number("activation_alpha", i), number("activation_beta", i));
        let shapes = names.iter().enumerate().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            cell,
            backwards,
            shapes: shapes.chunks(usual.len()).map(<[Shape]>::to_vec).collect(),
            clip: n.has_attribute("clip").then(|| n.float("clip", 0.0) as f32),
            batch_first: n.flag("layout", false),
            reset_after: n.flag("linear_before_reset", false),
            couple: n.flag("input_forget", false),
        })
    }

    fn clipped(&self, x: Tensor<2>) -> Tensor<2> {
        match self.clip {
            Some(limit) => x.clamp(-limit, limit),
            None => x,
        }
    }
}

/// Weights and states of one direction.
struct Direction {
    /// Inputs to gates, transposed.
    w: Tensor<2>,
    /// States to gates, transposed.
    r: Tensor<2>,
    /// Biases of both products.
    wb: Tensor<2>,
    rb: Tensor<2>,
    /// Peepholes by gate: input, output, forget.
    peepholes: Option<Tensor<2>>,
    h: Tensor<2>,
    c: Tensor<2>,
}

/// Operands X, W, R, B, sequence_lens, initial_h, initial_c, P; outputs Y, Y_h, Y_c.
fn recurrent(n: &Node, cell: Cell) -> Result<Prepared> {
    let layer = Layer::read(n, cell)?;
    let step = Prepared::many(if cell == Cell::Lstm { 3 } else { 2 }, move |args| {
        let x = three(args, 0)?;
        let x = if layer.batch_first { x.swap_dims(0, 1) } else { x };
        let [time, batch, _] = x.dims();
        let lengths = args.optional_ints(4)?.filter(|l| l.iter().any(|&l| l != time as i64));
        let (w, r) = (three(args, 1)?, three(args, 2)?);
        let hidden = r.dims()[2];
        let parts = [3, 5, 6, 7].map(|i| args.has(i).then(|| args.float(i)).transpose());
        let [bias, h, c, p] = parts;
        let (bias, h, c, p) = (bias?, h?, c?, p?);
        let (mut all, mut last_h, mut last_c) = (vec![], vec![], vec![]);
        for (d, &backwards) in layer.backwards.iter().enumerate() {
            let state = |given: &Option<Array>| -> Result<Tensor<2>> {
                let Some(Array::R3(s)) = given else { return Ok(Tensor::zeros([batch, hidden], args.device)) };
                let s = if layer.batch_first { s.clone().swap_dims(0, 1) } else { s.clone() };
                Ok(s.narrow(0, d, 1).reshape([batch, hidden]))
            };
            let matrix = |t: &Tensor<3>| {
                let [_, rows, columns] = t.dims();
                t.clone().narrow(0, d, 1).reshape([rows, columns])
            };
            let gates = w.dims()[1];
            let biases: Tensor<2> = match &bias {
                Some(b) => b.clone().matrix()?.narrow(0, d, 1).reshape([2, gates]),
                None => Tensor::zeros([2, gates], args.device),
            };
            let direction = Direction {
                w: matrix(&w).transpose(),
                r: matrix(&r).transpose(),
                wb: biases.clone().narrow(0, 0, 1),
                rb: biases.narrow(0, 1, 1),
                peepholes: p.clone().map(|p| Ok::<_, Error>(p.matrix()?.narrow(0, d, 1))).transpose()?,
                h: state(&h)?,
                c: state(&c)?,
            };
            let (y, h, c) = run(&layer, &layer.shapes[d], direction, x.clone(), backwards, lengths.as_deref());
            all.push(y.reshape([time, 1, batch, hidden]));
            last_h.push(h.reshape([1, batch, hidden]));
            last_c.push(c.reshape([1, batch, hidden]));
        }
        let y: Tensor<4> = Tensor::cat(all, 1);
        let y = if layer.batch_first { y.permute([2, 0, 1, 3]) } else { y };
        let end = |parts: Vec<Tensor<3>>| {
            let t = Tensor::cat(parts, 0);
            Value::Float(Array::R3(if layer.batch_first { t.swap_dims(0, 1) } else { t }))
        };
        Ok(vec![Value::Float(Array::R4(y)), end(last_h), end(last_c)])
    });
    Ok(step.cost(Cost::PerOutput(8)))
}

fn three(args: &mut Args, i: usize) -> Result<Tensor<3>> {
    match args.float(i)? {
        Array::R3(t) => Ok(t),
        other => Err(Error::input(format!("operand {i} has shape {:?}; three axes are expected", other.dims()))),
    }
}

/// One direction: states at each time, `[time, batch, hidden]`, and the last ones. Past its length a row keeps its state and gives zeros.
fn run(
    layer: &Layer,
    shapes: &[Shape],
    mut d: Direction,
    x: Tensor<3>,
    backwards: bool,
    lengths: Option<&[i64]>,
) -> (Tensor<3>, Tensor<2>, Tensor<2>) {
    let [time, batch, width] = x.dims();
    let gates = d.w.dims()[1];
    // The inputs of all times in one product.
    let flat: Tensor<2> = x.reshape([time * batch, width]);
    let inputs: Tensor<3> = (flat.matmul(d.w.clone()) + d.wb.clone()).reshape([time, batch, gates]);
    let mut states: Vec<Option<Tensor<3>>> = vec![None; time];
    let order: Vec<usize> = if backwards { (0..time).rev().collect() } else { (0..time).collect() };
    for t in order {
        let input: Tensor<2> = inputs.clone().narrow(0, t, 1).reshape([batch, gates]);
        let (h, c) = match layer.cell {
            Cell::Lstm => lstm(layer, shapes, &d, input),
            Cell::Gru => (gru(layer, shapes, &d, input), d.c.clone()),
            Cell::Rnn => (rnn(layer, shapes, &d, input), d.c.clone()),
        };
        let y = match lengths.map(|l| inside(l, t, &h)) {
            Some(inside) => {
                d.h = d.h.clone().mask_where(inside.clone(), h.clone());
                d.c = d.c.clone().mask_where(inside.clone(), c);
                h.clone().zeros_like().mask_where(inside, h)
            }
            None => {
                (d.h, d.c) = (h.clone(), c);
                h
            }
        };
        let [rows, hidden] = y.dims();
        states[t] = Some(y.reshape([1, rows, hidden]));
    }
    (Tensor::cat(states.into_iter().flatten().collect(), 0), d.h, d.c)
}

/// Whether a time lies inside each row's sequence.
fn inside(lengths: &[i64], t: usize, h: &Tensor<2>) -> Tensor<2, Bool> {
    let [batch, hidden] = h.dims();
    let ints: Vec<i32> = lengths.iter().map(|&l| l as i32).collect();
    let lengths: Tensor<1, Int> = Tensor::from_data(burn::tensor::TensorData::new(ints, [batch]), &h.device());
    lengths.greater_scalar(t as i32).reshape([batch, 1]).expand([batch, hidden])
}

/// The k-th of some gates side by side.
fn gate(all: &Tensor<2>, k: usize, hidden: usize) -> Tensor<2> {
    all.clone().narrow(1, k * hidden, hidden)
}

/// Gates input, output, forget, cell.
fn lstm(layer: &Layer, shapes: &[Shape], d: &Direction, input: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let hidden = d.h.dims()[1];
    let all = input + d.h.clone().matmul(d.r.clone()) + d.rb.clone();
    let peep = |x: Tensor<2>, k: usize, c: &Tensor<2>| match &d.peepholes {
        Some(p) => x + gate(p, k, hidden) * c.clone(),
        None => x,
    };
    let i = shapes[0].of(layer.clipped(peep(gate(&all, 0, hidden), 0, &d.c)));
    let f = match layer.couple {
        true => i.clone().neg().add_scalar(1.0),
        false => shapes[0].of(layer.clipped(peep(gate(&all, 2, hidden), 2, &d.c))),
    };
    let c = f * d.c.clone() + i * shapes[1].of(layer.clipped(gate(&all, 3, hidden)));
    let o = shapes[0].of(layer.clipped(peep(gate(&all, 1, hidden), 1, &c)));
    (o * shapes[2].of(c.clone()), c)
}

/// Gates update, reset, hidden.
fn gru(layer: &Layer, shapes: &[Shape], d: &Direction, input: Tensor<2>) -> Tensor<2> {
    let hidden = d.h.dims()[1];
    let recurrent = d.h.clone().matmul(d.r.clone()) + d.rb.clone();
    let z = shapes[0].of(layer.clipped(gate(&input, 0, hidden) + gate(&recurrent, 0, hidden)));
    let r = shapes[0].of(layer.clipped(gate(&input, 1, hidden) + gate(&recurrent, 1, hidden)));
    let from_state = match layer.reset_after {
        true => r * gate(&recurrent, 2, hidden),
        false => (r * d.h.clone()).matmul(gate(&d.r, 2, hidden)) + gate(&d.rb, 2, hidden),
    };
    let h = shapes[1].of(layer.clipped(gate(&input, 2, hidden) + from_state));
    z.clone().neg().add_scalar(1.0) * h + z * d.h.clone()
}

fn rnn(layer: &Layer, shapes: &[Shape], d: &Direction, input: Tensor<2>) -> Tensor<2> {
    shapes[0].of(layer.clipped(input + d.h.clone().matmul(d.r.clone()) + d.rb.clone()))
}
