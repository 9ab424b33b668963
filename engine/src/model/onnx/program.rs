//! A plan with its interface: rows of features in, rows of outputs out, on any device.

use super::array::{Array, map_rank};
use super::dtype::Dtype;
use super::network::{Network, Session};
use super::plan::Done;
use super::tabular::Input;
use super::value::Value;
use crate::kernels::Sweep;
use crate::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};

/// A compiled graph.
pub struct Program {
    pub inputs: Vec<Input>,
    pub network: Network,
    /// Names of the file's numeric outputs, in the order of the network's.
    pub outputs: Vec<String>,
    /// Numbers that its steps make for each row, as a trial run shows.
    pub workspace: usize,
}

/// What a trial run shows: columns of each output, floating-point operations and numbers made of one row.
pub struct Trial {
    pub widths: Vec<(String, usize)>,
    pub flops_per_row: u64,
    pub workspace: usize,
}

impl Program {
    pub fn n_features(&self) -> usize {
        self.inputs.iter().map(Input::width).sum()
    }

    /// One name a column: the input's own when it has one column, else `input[0]`, `input[1]`, …
    pub fn feature_names(&self) -> Vec<String> {
        let names = |input: &Input| match input.width() {
            1 => vec![input.name.clone()],
            n => (0..n).map(|i| format!("{}[{i}]", input.name)).collect(),
        };
        self.inputs.iter().flat_map(names).collect()
    }

    /// Outputs of the file, each `[rows, columns]`.
    pub fn run(&self, rows: Tensor<2>, session: &Session, watch: &mut dyn FnMut(Done)) -> Result<Vec<Tensor<2>>> {
        let n_rows = rows.dims()[0];
        let values = session.follow(self.split(rows)?, Some(n_rows), watch)?;
        self.outputs_by_row(values, n_rows, session.device().burn())
    }

    /// Outputs of the file for the rows with one feature at a time set to points, each `[points of all sweeps · rows, columns]`; None if
    /// the graph does not begin with layers that can be swept.
    pub fn sweep(&self, rows: &Tensor<2>, sweeps: &[Sweep], session: &Session) -> Result<Option<Vec<Tensor<2>>>> {
        if !matches!(&self.inputs[..], [input] if input.used && !input.is_int && input.shape.len() == 1) {
            return Ok(None);
        }
        let n_rows = rows.dims()[0] * sweeps.iter().map(|sweep| sweep.points.len()).sum::<usize>();
        let Some(values) = session.sweep(rows, sweeps)? else { return Ok(None) };
        self.outputs_by_row(values, n_rows, session.device().burn()).map(Some)
    }

    fn outputs_by_row(&self, values: Vec<Value>, n_rows: usize, device: &Device) -> Result<Vec<Tensor<2>>> {
        values.into_iter().zip(&self.outputs).map(|(value, name)| by_row(value, name, n_rows, device)).collect()
    }

    /// Feature columns as the graph's inputs.
    fn split(&self, rows: Tensor<2>) -> Result<Vec<Value>> {
        let n_rows = rows.dims()[0];
        let mut start = 0;
        let mut values = Vec::with_capacity(self.inputs.len());
        for input in &self.inputs {
            let width = input.width();
            let columns = if width == self.n_features() { rows.clone() } else { rows.clone().narrow(1, start, width) };
            start += width;
            if !input.used {
                continue;
            }
            let mut dims = vec![n_rows];
            dims.extend(&input.shape);
            let x = Array::R2(columns).reshape(&dims)?;
            let ints = |x: Array| Value::Int(map_rank!(x, t => t.int()), Dtype::I64);
            values.push(if input.is_int { ints(x) } else { Value::Float(x) });
        }
        Ok(values)
    }

    /// Runs made-up rows on the CPU: shapes that do not fit and outputs that depend on other rows are found here.
    pub fn trial(&self) -> Result<Trial> {
        let device = Device::flex();
        let session = self.network.on(&crate::Device::cpu())?;
        let (mut flops, mut made) = (0, 0);
        let mut watch = |done: Done| {
            flops += done.flops;
            made += done.numbers;
        };
        let pair = self.run(self.sample(&[0, 1], &device), &session, &mut watch)?;
        let triple = self.run(self.sample(&[0, 2, 3], &device), &session, &mut |_| ())?;
        let mut widths = Vec::new();
        for ((name, a), b) in self.outputs.iter().zip(pair).zip(triple) {
            let width = a.dims()[1];
            if !same_first_row(a, b) {
                return Err(Error::input(format!("a row of output {name} depends on the other rows of its batch"))
                    .hint("an explanation needs a model that treats each row on its own"));
            }
            widths.push((name.clone(), width));
        }
        Ok(Trial { widths, flops_per_row: flops / 2, workspace: made / 2 })
    }

    /// Rows with these numbers: values between −1 and 1, or 0 and 1 for integer inputs.
    fn sample(&self, numbers: &[u32], device: &Device) -> Tensor<2> {
        let is_int: Vec<bool> = self.inputs.iter().flat_map(|i| std::iter::repeat_n(i.is_int, i.width())).collect();
        let value = |row: u32, column: usize| {
            let mixed = (row * 7919 + column as u32 + 1).wrapping_mul(2_654_435_761) >> 16;
            if is_int[column] { (mixed % 2) as f32 } else { mixed as f32 / 32_768.0 - 1.0 }
        };
        let values: Vec<f32> = numbers.iter().flat_map(|&r| (0..is_int.len()).map(move |c| value(r, c))).collect();
        Tensor::from_data(TensorData::new(values, [numbers.len(), is_int.len()]), device)
    }
}

/// An output as a matrix with one line a row.
fn by_row(value: Value, name: &str, n_rows: usize, device: &Device) -> Result<Tensor<2>> {
    let array = value.on(device)?.into_float()?;
    let dims = array.dims();
    if dims.first() != Some(&n_rows) {
        return Err(Error::input(format!(
            "output {name} has shape {dims:?} for {n_rows} rows: its first axis must be the batch"
        )));
    }
    array.reshape(&[n_rows, dims[1..].iter().product()])?.matrix()
}

/// Tiles of different sizes may sum in another order: agreement to 1e-4 of the value is the same row.
fn same_first_row(a: Tensor<2>, b: Tensor<2>) -> bool {
    let first = |t: Tensor<2>| t.narrow(0, 0, 1).into_data().try_to_vec_as::<f32>().unwrap_or_default();
    let (a, b) = (first(a), first(b));
    let same = |(x, y): (&f32, &f32)| x == y || (x.is_nan() && y.is_nan()) || (x - y).abs() <= 1e-4 * (1.0 + x.abs());
    a.len() == b.len() && a.iter().zip(&b).all(same)
}
