//! Any ONNX graph as a function from named inputs to outputs.

use super::array::MAX_RANK;
use super::build::{Builder, Settings, needed};
use super::dtype::Dtype;
use super::file::{File, Port, read};
use super::ops;
use super::plan::{Done, LONGEST_LIST, Place, Plan};
use super::quiet::caught;
use super::value::Value;
use crate::data::did_you_mean;
use crate::kernels::Sweep;
use crate::{Device, Error, Result};
use burn::tensor::Tensor;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// A graph that was read and planned; it belongs to no device. Cloning is cheap.
///
/// ```no_run
/// use pellucid::model::onnx::{Network, Value};
/// # fn main() -> pellucid::Result<()> {
/// let network = Network::open("bert.onnx")?;
/// println!("{:?} -> {:?}", network.inputs(), network.outputs());
/// let session = network.on(&pellucid::Device::cpu())?;
/// let ids = Value::ints(vec![2, 17, 5, 3, 2, 9, 3, 0], &[2, 4])?;
/// let mask = Value::ints(vec![1, 1, 1, 1, 1, 1, 1, 0], &[2, 4])?;
/// let outputs = session.run(&[("input_ids", ids), ("attention_mask", mask)])?;
/// println!("{:?}: {:?}", outputs[0].dims(), outputs[0].to_floats()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Network {
    plan: Arc<Plan>,
    name: String,
    sha256: String,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Network {
    /// Reads a file, and the data files beside it that hold its weights.
    ///
    /// # Errors
    /// A file that cannot be read or is not ONNX; operators that are not supported, all of them in one error.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let (bytes, name) = read(path.as_ref())?;
        Self::of(&File::decode(bytes, &name, path.as_ref().parent())?, None)
    }

    /// A file for some of its outputs, in this order; what only the others need is left out.
    ///
    /// # Errors
    /// As [`Network::open`], and outputs that the file does not have.
    pub fn open_for(path: impl AsRef<Path>, outputs: &[&str]) -> Result<Self> {
        let (bytes, name) = read(path.as_ref())?;
        Self::of(&File::decode(bytes, &name, path.as_ref().parent())?, Some(outputs))
    }

    /// A model from bytes; `name` is for messages. Weights in other files are not found.
    ///
    /// # Errors
    /// As [`Network::open`].
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        Self::of(&File::decode(bytes.to_vec(), name, None)?, None)
    }

    fn of(file: &File, outputs: Option<&[&str]>) -> Result<Self> {
        let all: Vec<String> = file.outputs.iter().map(|port| port.name.clone()).collect();
        let wanted = outputs.map_or(all.clone(), |names| names.iter().map(|name| name.to_string()).collect());
        if let Some(unknown) = wanted.iter().find(|name| !all.contains(name)) {
            return Err(unknown_name("output", unknown, &all, &file.name));
        }
        let (nodes, _) = needed(file.graph(), wanted.iter().cloned());
        file.check_operators(&nodes)?;
        let inputs = file.inputs.iter().map(|port| port.name.clone()).collect();
        caught(&file.name, || Self::build(file, inputs, wanted, None))
    }

    /// A plan from inputs to values of a file, by their names. `fixed_batch` is a batch size to be freed.
    pub(super) fn build(
        file: &File,
        inputs: Vec<String>,
        wanted: Vec<String>,
        fixed_batch: Option<i64>,
    ) -> Result<Self> {
        let settings = Settings { opset: file.opset(), fixed_batch, folder: file.folder.as_deref() };
        let plan = Builder::build(file.graph(), &inputs, &wanted, HashMap::new(), settings)?;
        let free = |name: &String| Port { name: name.clone(), dtype: Dtype::F32, dims: None };
        let find = |ports: &[Port], names: &[String]| -> Vec<Port> {
            names
                .iter()
                .map(|name| ports.iter().find(|p| p.name == *name).cloned().unwrap_or_else(|| free(name)))
                .collect()
        };
        let (inputs, outputs) = (find(&file.inputs, &inputs), find(&file.outputs, &wanted));
        let (name, sha256) = (file.name.clone(), file.sha256.clone());
        Ok(Self { plan: Arc::new(plan), name, sha256, inputs, outputs })
    }

    /// SHA-256 of the file's bytes, in lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What [`Session::run`] takes, in the file's order.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// What [`Session::run`] gives, in order.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// Uploads the weights.
    ///
    /// # Errors
    /// Weights with more axes than arrays may have, a device that fails.
    pub fn on(&self, device: &Device) -> Result<Session> {
        let constants = Arc::new(caught(&self.name, || self.plan.upload(device.burn()))?);
        Ok(Session { network: self.clone(), constants, device: device.clone() })
    }
}

/// A network with its weights on a device. Cloning shares them; it may run on many threads.
#[derive(Clone)]
pub struct Session {
    network: Network,
    constants: Arc<Vec<Value>>,
    device: Device,
}

