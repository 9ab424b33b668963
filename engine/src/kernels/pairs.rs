//! Coalition pairs on a device: what `mask` and `value` need to know of a design.

use super::launch::words;
use crate::{Device, Error, Result};
use burn::tensor::{DType, Int, Tensor, TensorData};
use pellucid_shaders::mask::NO_PLAYER;
use std::ops::Range;

/// Pairs of a coalition and its complement, each evaluated on a run of consecutive background rows.
///
/// The entries of `members` and `start` are the P pairs that all rows share, or T·P pairs, row after row, if `per_row`.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// Bit sets of the first coalition of each pair \[P or T·P, W\]: player i is bit i % 32 of word i / 32.
    pub members: Tensor<2, Int>,
    /// First background row of each pair \[P or T·P\].
    pub start: Tensor<1, Int>,
    /// Player of each feature \[F\]; −1 (`u32::MAX`) for a feature of no player, which always keeps the explained row's value.
    pub player_of: Tensor<1, Int>,
    /// L: background rows from `start` on that a coalition is averaged over.
    pub run: usize,
    /// Every explained row has pairs of its own.
    pub per_row: bool,
    /// S: 2 if each coalition comes with its complement, 1 if it comes alone.
    pub sides: usize,
}

impl Pairs {
    /// Pairs from host arrays laid out as the fields are; `background` is the number of background rows.
    ///
    /// # Errors
    /// If there is no pair, feature or run, `members` does not divide into the entries of `start`, a player has no bit, or a
    /// run leaves the background.
    pub fn new(
        members: Vec<u32>,
        start: Vec<u32>,
        player_of: Vec<u32>,
        run: usize,
        per_row: bool,
        background: usize,
        device: &Device,
    ) -> Result<Self> {
        let (entries, features) = (start.len(), player_of.len());
        if entries == 0 || features == 0 || run == 0 || members.is_empty() || !members.len().is_multiple_of(entries) {
            return Err(Error::input(format!(
                "pairs: {} words of members, {entries} starts, {features} features and a run of {run} do not make a design",
                members.len()
            )));
        }
        let words = members.len() / entries;
        if let Some(player) = player_of.iter().find(|&&player| player != NO_PLAYER && player as usize >= 32 * words) {
            let message = format!("pairs: player {player} has no bit in sets of {words} words, below {}", 32 * words);
            return Err(Error::input(message));
        }
        if let Some(start) = start.iter().find(|&&start| start as usize + run > background) {
            let message =
                format!("pairs: a run of {run} rows from row {start} leaves the background of {background} rows");
            return Err(Error::input(message));
        }
        Ok(Self {
            members: upload(members, [entries, words], device),
            start: upload(start, [entries], device),
            player_of: upload(player_of, [features], device),
            run,
            per_row,
            sides: 2,
        })
    }

    /// The coalitions without their complements: what [`super::moments`] takes. [`super::value`] needs both.
    pub fn one_sided(self) -> Self {
        Self { sides: 1, ..self }
    }

    /// Entries of `start`: P, or T·P if `per_row`.
    pub fn entries(&self) -> usize {
        self.start.dims()[0]
    }

    /// P for `rows` explained rows, at least one.
    pub(super) fn pairs_of(&self, rows: usize) -> Result<usize> {
        let entries = self.entries();
        match self.per_row {
            false => Ok(entries),
            true if rows > 0 && entries.is_multiple_of(rows) => Ok(entries / rows),
            true => Err(Error::input(format!("pairs: {entries} pairs do not divide among {rows} rows"))),
        }
    }

    /// A contiguous range of the entries: a tile of pairs, or, if `per_row`, of whole rows or of one row's pairs.
    ///
    /// # Errors
    /// If the range is empty or leaves the entries.
    pub fn tile(&self, entries: Range<usize>) -> Result<Self> {
        if entries.is_empty() || entries.end > self.entries() {
            return Err(Error::input(format!("pairs: the range {entries:?} is not within {} pairs", self.entries())));
        }
        Ok(Self {
            members: self.members.clone().slice([entries.clone()]),
            start: self.start.clone().slice([entries]),
            ..self.clone()
        })
    }

    /// `members`, `start` and `player_of` as 32-bit words.
    pub(super) fn words(&self) -> (Tensor<2, Int>, Tensor<1, Int>, Tensor<1, Int>) {
        (words(self.members.clone()), words(self.start.clone()), words(self.player_of.clone()))
    }
}

fn upload<const D: usize>(values: Vec<u32>, shape: [usize; D], device: &Device) -> Tensor<D, Int> {
    Tensor::from_data(TensorData::new(values, shape), (device.burn(), DType::U32))
}
