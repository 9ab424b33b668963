//! Numbers in blocks, as llama.cpp quantises them: a block shares a scale (and an offset) in half precision.
//!
//! Layouts follow ggml's `block_*` structures. `d` and `m` are the scale and the offset, `q` the integers, in the order the bytes have.

use burn::tensor::{bf16, f16};

/// A type of number or block in a GGUF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F32,
    F16,
    BF16,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q4K,
    Q5K,
    Q6K,
}

/// Every kind, its number in a file, and the numbers and bytes of a block.
const KINDS: [(Kind, u32, usize, usize); 11] = [
    (Kind::F32, 0, 1, 4),
    (Kind::F16, 1, 1, 2),
    (Kind::BF16, 30, 1, 2),
    (Kind::Q4_0, 2, 32, 18),
    (Kind::Q4_1, 3, 32, 20),
    (Kind::Q5_0, 6, 32, 22),
    (Kind::Q5_1, 7, 32, 24),
    (Kind::Q8_0, 8, 32, 34),
    (Kind::Q4K, 12, 256, 144),
    (Kind::Q5K, 13, 256, 176),
    (Kind::Q6K, 14, 256, 210),
];
/// For messages.
pub(super) const NAMES: &str = "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K";

impl Kind {
    /// The kind that a file means by a number.
    pub fn numbered(id: u32) -> Option<Kind> {
        KINDS.iter().find(|(_, known, ..)| *known == id).map(|(kind, ..)| *kind)
    }

    /// Numbers in a block, and its bytes.
    pub fn block(self) -> (usize, usize) {
        let (.., numbers, bytes) =
            KINDS[KINDS.iter().position(|(kind, ..)| *kind == self).expect("every kind is listed")];
        (numbers, bytes)
    }

    /// The numbers that whole blocks stand for.
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        let (numbers, size) = self.block();
        let mut out = Vec::with_capacity(bytes.len() / size * numbers);
        for b in bytes.chunks_exact(size) {
            match self {
                Kind::F32 => out.push(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
                Kind::F16 => out.push(half(b)),
                Kind::BF16 => out.push(bf16::from_le_bytes([b[0], b[1]]).to_f32()),
                Kind::Q4_0 => nibbles(&b[2..], half(b), -8.0 * half(b), 0, &mut out),
                Kind::Q4_1 => nibbles(&b[4..], half(b), half(&b[2..]), 0, &mut out),
                Kind::Q5_0 => nibbles(&b[6..], half(b), -16.0 * half(b), word(&b[2..]), &mut out),
                Kind::Q5_1 => nibbles(&b[8..], half(b), half(&b[2..]), word(&b[4..]), &mut out),
                Kind::Q8_0 => out.extend(b[2..].iter().map(|&q| half(b) * f32::from(q as i8))),
                Kind::Q4K => quarters(b, &b[16..], None, &mut out),
                Kind::Q5K => quarters(b, &b[48..], Some(&b[16..48]), &mut out),
                Kind::Q6K => sixes(b, &mut out),
            }
        }
        out
    }
}

fn half(b: &[u8]) -> f32 {
    f16::from_le_bytes([b[0], b[1]]).to_f32()
}

fn word(b: &[u8]) -> u32 {
    u32::from_le_bytes([b[0], b[1], b[2], b[3]])
}

/// 32 numbers `d·q + m` from 16 bytes: low nibbles, then high ones; bit i of `fifth` is the fifth bit of the i-th.
fn nibbles(q: &[u8], d: f32, m: f32, fifth: u32, out: &mut Vec<f32>) {
    let number = |i: usize, nibble: u8| d * f32::from(nibble | ((fifth >> i & 1) as u8) << 4) + m;
    out.extend(q[..16].iter().enumerate().map(|(i, byte)| number(i, byte & 15)));
    out.extend(q[..16].iter().enumerate().map(|(i, byte)| number(i + 16, byte >> 4)));
}

/// Q4_K and Q5_K: eight runs of 32 numbers `d·s·q − m·t`, with six-bit `s` and `t` packed into bytes 4 to 15; `fifths` holds fifth bits,
/// bit r of byte i for the i-th number of run r.
fn quarters(b: &[u8], q: &[u8], fifths: Option<&[u8]>, out: &mut Vec<f32>) {
    let (d, m, scales) = (half(b), half(&b[2..]), &b[4..16]);
    for run in 0..8 {
        let (s, t) = match run {
            0..4 => (scales[run] & 63, scales[run + 4] & 63),
            _ => (scales[run + 4] & 15 | scales[run - 4] >> 6 << 4, scales[run + 4] >> 4 | scales[run] >> 6 << 4),
        };
        let (scale, offset) = (d * f32::from(s), m * f32::from(t));
        for i in 0..32 {
            let nibble = q[run / 2 * 32 + i] >> (run % 2 * 4) & 15;
            let fifth = fifths.map_or(0, |bits| bits[i] >> run & 1);
            out.push(scale * f32::from(nibble | fifth << 4) - offset);
        }
    }
}

/// Q6_K: 16 runs of 16 numbers `d·s·(q − 32)`. Bytes 0 to 127 are low nibbles, 128 to 191 the two high bits, 192 to 207 the
/// signed `s`, then `d`. In each half of the block four runs of 32 share their bytes.
fn sixes(b: &[u8], out: &mut Vec<f32>) {
    let d = half(&b[208..]);
    for (part, quarter) in (0..8).map(|run| (run / 4, run % 4)) {
        for i in 0..32 {
            let low = b[64 * part + 32 * (quarter % 2) + i] >> (quarter / 2 * 4) & 15;
            let high = b[128 + 32 * part + i] >> (2 * quarter) & 3;
            let s = b[192 + 8 * part + 2 * quarter + i / 16] as i8;
            out.push(d * f32::from(s) * (f32::from(low | high << 4) - 32.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transformer::weights::header;
    use std::io::{Read, Seek, SeekFrom};

    /// The fixture holds a tensor of each kind, and what the Python package `gguf` decodes from it.
    #[test]
    fn every_kind_of_block_decodes_to_the_numbers_it_stands_for() {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/transformers/");
        let answers = std::fs::read_to_string(format!("{fixtures}answers.json")).unwrap();
        let answers: serde_json::Value = serde_json::from_str(&answers).unwrap();
        let path = format!("{fixtures}blocks.gguf");
        let header = header::read(path.as_ref()).unwrap();
        let mut file = std::fs::File::open(path).unwrap();
        assert_eq!(header.tensors.len(), KINDS.len());
        for (name, entry) in header.tensors {
            let mut bytes = vec![0; entry.bytes];
            file.seek(SeekFrom::Start(entry.from)).unwrap();
            file.read_exact(&mut bytes).unwrap();
            let found = entry.kind.decode(&bytes);
            let expected: Vec<f64> =
                answers["blocks"][&name].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            assert_eq!((found.len(), expected.len()), (256, 256), "{name}");
            for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                // Stored with eight digits.
                let near = (f64::from(*found) - expected).abs() <= 1e-7 * expected.abs();
                assert!(near, "{name}[{i}]: {found} for {expected}");
            }
        }
    }
}
