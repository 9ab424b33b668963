//! Random numbers for rows: they depend on the seed, the purpose and the row's number alone, not on how a table is cut into batches.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Purposes. Columns with ties take those from [`TIES`] on.
pub const HELD_OUT: u64 = 1;
pub const DECISIONS: u64 = 2;
pub const TIES: u64 = 16;

/// The draws of rows from `first_row` on, from 1: one number of 64 bits a row.
pub fn draws(seed: u64, purpose: u64, first_row: usize) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(purpose);
    // A position is a word of 32 bits.
    random.set_word_pos(2 * (first_row as u128 - 1));
    random
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::RngExt;

    #[test]
    fn a_row_is_drawn_alike_wherever_a_batch_begins() {
        let from = |row: usize| draws(3, DECISIONS, row).random_iter::<f64>().take(40).collect::<Vec<_>>();
        let whole: Vec<f64> = from(1);
        for row in [2, 7, 17, 33] {
            assert_eq!(from(row)[..40 - row], whole[row - 1..39]);
        }
        assert_ne!(draws(3, HELD_OUT, 1).random::<f64>(), whole[0]);
    }
}
