//! Owen values over hierarchies of players: against their definition, against shap, and by their axioms.

mod image;
mod text;

use ndarray::{Array2, ArrayView2};
use pellucid::data::Background;
use pellucid::design::{Budget, Coalitions, DesignChoice, Hierarchy, Nested, Part, Unfolding};
use pellucid::explain::{Explanation, KernelShap, Link};
use pellucid::model::{HostFn, Model};
use pellucid::{Device, Result};
use pellucid_tests::{devices, fixture};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// Predictions of up to 8 are f32, good to 2⁻²¹; a value is a mean of differences of two, each contrast rounded twice more.
const EXACT: f64 = 8.0 / (1u32 << 21) as f64;

/// `[[0, 1], 2]` as a tree.
fn nested(json: &Value) -> Nested {
    match json {
        Value::Array(parts) => Nested::Group(parts.iter().map(nested).collect()),
        player => Nested::Player(player.as_u64().unwrap() as usize),
    }
}

fn tree(json: &str) -> Nested {
    nested(&serde_json::from_str(json).unwrap())
}

const TREES: [&str; 6] = [
    "[[0, 1, 2], [3, 4], [5], [6, 7]]",
    "[[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]",
    "[[0, [1, [2, [3, [4, [5, [6, 7]]]]]]]]",
    "[[0, 1, 2, 3, 4, 5, 6, 7]]",
    "[[0], [1], [2], [3], [4], [5], [6], [7]]",
    "[[6, [1, 7, 3]], 0, [5, 2], 4]",
];

/// A game without symmetries: single players, pairs and a fold, two outputs.
fn worth(there: &[bool]) -> [f64; 2] {
    let x = |i: usize| f64::from(u8::from(there[i]));
    let sum: f64 = (0..there.len()).map(|i| x(i) * ((i * i) as f64 * 0.7).sin()).sum();
    let pairs: f64 = (1..there.len()).map(|i| x(i) * x(i - 1) * (i as f64 * 1.3).cos()).sum();
    [(sum + pairs).tanh(), sum * pairs + 0.3 * (sum - 0.2).abs()]
}

/// Every ordering of the players in which groups stay together.
fn orderings(node: &Nested) -> Vec<Vec<usize>> {
    let parts = match node {
        Nested::Player(player) => return vec![vec![*player]],
        Nested::Group(parts) => parts,
    };
    let inner: Vec<Vec<Vec<usize>>> = parts.iter().map(orderings).collect();
    let mut all = Vec::new();
    for order in permutations(parts.len()) {
        let join = |lists: Vec<Vec<usize>>, &part: &usize| {
            let longer = |list: &Vec<usize>| {
                inner[part].iter().map(|tail| [list.clone(), tail.clone()].concat()).collect::<Vec<_>>()
            };
            lists.iter().flat_map(longer).collect()
        };
        all.extend(order.iter().fold(vec![Vec::new()], join));
    }
    all
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let insert = |list: Vec<usize>| {
        (0..n).map(move |at| {
            let mut list = list.clone();
            list.insert(at, n - 1);
            list
        })
    };
    permutations(n - 1).into_iter().flat_map(insert).collect()
}

/// The definition: mean marginal contributions over the orderings, `[player][output]`.
fn by_definition(node: &Nested, n: usize) -> Vec<[f64; 2]> {
    let all = orderings(node);
    let mut values = vec![[0.0; 2]; n];
    for order in &all {
        let mut there = vec![false; n];
        let mut before = worth(&there);
        for &player in order {
            there[player] = true;
            let now = worth(&there);
            (0..2).for_each(|k| values[player][k] += (now[k] - before[k]) / all.len() as f64);
            before = now;
        }
    }
    values
}

/// The same game as a model of rows of 0 and 1.
fn model(n: usize) -> impl Model + 'static {
    let names = (0..n).map(|i| format!("p{i}")).collect();
    HostFn::new(names, vec!["a".into(), "b".into()], move |rows: ArrayView2<f32>| {
        let row = |row: ndarray::ArrayView1<f32>| worth(&row.iter().map(|&x| x != 0.0).collect::<Vec<_>>());
        let outputs: Vec<f32> = rows.rows().into_iter().flat_map(row).map(|y| y as f32).collect();
        Array2::from_shape_vec((rows.nrows(), 2), outputs).unwrap()
    })
}

