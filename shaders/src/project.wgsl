// out[t, k, g, j] = Σ_{p in groups[g]..groups[g+1]} matrix[j, p]·contrasts[t, p, k]
// A workgroup makes 4 rows j × 4 columns (t, k) of one group: each lane strides over the pairs, then the lanes halve. A lane
// closes its sum every 32 pairs, so no running sum is longer than 32 terms or the number of such blocks.
struct Params {
    pairs: u32,
    rows: u32,
    columns: u32,
    outputs: u32,
    groups: u32,
}

@group(0) @binding(0) var<storage, read_write> params: Params;
@group(0) @binding(1) var<storage, read_write> contrasts: array<f32>;
@group(0) @binding(2) var<storage, read_write> matrix: array<f32>;
@group(0) @binding(3) var<storage, read_write> groups: array<u32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

const LANES = 64u;
const BLOCK = 32u * LANES;

// Column c of a sum belongs to the c-th of four columns (t, k); row j to the j-th of four rows.
var<workgroup> sums: array<mat4x4<f32>, LANES>;

// The four rows of the matrix at one pair; rows beyond the last repeat it and are not written.
fn matrix_at(first: u32, p: u32) -> vec4<f32> {
    let j = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.rows - 1u)) * params.pairs + p;
    return vec4<f32>(matrix[j.x], matrix[j.y], matrix[j.z], matrix[j.w]);
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row_blocks = (params.rows + 3u) / 4u;
    let column_blocks = (params.columns + 3u) / 4u;
    let index = group_index(group, group_count);
    let row = 4u * (index % row_blocks);
    let column = 4u * ((index / row_blocks) % column_blocks);
    let g = index / (row_blocks * column_blocks);
    let exists = g < params.groups;

    let begin = select(0u, groups[g], exists);
    let end = select(0u, groups[g + 1u], exists);
    let c = min(vec4<u32>(column) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.columns - 1u));
    let at = (c / params.outputs) * params.pairs * params.outputs + c % params.outputs;

    var sum = mat4x4<f32>();
    for (var block = begin; block < end; block += BLOCK) {
        let stop = min(block + BLOCK, end);
        var part = mat4x4<f32>();
        for (var p = block + lane; p < stop; p += LANES) {
            let m = matrix_at(row, p);
            let i = at + vec4<u32>(p * params.outputs);
            part += mat4x4<f32>(m * contrasts[i.x], m * contrasts[i.y], m * contrasts[i.z], m * contrasts[i.w]);
        }
        sum += part;
    }
    sums[lane] = sum;
    workgroupBarrier();
    for (var step = LANES / 2u; step > 0u; step >>= 1u) {
        if lane < step {
            sums[lane] += sums[lane + step];
        }
        workgroupBarrier();
    }

    // The first 16 lanes write one cell each.
    let cell = vec2<u32>(column + lane / 4u, row + lane % 4u);
    if exists && lane < 16u && cell.x < params.columns && cell.y < params.rows {
        out[(cell.x * params.groups + g) * params.rows + cell.y] = sums[0][lane / 4u][lane % 4u];
    }
}
