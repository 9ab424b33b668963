//! Averages over the background, collected from tiles.

use super::moments::{Moments, Run};
use super::tiles::Tile;
use pellucid_shaders::moments::NUMBERS;

/// Averages over background rows.
pub(super) struct Averages {
    /// `[donor · output]`: of the outputs, and of their differences from those of the first donor of the unit.
    pub cells: Vec<[Moments; 2]>,
    /// `[donor][line][output]`: the outputs for the first background rows.
    pub ice: Vec<f32>,
}

impl Tile {
    /// ICE lines in this tile, if the first `lines` rows become lines.
    pub fn lines(&self, lines: usize) -> usize {
        lines.saturating_sub(self.rows.start).min(self.rows.len())
    }
}

impl Averages {
    pub fn new(donors: usize, outputs: usize, lines: usize) -> Self {
        let cells = vec![Default::default(); donors * outputs];
        Self { cells, ice: vec![0.0; donors * lines * outputs] }
    }

    /// Adds a tile's moments and lines as [`Effects::evaluate`] lays them out.
    pub fn add(&mut self, tile: &Tile, run: Run, results: &[f32], lines: usize) {
        let here = tile.lines(lines);
        let outputs = results.len() / (tile.donors.len() * (NUMBERS + here));
        let (moments, ice) = results.split_at(tile.donors.len() * outputs * NUMBERS);
        let cells = &mut self.cells[tile.donors.start * outputs..];
        for (cell, numbers) in cells.iter_mut().zip(moments.chunks_exact(NUMBERS)) {
            cell[0].add(&Moments::of(run, &numbers[..3]));
            cell[1].add(&Moments::of(run, &numbers[3..]));
        }
        if here > 0 {
            for (donor, part) in tile.donors.clone().zip(ice.chunks_exact(here * outputs)) {
                let at = (donor * lines + tile.rows.start) * outputs;
                self.ice[at..at + part.len()].copy_from_slice(part);
            }
        }
    }
}
