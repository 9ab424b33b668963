//! Error and coverage of kernel SHAP against known Shapley values, at equal model rows: one line a game, design and budget, as Markdown.
//!
//! `cargo run --release -p pellucid-benches --example accuracy`

#![allow(clippy::print_stdout)]

use clap::Parser;
use pellucid::Device;
use pellucid::design::{Budget, DesignChoice};
use pellucid::explain::{Explanation, Link};
use pellucid_benches::games::{Game, NAMES, error, median};
use std::time::Instant;

#[derive(Parser)]
struct Args {
    /// Games: `mlp` (probability of a network) and `lgbm` (margin of boosted trees)
    #[arg(long, value_delimiter = ',', default_values_t = NAMES.map(String::from))]
    games: Vec<String>,
    /// Model rows for each explained row
    #[arg(long, value_delimiter = ',', default_value = "3200,12800,51200,204800")]
    rows: Vec<usize>,
    #[arg(long, value_delimiter = ',', default_value = "auto,per-background,crossed,permutation")]
    designs: Vec<String>,
    /// Seeds: even ones measure 12 instances with the other 12 as the pilot, odd ones the reverse
    #[arg(long, default_value_t = 4)]
    seeds: u64,
    /// First seed
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Jackknife intervals reach this many standard errors to both sides
    #[arg(long, default_value_t = 1.96)]
    reach: f64,
}

/// What was measured in one cell of the table.
#[derive(Default)]
struct Cell {
    errors: Vec<f64>,
    inside: usize,
    /// The same of the third of a row's players with the largest values.
    inside_large: usize,
    large: usize,
    intervals: usize,
    /// Σ (error / standard error)²
    squares: f64,
    spent: usize,
    design: String,
    setup: f64,
    explain: f64,
}

impl Cell {
    fn add(&mut self, explanation: &Explanation, phi: ndarray::ArrayView2<f64>, reach: f64) {
        for (row, truth) in phi.outer_iter().enumerate() {
            let values = explanation.values.slice(ndarray::s![row, 0, ..]);
            self.errors.push(error(values.iter().copied(), truth.iter().copied()));
            let stderr = explanation.stderr.slice(ndarray::s![row, 0, ..]);
            let mut sizes: Vec<f64> = truth.iter().map(|phi| phi.abs()).collect();
            sizes.sort_by(f64::total_cmp);
            let large = sizes[sizes.len() - sizes.len() / 3];
            for ((&value, &stderr), &truth) in values.iter().zip(stderr).zip(truth) {
                let off = (f64::from(value) - truth).abs() / f64::from(stderr);
                self.inside += usize::from(off <= reach);
                self.inside_large += usize::from(off <= reach && truth.abs() >= large);
                self.large += usize::from(truth.abs() >= large);
                self.squares += off * off;
                self.intervals += 1;
            }
        }
    }

    fn line(&self, game: &str, rows: usize) -> String {
        let mut sorted = self.errors.clone();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let coverage = 100.0 * self.inside as f64 / self.intervals as f64;
        let large = 100.0 * self.inside_large as f64 / self.large as f64;
        let spread = (self.squares / self.intervals as f64).sqrt();
        format!(
            "| {game} | {rows} | {} | {:.2e} | {:.1e} to {:.1e} | {coverage:.1} % | {large:.1} % | {spread:.2} | {} | {:.1} | {:.1} |",
            self.design,
            median(&sorted),
            sorted[n / 4],
            sorted[3 * n / 4],
            self.spent,
            self.setup,
            self.explain
        )
    }
}

fn design(name: &str) -> (DesignChoice, Link) {
    match name {
        "auto" => (DesignChoice::Auto, Link::Identity),
        "per-background" => (DesignChoice::PerBackground, Link::Identity),
        "crossed" => (DesignChoice::Crossed, Link::Identity),
        "permutation" => (DesignChoice::Permutation, Link::Identity),
        other => panic!("--designs {other}: auto, per-background, crossed, permutation"),
    }
}

fn measure(args: &Args, game: &Game, name: &str, rows: usize) -> Result<Cell, pellucid::Error> {
    let device = Device::cpu();
    let mut cell = Cell::default();
    for seed in args.first..args.first + args.seeds {
        let (instances, phi, pilot) = game.half(seed as usize % 2);
        let (choice, link) = design(name);
        let start = Instant::now();
        let shap = game
            .builder(&device)
            .budget(Budget::Rows(rows))
            .design(choice)
            .link(link)
            .pilot(pilot)
            .seed(seed)
            .build(&device)?;
        cell.setup += start.elapsed().as_secs_f64() / args.seeds as f64;
        let start = Instant::now();
        let explanation = shap.explain(instances)?;
        cell.explain += start.elapsed().as_secs_f64() / args.seeds as f64;
        cell.add(&explanation, phi, args.reach);
        cell.spent = shap.rows_per_instance();
        cell.design = format!("{name} ({})", shap.provenance().design);
    }
    Ok(cell)
}

fn main() {
    let args = Args::parse();
    println!(
        "| game | rows | design | median error | quartiles | coverage | of the largest third | error / SE | rows spent | set-up, s | 12 rows, s |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for name in &args.games {
        let game = Game::load(name);
        for &rows in &args.rows {
            for design in &args.designs {
                match measure(&args, &game, design, rows) {
                    Ok(cell) => println!("{}", cell.line(name, rows)),
                    Err(error) => println!("| {name} | {rows} | {design} | impossible: {error} | | | | | | | |"),
                }
            }
        }
    }
}
