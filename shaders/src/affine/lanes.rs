//! Vectors of f32 as the kernels of affine layers need them: AVX-512, AVX2 with FMA, and a portable form.
//!
//! Every method is `inline(always)`, so it takes on the target features of the kernel it is inlined into.

/// A register of `WIDTH` f32 values.
///
/// # Safety
/// The CPU must have the features of the implementation, and pointers must be valid for `WIDTH` values (for the `_first`
/// forms: for the values the mask selects).
pub trait Lanes: Copy {
    const WIDTH: usize;
    /// Registers of output columns in a tile, such that 6 rows of them, one row of weights and one factor stay in registers.
    const VECTORS: usize;
    type Mask: Copy;
    /// Whether the CPU multiplies and adds in one instruction; without it `f32::mul_add` is a slow library call.
    const FUSED: bool;

    /// `a · b + c` of single values, which the compiler turns into vectors.
    #[inline(always)]
    fn fused(a: f32, b: f32, c: f32) -> f32 {
        if Self::FUSED { a.mul_add(b, c) } else { a * b + c }
    }

    /// Selects the first `count` values, 1 ≤ count ≤ WIDTH.
    unsafe fn mask(count: usize) -> Self::Mask;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    /// The values selected; 0 in place of the others.
    unsafe fn load_first(from: *const f32, mask: Self::Mask) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn store_first(self, to: *mut f32, mask: Self::Mask);
    /// `self · factor + addend`.
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self;
    unsafe fn mul(self, factor: Self) -> Self;
    /// The greater of each value and its bound; NaN stays NaN.
    unsafe fn at_least(self, bound: Self) -> Self;
    /// The smaller of each value and its bound; NaN stays NaN.
    unsafe fn at_most(self, bound: Self) -> Self;
    /// Bit i is set where value i is greater than 0.
    unsafe fn positive(self) -> u32;

    /// The greater of each value and 0; NaN stays NaN.
    #[inline(always)]
    unsafe fn relu(self) -> Self {
        unsafe { self.at_least(Self::splat(0.0)) }
    }

    /// The sum of the values, added in pairs.
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let mut values = [0.0f32; 16];
        unsafe { self.store(values.as_mut_ptr()) };
        let mut half = Self::WIDTH / 2;
        while half > 0 {
            for i in 0..half {
                values[i] += values[i + half];
            }
            half /= 2;
        }
        values[0]
    }
}

/// Four values, left to the compiler (NEON, SSE2, wasm).
#[derive(Clone, Copy)]
pub struct Portable([f32; 4]);

impl Lanes for Portable {
    const WIDTH: usize = 4;
    const VECTORS: usize = if cfg!(target_arch = "aarch64") { 4 } else { 2 };
    type Mask = usize;
    const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

    #[inline(always)]
    unsafe fn mask(count: usize) -> usize {
        count
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { from.cast::<[f32; 4]>().read() })
    }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        Self(std::array::from_fn(|i| if i < count { unsafe { *from.add(i) } } else { 0.0 }))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { to.cast::<[f32; 4]>().write(self.0) }
    }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        unsafe { std::ptr::copy_nonoverlapping(self.0.as_ptr(), to, count) }
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(std::array::from_fn(|i| Self::fused(self.0[i], factor.0[i], addend.0[i])))
    }
    #[inline(always)]
    unsafe fn mul(self, factor: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] * factor.0[i]))
    }
    #[inline(always)]
    unsafe fn at_least(self, bound: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] < bound.0[i] { bound.0[i] } else { self.0[i] }))
    }
    #[inline(always)]
    unsafe fn at_most(self, bound: Self) -> Self {
        Self(std::array::from_fn(|i| if self.0[i] > bound.0[i] { bound.0[i] } else { self.0[i] }))
    }
    #[inline(always)]
    unsafe fn positive(self) -> u32 {
        self.0.iter().rev().fold(0, |bits, &v| bits << 1 | u32::from(v > 0.0))
    }
}

/// `V` registers side by side: `width` values of a row, the last register may be partly used.
#[derive(Clone, Copy)]
pub struct Panel<L: Lanes, const V: usize> {
    mask: L::Mask,
    whole: bool,
}

impl<L: Lanes, const V: usize> Panel<L, V> {
    #[inline(always)]
    pub unsafe fn new(width: usize) -> Self {
        Self { mask: unsafe { L::mask(width - (V - 1) * L::WIDTH) }, whole: width == V * L::WIDTH }
    }

