// With signs s[i] = 1 for a member and −1 otherwise:
// gram[t, i, j] = Σ_p weights[t, p]·s[i]·s[j],   rhs[t, i, k] = Σ_p weights[t, p]·s[i]·contrasts[t, p, k]
// A workgroup makes a 32 × 32 tile of [gram | rhs] of one t, a lane 4 × 4 cells of it. 32 pairs at a time, the lanes put the
// factors of the tile's rows and columns into workgroup memory. Tiles below the diagonal mirror those above.
struct Params {
    rows: u32,
    pairs: u32,
    players: u32,
    outputs: u32,
    words: u32,
}

@group(0) @binding(0) var<storage, read_write> params: Params;
@group(0) @binding(1) var<storage, read_write> members: array<u32>;
@group(0) @binding(2) var<storage, read_write> weights: array<f32>;
@group(0) @binding(3) var<storage, read_write> contrasts: array<f32>;
@group(0) @binding(4) var<storage, read_write> gram: array<f32>;
@group(0) @binding(5) var<storage, read_write> rhs: array<f32>;

const TILE = 32u;
const QUADS = TILE / 4u;
const BLOCK = 32u;
const LANES = 64u;

// Factors of one block, pair after pair, a quad of four neighbours each: weight·sign of the tile's rows; sign or contrast
// of its columns. Zero beyond the last pair.
var<workgroup> left: array<vec4<f32>, BLOCK * QUADS>;
var<workgroup> right: array<vec4<f32>, BLOCK * QUADS>;
// The number of pairs, 0 where this workgroup has no tile: the same for all lanes, as barriers demand.
var<workgroup> shared_pairs: u32;

// The signs of four players from a multiple of four on, which share a word.
fn signs(pair: u32, player: u32) -> vec4<f32> {
    let word = members[pair * params.words + min(player / 32u, params.words - 1u)];
    let bits = (vec4<u32>(word) >> (vec4<u32>(player & 31u) + vec4<u32>(0u, 1u, 2u, 3u))) & vec4<u32>(1u);
    return 2.0 * vec4<f32>(bits) - 1.0;
}

// Column j of [signs | contrasts] at a pair; a column beyond the last repeats it and is not written.
fn column(pair: u32, j: u32, sign: f32) -> f32 {
    if j < params.players {
        return sign;
    }
    return contrasts[pair * params.outputs + min(j - params.players, params.outputs - 1u)];
}

fn columns(pair: u32, j: u32) -> vec4<f32> {
    let s = signs(pair, j);
    return vec4<f32>(column(pair, j, s.x), column(pair, j + 1u, s.y), column(pair, j + 2u, s.z), column(pair, j + 3u, s.w));
}

fn write(t: u32, i: u32, j: u32, mirror: bool, sum: f32) {
    let n = params.players;
    if i >= n || j >= n + params.outputs {
        return;
    }
    if j >= n {
        rhs[(t * n + i) * params.outputs + j - n] = sum;
        return;
    }
    gram[(t * n + i) * n + j] = sum;
    if mirror {
        gram[(t * n + j) * n + i] = sum;
    }
}

@compute @workgroup_size(64)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let tiles = vec2<u32>((params.players + params.outputs + TILE - 1u) / TILE, (params.players + TILE - 1u) / TILE);
    let index = group_index(group, groups);
    let tile = vec2<u32>(index % tiles.x, (index / tiles.x) % tiles.y);
    let t = index / (tiles.x * tiles.y);
    if lane == 0u {
        shared_pairs = select(0u, params.pairs, t < params.rows && tile.x >= tile.y);
    }
    let pairs = workgroupUniformLoad(&shared_pairs);
    if pairs == 0u {
        return;
    }

    var sum = mat4x4<f32>();
    for (var block = 0u; block < pairs; block += BLOCK) {
        for (var slot = lane; slot < BLOCK * QUADS; slot += LANES) {
            let pair = t * pairs + block + slot / QUADS;
            let quad = 4u * (slot % QUADS);
            left[slot] = vec4<f32>();
            right[slot] = vec4<f32>();
            if block + slot / QUADS < pairs {
                left[slot] = weights[pair] * signs(pair, TILE * tile.y + quad);
                right[slot] = columns(pair, TILE * tile.x + quad);
            }
        }
        workgroupBarrier();
        var part = mat4x4<f32>();
        for (var p = 0u; p < BLOCK; p++) {
            let l = left[p * QUADS + lane / QUADS];
            let r = right[p * QUADS + lane % QUADS];
            part += mat4x4<f32>(l * r.x, l * r.y, l * r.z, l * r.w);
        }
        sum += part;
        workgroupBarrier();
    }

    let first = TILE * tile.yx + 4u * vec2<u32>(lane / QUADS, lane % QUADS);
    for (var cell = 0u; cell < 16u; cell++) {
        write(t, first.x + cell % 4u, first.y + cell / 4u, tile.x > tile.y, sum[cell / 4u][cell % 4u]);
    }
}
