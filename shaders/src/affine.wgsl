// out[row, column] = activation(bias[column] + Σ_k x[row, k] · weight[k, column]).
// One workgroup computes a tile of the output, one lane 8 × 8 values of it; panels of x and weight pass through workgroup memory.
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

// The tile; rows and columns are multiples of 8. The host replaces these three lines to try others.
const TILE_ROWS = 128u;
const TILE_COLUMNS = 128u;
const TILE_DEPTH = 16u;

const LANES_ACROSS = TILE_COLUMNS / 8u;
const LANES = TILE_ROWS / 8u * LANES_ACROSS;
// Vectors of four from one k to the next; one more than needed for x, whose columns are written with a stride.
const X_STRIDE = TILE_ROWS / 4u + 1u;
const W_STRIDE = TILE_COLUMNS / 4u;

var<workgroup> sizes: Params;
// x transposed: four rows a vector. weight: four columns a vector.
var<workgroup> x_panel: array<vec4<f32>, TILE_DEPTH * X_STRIDE>;
var<workgroup> w_panel: array<vec4<f32>, TILE_DEPTH * W_STRIDE>;

fn load_panels(size: Params, first_row: u32, first_column: u32, first_k: u32, lane: u32) {
    for (var i = lane; i < TILE_ROWS * TILE_DEPTH; i += LANES) {
        let row = i / TILE_DEPTH;
        let k = i % TILE_DEPTH;
        var value = 0.0;
        if first_row + row < size.rows && first_k + k < size.inputs {
            value = x[(first_row + row) * size.inputs + first_k + k];
        }
        x_panel[k * X_STRIDE + row / 4u][row % 4u] = value;
    }
    for (var i = lane; i < TILE_COLUMNS * TILE_DEPTH; i += LANES) {
        let column = i % TILE_COLUMNS;
        let k = i / TILE_COLUMNS;
        var value = 0.0;
        if first_column + column < size.outputs && first_k + k < size.inputs {
            value = weight[(first_k + k) * size.outputs + first_column + column];
        }
        w_panel[k * W_STRIDE + column / 4u][column % 4u] = value;
    }
}

fn bias_at(size: Params, column: u32) -> vec4<f32> {
    var values = vec4(0.0);
    for (var c = 0u; c < 4u; c++) {
        if column + c < size.outputs {
            values[c] = bias[column + c];
        }
    }
    return values;
}

// Four values of one row.
fn store(size: Params, row: u32, column: u32, sums: vec4<f32>) {
    if row >= size.rows {
        return;
    }
    let values = activate(sums, size.activation);
    let at = row * size.outputs + column;
    if column < size.outputs {
        out[at] = values.x;
    }
    if column + 1u < size.outputs {
        out[at + 1u] = values.y;
    }
    if column + 2u < size.outputs {
        out[at + 2u] = values.z;
    }
    if column + 3u < size.outputs {
        out[at + 3u] = values.w;
    }
}

@compute @workgroup_size(LANES)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    if lane == 0u {
        sizes = params;
    }
    let size = workgroupUniformLoad(&sizes);
    let tiles_across = (size.outputs + TILE_COLUMNS - 1u) / TILE_COLUMNS;
    let tile = group_index(group, groups);
    let first_row = tile / tiles_across * TILE_ROWS;
    let first_column = tile % tiles_across * TILE_COLUMNS;
    if first_row >= size.rows {
        return;
    }
    // A lane has rows down·4 .. + 4 in each half of the tile, and columns across·4 .. + 4 in each half.
    let down = lane / LANES_ACROSS;
    let across = lane % LANES_ACROSS;
    let left = first_column + across * 4u;
    let right = left + TILE_COLUMNS / 2u;
    let top = first_row + down * 4u;
    let bottom = top + TILE_ROWS / 2u;

    // Sums by row (a to d in the top half, e to h in the bottom half) and half of the columns (0 left, 1 right).
    let bias0 = bias_at(size, left);
    let bias1 = bias_at(size, right);
    var a0 = bias0; var b0 = bias0; var c0 = bias0; var d0 = bias0;
    var e0 = bias0; var f0 = bias0; var g0 = bias0; var h0 = bias0;
    var a1 = bias1; var b1 = bias1; var c1 = bias1; var d1 = bias1;
    var e1 = bias1; var f1 = bias1; var g1 = bias1; var h1 = bias1;

    for (var first_k = 0u; first_k < size.inputs; first_k += TILE_DEPTH) {
        load_panels(size, first_row, first_column, first_k, lane);
        workgroupBarrier();
        for (var k = 0u; k < TILE_DEPTH; k++) {
            let x0 = x_panel[k * X_STRIDE + down];
            let x1 = x_panel[k * X_STRIDE + down + TILE_ROWS / 8u];
            let w0 = w_panel[k * W_STRIDE + across];
            let w1 = w_panel[k * W_STRIDE + across + TILE_COLUMNS / 8u];
            a0 = fma(x0.xxxx, w0, a0); a1 = fma(x0.xxxx, w1, a1);
            b0 = fma(x0.yyyy, w0, b0); b1 = fma(x0.yyyy, w1, b1);
            c0 = fma(x0.zzzz, w0, c0); c1 = fma(x0.zzzz, w1, c1);
            d0 = fma(x0.wwww, w0, d0); d1 = fma(x0.wwww, w1, d1);
            e0 = fma(x1.xxxx, w0, e0); e1 = fma(x1.xxxx, w1, e1);
            f0 = fma(x1.yyyy, w0, f0); f1 = fma(x1.yyyy, w1, f1);
            g0 = fma(x1.zzzz, w0, g0); g1 = fma(x1.zzzz, w1, g1);
            h0 = fma(x1.wwww, w0, h0); h1 = fma(x1.wwww, w1, h1);
        }
        workgroupBarrier();
    }

    store(size, top, left, a0);          store(size, top, right, a1);
    store(size, top + 1u, left, b0);     store(size, top + 1u, right, b1);
    store(size, top + 2u, left, c0);     store(size, top + 2u, right, c1);
    store(size, top + 3u, left, d0);     store(size, top + 3u, right, d1);
    store(size, bottom, left, e0);       store(size, bottom, right, e1);
    store(size, bottom + 1u, left, f0);  store(size, bottom + 1u, right, f1);
    store(size, bottom + 2u, left, g0);  store(size, bottom + 2u, right, g1);
    store(size, bottom + 3u, left, h0);  store(size, bottom + 3u, right, h1);
}
