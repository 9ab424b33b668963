//! How donors and the background rows they meet are cut into pieces that fit the device.

use crate::explain::chunks;
use std::ops::Range;

/// Some donors, and the background rows that all of them meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tile {
    pub donors: Range<usize>,
    pub rows: Range<usize>,
}

/// Tiles of at most `tile_rows` model rows, in order of the donors and, within them, of the rows. Donors of one unit stay together: a
/// tile holds several whole units with all rows, or one unit with some of them, at least one.
///
/// `units` are the numbers of donors of each unit.
pub(super) fn tiles(units: &[usize], rows: Range<usize>, tile_rows: usize) -> Vec<Tile> {
    let mut tiles: Vec<Tile> = Vec::new();
    let mut first = 0;
    for &unit in units {
        let donors = first..first + unit;
        first = donors.end;
        let step = (tile_rows / unit).clamp(1, rows.len().max(1));
        match tiles.last_mut() {
            Some(last) if last.rows == rows && (last.donors.len() + unit) * rows.len() <= tile_rows => {
                last.donors.end = donors.end;
            }
            _ => tiles.extend(
                chunks(rows.len(), step)
                    .map(|part| Tile { donors: donors.clone(), rows: rows.start + part.start..rows.start + part.end }),
            ),
        }
    }
    tiles
}

/// Ranges of tiles whose results, `floats` of each, are kept on the device together: at most `most` of them, and at least a tile.
pub(super) fn batches(floats: impl Iterator<Item = usize>, most: usize) -> Vec<Range<usize>> {
    let mut batches: Vec<Range<usize>> = Vec::new();
    let mut held = 0;
    for (tile, floats) in floats.enumerate() {
        match batches.last_mut() {
            Some(batch) if held + floats <= most => {
                batch.end += 1;
                held += floats;
            }
            _ => {
                batches.push(tile..tile + 1);
                held = floats;
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_donor_and_row_once_and_keep_units_whole() {
        for (units, rows, tile_rows) in [
            (vec![50; 4], 3..40, 512),
            (vec![5, 7, 2, 1, 600, 3], 0..10, 64),
            (vec![1; 30], 5..9, 64),
            (vec![3], 0..1, 1),
        ] {
            let n: usize = units.iter().sum();
            let mut seen = vec![0; n * rows.end];
            let starts: Vec<usize> =
                units.iter().scan(0, |at, &unit| Some(std::mem::replace(at, *at + unit))).collect();
            for tile in tiles(&units, rows.clone(), tile_rows) {
                let model_rows = tile.donors.len() * tile.rows.len();
                assert!(model_rows <= tile_rows || tile.rows.len() == 1 && units.contains(&tile.donors.len()));
                assert!(
                    starts.contains(&tile.donors.start) && (tile.donors.end == n || starts.contains(&tile.donors.end))
                );
                for donor in tile.donors.clone() {
                    tile.rows.clone().for_each(|row| seen[donor * rows.end + row] += 1);
                }
            }
            assert!(seen.iter().enumerate().all(|(at, &count)| count == usize::from(at % rows.end >= rows.start)));
        }
    }

    #[test]
    fn small_units_share_a_tile() {
        let tile = |donors, rows| Tile { donors, rows };
        assert_eq!(tiles(&[2, 2, 2], 0..10, 45), [tile(0..4, 0..10), tile(4..6, 0..10)]);
        assert_eq!(tiles(&[4, 2], 0..10, 32), [tile(0..4, 0..8), tile(0..4, 8..10), tile(4..6, 0..10)]);
    }

    #[test]
    fn batches_hold_what_fits() {
        assert_eq!(batches([3, 4, 5, 20, 1].into_iter(), 8), [0..2, 2..3, 3..4, 4..5]);
    }
}
