// r = y[t, l, k], s = y[t, l, k] − y[t − back[t], l, k]; m, d their means over the run l < L, weighted by w[l]
// out[t, k] = m, Σ w²(r − m), Σ w²(r − m)², d, Σ w²(s − d), Σ w²(s − d)²
// `lanes` invocations sum one (t, k): each strides over the run, then halves, once for the means and once for what is about them.
struct Params {
    cells: u32,
    outputs: u32,
    run: u32,
    lanes: u32,
}

@group(0) @binding(0) var<storage, read_write> params: Params;
@group(0) @binding(1) var<storage, read_write> predictions: array<f32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> back: array<u32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

var<workgroup> sums: array<vec4<f32>, 256>;

// The sum over the lanes of a cell, known to all of them.
fn total(sum: vec4<f32>, lane: u32) -> vec4<f32> {
    let part = lane % params.lanes;
    workgroupBarrier();
    sums[lane] = sum;
    workgroupBarrier();
    for (var step = 128u; step > 0u; step >>= 1u) {
        if step < params.lanes && part < step {
            sums[lane] += sums[lane + step];
        }
        workgroupBarrier();
    }
    return sums[lane - part];
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
    // Cells past the end work on the last one and write nothing.
    let exists = cell < params.cells;
    let at = min(cell, params.cells - 1u);

    let k = at % params.outputs;
    let t = at / params.outputs;
    let first = t * params.run;
    let other = (t - back[t]) * params.run;

    var sum = vec4<f32>();
    for (var l = part; l < params.run; l += lanes) {
        let y = predictions[(first + l) * params.outputs + k];
        let difference = y - predictions[(other + l) * params.outputs + k];
        sum += weights[l] * vec4<f32>(y, difference, 1.0, 0.0);
    }
    let all = total(sum, lane);
    let mean = all.x / all.z;
    let shift = all.y / all.z;

    sum = vec4<f32>();
    for (var l = part; l < params.run; l += lanes) {
        let y = predictions[(first + l) * params.outputs + k];
        let difference = y - predictions[(other + l) * params.outputs + k];
        let a = y - mean;
        let b = difference - shift;
        sum += weights[l] * weights[l] * vec4<f32>(a, a * a, b, b * b);
    }
    let about = total(sum, lane);

    if exists && part == 0u {
        out[6u * cell] = mean;
        out[6u * cell + 1u] = about.x;
        out[6u * cell + 2u] = about.y;
        out[6u * cell + 3u] = shift;
        out[6u * cell + 4u] = about.z;
        out[6u * cell + 5u] = about.w;
    }
}
