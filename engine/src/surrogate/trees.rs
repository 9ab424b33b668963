//! Regression trees over coalitions: a node asks whether a player is a member, a leaf holds a number.

use crate::design::Coalitions;

/// Rows of a leaf at least.
const LEAST_ROWS: usize = 4;
/// Added to the number of rows that a leaf's mean is taken over, which draws small leaves towards 0.
const RIDGE: f64 = 1.0;

/// The coalitions of pairs as rows of 0 and 1: row p is the first coalition of pair p, row `pairs` + p its complement.
#[derive(Debug, Clone)]
pub struct Rows {
    pub players: usize,
    pub pairs: usize,
    /// `[pairs, players]`: 1 for members of a pair's first coalition.
    members: Vec<f32>,
}

/// Over some rows: their number, the sum of a target, and both of those rows alone that a player is a member of.
struct Sums {
    count: f32,
    total: f32,
    counts: Vec<f32>,
    totals: Vec<f32>,
}

/// A tree; the root is node 0.
#[derive(Debug, Clone)]
pub struct Tree {
    pub nodes: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Leaf(f64),
    /// A player, and the nodes for coalitions without and with it.
    Split {
        player: usize,
        without: usize,
        with: usize,
    },
}

impl Rows {
    pub fn new(pairs: &Coalitions) -> Self {
        let n = pairs.n_players();
        let member = |at: usize| if pairs.contains(at / n, at % n) { 1.0 } else { 0.0 };
        Self { players: n, pairs: pairs.len(), members: (0..pairs.len() * n).map(member).collect() }
    }

    /// Both coalitions of each pair.
    pub fn len(&self) -> usize {
        2 * self.pairs
    }

    fn holds(&self, row: usize, player: usize) -> bool {
        (self.members[row % self.pairs * self.players + player] > 0.5) != (row >= self.pairs)
    }

    /// In f32: they choose splits, and leaves are summed again.
    fn sums(&self, rows: &[u32], target: &[f32]) -> Sums {
        let (mut counts, mut totals) = (vec![0.0f32; self.players], vec![0.0f32; self.players]);
        let (mut count, mut total) = (0.0f32, 0.0f32);
        // A complement holds the players that the pair's first coalition lacks: 1 − member.
        let (mut others, mut of_others) = (0.0f32, 0.0f32);
        for &row in rows {
            let (row, value) = (row as usize, target[row as usize]);
            let complement = row >= self.pairs;
            let (sign, signed) = if complement { (-1.0, -value) } else { (1.0, value) };
            let members = &self.members[row % self.pairs * self.players..][..self.players];
            for ((count, total), &member) in counts.iter_mut().zip(&mut totals).zip(members) {
                *count += sign * member;
                *total += signed * member;
            }
            count += 1.0;
            total += value;
            if complement {
                others += 1.0;
                of_others += value;
            }
        }
        counts.iter_mut().for_each(|count| *count += others);
        totals.iter_mut().for_each(|total| *total += of_others);
        Sums { count, total, counts, totals }
    }
}

impl Sums {
    /// The sums of the other rows of these.
    fn less(mut self, part: &Sums) -> Self {
        self.count -= part.count;
        self.total -= part.total;
        self.counts.iter_mut().zip(&part.counts).for_each(|(a, b)| *a -= b);
        self.totals.iter_mut().zip(&part.totals).for_each(|(a, b)| *a -= b);
        self
    }

    /// The player whose membership tells the rows apart best by squared error, the first of equals.
    fn best(&self) -> Option<usize> {
        let score = |total: f32, count: f32| f64::from(total).powi(2) / (f64::from(count) + RIDGE);
        let least = LEAST_ROWS as f32;
        let mut best = (score(self.total, self.count), None);
        for (player, (&count, &total)) in self.counts.iter().zip(&self.totals).enumerate() {
            if count >= least && self.count - count >= least {
                let gained = score(total, count) + score(self.total - total, self.count - count);
                if gained > best.0 {
                    best = (gained, Some(player));
                }
            }
        }
        best.1
    }
}

impl Tree {
    /// Grows a tree of at most `depth` splits on a path for the `target` `[rows of the table]` of some `rows`, leaf values times `rate`.
    pub fn grow(table: &Rows, rows: &mut [u32], target: &[f64], depth: usize, rate: f64) -> Self {
        let rough: Vec<f32> = target.iter().map(|&value| value as f32).collect();
        let mut growing = Growing { table, target, rough: &rough, rate, nodes: Vec::new() };
        let sums = table.sums(rows, &rough);
        growing.node(rows, Some(sums), depth);
        Self { nodes: growing.nodes }
    }

    /// The tree's value of a row.
    pub fn value(&self, table: &Rows, row: usize) -> f64 {
        let mut at = 0;
        loop {
            match self.nodes[at] {
                Node::Leaf(value) => return value,
                Node::Split { player, without, with } => at = if table.holds(row, player) { with } else { without },
            }
        }
    }
}

/// A tree on its way.
struct Growing<'a> {
    table: &'a Rows,
    target: &'a [f64],
    rough: &'a [f32],
    rate: f64,
    nodes: Vec<Node>,
}

impl Growing<'_> {
    /// Adds the node of some rows, and all below it; returns its number. Without `sums` it is a leaf.
    fn node(&mut self, rows: &mut [u32], sums: Option<Sums>, depth: usize) -> usize {
        let at = self.nodes.len();
        let total: f64 = rows.iter().map(|&row| self.target[row as usize]).sum();
        self.nodes.push(Node::Leaf(self.rate * total / (rows.len() as f64 + RIDGE)));
        let Some((sums, player)) = sums.and_then(|sums| sums.best().map(|player| (sums, player))) else { return at };
        let middle = self.part(rows, player);
        let (without, with) = rows.split_at_mut(middle);
        let (of_without, of_with) = self.sums_of_parts(sums, without, with, depth - 1);
        let without = self.node(without, of_without, depth - 1);
        let with = self.node(with, of_with, depth - 1);
        self.nodes[at] = Node::Split { player, without, with };
        at
    }

    /// Puts rows without the player first; returns how many they are.
    fn part(&self, rows: &mut [u32], player: usize) -> usize {
        let (without, with): (Vec<u32>, Vec<u32>) =
            rows.iter().partition(|&&row| !self.table.holds(row as usize, player));
        rows[..without.len()].copy_from_slice(&without);
        rows[without.len()..].copy_from_slice(&with);
        without.len()
    }

    /// The sums of a node's two parts: the smaller's counted, the larger's what is left. None where the parts are leaves.
    fn sums_of_parts(&self, sums: Sums, without: &[u32], with: &[u32], depth: usize) -> (Option<Sums>, Option<Sums>) {
        if depth == 0 {
            return (None, None);
        }
        let fewer = if with.len() <= without.len() { with } else { without };
        let counted = self.table.sums(fewer, self.rough);
        let left = sums.less(&counted);
        if with.len() <= without.len() { (Some(left), Some(counted)) } else { (Some(counted), Some(left)) }
    }
}
