//! What all kernels share: checked arguments, the launch on a GPU, tensors as slices on the CPU.

use crate::{Error, Result};
use burn::backend::flex::FlexTensor;
use burn::backend::wgpu::{CubeTensor, KernelSource, SourceKernel, SourceTemplate, into_contiguous};
use burn::tensor::{DType, Device, Int, IntDType, Shape, Tensor, TensorData, kind::Basic};
use bytemuck::Pod;
use cubecl::{
    CubeCount, CubeDim,
    prelude::{ExecutionMode, KernelId},
    server::KernelArguments,
};
use pellucid_shaders::Kernel;

/// Largest number of elements of an array, so that a shader's u32 indices cannot overflow.
const MAX_ELEMENTS: usize = 1 << 31;
/// Workgroups along one dimension of a dispatch that every device allows.
const MAX_GROUPS: usize = 65535;

/// Checks the arguments of one kernel against the shapes it expects and the device they should be on.
pub(super) struct Check<'a> {
    pub kernel: &'static str,
    pub device: &'a Device,
}

impl Check<'_> {
    /// The argument `name` has this shape, holds f32 if it holds floats, and lies on the kernel's device.
    pub fn shape<const D: usize, K: Basic>(
        &self,
        name: &str,
        tensor: &Tensor<D, K>,
        expected: [usize; D],
    ) -> Result<()> {
        let kernel = self.kernel;
        if tensor.dims() != expected {
            let message = format!("{kernel}: {name} has the shape {:?}, expected {expected:?}", tensor.dims());
            return Err(Error::input(message));
        }
        if tensor.dtype().is_float() && tensor.dtype() != DType::F32 {
            return Err(Error::input(format!("{kernel}: {name} holds {:?}, expected F32", tensor.dtype())));
        }
        if tensor.device() != *self.device {
            let message =
                format!("{kernel}: {name} lies on {:?}, the other tensors on {:?}", tensor.device(), self.device);
            return Err(Error::input(message).hint("move all tensors to one device"));
        }
        self.size(name, &expected)
    }

    /// An array of this shape is neither empty nor too large to be indexed.
    pub fn size(&self, name: &str, shape: &[usize]) -> Result<()> {
        let kernel = self.kernel;
        if shape.contains(&0) {
            return Err(Error::input(format!("{kernel}: {name} is empty: its shape is {shape:?}")));
        }
        let elements = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        if elements.is_none_or(|elements| elements > MAX_ELEMENTS) {
            let message = format!("{kernel}: {name} of shape {shape:?} has more than {MAX_ELEMENTS} elements");
            return Err(Error::input(message).hint("use smaller tiles: lower `--memory`"));
        }
        Ok(())
    }
}

/// The tensor as 32-bit words, whatever integers the device prefers (flex has i64): −1 becomes `u32::MAX`.
pub(super) fn words<const D: usize>(tensor: Tensor<D, Int>) -> Tensor<D, Int> {
    match tensor.dtype() {
        DType::U32 | DType::I32 => tensor,
        _ => tensor.cast(IntDType::U32),
    }
}

struct Source(&'static Kernel);

impl KernelSource for Source {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.0.source)
    }

    fn id(&self) -> KernelId {
        // Our loops end; a guard in each would keep drivers from unrolling them.
        KernelId::new::<Self>().mode(ExecutionMode::Unchecked).info(self.0.name)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Queues one dispatch of `groups` workgroups. Bindings: the parameters, the inputs, the outputs.
pub(super) fn launch<const N: usize>(
    kernel: &'static Kernel,
    params: &impl Pod,
    groups: usize,
    inputs: [CubeTensor; N],
    outputs: &[&CubeTensor],
) {
    let inputs = inputs.map(into_contiguous);
    let client = inputs[0].client.clone();
    let params = client.create_from_slice(bytemuck::bytes_of(params));
    let tensors = inputs.iter().chain(outputs.iter().copied());
    let buffers: Vec<_> =
        std::iter::once(params.binding()).chain(tensors.map(|t| t.handle.clone().binding())).collect();
    debug_assert_eq!(buffers.len(), kernel.bindings, "{}", kernel.name);

    let x = groups.min(MAX_GROUPS);
    let count = CubeCount::Static(x as u32, groups.div_ceil(x) as u32, 1);
    let source = SourceKernel::new(Source(kernel), CubeDim::new_1d(kernel.workgroup));
    client.launch(Box::new(source), count, KernelArguments::new().with_buffers(buffers));
}

/// An f32 tensor without contents on the device of `like`.
pub(super) fn empty(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    let shape = shape.into();
    let buffer = like.client.empty(shape.num_elements() * DType::F32.size());
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape, buffer, DType::F32)
}

/// The tensor in row-major order; a copy only if it was not.
pub(super) fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

/// The elements of a contiguous tensor of 32-bit elements, borrowed.
pub(super) fn elements<E: Pod>(tensor: &FlexTensor) -> &[E] {
    let (from, to) = tensor.layout().contiguous_offsets().expect("made contiguous by the caller");
    &bytemuck::cast_slice(tensor.bytes())[from..to]
}

/// A CPU tensor made of `values`, without a copy.
pub(super) fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
