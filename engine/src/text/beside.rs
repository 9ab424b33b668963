//! Columns of numbers that a model reads beside the text.
//!
//! The columns, or groups of them, are players behind the parts of the text, and an absent one takes its value from a background row, as in a
//! table. So that one row of the machine says all of this, its cells name rows: in the row of text number t (from 0) a present player holds
//! t + 1, and an absent one holds −b, the background row b that it is replaced by. For a text alone the background is the one row 0.
//!
//! What a text is worth when nothing of it is there, c_b, depends on the background row; v₀ = Σ_b w_b c_b is the base value. The machine has
//! one base for all rows, so a coalition with a share s of the players present is told less (1 − s) c_b + s v₀. On each background row that is
//! an additive game of equal shares, and over all of them it is v₀ whatever s: attributions and interactions stay what they are, while every
//! empty row is worth 0, and the whole text f(x) − v₀ whichever background row it meets.

use crate::data::Background;
use crate::explain::{FeatureValue, Players};
use crate::{Error, Result};
use ndarray::Array2;

/// What stands beside a text: who plays, and what stands in for absent ones.
pub(super) struct Beside {
    /// `[rows, columns]`; one row without columns for a model of texts alone.
    pub background: Background,
    pub players: Players,
    columns: Vec<String>,
}

/// A column beside a text, or a group of them, in one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub column: String,
    pub value: FeatureValue,
}

impl Beside {
    /// `columns` are those that the model takes.
    ///
    /// # Errors
    /// Columns without a background, a background or players of other columns.
    pub fn new(given: Option<(Background, Players)>, columns: &[String]) -> Result<Self> {
        let columns = columns.to_vec();
        let (background, players) = match (given, columns.is_empty()) {
            (None, true) => (Background::uniform(Array2::zeros((1, 0))), Players::features(&[])),
            (Some(given), false) => given,
            (None, false) => {
                return Err(Error::input(format!("beside the text the model reads {}", columns.join(", "))).hint(
                    "explain rows of a table with these columns: `--data` with `--text-column`, or `TextBuilder::beside`",
                ));
            }
            (Some(_), true) => {
                return Err(Error::input("the model reads nothing beside the text")
                    .hint("leave out the columns and their background"));
            }
        };
        let found = [background.rows.ncols(), players.player_of().len()];
        if found != [columns.len(); 2] || background.rows.nrows() == 0 {
            let (rows, [of_background, of_players]) = (background.rows.nrows(), found);
            return Err(Error::input(format!(
                "beside the text the model reads {}; the background has {rows} rows of {of_background} columns, the players hold {of_players}",
                columns.join(", ")
            )));
        }
        Ok(Self { background, players, columns })
    }

    /// Background rows.
    pub fn n_rows(&self) -> usize {
        self.background.rows.nrows()
    }

    /// The columns of a row of numbers, where those of absent players are background row `other`'s.
    pub fn numbers(&self, row: &[f32], other: usize, present: impl Fn(usize) -> bool) -> Vec<f32> {
        let cells = row.iter().zip(self.background.rows.row(other)).zip(self.players.player_of());
        cells.map(|((own, others), &player)| if present(player as usize) { *own } else { *others }).collect()
    }

    /// Each player with what it holds in a row of numbers.
    pub fn cells(&self, row: &[f32]) -> Vec<Cell> {
        let held =
            |player: usize| self.players.player_of().iter().enumerate().filter(move |(_, p)| **p as usize == player);
        let cell = |(player, name): (usize, &String)| {
            let held: Vec<usize> = held(player).map(|(column, _)| column).collect();
            let value = match held[..] {
                [column] => FeatureValue { text: row[column].to_string(), number: Some(row[column].into()) },
                _ => {
                    let each = held.iter().map(|&column| format!("{}={}", self.columns[column], row[column]));
                    FeatureValue { text: each.collect::<Vec<_>>().join(", "), number: None }
                }
            };
            Cell { column: name.clone(), value }
        };
        self.players.names().iter().enumerate().map(cell).collect()
    }
}

/// The background's rows as cells of the machine, `[background rows, players]`.
pub(super) fn background_cells(rows: usize, n_players: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, n_players), |(row, _)| -(row as f32))
}

/// The cell of a present player of text `number`, from 0.
pub(super) fn present_cell(number: usize) -> f32 {
    (number + 1) as f32
}

/// What the cells of a row of the machine say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Said {
    /// The number of the text; none if no player is present.
    pub text: Option<usize>,
    /// The background row; none if every player is present.
    pub other: Option<usize>,
    /// The share of players that are present.
    pub share: f64,
}

impl Said {
    pub fn by(row: &[f32]) -> Self {
        let (least, most) = row.iter().fold((f32::MAX, f32::MIN), |(low, high), &x| (low.min(x), high.max(x)));
        let present = row.iter().filter(|&&cell| is_present(cell)).count();
        Self {
            text: is_present(most).then(|| most as usize - 1),
            other: (!is_present(least)).then(|| -least as usize),
            share: present as f64 / row.len() as f64,
        }
    }
}

pub(super) fn is_present(cell: f32) -> bool {
    cell > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn cells_say_whose_row_they_are_of() {
        let background = background_cells(3, 2);
        assert_eq!(background, array![[0.0, 0.0], [-1.0, -1.0], [-2.0, -2.0]]);
        let said = |row: &[f32]| (Said::by(row).text, Said::by(row).other, Said::by(row).share);
        assert_eq!(said(&[present_cell(4), -2.0]), (Some(4), Some(2), 0.5));
        assert_eq!(said(&[present_cell(0), 0.0]), (Some(0), Some(0), 0.5));
        assert_eq!(said(&[present_cell(0), present_cell(0)]), (Some(0), None, 1.0));
        assert_eq!(said(&[-1.0, -1.0]), (None, Some(1), 0.0));
    }

    #[test]
    fn absent_groups_take_the_values_of_a_background_row() {
        let names = ["a", "b", "c"].map(String::from).to_vec();
        let players = Players::grouped(&names, &[("g".into(), vec!["a".into(), "c".into()])]).unwrap();
        let background = Background::uniform(array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
        let beside = Beside::new(Some((background, players)), &names).unwrap();
        let row = [10.0, 20.5, 30.0];
        assert_eq!(beside.numbers(&row, 1, |player| player == 0), [10.0, 5.0, 30.0]);
        assert_eq!(beside.numbers(&row, 0, |player| player == 1), [1.0, 20.5, 3.0]);
        let cells: Vec<(String, String)> = beside.cells(&row).into_iter().map(|c| (c.column, c.value.text)).collect();
        assert_eq!(cells, [("g".into(), "a=10, c=30".into()), ("b".into(), "20.5".into())]);
    }

    #[test]
    fn columns_and_their_background_go_together() {
        let names = ["a".to_string()];
        let given = |rows: Array2<f32>| Some((Background::uniform(rows), Players::features(&names)));
        let refused = |given, columns: &[String]| Beside::new(given, columns).err().unwrap().to_string();
        assert_eq!(refused(None, &names), "beside the text the model reads a");
        assert_eq!(refused(given(array![[1.0]]), &[]), "the model reads nothing beside the text");
        assert!(refused(given(array![[1.0, 2.0]]), &names).contains("1 rows of 2 columns, the players hold 1"));
        assert!(refused(given(Array2::zeros((0, 1))), &names).contains("0 rows of 1 columns"));
        assert_eq!(Beside::new(None, &[]).unwrap().n_rows(), 1);
    }
}
