//! Surrogates of boosted trees: what they recover, that they keep the axioms, what their errors say, and what they refuse.

use ndarray::Array2;
use pellucid::data::Background;
use pellucid::design::{Budget, DesignChoice};
use pellucid::explain::{Explanation, Link};
use pellucid::surrogate::SurrogateChoice::{self, Auto, None, Trees};
use pellucid::{Device, Error};
use pellucid_tests::sparse::Game;

fn explain(game: &Game, rows: usize, choice: SurrogateChoice, seed: u64) -> Explanation {
    let builder = game.builder().budget(Budget::Rows(rows)).design(DesignChoice::Crossed).surrogate(choice).seed(seed);
    builder.build(&Device::cpu()).unwrap().explain(game.all().view()).unwrap()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Median error over games with (trees, kriging alone).
fn errors(games: &[Game], rows_a_player: usize) -> (f64, f64) {
    let of = |choice| {
        let error = |(seed, game): (usize, &Game)| {
            game.error(&explain(game, rows_a_player * game.players, choice, seed as u64).values)
        };
        median(games.iter().enumerate().map(error).collect())
    };
    (of(Trees), of(None))
}

/// One set of players is a tree: nothing is left for the design but what f32 makes of the model's outputs, about 10⁻⁷ of each.
#[test]
fn a_game_that_is_a_tree_is_recovered_with_errors_of_nothing() {
    for seed in 0..4 {
        let game = Game::sets(80, 1, 3, seed);
        let found = explain(&game, 800, Trees, seed);
        let size = game.phi.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        for ((&value, &stderr), phi) in found.values.iter().zip(&found.stderr).zip(&game.phi) {
            assert!((f64::from(value) - phi).abs() < 2e-6 * size, "{value} for {phi}, seed {seed}");
            assert!(f64::from(stderr) < 2e-6 * size, "± {stderr} of {phi}");
        }
    }
}

#[test]
fn attributions_add_up() {
    for seed in 0..3 {
        for link in [Link::Identity, Link::Logit] {
            let game = Game::sigmoid(70, 9, 6.0, seed);
            let builder = game.builder().budget(Budget::Rows(500)).link(link).surrogate(Trees).seed(seed);
            let shap = builder.build(&Device::cpu()).unwrap();
            assert!(shap.provenance().design.contains("% of boosted trees"), "{}", shap.provenance().design);
            let found = shap.explain(game.all().view()).unwrap();
            let sum: f64 = found.values.iter().map(|v| f64::from(v.abs())).sum();
            assert!(
                found.worst_additivity_gap() <= 2.0 * f64::from(f32::EPSILON) * sum,
                "{}",
                found.worst_additivity_gap()
            );
        }
    }
}

/// Where few players act, and together, trees halve the squared error at least; figures in benches/RESULTS.md.
#[test]
fn sparse_games_need_fewer_rows() {
    let sigmoids: Vec<Game> = (0..8).map(|seed| Game::sigmoid(100, 10, 8.0, seed)).collect();
    let (trees, alone) = errors(&sigmoids, 10);
    println!("sigmoids: {trees:.2e} with trees, {alone:.2e} without");
    assert!(trees < 0.5 * alone, "{trees:.2e} with trees, {alone:.2e} without");
    let sets: Vec<Game> = (0..8).map(|seed| Game::sets(100, 15, 5, seed)).collect();
    let (trees, alone) = errors(&sets, 20);
    println!("sets: {trees:.2e} with trees, {alone:.2e} without");
    assert!(trees < 0.7 * alone, "{trees:.2e} with trees, {alone:.2e} without");
}

/// A game that all players act on is nothing for trees: their share is small, and so is what they spoil.
#[test]
fn dense_games_lose_little() {
    let dense: Vec<Game> = (0..6).map(|seed| Game::dense(80, 3000, seed)).collect();
    let (trees, alone) = errors(&dense, 10);
    println!("dense: {trees:.2e} with trees, {alone:.2e} without");
    assert!(trees < 1.15 * alone, "{trees:.2e} with trees, {alone:.2e} without");
    let built = dense[0].builder().budget(Budget::Rows(800)).surrogate(Auto).build(&Device::cpu()).unwrap();
    assert!(!built.provenance().design.contains("trees"), "{}", built.provenance().design);
}

#[test]
fn auto_takes_trees_where_they_pay() {
    let game = Game::sigmoid(100, 10, 8.0, 1);
    let design = |choice, rows| {
        let built = game.builder().budget(Budget::Rows(rows)).surrogate(choice).build(&Device::cpu()).unwrap();
        built.provenance().design.clone()
    };
    assert!(design(Auto, 1000).contains("boosted trees"), "{}", design(Auto, 1000));
    assert_eq!(design(None, 1000), "leverage pairs, per background row");
    // Too few rows for leverage pairs of their own accord.
    assert_eq!(design(Auto, 300), "permutation, per background row");
    let few = Game::sigmoid(30, 10, 8.0, 1).builder().budget(Budget::Rows(900)).surrogate(Auto);
    assert_eq!(few.build(&Device::cpu()).unwrap().provenance().design, "leverage pairs, per background row");
}

/// The mean over seeds is the Shapley value, within five standard errors of that mean; what kriging's shrinkage leaves is allowed for
/// by a hundredth of the spread.
#[test]
fn the_mean_over_seeds_is_right() {
    const SEEDS: u64 = 60;
    let game = Game::sets(14, 8, 4, 5);
    let runs: Vec<Vec<f64>> = (0..SEEDS)
        .map(|seed| explain(&game, 281, Trees, seed).values.iter().map(|&v| f64::from(v)).collect())
        .collect();
    let size = game.phi.iter().fold(0.0f64, |a, b| a.max(b.abs()));
    for (i, phi) in game.phi.iter().enumerate() {
        let of: Vec<f64> = runs.iter().map(|run| run[i]).collect();
        let mean = of.iter().sum::<f64>() / SEEDS as f64;
        let spread = (of.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (SEEDS - 1) as f64).sqrt();
        let allowed = 5.0 * spread / (SEEDS as f64).sqrt() + 0.01 * size;
        assert!((mean - phi).abs() < allowed, "player {i}: {mean} for {phi} ± {allowed}");
    }
}

/// 95 % intervals, over players and games. Trees find what stands out in a row's own coalitions, so what they leave looks smaller than their
/// errors are: 88 % measured of sigmoids, 85 % of sets.
#[test]
fn intervals_cover() {
    let games = |seed| [Game::sigmoid(80, 10, 8.0, seed), Game::sets(80, 15, 5, seed)];
    for kind in 0..2 {
        let (mut inside, mut all) = (0, 0);
        for seed in 0..16 {
            let game = &games(seed)[kind];
            let found = explain(game, 1200, Trees, seed);
            for ((&value, &stderr), phi) in found.values.iter().zip(&found.stderr).zip(&game.phi) {
                inside += usize::from((f64::from(value) - phi).abs() <= 1.96 * f64::from(stderr));
                all += 1;
            }
        }
        let share = inside as f64 / all as f64;
        println!("kind {kind}: {:.1} % of {all} covered", 100.0 * share);
        assert!((0.82..=0.99).contains(&share), "kind {kind}: {:.1} % covered", 100.0 * share);
    }
}

#[test]
fn one_seed_gives_the_same_bits() {
    let game = Game::sets(64, 10, 4, 3);
    let (first, second) = (explain(&game, 640, Trees, 7), explain(&game, 640, Trees, 7));
    assert_eq!((&first.values, &first.stderr), (&second.values, &second.stderr));
    assert_ne!(first.values, explain(&game, 640, Trees, 8).values);
}

/// Several outputs and rows at once are what they are one by one.
#[test]
fn interactions_come_beside() {
    let game = Game::sets(24, 6, 3, 3);
    let build = |choice| {
        let builder = game.builder().budget(Budget::Rows(600)).design(DesignChoice::Crossed).surrogate(choice);
        builder.interactions().build(&Device::cpu()).unwrap().explain(game.all().view()).unwrap()
    };
    let (with, without) = (build(Trees).interactions.unwrap(), build(None).interactions.unwrap());
    assert_eq!(with.values, without.values);
}

#[test]
fn what_cannot_be_is_refused() {
    let game = Game::sets(30, 4, 3, 1);
    let refused = |builder: pellucid::explain::Builder, says: &str| match builder.build(&Device::cpu()).err() {
        Some(Error::Input { message, hint }) => assert!(message.contains(says) && hint.is_some(), "{message}"),
        other => panic!("{says}: {other:?}"),
    };
    let trees = || game.builder().budget(Budget::Rows(400)).surrogate(Trees);
    refused(trees().design(DesignChoice::Permutation), "leverage pairs");
    refused(trees().draw_per_row(), "one design for all rows");
    refused(trees().budget(Budget::Rows(40)), "below the minimum");
    let two = Background::uniform(Array2::zeros((2, 30)));
    let model = pellucid::model::HostFn::new(
        (0..30).map(|i| i.to_string()).collect(),
        vec!["y".into()],
        |rows: ndarray::ArrayView2<f32>| rows.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1)),
    );
    let builder = pellucid::explain::KernelShap::builder(model, two).design(DesignChoice::PerBackground);
    refused(builder.surrogate(Trees), "whole background");
}
