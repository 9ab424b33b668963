//! What a device does when it is asked for too much.

use burn::tensor::Tensor;
use pellucid::Error;
use pellucid::kernels::read;
use pellucid_tests::gpu;

/// 16 GiB in one tensor is beyond a binding of any wgpu device (2 GiB at most).
#[test]
fn a_tensor_that_does_not_fit_is_an_error_and_the_device_goes_on() {
    let Some(gpu) = gpu() else { return };
    let large = Tensor::<1>::ones([1usize << 32], gpu.burn()) + 1.0;
    let told = read(large.narrow(0, 0, 1)).unwrap_err();
    assert!(
        matches!(&told, Error::Device { message, .. } if message == "can't allocate buffer of size: 17179869184"),
        "{told}"
    );
    assert_eq!(read(Tensor::<1>::ones([4], gpu.burn()) + 2.0).unwrap(), [3.0; 4]);
    gpu.sync().unwrap();
}