    #[inline(always)]
    pub unsafe fn load(self, from: *const f32) -> [L; V] {
        unsafe {
            let mut loaded = [L::splat(0.0); V];
            for (v, register) in loaded.iter_mut().enumerate() {
                let from = from.add(v * L::WIDTH);
                *register = if v + 1 < V || self.whole { L::load(from) } else { L::load_first(from, self.mask) };
            }
            loaded
        }
    }

    #[inline(always)]
    pub unsafe fn store(self, values: [L; V], to: *mut f32) {
        unsafe {
            for (v, value) in values.into_iter().enumerate() {
                let to = to.add(v * L::WIDTH);
                if v + 1 < V { value.store(to) } else { value.store_first(to, self.mask) }
            }
        }
    }
}

/// Work written for any registers.
///
/// # Safety
/// As [`Lanes`], and what the work itself asks for.
pub trait Task {
    unsafe fn run<L: Lanes>(self);
}

/// Runs a task with the best registers of this CPU.
pub unsafe fn best(task: impl Task) {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return unsafe { avx512(task) };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return unsafe { avx2(task) };
        }
    }
    unsafe { task.run::<Portable>() }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{avx2, avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Lanes, Task};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx512f")]
    pub unsafe fn avx512(task: impl Task) {
        unsafe { task.run::<Avx512>() }
    }

    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn avx2(task: impl Task) {
        unsafe { task.run::<Avx2>() }
    }

    /// Sixteen values; needs AVX-512F.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);

    impl Lanes for Avx512 {
        const WIDTH: usize = 16;
        const VECTORS: usize = 4;
        type Mask = __mmask16;
        const FUSED: bool = true;

        #[inline(always)]
        unsafe fn mask(count: usize) -> __mmask16 {
            (u32::MAX >> (32 - count)) as __mmask16
        }
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            Self(unsafe { _mm512_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Self(unsafe { _mm512_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn load_first(from: *const f32, mask: __mmask16) -> Self {
            Self(unsafe { _mm512_maskz_loadu_ps(mask, from) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm512_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn store_first(self, to: *mut f32, mask: __mmask16) {
            unsafe { _mm512_mask_storeu_ps(to, mask, self.0) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
            Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, addend.0) })
        }
        #[inline(always)]
        unsafe fn mul(self, factor: Self) -> Self {
            Self(unsafe { _mm512_mul_ps(self.0, factor.0) })
        }
        #[inline(always)]
        unsafe fn at_least(self, bound: Self) -> Self {
            // The second operand is the answer where one is NaN.
            Self(unsafe { _mm512_max_ps(bound.0, self.0) })
        }
        #[inline(always)]
        unsafe fn at_most(self, bound: Self) -> Self {
            Self(unsafe { _mm512_min_ps(bound.0, self.0) })
        }
        #[inline(always)]
        unsafe fn positive(self) -> u32 {
            u32::from(unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_ps()) })
        }
    }

    /// Eight values; needs AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256);

    impl Lanes for Avx2 {
        const WIDTH: usize = 8;
        const VECTORS: usize = 2;
        type Mask = __m256i;
        const FUSED: bool = true;

        #[inline(always)]
        unsafe fn mask(count: usize) -> __m256i {
            const ONES_THEN_ZEROS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
            unsafe { _mm256_loadu_si256(ONES_THEN_ZEROS.as_ptr().add(8 - count).cast()) }
        }
        #[inline(always)]
        unsafe fn splat(value: f32) -> Self {
            Self(unsafe { _mm256_set1_ps(value) })
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> Self {
            Self(unsafe { _mm256_loadu_ps(from) })
        }
        #[inline(always)]
        unsafe fn load_first(from: *const f32, mask: __m256i) -> Self {
            Self(unsafe { _mm256_maskload_ps(from, mask) })
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32) {
            unsafe { _mm256_storeu_ps(to, self.0) }
        }
        #[inline(always)]
        unsafe fn store_first(self, to: *mut f32, mask: __m256i) {
            unsafe { _mm256_maskstore_ps(to, mask, self.0) }
        }
        #[inline(always)]
        unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
            Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, addend.0) })
        }
        #[inline(always)]
        unsafe fn mul(self, factor: Self) -> Self {
            Self(unsafe { _mm256_mul_ps(self.0, factor.0) })
        }
        #[inline(always)]
        unsafe fn at_least(self, bound: Self) -> Self {
            // The second operand is the answer where one is NaN.
            Self(unsafe { _mm256_max_ps(bound.0, self.0) })
        }
        #[inline(always)]
        unsafe fn at_most(self, bound: Self) -> Self {
            Self(unsafe { _mm256_min_ps(bound.0, self.0) })
        }
        #[inline(always)]
        unsafe fn positive(self) -> u32 {
            unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(self.0, _mm256_setzero_ps())) as u32 }
        }
    }
}
