// Shared by all kernels; the host puts this text before each of them.

// The linear index of a workgroup: long dispatches are folded over y.
fn group_index(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return group.y * groups.x + group.x;
}

// The value of `player`'s bit in the set that begins at a word: 1 for a member.
fn bit_of(word: u32, player: u32) -> u32 {
    return (word >> (player & 31u)) & 1u;
}

