//! Activations, elementwise, in forms the compiler turns into vector code.
//!
//! The exponential and the hyperbolic tangent follow Cephes (S. Moshier, `expf`, `tanhf`): range reduction by multiples of
//! ln 2 in two parts and a polynomial; relative errors stay below 3 units in the last place. The gelu is a quotient of polynomials.
//! NaN stays NaN.

use super::lanes::Lanes;

/// What is applied to each value of a layer's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activation {
    #[default]
    None,
    Relu,
    Sigmoid,
    Tanh,
    /// x·Φ(x), Φ the normal distribution function: the exact one, ½ x (1 + erf(x/√2)).
    Gelu,
}

impl Activation {
    /// The number the shader knows it by.
    pub fn code(self) -> u32 {
        match self {
            Activation::None => 0,
            Activation::Relu => 1,
            Activation::Sigmoid => 2,
            Activation::Tanh => 3,
            Activation::Gelu => 4,
        }
    }

    /// Replaces each value by its activation.
    #[inline(always)]
    pub fn apply<L: Lanes>(self, values: &mut [f32]) {
        match self {
            Activation::None => {}
            Activation::Relu => values.iter_mut().for_each(|v| *v = relu(*v)),
            Activation::Sigmoid => values.iter_mut().for_each(|v| *v = sigmoid::<L>(*v)),
            Activation::Tanh => values.iter_mut().for_each(|v| *v = tanh::<L>(*v)),
            Activation::Gelu => values.iter_mut().for_each(|v| *v = gelu::<L>(*v)),
        }
    }
}

#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

#[inline(always)]
fn sigmoid<L: Lanes>(x: f32) -> f32 {
    1.0 / (1.0 + exp::<L>(-x))
}

#[inline(always)]
fn tanh<L: Lanes>(x: f32) -> f32 {
    let size = x.abs();
    let far = (1.0 - 2.0 / (exp::<L>(2.0 * size) + 1.0)).copysign(x);
    let z = x * x;
    let series = -5.704_988_7e-3;
    let series = L::fused(series, z, 2.063_908_8e-2);
    let series = L::fused(series, z, -5.373_971_6e-2);
    let series = L::fused(series, z, 1.333_144_2e-1);
    let series = L::fused(series, z, -3.333_328e-1);
    let near = series * z * x + x;
    if size < 0.625 { near } else { far }
}

/// x·(½ + (Φ(x) − ½)): the odd part is x times a quotient of polynomials in x², fitted by weighted least squares for the least
/// relative error (2.2e-8) up to 5.6, beyond which ½ is the nearest f32. |error| ≤ 2 ε |x|; for x > 0, ≤ 2.5 ε of the result.
#[inline(always)]
fn gelu<L: Lanes>(x: f32) -> f32 {
    let z = x * x;
    let above = 2.229_687e-8;
    let above = L::fused(above, z, 6.289_225_6e-6);
    let above = L::fused(above, z, 1.689_022_8e-4);
    let above = L::fused(above, z, 4.677_18e-3);
    let above = L::fused(above, z, 3.392_68e-2);
    let above = L::fused(above, z, 3.989_422_6e-1);
    let below = 1.179_600_1e-6;
    let below = L::fused(below, z, 7.333_364e-5);
    let below = L::fused(below, z, 1.885_34e-3);
    let below = L::fused(below, z, 2.867_619_5e-2);
    let below = L::fused(below, z, 2.517_082e-1);
    let below = L::fused(below, z, 1.0);
    let odd = x * above / below;
    let odd = if x.abs() > 5.5 { 0.5f32.copysign(x) } else { odd };
    x * (0.5 + odd)
}

/// eˣ, 0 where it is below the least normal number.
#[inline(always)]
pub fn exp_or_zero<L: Lanes>(x: f32) -> f32 {
    if x < -87.0 { 0.0 } else { exp::<L>(x) }
}

/// eˣ, with x cut to \[−87, 88\] so that the result is a normal number.
#[inline(always)]
fn exp<L: Lanes>(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to an integer and leaves it in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let x = if x > 88.0 { 88.0 } else { x };
    let x = if x < -87.0 { -87.0 } else { x };
    let shifted = L::fused(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = L::fused(n, 2.121_944_4e-4, L::fused(n, -0.693_359_4, x));
    let series = 1.987_569_1e-4;
    let series = L::fused(series, r, 1.398_2e-3);
    let series = L::fused(series, r, 8.333_452e-3);
    let series = L::fused(series, r, 4.166_579_6e-2);
    let series = L::fused(series, r, 1.666_666_5e-1);
    let series = L::fused(series, r, 0.5);
    let power = L::fused(series * r, r, r) + 1.0;
    power * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    use super::super::lanes::Portable;
    use super::*;

    /// Relative error allowed, in units of f32::EPSILON: rounding of the last operations and of the polynomials.
    const UNITS: f64 = 3.0;

    fn check(activation: Activation, expected: fn(f64) -> f64) {
        for step in -160_000..=160_000 {
            let x = step as f32 * 5e-4;
            let mut value = [x];
            activation.apply::<Portable>(&mut value);
            let expected = expected(x as f64);
            let error = (value[0] as f64 - expected).abs();
            assert!(
                error <= UNITS * f32::EPSILON as f64 * expected.abs(),
                "{activation:?}({x}) = {} not {expected}",
                value[0]
            );
        }
    }

    #[test]
    fn close_to_f64_from_minus_80_to_80() {
        check(Activation::Sigmoid, |x| 1.0 / (1.0 + (-x).exp()));
        check(Activation::Tanh, f64::tanh);
        check(Activation::Relu, |x| x.max(0.0));
    }

    /// Φ by its series around 0, whose terms have one sign.
    fn normal(x: f64) -> f64 {
        let mut terms = vec![x];
        (1..400).for_each(|k| terms.push(terms[k - 1] * x * x / (2 * k + 1) as f64));
        let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
        (0.5 + density * terms.iter().sum::<f64>()).clamp(0.0, 1.0)
    }

    #[test]
    fn gelu_is_close_to_f64() {
        for step in -90_000..=90_000 {
            let x = step as f32 * 1e-4;
            let mut value = [x];
            Activation::Gelu.apply::<Portable>(&mut value);
            let expected = f64::from(x) * normal(x.into());
            let (error, size) = ((f64::from(value[0]) - expected).abs(), f64::from(x).abs());
            assert!(error <= 2.5 * f64::from(f32::EPSILON) * size, "gelu({x}) = {} not {expected}", value[0]);
            assert!(x < 0.0 || error <= UNITS * f64::from(f32::EPSILON) * expected, "gelu({x}) = {}", value[0]);
        }
        let mut values = [1e30, -1e30, f32::INFINITY, f32::NAN];
        Activation::Gelu.apply::<Portable>(&mut values);
        assert_eq!(values[..3], [1e30, 0.0, f32::INFINITY]);
        assert!(values[3].is_nan());
    }

    #[test]
    fn nan_stays_nan_and_infinities_saturate() {
        let values = |activation: Activation| {
            let mut values = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
            activation.apply::<Portable>(&mut values);
            assert!(values[0].is_nan(), "{activation:?}");
            [values[1], values[2]]
        };
        assert_eq!(values(Activation::None), [f32::INFINITY, f32::NEG_INFINITY]);
        assert_eq!(values(Activation::Relu), [f32::INFINITY, 0.0]);
        assert_eq!(values(Activation::Tanh), [1.0, -1.0]);
        let [one, zero] = values(Activation::Sigmoid);
        assert!(one == 1.0 && (0.0..1e-37).contains(&zero), "{one} {zero}");
    }
}
