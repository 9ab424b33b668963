//! How donors and the background rows they meet are cut into pieces that fit the device.

use crate::explain::chunks;
use std::ops::Range;

/// Some donors, and the background rows that all of them meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tile {
    pub donors: Range<usize>,
    pub rows: Range<usize>,
    /// Whether the donors are points of sweeps.
    pub swept: bool,
}

/// Background rows of a tile of sweeps: what is known of a row before any feature moves serves all of them.
const SWEPT_ROWS: usize = 64;
/// Outputs of a tile of sweeps, small enough that they stay in a core's cache.
const SWEPT_OUTPUTS: usize = 1 << 18;

/// Tiles in order of the donors and, within them, of the rows. Donors of one unit stay together: a tile holds several whole units with all
/// rows, or one unit with some of them, at least one, and has at most `tile_rows` model rows. A tile of sweeps holds whole units with some
/// of the rows.
///
/// `units` are the numbers of donors of each unit; `swept` says which are sweeps.
pub(super) fn tiles(
    units: &[usize],
    swept: &[bool],
    rows: Range<usize>,
    tile_rows: usize,
    outputs: usize,
) -> Vec<Tile> {
    let mut tiles = Vec::new();
    let (mut units, mut first) = (units, 0);
    for kind in swept.chunk_by(|a, b| a == b) {
        let some = units.split_off(..kind.len()).expect("a kind for each unit");
        match kind[0] {
            true => tiles.extend(bands(first, some, &rows, outputs)),
            false => tiles.extend(blocks(first, some, &rows, tile_rows)),
        }
        first += some.iter().sum::<usize>();
    }
    tiles
}

/// Tiles of units that are not sweeps, from a donor on.
fn blocks(first: usize, units: &[usize], rows: &Range<usize>, tile_rows: usize) -> Vec<Tile> {
    let mut tiles: Vec<Tile> = Vec::new();
    let mut first = first;
    for &unit in units {
        let donors = first..first + unit;
        first = donors.end;
        let step = (tile_rows / unit).clamp(1, rows.len().max(1));
        match tiles.last_mut() {
            Some(last) if last.rows == *rows && (last.donors.len() + unit) * rows.len() <= tile_rows => {
                last.donors.end = donors.end;
            }
            _ => tiles.extend(parts(donors, rows, step, false)),
        }
    }
    tiles
}

/// Tiles of sweeps, from a donor on.
fn bands(first: usize, units: &[usize], rows: &Range<usize>, outputs: usize) -> Vec<Tile> {
    let mut bands: Vec<Range<usize>> = Vec::new();
    for &unit in units {
        match bands.last_mut() {
            Some(band) if (band.len() + unit) * SWEPT_ROWS * outputs <= SWEPT_OUTPUTS => band.end += unit,
            last => {
                let first = last.map_or(first, |band| band.end);
                bands.push(first..first + unit);
            }
        }
    }
    let step = |band: &Range<usize>| (SWEPT_OUTPUTS / (band.len() * outputs)).clamp(1, SWEPT_ROWS);
    bands.into_iter().flat_map(|band| parts(band.clone(), rows, step(&band), true)).collect()
}

/// Donors with `step` of the rows at a time.
fn parts(donors: Range<usize>, rows: &Range<usize>, step: usize, swept: bool) -> impl Iterator<Item = Tile> {
    let start = rows.start;
    let tile =
        move |part: Range<usize>| Tile { donors: donors.clone(), rows: start + part.start..start + part.end, swept };
    chunks(rows.len(), step).map(tile)
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
        for (units, sweeps, rows, tile_rows, outputs) in [
            (vec![50; 4], vec![false; 4], 3..40, 512, 1),
            (vec![5, 7, 2, 1, 600, 3], vec![false, true, true, false, true, true], 0..10, 64, 3),
            (vec![1; 30], vec![false; 30], 5..9, 64, 1),
            (vec![3], vec![false], 0..1, 1, 1),
            (vec![50; 30], vec![true; 30], 3..700, 64, 2),
            (vec![50; 200], vec![true; 200], 0..70, 64, 10),
            (vec![SWEPT_OUTPUTS, 1], vec![true; 2], 0..3, 64, 2),
        ] {
            let n: usize = units.iter().sum();
            let mut seen = vec![0; n * rows.end];
            let starts: Vec<usize> =
                units.iter().scan(0, |at, &unit| Some(std::mem::replace(at, *at + unit))).collect();
            for tile in tiles(&units, &sweeps, rows.clone(), tile_rows, outputs) {
                let model_rows = tile.donors.len() * tile.rows.len();
                let fits = match tile.swept {
                    true => tile.rows.len() <= SWEPT_ROWS && model_rows * outputs <= SWEPT_OUTPUTS,
                    false => model_rows <= tile_rows,
                };
                assert!(fits || tile.rows.len() == 1 && units.contains(&tile.donors.len()));
                for (unit, start) in starts.iter().enumerate().filter(|(_, start)| tile.donors.contains(start)) {
                    assert!(start + units[unit] <= tile.donors.end && sweeps[unit] == tile.swept);
                }
                for donor in tile.donors.clone() {
                    tile.rows.clone().for_each(|row| seen[donor * rows.end + row] += 1);
                }
            }
            assert!(seen.iter().enumerate().all(|(at, &count)| count == usize::from(at % rows.end >= rows.start)));
        }
    }

    #[test]
    fn small_units_share_a_tile() {
        let tile = |donors, rows| Tile { donors, rows, swept: false };
        let tiles = |units: &[usize], tile_rows| tiles(units, &vec![false; units.len()], 0..10, tile_rows, 1);
        assert_eq!(tiles(&[2, 2, 2], 45), [tile(0..4, 0..10), tile(4..6, 0..10)]);
        assert_eq!(tiles(&[4, 2], 32), [tile(0..4, 0..8), tile(0..4, 8..10), tile(4..6, 0..10)]);
    }

    #[test]
    fn sweeps_share_rows() {
        let tile = |donors, rows| Tile { donors, rows, swept: true };
        let found = tiles(&[2, 3], &[true; 2], 5..75, 1, 1);
        assert_eq!(found, [tile(0..5, 5..69), tile(0..5, 69..75)]);
    }

    #[test]
    fn batches_hold_what_fits() {
        assert_eq!(batches([3, 4, 5, 20, 1].into_iter(), 8), [0..2, 2..3, 3..4, 4..5]);
    }
}
