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
        case 4u: {
            let u = clamp(v, vec4(-6.0), vec4(6.0));
            let z = u * u;
            let above = ((((2.229687e-8 * z + 6.2892256e-6) * z + 1.6890228e-4) * z + 4.6771804e-3) * z + 3.39268e-2) * z + 3.9894226e-1;
            let below = ((((1.1796001e-6 * z + 7.333364e-5) * z + 1.88534e-3) * z + 2.8676195e-2) * z + 2.517082e-1) * z + 1.0;
            let odd = select(u * above / below, 0.5 * sign(v), abs(v) > vec4(5.5));
            return v * (0.5 + odd);
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
