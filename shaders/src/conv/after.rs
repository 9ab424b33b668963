//! What follows a convolution, element by element, while its results are in the first-level cache.

use crate::affine::Activation;
use crate::affine::lanes::Lanes;

/// A function of each element, given its channel.
#[derive(Clone, Debug, PartialEq)]
pub enum After {
    Activation(Activation),
    /// Values outside of the bounds become the bound; NaN stays.
    Clip {
        low: f32,
        high: f32,
    },
    /// `x · min(max(α x + β, 0), top)`: HardSwish with 1/6, 1/2 and 1.
    Gate {
        alpha: f32,
        beta: f32,
        top: f32,
    },
    /// `x · sigmoid(α x)`.
    Swish {
        alpha: f32,
    },
    /// `x · scale + shift` with one number a channel, or one for all.
    Scale {
        scale: Vec<f32>,
        shift: Vec<f32>,
    },
    /// The element of another operand at the same place is added.
    Add,
}

/// Replaces values by a function of a register of them.
macro_rules! each {
    ($lanes:ty, $values:expr, $x:ident => $result:expr) => {{
        let (len, to) = ($values.len(), $values.as_mut_ptr());
        let whole = len - len % <$lanes>::WIDTH;
        for at in (0..whole).step_by(<$lanes>::WIDTH) {
            let $x = <$lanes>::load(to.add(at));
            $result.store(to.add(at));
        }
        if whole < len {
            let mask = <$lanes>::mask(len - whole);
            let $x = <$lanes>::load_first(to.add(whole), mask);
            $result.store_first(to.add(whole), mask);
        }
    }};
}
impl After {
    pub(super) fn fits(&self, channels: usize) -> bool {
        match self {
            After::Scale { scale, shift } => [scale.len(), shift.len()].iter().all(|&n| n == 1 || n == channels),
            _ => true,
        }
    }

    /// Replaces values of one channel; `other` are those of the operand to add, as many.
    ///
    /// # Safety
    /// As [`Lanes`].
    #[inline(always)]
    pub(super) unsafe fn apply<L: Lanes>(&self, channel: usize, values: &mut [f32], other: &[f32]) {
        unsafe {
            match *self {
                After::Activation(Activation::Relu) => each!(L, values, x => x.relu()),
                After::Activation(activation) => activation.apply::<L>(values),
                After::Clip { low, high } => {
                    let (low, high) = (L::splat(low), L::splat(high));
                    each!(L, values, x => x.at_least(low).at_most(high));
                }
                After::Gate { alpha, beta, top } => {
                    let (zero, alpha, beta, top) = (L::splat(0.0), L::splat(alpha), L::splat(beta), L::splat(top));
                    each!(L, values, x => x.mul(x.mul_add(alpha, beta).at_least(zero).at_most(top)));
                }
                After::Swish { alpha } => swish::<L>(alpha, values),
                After::Scale { ref scale, ref shift } => {
                    let (scale, shift) = (L::splat(of(scale, channel)), L::splat(of(shift, channel)));
                    each!(L, values, x => x.mul_add(scale, shift));
                }
                After::Add => values.iter_mut().zip(other).for_each(|(v, o)| *v += o),
            }
        }
    }
}

#[inline(always)]
fn swish<L: Lanes>(alpha: f32, values: &mut [f32]) {
    let mut scaled = [0.0; 64];
    for values in values.chunks_mut(scaled.len()) {
        let gate = &mut scaled[..values.len()];
        gate.iter_mut().zip(&*values).for_each(|(g, v)| *g = alpha * v);
        Activation::Sigmoid.apply::<L>(gate);
        values.iter_mut().zip(gate).for_each(|(v, g)| *v *= *g);
    }
}

/// A channel's number of a list that may have one for all.
#[inline(always)]
pub(super) fn of(list: &[f32], channel: usize) -> f32 {
    if list.len() == 1 { list[0] } else { list[channel] }
}