fn explained(
    device: &Device,
    tree: &Nested,
    n: usize,
    budget: Budget,
    choice: DesignChoice,
    seed: u64,
) -> Result<(Explanation, KernelShap)> {
    let background = Background::uniform(Array2::zeros((1, n)));
    let builder = KernelShap::builder(model(n), background)
        .hierarchy(Hierarchy::new(n, tree)?)
        .budget(budget)
        .design(choice)
        .seed(seed);
    let shap = builder.build(device)?;
    Ok((shap.explain(Array2::ones((1, n)).view())?, shap))
}

fn assert_near(found: impl Fn(usize, usize) -> f64, expected: &[[f64; 2]], what: &str) {
    for (player, values) in expected.iter().enumerate() {
        for (k, value) in values.iter().enumerate() {
            let found = found(player, k);
            assert!(
                (found - value).abs() < EXACT,
                "{what}, player {player}, output {k}: {found}, by definition {value}"
            );
        }
    }
}

#[test]
fn exact_values_are_those_of_the_definition() {
    for device in devices() {
        for json in TREES {
            let tree = tree(json);
            let (found, shap) = explained(&device, &tree, 8, Budget::Exact, DesignChoice::Auto, 0).unwrap();
            assert_near(|i, k| f64::from(found.values[(0, k, i)]), &by_definition(&tree, 8), json);
            assert_eq!(shap.provenance().design, "Owen values, exact");
            assert!(found.stderr.iter().all(|&error| error == 0.0));
            let expected = Hierarchy::new(8, &tree).unwrap().coalitions() as usize + 1;
            assert_eq!(shap.rows_per_instance(), expected, "{json}");
        }
    }
}

#[test]
fn one_group_or_single_players_are_shapley_values() {
    let device = Device::cpu();
    let background = Background::uniform(Array2::zeros((1, 8)));
    let plain = KernelShap::builder(model(8), background).budget(Budget::Exact).build(&device).unwrap();
    let shapley = plain.explain(Array2::ones((1, 8)).view()).unwrap();
    for json in &TREES[3..5] {
        let (found, _) = explained(&device, &tree(json), 8, Budget::Exact, DesignChoice::Auto, 0).unwrap();
        let gap = (&found.values - &shapley.values).iter().fold(0.0f32, |a, &b| a.max(b.abs()));
        assert!(f64::from(gap) < EXACT, "{json}: {gap}");
    }
}

/// Opens groups as far as a budget goes; the parts, and coalitions spent.
fn unfold(tree: &Nested, n: usize, budget: usize, tolerance: Option<f64>) -> Result<(Vec<Part>, usize)> {
    let hierarchy = Hierarchy::new(n, tree)?;
    let [without, with] = [false, true].map(|there| worth(&vec![there; n]).to_vec());
    let mut unfolding = Unfolding::new(&hierarchy, without, with, budget, tolerance)?;
    let mut seen = std::collections::HashSet::new();
    loop {
        let asked: Coalitions = unfolding.ask();
        if asked.is_empty() {
            break;
        }
        let there = |z: usize| (0..n).map(|i| asked.contains(z, i)).collect::<Vec<_>>();
        assert!((0..asked.len()).all(|z| seen.insert(there(z))), "no coalition is asked for twice");
        unfolding.tell(&(0..asked.len()).flat_map(|z| worth(&there(z))).collect::<Vec<_>>());
    }
    assert!(seen.len() <= budget);
    assert_eq!(unfolding.is_exact(), seen.len() as f64 == hierarchy.coalitions());
    Ok((unfolding.finish(), seen.len()))
}

#[test]
fn opening_every_group_gives_the_values_of_the_definition() {
    for json in TREES {
        let tree = tree(json);
        let full = Hierarchy::new(8, &tree).unwrap().coalitions() as usize;
        let (parts, spent) = unfold(&tree, 8, full, None).unwrap();
        assert_eq!((parts.len(), spent), (8, full), "{json}");
        for (player, (part, expected)) in parts.iter().zip(by_definition(&tree, 8)).enumerate() {
            assert_eq!((&part.players, &part.errors), (&vec![player], &vec![0.0; 2]));
            for (k, expected) in expected.iter().enumerate() {
                assert!((part.values[k] - expected).abs() < 1e-12, "{json}: {part:?}, by definition {expected}");
            }
        }
    }
}

