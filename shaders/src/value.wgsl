// m_side = Σ_l weight[start[p] + l]·y[t, p, side, l, k] / Σ_l weight[start[p] + l]   (y itself for a run of one)
// out[t, p, k] = link(m_0) − link(m_1) − tilt[p]·(full[t, k] − base[b, k])
// `lanes` invocations sum one output: each strides over the run, then halves; a workgroup makes 256 / lanes outputs.
struct Params {
    cells: u32,
    pairs: u32,
    outputs: u32,
    run: u32,
    lanes: u32,
    logit: u32,
    per_row: u32,
    base_rows: u32,
    even: u32,
}

@group(0) @binding(0) var<storage, read_write> params: Params;
@group(0) @binding(1) var<storage, read_write> predictions: array<f32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> start: array<u32>;
@group(0) @binding(4) var<storage, read_write> tilt: array<f32>;
@group(0) @binding(5) var<storage, read_write> full: array<f32>;
@group(0) @binding(6) var<storage, read_write> base: array<f32>;
@group(0) @binding(7) var<storage, read_write> out: array<f32>;

// Weighted sum of side 0, of side 1, sum of weights.
var<workgroup> sums: array<vec3<f32>, 256>;

const EPSILON = 1.1920929e-7;

// NaN is told by its bits: clamp may turn it into a number.
fn link(m: f32) -> f32 {
    let is_nan = (bitcast<u32>(m) & 0x7fffffffu) > 0x7f800000u;
    if params.logit == 0u || is_nan {
        return m;
    }
    let p = clamp(m, EPSILON, 1.0 - EPSILON);
    return log(p / (1.0 - p));
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let lanes = params.lanes;
    let part = lane % lanes;
    let cell = group_index(group, groups) * (256u / lanes) + lane / lanes;
    let exists = cell < params.cells;

    let k = cell % params.outputs;
    let pair = cell / params.outputs;
    let t = pair / params.pairs;
    let entry = select(pair - t * params.pairs, pair, params.per_row != 0u);
    let first = 2u * pair * params.run;

    var sum = vec3<f32>();
    if exists && params.run == 1u {
        sum = vec3<f32>(predictions[first * params.outputs + k], predictions[(first + 1u) * params.outputs + k], 1.0);
    } else if exists {
        for (var l = part; l < params.run; l += lanes) {
            let y0 = predictions[(first + l) * params.outputs + k];
            let y1 = predictions[(first + params.run + l) * params.outputs + k];
            sum += weights[start[entry] + l] * vec3<f32>(y0, y1, 1.0);
        }
    }
    sums[lane] = sum;
    workgroupBarrier();
    for (var step = 128u; step > 0u; step >>= 1u) {
        if step < lanes && part < step {
            sums[lane] += sums[lane + step];
        }
        workgroupBarrier();
    }

    if exists && part == 0u {
        let total = sums[lane];
        let b = select(start[entry], 0u, params.base_rows == 1u);
        let ends = vec2<f32>(full[t * params.outputs + k], base[b * params.outputs + k]);
        let sides = vec2<f32>(link(total.x / total.z), link(total.y / total.z));
        let odd = sides.x - sides.y - tilt[entry] * (ends.x - ends.y);
        let even = sides.x + sides.y - (ends.x + ends.y);
        out[cell] = select(odd, even, params.even != 0u);
    }
}
