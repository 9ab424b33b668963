//! How a block of rows is cut into pieces that fit the device: a tile is a range of rows times a range of pairs.

use burn::tensor::Tensor;
use std::ops::Range;

/// Some rows, and the pairs of the design evaluated on them together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    pub rows: Range<usize>,
    pub pairs: Range<usize>,
}

/// Tiles of at most `tile_rows` model rows (at least one pair), rows in order and pairs in order within them. A tile holds either
/// several whole rows or a part of one row.
pub fn tiles(n_rows: usize, n_pairs: usize, rows_per_pair: usize, tile_rows: usize) -> Vec<Tile> {
    let per_row = n_pairs * rows_per_pair;
    if per_row <= tile_rows {
        let step = (tile_rows / per_row.max(1)).max(1);
        return chunks(n_rows, step).map(|rows| Tile { rows, pairs: 0..n_pairs }).collect();
    }
    let pieces = n_pairs.div_ceil((tile_rows / rows_per_pair).max(1));
    let step = n_pairs.div_ceil(pieces);
    (0..n_rows).flat_map(|row| chunks(n_pairs, step).map(move |pairs| Tile { rows: row..row + 1, pairs })).collect()
}

/// `0..length` in ranges of `step`, the last one shorter.
pub(crate) fn chunks(length: usize, step: usize) -> impl Iterator<Item = Range<usize>> {
    (0..length).step_by(step).map(move |from| from..(from + step).min(length))
}

/// Puts tiles back together: pairs side by side, then rows one below the other.
pub(super) fn join(parts: Vec<Tensor<3>>, tiles: &[Tile]) -> Tensor<3> {
    let mut rows: Vec<Tensor<3>> = Vec::new();
    let mut row: Vec<Tensor<3>> = Vec::new();
    for (at, part) in parts.into_iter().enumerate() {
        row.push(part);
        if tiles.get(at + 1).is_none_or(|next| next.rows != tiles[at].rows) {
            rows.push(cat(std::mem::take(&mut row), 1));
        }
    }
    cat(rows, 0)
}

/// Parts one after the other along a dimension.
pub(crate) fn cat<const D: usize>(mut parts: Vec<Tensor<D>>, dimension: usize) -> Tensor<D> {
    if parts.len() == 1 { parts.remove(0) } else { Tensor::cat(parts, dimension) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_row_and_pair_once_and_stay_small() {
        for (n_rows, n_pairs, rows_per_pair, tile_rows) in
            [(7, 10, 2, 64), (3, 100, 20, 512), (2, 5, 1000, 64), (1, 1, 2, 1)]
        {
            let mut seen = vec![0; n_rows * n_pairs];
            for tile in tiles(n_rows, n_pairs, rows_per_pair, tile_rows) {
                let model_rows = tile.rows.len() * tile.pairs.len() * rows_per_pair;
                assert!(model_rows <= tile_rows || tile.pairs.len() == 1 && tile.rows.len() == 1);
                for row in tile.rows.clone() {
                    tile.pairs.clone().for_each(|pair| seen[row * n_pairs + pair] += 1);
                }
            }
            assert!(seen.iter().all(|&count| count == 1));
        }
    }
}
