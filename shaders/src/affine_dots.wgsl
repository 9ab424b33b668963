// out[row, column] = activation(bias[column] + Σ_k x[row, k] · weight[k, column]) for at most four columns.
// One workgroup computes 8 rows; the 32 lanes of a row take every 32nd k and add their sums in pairs.
struct Params {
    rows: u32,
    inputs: u32,
    outputs: u32,
    activation: u32,
}

@group(0) @binding(0) var<storage, read_write> params: Params;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

const LANES_A_ROW = 32u;
const ROWS = 256u / LANES_A_ROW;

var<workgroup> sums: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = group_index(group, groups) * ROWS + lane / LANES_A_ROW;
    let first = lane % LANES_A_ROW;
    let outputs = params.outputs;
    var sum = vec4(0.0);
    if row < params.rows {
        for (var k = first; k < params.inputs; k += LANES_A_ROW) {
            let value = x[row * params.inputs + k];
            let at = k * outputs;
            var w = vec4(weight[at], 0.0, 0.0, 0.0);
            if outputs > 1u {
                w.y = weight[at + 1u];
            }
            if outputs > 2u {
                w.z = weight[at + 2u];
            }
            if outputs > 3u {
                w.w = weight[at + 3u];
            }
            sum = fma(vec4(value), w, sum);
        }
    }
    sums[lane] = sum;
    workgroupBarrier();
    for (var half = LANES_A_ROW / 2u; half > 0u; half /= 2u) {
        if first < half {
            sums[lane] += sums[lane + half];
        }
        workgroupBarrier();
    }
    if row < params.rows && first < outputs {
        let total = sums[lane - first][first] + bias[first];
        out[row * outputs + first] = activate(vec4(total), params.activation).x;
    }
}
