// The least squares solution with zero sum, one system a workgroup:
// A = UᵀU, x = A⁻¹b, z = A⁻¹1, φ = x − z·(Σx / Σz).
// `work` holds [A | b | 1], n rows of n + K + 1 columns, of each system and is eliminated in place: row j becomes row j of
// [U | U⁻ᵀb | U⁻ᵀ1], then the right-hand columns become [x | z] from the last row up.
struct Params {
    systems: u32,
    players: u32,
    outputs: u32,
}

@group(0) @binding(0) var<storage, read_write> params: Params;
@group(0) @binding(1) var<storage, read_write> gram: array<f32>;
@group(0) @binding(2) var<storage, read_write> rhs: array<f32>;
@group(0) @binding(3) var<storage, read_write> work: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

const LANES = 256u;
const PIVOT_FLOOR = 1.52587890625e-5; // 2^-16
const RIDGE = 9.765625e-4; // 2^-10

// n, K, and whether this workgroup has a system: the same for all lanes, as barriers demand.
var<workgroup> shared_sizes: vec3<u32>;

// A pivot that is noise beside its diagonal element gets a share of that element added; see the twin.
fn repaired(pivot: f32, diagonal: f32) -> f32 {
    if pivot > PIVOT_FLOOR * diagonal {
        return pivot;
    }
    return max(pivot, 0.0) + RIDGE * select(1.0, diagonal, diagonal > 0.0);
}

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let system = group_index(group, groups);
    if lane == 0u {
        shared_sizes = vec3<u32>(params.players, params.outputs, u32(system < params.systems));
    }
    let sizes = workgroupUniformLoad(&shared_sizes);
    if sizes.z == 0u {
        return;
    }
    let n = sizes.x;
    let outputs = sizes.y;
    let width = n + outputs + 1u;
    let base = system * n * width;

    for (var cell = lane; cell < n * width; cell += LANES) {
        let i = cell / width;
        let c = cell % width;
        if c < n {
            work[base + cell] = gram[(system * n + i) * n + c];
        } else if c < n + outputs {
            work[base + cell] = rhs[(system * n + i) * outputs + c - n];
        } else {
            work[base + cell] = 1.0;
        }
    }
    storageBarrier();

    // Row j of U and of the forward substitution: a lane a column, subtracting the rows above.
    for (var j = 0u; j < n; j++) {
        let row = base + j * width;
        for (var c = j + lane; c < width; c += LANES) {
            var sum = 0.0;
            for (var k = 0u; k < j; k++) {
                sum += work[base + k * width + j] * work[base + k * width + c];
            }
            work[row + c] -= sum;
        }
        storageBarrier();
        let diagonal = gram[(system * n + j) * n + j];
        let root = sqrt(repaired(work[row + j], diagonal));
        storageBarrier();
        for (var c = j + lane; c < width; c += LANES) {
            work[row + c] = select(work[row + c] / root, root, c == j);
        }
        storageBarrier();
    }

    // Back substitution of all right-hand columns, a cell (row above, column) a lane.
    let columns = outputs + 1u;
    for (var back = 0u; back < n; back++) {
        let j = n - 1u - back;
        let row = base + j * width;
        for (var c = n + lane; c < width; c += LANES) {
            work[row + c] /= work[row + j];
        }
        storageBarrier();
        for (var cell = lane; cell < j * columns; cell += LANES) {
            let i = base + (cell / columns) * width;
            let c = n + cell % columns;
            work[i + c] -= work[i + j] * work[row + c];
        }
        storageBarrier();
    }

    // The column sums lie in place of the first row of U, which is used up.
    for (var c = lane; c < columns; c += LANES) {
        var sum = 0.0;
        for (var i = 0u; i < n; i++) {
            sum += work[base + i * width + n + c];
        }
        work[base + c] = sum;
    }
    storageBarrier();
    for (var cell = lane; cell < n * outputs; cell += LANES) {
        let i = base + (cell / outputs) * width + n;
        let k = cell % outputs;
        out[system * n * outputs + cell] = work[i + k] - work[i + outputs] * (work[base + k] / work[base + outputs]);
    }
}
