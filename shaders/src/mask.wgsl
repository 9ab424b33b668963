// out[((t·P + p)·S + side)·L + l, f] = rows[t, f] if (player_of[f] in members[p]) != side, else background[start[p] + l, f].
// One invocation a cell. Values travel as bits, so NaN and infinities pass unchanged.
struct Params {
    cells: u32,
    features: u32,
    pairs: u32,
    run: u32,
    words: u32,
    per_row: u32,
    sides: u32,
}

@group(0) @binding(0) var<storage, read_write> params: Params;
@group(0) @binding(1) var<storage, read_write> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> background: array<u32>;
@group(0) @binding(3) var<storage, read_write> members: array<u32>;
@group(0) @binding(4) var<storage, read_write> start: array<u32>;
@group(0) @binding(5) var<storage, read_write> player_of: array<u32>;
@group(0) @binding(6) var<storage, read_write> out: array<u32>;

const NO_PLAYER = 0xffffffffu;

@compute @workgroup_size(256)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let cell = group_index(group, groups) * 256u + lane;
    if cell >= params.cells {
        return;
    }
    let feature = cell % params.features;
    let row = cell / params.features;
    let l = row % params.run;
    let pair = row / (params.sides * params.run);
    let side = row / params.run - pair * params.sides;
    let t = pair / params.pairs;
    let entry = select(pair - t * params.pairs, pair, params.per_row != 0u);

    let player = player_of[feature];
    var keep = player == NO_PLAYER;
    if !keep {
        keep = bit_of(members[entry * params.words + player / 32u], player) != side;
    }
    if keep {
        out[cell] = rows[t * params.features + feature];
    } else {
        out[cell] = background[(start[entry] + l) * params.features + feature];
    }
}
