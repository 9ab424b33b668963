//! Error of surrogates of boosted trees against the designs without them at equal model rows, on games with known Shapley values: one line a
//! game, size and budget, as Markdown. CPU seconds are of one thread (`RAYON_NUM_THREADS=1` for figures).
//!
//! `cargo run --release -p pellucid-benches --example surrogate`

#![allow(clippy::print_stdout)]

#[allow(dead_code, missing_docs)]
#[path = "../../tests/support/sparse.rs"]
mod sparse;

use clap::Parser;
use pellucid::Device;
use pellucid::design::{Budget, DesignChoice};
use pellucid::surrogate::SurrogateChoice;
use pellucid_benches::clock::Clock;
use sparse::Game;

#[derive(Parser)]
struct Args {
    #[arg(long, value_delimiter = ',', default_value = "sets,sigmoid,dense")]
    games: Vec<String>,
    #[arg(long, value_delimiter = ',', default_value = "128")]
    players: Vec<usize>,
    /// Model rows a player
    #[arg(long, value_delimiter = ',', default_value = "5,10,20,50")]
    rows: Vec<usize>,
    /// Games of each kind
    #[arg(long, default_value_t = 8)]
    seeds: u64,
}

/// What a way to estimate came to over games.
#[derive(Default)]
struct Cell {
    errors: Vec<f64>,
    inside: usize,
    intervals: usize,
    cpu: f64,
    design: String,
}

impl Cell {
    fn median(&self) -> f64 {
        let mut sorted = self.errors.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    }
}

fn game(name: &str, players: usize, seed: u64) -> Game {
    match name {
        "sets" => Game::sets(players, 30, 6, seed),
        "sigmoid" => Game::sigmoid(players, 12, 8.0, seed),
        "dense" => Game::dense(players, 4000, seed),
        other => panic!("--games {other}: sets, sigmoid, dense"),
    }
}

fn measure(
    games: &[Game],
    rows: usize,
    choice: SurrogateChoice,
    design: DesignChoice,
) -> Result<Cell, pellucid::Error> {
    let mut cell = Cell::default();
    for (seed, game) in games.iter().enumerate() {
        let explain = || -> Result<_, pellucid::Error> {
            let builder = game.builder().budget(Budget::Rows(rows * game.players + 1)).design(design);
            let shap = builder.surrogate(choice).seed(seed as u64).build(&Device::cpu())?;
            Ok((shap.explain(game.all().view())?, shap.provenance().design.clone()))
        };
        let mut found = None;
        let times = Clock::time(|| found = Some(explain()));
        let (explanation, name) = found.expect("the clock runs its work")?;
        cell.design = name;
        cell.cpu += times.cpu / games.len() as f64;
        cell.errors.push(game.error(&explanation.values));
        for ((&value, &stderr), phi) in explanation.values.iter().zip(&explanation.stderr).zip(&game.phi) {
            cell.inside += usize::from((f64::from(value) - phi).abs() <= 1.96 * f64::from(stderr));
            cell.intervals += 1;
        }
    }
    Ok(cell)
}

fn main() -> Result<(), pellucid::Error> {
    let args = Args::parse();
    println!(
        "| game | players | rows a player | auto | kriging | trees | trees / kriging | covered | without | CPU s | without | design |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for name in &args.games {
        for &players in &args.players {
            let games: Vec<Game> = (0..args.seeds).map(|seed| game(name, players, seed)).collect();
            for &rows in &args.rows {
                let auto = measure(&games, rows, SurrogateChoice::None, DesignChoice::Auto)?;
                let alone = measure(&games, rows, SurrogateChoice::None, DesignChoice::Crossed)?;
                let trees = measure(&games, rows, SurrogateChoice::Trees, DesignChoice::Crossed)?;
                let covered = |cell: &Cell| 100.0 * cell.inside as f64 / cell.intervals as f64;
                println!(
                    "| {name} | {players} | {rows} | {:.1e} | {:.1e} | {:.1e} | {:.2} | {:.1} % | {:.1} % | {:.2} | {:.2} | {} |",
                    auto.median(),
                    alone.median(),
                    trees.median(),
                    trees.median() / alone.median(),
                    covered(&trees),
                    covered(&alone),
                    trees.cpu,
                    alone.cpu,
                    trees.design
                );
            }
        }
    }
    Ok(())
}