#[test]
fn a_part_of_the_budget_gives_coarser_parts_near_the_exact_ones() {
    // 24 players of which few matter, and a pair that only works together.
    let tree = Nested::halved((0..24).map(Nested::Player).collect(), 2);
    let hierarchy = Hierarchy::new(24, &tree).unwrap();
    let game = |z: &dyn Fn(usize) -> bool| {
        let x = |i: usize| f64::from(u8::from(z(i)));
        2.0 * x(3) - x(10) + 1.5 * x(16) * x(17) + 0.5 * x(3) * x(20) + 0.01 * (x(0) + x(8) - x(23))
    };
    let mut exact = [0.0; 24];
    for (i, value) in [(3, 2.25), (10, -1.0), (16, 0.75), (17, 0.75), (20, 0.25), (0, 0.01), (8, 0.01), (23, -0.01)] {
        exact[i] = value;
    }
    let run = |budget: usize, tolerance: Option<f64>| {
        let mut unfolding = Unfolding::new(&hierarchy, vec![0.0], vec![game(&|_| true)], budget, tolerance).unwrap();
        let mut spent = 0;
        loop {
            let asked = unfolding.ask();
            if asked.is_empty() {
                break;
            }
            spent += asked.len();
            unfolding.tell(&(0..asked.len()).map(|z| game(&|i| asked.contains(z, i))).collect::<Vec<_>>());
        }
        (unfolding.finish(), spent)
    };
    let error = |parts: &[Part]| {
        let miss = |part: &Part| (part.values[0] - part.players.iter().map(|&i| exact[i]).sum::<f64>()).powi(2);
        (parts.iter().map(miss).sum::<f64>() / parts.len() as f64).sqrt()
    };
    let full = hierarchy.coalitions() as usize;
    let mut before = f64::INFINITY;
    for (budget, most) in [(2, 3.0), (20, 1.0), (full / 2, 0.05), (full, 1e-12)] {
        let (parts, spent) = run(budget, None);
        assert!(spent <= budget);
        assert_eq!(parts.iter().map(|part| part.players.len()).sum::<usize>(), 24);
        assert!((parts.iter().map(|part| part.values[0]).sum::<f64>() - game(&|_| true)).abs() < 1e-12, "they add up");
        let found = error(&parts);
        assert!(found <= before + 1e-12 && found < most, "{budget}: {found}");
        assert!(parts[0].errors[0] >= found - 1e-12, "{budget}: {found}, estimated {}", parts[0].errors[0]);
        before = found;
    }
    let ((coarse, little), (fine, more)) = (run(full, Some(0.2)), run(full, Some(0.02)));
    assert!(little < more && more < full, "{little} {more} {full}");
    assert!(error(&coarse) <= 0.2 * 3.25 && error(&fine) <= 0.02 * 3.25, "{} {}", error(&coarse), error(&fine));
    assert!([3, 10, 16, 17].iter().all(|&i| fine.iter().any(|part| part.players == [i])), "{fine:?}");
}

#[test]
fn the_axioms_hold() {
    let device = Device::cpu();
    // Player 4 does nothing; 0 and 1 are alike and in one group.
    let names: Vec<String> = (0..6).map(|i| format!("p{i}")).collect();
    let game = |x: &[f32]| x[0] + x[1] + 2.0 * x[0] * x[1] * x[3] - x[2] * (x[0] + x[1]) * x[5] + x[5];
    let model = HostFn::new(names, vec!["y".into()], move |rows: ArrayView2<f32>| {
        let outputs = rows.rows().into_iter().map(|row| game(&row.to_vec())).collect();
        Array2::from_shape_vec((rows.nrows(), 1), outputs).unwrap()
    });
    let hierarchy = Hierarchy::new(6, &tree("[[0, 1, 2], [3, [4, 5]]]")).unwrap();
    let background = Background::uniform(Array2::zeros((1, 6)));
    let shap =
        KernelShap::builder(model, background).hierarchy(hierarchy).budget(Budget::Exact).build(&device).unwrap();
    let found = shap.explain(Array2::ones((1, 6)).view()).unwrap();
    let value = |i: usize| f64::from(found.values[(0, 0, i)]);
    assert!((value(0) - value(1)).abs() < EXACT, "alike in one group");
    assert!(value(4).abs() < EXACT, "it does nothing");
    assert!(((0..6).map(value).sum::<f64>() - f64::from(game(&[1.0; 6]))).abs() < EXACT, "they add up");
    // The quotient: groups as players have the sums of their members.
    let quotient = |x: [f32; 2]| f64::from(game(&[x[0], x[0], x[0], x[1], x[1], x[1]]));
    let first = ((quotient([1.0, 0.0]) - quotient([0.0, 0.0])) + (quotient([1.0, 1.0]) - quotient([0.0, 1.0]))) / 2.0;
    assert!(((0..3).map(value).sum::<f64>() - first).abs() < EXACT);
}

