//! Where each value of a group goes, and what that costs.

use super::distribution::{Distribution, correlation, distance, rank_correlation};
use super::{Cost, Ties};

/// Where the values of a group go.
#[derive(Debug)]
pub struct Moves {
    /// Old values, ascending.
    from: Vec<f64>,
    /// Where each one's new values begin, and the end.
    starts: Vec<usize>,
    /// New values, ascending: one for each old one, or for each row.
    to: Vec<f64>,
}

impl Moves {
    /// `amount` of the way to the median of the groups' values at a rank.
    pub fn new(groups: &[Distribution], group: usize, amount: f64, ties: Ties) -> Moves {
        let own = &groups[group];
        let moved = |value: f64, rank: f64| {
            let at = |(g, found): (usize, &Distribution)| if g == group { value } else { found.quantile(rank) };
            let goal = median(groups.iter().enumerate().map(at).collect());
            (1.0 - amount) * value + amount * goal
        };
        let mut moves = Moves { from: own.values.clone(), starts: vec![0], to: Vec::new() };
        for (place, &value) in own.values.iter().enumerate() {
            match ties {
                Ties::Together => moves.to.push(moved(value, own.rank(place))),
                Ties::Split { .. } => moves.to.extend(own.ranks(place).map(|rank| moved(value, rank))),
            }
            moves.starts.push(moves.to.len());
        }
        moves
    }

    /// The new value of a value that was read, by a draw in [0, 1) where there are several; a value that was not read stays.
    pub fn of(&self, value: f64, draw: f64) -> f64 {
        let place = self.from.partition_point(|from| *from < value);
        if self.from.get(place) != Some(&value) {
            return value;
        }
        let (start, end) = (self.starts[place], self.starts[place + 1]);
        self.to[start + (draw * (end - start) as f64) as usize]
    }

    /// Old and new values, and how many rows go from one to the other.
    fn rows<'a>(&'a self, before: &'a Distribution) -> impl Iterator<Item = (f64, f64, u64)> + 'a {
        self.from.iter().enumerate().flat_map(move |(place, &from)| {
            let to = &self.to[self.starts[place]..self.starts[place + 1]];
            to.iter().map(move |&to_one| (from, to_one, before.counts[place] / to.len() as u64))
        })
    }
}

/// Of two middle values, their mean.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    if n % 2 == 1 { values[n / 2] } else { 0.5 * values[n / 2 - 1] + 0.5 * values[n / 2] }
}

/// What moving the groups' values does.
pub fn cost(before: &[Distribution], moves: &[Moves]) -> Cost {
    let groups = || before.iter().zip(moves);
    let rows: Vec<(f64, f64, u64)> = groups().flat_map(|(before, moves)| moves.rows(before)).collect();
    let after: Vec<Distribution> = groups()
        .map(|(before, moves)| Distribution::of(moves.rows(before).map(|row| (row.1, row.2)).collect()))
        .collect();
    Cost {
        distance_before: distance(before),
        distance_after: distance(&after),
        rank_correlation: rank_correlation(&rows),
        variance_kept: correlation(&rows).map(|r| r * r),
        changed: rows.iter().filter(|(from, to, _)| from != to).map(|row| row.2).sum(),
    }
}
