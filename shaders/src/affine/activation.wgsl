// Activations by their code, as in `activation.rs`. NaN stays NaN.
fn activate(v: vec4<f32>, activation: u32) -> vec4<f32> {
    switch activation {
        case 1u: {
            return select(v, vec4(0.0), v < vec4(0.0));
        }
        case 2u: {
            return 1.0 / (1.0 + exp_within(-v));
        }
        case 3u: {
            let z = v * v;
            let series = ((((-5.7049887e-3 * z + 2.0639089e-2) * z - 5.3739716e-2) * z + 1.3331442e-1) * z - 3.3333282e-1);
            let near = series * z * v + v;
            let far = sign(v) * (1.0 - 2.0 / (exp_within(2.0 * abs(v)) + 1.0));
            return select(far, near, abs(v) < vec4(0.625));
        }
        default: {
            return v;
        }
    }
}

// eˣ with x cut to [-87, 87], so that nothing overflows; NaN passes.
fn exp_within(v: vec4<f32>) -> vec4<f32> {
    return exp(select(select(v, vec4(87.0), v > vec4(87.0)), vec4(-87.0), v < vec4(-87.0)));
}