#[test]
fn values_agree_with_shaps_partition_explainer() {
    let path = fixture("oracles/owen_shap_partition.json");
    let fixture: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = fixture["cases"].as_array().unwrap();
    assert!(cases.len() >= 3);
    for case in cases {
        let n = case["players"].as_u64().unwrap() as usize;
        let hierarchy = Hierarchy::new(n, &nested(&case["tree"])).unwrap();
        let worths: Vec<f64> = serde_json::from_value(case["game"].clone()).unwrap();
        let expected: Vec<f64> = serde_json::from_value(case["values"].clone()).unwrap();
        let (without, with) = (vec![worths[0]], vec![worths[worths.len() - 1]]);
        let mut unfolding = Unfolding::new(&hierarchy, without, with, 1 << n, None).unwrap();
        loop {
            let asked = unfolding.ask();
            if asked.is_empty() {
                break;
            }
            let number = |z: usize| (0..n).filter(|&i| asked.contains(z, i)).map(|i| 1 << i).sum::<usize>();
            unfolding.tell(&(0..asked.len()).map(|z| worths[number(z)]).collect::<Vec<_>>());
        }
        let parts = unfolding.finish();
        assert_eq!(parts.len(), n);
        for (part, expected) in parts.iter().zip(&expected) {
            assert!(
                (part.values[0] - expected).abs() < 1e-9,
                "{:?}: {} and by shap {expected}",
                part.players,
                part.values[0]
            );
        }
    }
}

#[test]
fn random_orders_come_to_the_exact_values_and_their_errors_cover_them() {
    let device = Device::cpu();
    let tree = tree("[[6, [1, 7, 3]], 0, [5, 2], 4]");
    let exact = by_definition(&tree, 8);
    // 95 % intervals of t with 15 degrees: 40 walks of 7 pairs in 16 groups, 8 players, 2 outputs, over seeds.
    let (mut covered, mut all) = (0, 0);
    let mut errors = vec![Vec::new(); 16];
    for seed in 0..60 {
        let (found, shap) = explained(&device, &tree, 8, Budget::Rows(561), DesignChoice::Permutation, seed).unwrap();
        assert_eq!(shap.provenance().design, "Owen values, permutation, per background row");
        for (at, value) in exact.iter().flatten().enumerate() {
            let cell = (0, at % 2, at / 2);
            let (error, stderr) = (f64::from(found.values[cell]) - value, f64::from(found.stderr[cell]));
            all += 1;
            covered += usize::from(error.abs() <= 1.96 * stderr + EXACT);
            errors[at].push(error);
        }
    }
    let share = covered as f64 / all as f64;
    assert!((0.90..=0.99).contains(&share), "{share}");
    for (at, errors) in errors.iter().enumerate() {
        let mean = errors.iter().sum::<f64>() / 60.0;
        let deviation = (errors.iter().map(|error| error * error).sum::<f64>() / 60.0).sqrt();
        assert!(deviation > 1e-3, "chance must be at work: {deviation}");
        // Of 16 means of 60 none should miss by four of their deviations.
        assert!(mean.abs() < 4.0 * deviation / 60f64.sqrt(), "{at}: {mean}, deviation {deviation}");
    }
}

#[test]
fn a_budget_decides_between_exact_and_random() {
    let device = Device::cpu();
    let tree = tree(TREES[1]);
    let design =
        |budget| explained(&device, &tree, 8, budget, DesignChoice::Auto, 0).unwrap().1.provenance().design.clone();
    // A balanced binary tree of 8: 2 + 2·2·2 + 4·4·2 coalitions, and the row itself.
    assert_eq!(Hierarchy::new(8, &tree).unwrap().coalitions(), 42.0);
    assert_eq!(design(Budget::Rows(43)), "Owen values, exact");
    assert_eq!(design(Budget::Rows(42)), "Owen values, permutation, per background row");
    assert_eq!(design(Budget::Auto), "Owen values, exact");
    // 64 players, far beyond plain enumeration.
    let players = (0..64).map(Nested::Player).collect();
    assert_eq!(Hierarchy::new(64, &Nested::halved(players, 2)).unwrap().coalitions(), 2730.0);
}