impl Session {
    pub fn network(&self) -> &Network {
        &self.network
    }

    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The outputs for these inputs, given by name in any order. Values may be on the host or on the session's device; outputs that are
    /// lists of integers or single numbers may be on the host.
    ///
    /// # Errors
    /// Unknown, missing or repeated names, another type or shape than the file declares, shapes that do not fit each other inside.
    pub fn run(&self, inputs: &[(&str, Value)]) -> Result<Vec<Value>> {
        self.watched(inputs, &mut |_| ())
    }

    /// Seconds and number of the steps of each operator in one run, the slowest first. On a GPU the times are those of handing out work.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn profile(&self, inputs: &[(&str, Value)]) -> Result<Vec<(String, f64, usize)>> {
        let mut all: BTreeMap<String, (f64, usize)> = BTreeMap::new();
        self.watched(inputs, &mut |done| {
            let operator = done.step.split(" \"").next().unwrap_or(done.step);
            let (seconds, count) = all.entry(operator.into()).or_default();
            (*seconds, *count) = (*seconds + done.seconds, *count + 1);
        })?;
        let mut listed: Vec<_> =
            all.into_iter().map(|(operator, (seconds, count))| (operator, seconds, count)).collect();
        listed.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(listed)
    }

    fn watched(&self, inputs: &[(&str, Value)], watch: &mut dyn FnMut(Done)) -> Result<Vec<Value>> {
        let ports = &self.network.inputs;
        if let Some((unknown, _)) = inputs.iter().find(|(name, _)| !ports.iter().any(|port| port.name == *name)) {
            let names: Vec<String> = ports.iter().map(|port| port.name.clone()).collect();
            return Err(unknown_name("input", unknown, &names, &self.network.name));
        }
        let values = ports.iter().map(|port| self.input(port, inputs)).collect::<Result<_>>()?;
        caught(&self.network.name, || self.follow(values, None, watch))
    }

    /// The value given for an input, where the steps want it: data on the device, lists of integers on the host.
    fn input(&self, port: &Port, inputs: &[(&str, Value)]) -> Result<Value> {
        let mut given = inputs.iter().filter(|(name, _)| *name == port.name).map(|(_, value)| value);
        let wrong = |what: String| Error::input(format!("input {:?} of {} {what}", port.name, self.network.name));
        let value = given.next().ok_or_else(|| wrong("is missing".into()))?.clone();
        if given.next().is_some() {
            return Err(wrong("is given twice".into()));
        }
        let kind = |dtype: Dtype| (dtype.is_float(), dtype.is_int());
        if kind(port.dtype) != kind(value.dtype()) {
            return Err(wrong(format!("takes {} values, not {}", port.dtype, value.dtype())));
        }
        let dims = value.dims();
        let fits = |sizes: &Vec<Option<usize>>| {
            sizes.len() == dims.len() && sizes.iter().zip(&dims).all(|(size, &d)| size.is_none_or(|size| size == d))
        };
        if let Some(sizes) = port.dims.as_ref().filter(|sizes| !fits(sizes)) {
            let size = |size: &Option<usize>| size.map_or("?".into(), |n| n.to_string());
            let asked: Vec<String> = sizes.iter().map(size).collect();
            return Err(wrong(format!("takes shape [{}], not {dims:?}", asked.join(", "))));
        }
        let value = if value.dtype().is_int() { ops::converted(value, port.dtype)? } else { value };
        let is_list = dims.len() < 2 && dims.iter().all(|&n| n <= LONGEST_LIST);
        // No device array has more axes than these.
        let stays = dims.contains(&0) || dims.len() > MAX_RANK || (is_list && !port.dtype.is_float());
        if stays { Ok(value) } else { value.on(self.device.burn()) }
    }

    /// Runs the steps over inputs in order. `n_rows` is the batch, if it is one of rows.
    pub(super) fn follow(
        &self,
        inputs: Vec<Value>,
        n_rows: Option<usize>,
        watch: &mut dyn FnMut(Done),
    ) -> Result<Vec<Value>> {
        self.network.plan.run(inputs, self.place(n_rows), watch)
    }

    pub(super) fn sweep(&self, rows: &Tensor<2>, sweeps: &[Sweep]) -> Result<Option<Vec<Value>>> {
        self.network.plan.sweep(rows, sweeps, self.place(None))
    }

    fn place(&self, n_rows: Option<usize>) -> Place<'_> {
        Place { constants: &self.constants, device: self.device.burn(), n_rows }
    }
}

fn unknown_name(what: &str, name: &str, known: &[String], file: &str) -> Error {
    let nearest = did_you_mean(name, known.iter().map(String::as_str));
    Error::input(format!("{file} has no {what} {name:?}{nearest}")).hint(format!("it has {}", known.join(", ")))
}