#[test]
fn values_average_over_the_background_and_follow_the_link() {
    let (n, device) = (4, Device::cpu());
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let background = Array2::from_shape_fn((5, n), |_| rng.random_range(-1.0f32..1.0));
    let row = Array2::from_shape_fn((1, n), |_| rng.random_range(-1.0f32..1.0));
    let squash = |x: &[f32]| 1.0 / (1.0 + (-(x[0] * x[1] + x[2] - x[1] * x[3] * x[2])).exp());
    let names: Vec<String> = (0..n).map(|i| format!("p{i}")).collect();
    let model = HostFn::new(names, vec!["p".into()], move |rows: ArrayView2<f32>| {
        let outputs = rows.rows().into_iter().map(|row| squash(&row.to_vec())).collect();
        Array2::from_shape_vec((rows.nrows(), 1), outputs).unwrap()
    });
    let tree = tree("[[0, 3], [1, 2]]");
    let hierarchy = Hierarchy::new(n, &tree).unwrap();
    let builder =
        KernelShap::builder(model, Background::uniform(background.clone())).hierarchy(hierarchy).link(Link::Logit);
    let found = builder.build(&device).unwrap().explain(row.view()).unwrap();
    let value = |there: &[bool]| {
        let mixed = |b: ndarray::ArrayView1<f32>| {
            f64::from(squash(&(0..n).map(|i| if there[i] { row[(0, i)] } else { b[i] }).collect::<Vec<_>>()))
        };
        let mean = background.rows().into_iter().map(mixed).sum::<f64>() / 5.0;
        (mean / (1.0 - mean)).ln()
    };
    let all = orderings(&tree);
    for player in 0..n {
        let gain = |order: &Vec<usize>| {
            let at = order.iter().position(|&p| p == player).unwrap();
            let there = |end: usize| (0..n).map(|i| order[..end].contains(&i)).collect::<Vec<_>>();
            value(&there(at + 1)) - value(&there(at))
        };
        let expected = all.iter().map(gain).sum::<f64>() / all.len() as f64;
        let got = f64::from(found.values[(0, 0, player)]);
        assert!((got - expected).abs() < 1e-5, "player {player}: {got}, by definition {expected}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let of = |n: usize, json: &str| Hierarchy::new(n, &tree(json)).map(|_| ()).unwrap_err().to_string();
    assert!(of(3, "[[0, 1], [1, 2]]").contains("two places for player 1"));
    assert!(of(3, "[[0, 2]]").contains("no place for player 1"));
    assert!(of(2, "[0, 1, 2]").contains("names player 2"));
    assert!(of(2, "[[0, 1], []]").contains("empty"));
    assert!(of(2, "[]").contains("empty"));
    let device = Device::cpu();
    let run = |tree: &Nested, n: usize, budget, choice| {
        explained(&device, tree, n, budget, choice, 0).map(|_| ()).unwrap_err().to_string()
    };
    let pairs = tree("[[0, 1], [2, 3]]");
    assert!(run(&pairs, 4, Budget::Auto, DesignChoice::Crossed).contains("leverage pairs estimate Shapley values"));
    assert!(run(&pairs, 4, Budget::Rows(5), DesignChoice::Exact).contains("needs 11 model rows"));
    let flat = Nested::Group((0..30).map(Nested::Player).collect());
    assert!(run(&flat, 30, Budget::Exact, DesignChoice::Auto).contains("coalitions"));
    assert!(run(&flat, 30, Budget::Rows(20), DesignChoice::Auto).contains("below the minimum"));
    let hierarchy = Hierarchy::new(8, &tree(TREES[0])).unwrap();
    let small = unfold(&tree(TREES[0]), 8, 13, None).unwrap_err().to_string();
    assert!(small.contains("a budget of 15 coalitions is below the minimum of 16"), "{small}");
    let background = || Background::uniform(Array2::zeros((1, 8)));
    let together = KernelShap::builder(model(8), background()).hierarchy(hierarchy.clone()).interactions();
    assert!(together.build(&device).map(|_| ()).unwrap_err().to_string().contains("interactions"));
    let other = KernelShap::builder(model(7), Background::uniform(Array2::zeros((1, 7)))).hierarchy(hierarchy);
    assert!(other.build(&device).map(|_| ()).unwrap_err().to_string().contains("holds 8 players, there are 7"));
}

#[test]
fn a_single_player_takes_all() {
    let (found, _) = explained(&Device::cpu(), &tree("[[[0]]]"), 1, Budget::Auto, DesignChoice::Auto, 0).unwrap();
    let gain = worth(&[true])[1] - worth(&[false])[1];
    assert!((f64::from(found.values[(0, 1, 0)]) - gain).abs() < EXACT);
    let (parts, spent) = unfold(&tree("[0]"), 1, 0, None).unwrap();
    assert_eq!((parts.len(), spent), (1, 0));
}
