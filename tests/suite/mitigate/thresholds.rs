//! Laws of group thresholds: rates are met, nothing that meets them is more accurate, and what is stated is what is done.

use super::{each, fixture, is, numbers, open, table};
use pellucid::mitigate::{Constraint, Decide, Groups, Objective, Outcome, Rules, Sample, ScoredRows, Thresholds};
use proptest::prelude::*;

const CONSTRAINTS: [Constraint; 3] =
    [Constraint::DemographicParity, Constraint::EqualOpportunity, Constraint::EqualizedOdds];
const OBJECTIVES: [Objective; 2] = [Objective::Accuracy, Objective::BalancedAccuracy];

/// Rows of (group, label, score); scores repeat, so that there are ties.
type Row = (u8, bool, i8);

fn some_rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0u8..2, any::<bool>(), -6i8..6), 6..40)
}

fn all_outcomes(rows: &[Row]) -> bool {
    (0..2).all(|g| [true, false].iter().all(|y| rows.iter().any(|row| (row.0, row.1) == (g, *y))))
}

fn scored(rows: &[Row]) -> (tempfile::TempDir, pellucid::data::Table, ScoredRows) {
    let line = |&(group, label, score): &Row| format!("g{group},{},{}\n", u8::from(label), f64::from(score) / 4.0);
    let (folder, table) = table(&format!("f,l,s\n{}", rows.iter().map(line).collect::<String>()));
    let groups = Groups::survey(&table, &[each("f")], Some(&is("l", "1"))).unwrap();
    let scored = ScoredRows::read(&table, &groups, "s", 0.0, 0).unwrap();
    (folder, table, scored)
}

fn value(outcome: &Outcome, objective: Objective) -> f64 {
    match objective {
        Objective::Accuracy => outcome.accuracy.unwrap(),
        Objective::BalancedAccuracy => outcome.balanced_accuracy.unwrap(),
    }
}

/// Every threshold of a group.
fn cuts(rows: &[(f64, bool)]) -> Vec<f64> {
    let mut all: Vec<f64> = rows.iter().map(|row| row.0).chain([f64::NEG_INFINITY]).collect();
    all.sort_by(f64::total_cmp);
    all.dedup();
    all
}

/// Rates (true and false positives) of a threshold.
fn rates(rows: &[(f64, bool)], above: f64) -> [f64; 2] {
    [true, false].map(|label| {
        let of: Vec<_> = rows.iter().filter(|row| row.1 == label).collect();
        of.iter().filter(|row| row.0 > above).count() as f64 / of.len() as f64
    })
}

/// Rates that a group reaches by mixing any two thresholds, at each of some values of the shared rate.
fn mixtures(sample: &Sample, group: usize, constraint: Constraint, at: f64) -> Vec<[f64; 2]> {
    let rows = &sample.rows[group];
    let positives = rows.iter().filter(|row| row.1).count() as f64 / rows.len() as f64;
    let shared = |r: &[f64; 2]| match constraint {
        Constraint::DemographicParity => positives * r[0] + (1.0 - positives) * r[1],
        Constraint::EqualOpportunity => r[0],
        Constraint::EqualizedOdds => r[1],
    };
    let points: Vec<[f64; 2]> = cuts(rows).into_iter().map(|above| rates(rows, above)).collect();
    let mut found = Vec::new();
    for a in &points {
        for b in &points {
            let (low, high) = (shared(a), shared(b));
            if low <= at && at <= high {
                let part = if high > low { (at - low) / (high - low) } else { 0.0 };
                found.push([0, 1].map(|i| a[i] + part * (b[i] - a[i])));
                found.push([0, 1].map(|i| b[i] + if high > low { part - 1.0 } else { 0.0 } * (b[i] - a[i])));
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Mixtures of any two thresholds in each group, tried one by one at many shared rates, are at most as good as what is fitted.
    #[test]
    fn nothing_that_meets_the_rates_is_better(rows in some_rows(), at in prop::collection::vec(0.0f64..=1.0, 8)) {
        prop_assume!(all_outcomes(&rows));
        let (_folder, _table, scored) = scored(&rows);
        let sample = &scored.fitted;
        // n additions, and as many in the search.
        let rounding = 16.0 * f64::EPSILON * rows.len() as f64;
        let total = |label: bool| rows.iter().filter(|row| row.1 == label).count() as f64;
        for (constraint, objective) in CONSTRAINTS.into_iter().flat_map(|c| OBJECTIVES.map(|o| (c, o))) {
            let how = Thresholds { constraint, objective, randomised: true };
            let rules = how.fit(&scored, &[each("f")]).unwrap();
            let ours = rules.outcome(sample).unwrap();
            prop_assert!(ours.gap.unwrap() <= rounding, "{constraint:?}: {:?}", ours.gap);
            let found = value(&ours, objective);
            // Own corners too, where the optimum must be.
            let shared = ours.groups[0].selection_rate.unwrap();
            for at in at.iter().copied().chain([0.0, 1.0, shared]) {
                let of: Vec<Vec<[f64; 2]>> = (0..2).map(|g| mixtures(sample, g, constraint, at)).collect();
                let count = |g: usize, label: bool| sample.rows[g].iter().filter(|row| row.1 == label).count() as f64;
                let worth = |g: usize, r: &[f64; 2]| match objective {
                    Objective::Accuracy => (count(g, true) * r[0] + count(g, false) * (1.0 - r[1])) / rows.len() as f64,
                    Objective::BalancedAccuracy => {
                        0.5 * count(g, true) / total(true) * r[0] + 0.5 * count(g, false) / total(false) * (1.0 - r[1])
                    }
                };
                let best = if constraint == Constraint::EqualizedOdds {
                    // At this false-positive rate the group that reaches less sets the true-positive rate.
                    let reach = |g: usize| of[g].iter().map(|r| r[0]).fold(0.0, f64::max);
                    let reached = [reach(0).min(reach(1)), at];
                    worth(0, &reached) + worth(1, &reached)
                } else {
                    let best = |g: usize| of[g].iter().map(|r| worth(g, r)).fold(0.0, f64::max);
                    best(0) + best(1)
                };
                prop_assert!(found >= best - rounding, "{constraint:?} {objective:?} at {at}: {found} < {best}");
            }
        }
    }

    /// One threshold a group: every decision is certain, and the gap is what the decisions in the table show.
    #[test]
    fn without_lots_the_gap_is_as_stated(rows in some_rows()) {
        prop_assume!(all_outcomes(&rows));
        let (_folder, table, scored) = scored(&rows);
        for constraint in CONSTRAINTS {
            let how = Thresholds { constraint, objective: Objective::Accuracy, randomised: false };
            let rules = how.fit(&scored, &[each("f")]).unwrap();
            prop_assert!(!rules.is_random());
            let stated = rules.outcome(&scored.fitted).unwrap();
            let groups = rules.groups_of(&table, None).unwrap();
            let decide = Decide { decision: "d".into(), chance: None, seed: 1 };
            let decisions = numbers(&rules.table(&table, &groups, "s", &decide).unwrap(), "d");
            let rate = |group: u8, label: Option<bool>| {
                let of = rows.iter().zip(&decisions).filter(|(r, _)| r.0 == group && label.is_none_or(|l| r.1 == l));
                let of: Vec<f64> = of.map(|(_, d)| d.unwrap()).collect();
                of.iter().sum::<f64>() / of.len() as f64
            };
            let apart = |label: Option<bool>| (rate(0, label) - rate(1, label)).abs();
            let gap = match constraint {
                Constraint::DemographicParity => apart(None),
                Constraint::EqualOpportunity => apart(Some(true)),
                Constraint::EqualizedOdds => apart(Some(true)).max(apart(Some(false))),
            };
            prop_assert!((gap - stated.gap.unwrap()).abs() <= 4.0 * f64::EPSILON, "{gap}, {stated:?}");
        }
    }

    #[test]
    fn a_file_of_thresholds_says_the_same(rows in some_rows(), constraint in 0usize..3) {
        prop_assume!(all_outcomes(&rows));
        let (folder, _table, scored) = scored(&rows);
        let how = Thresholds { constraint: CONSTRAINTS[constraint], objective: Objective::Accuracy, randomised: true };
        let rules = how.fit(&scored, &[each("f")]).unwrap();
        let path = folder.path().join("rules.json");
        std::fs::write(&path, rules.to_json().unwrap()).unwrap();
        prop_assert_eq!(Rules::open(&path).unwrap(), rules);
    }
}

/// On the census: chances of rows are met by the draws, the same seed draws the same, rows of a shorter table are drawn as in the longer one.
#[test]
fn draws_follow_the_seed_and_the_row() {
    let table = open(&fixture("adult.csv"));
    let facets = [each("sex")];
    let groups = Groups::survey(&table, &facets, Some(&is("target", ">50K"))).unwrap();
    let rows = ScoredRows::read(&table, &groups, "score", 0.0, 0).unwrap();
    let how = Thresholds { constraint: Constraint::EqualizedOdds, objective: Objective::Accuracy, randomised: true };
    let rules = how.fit(&rows, &facets).unwrap();
    assert!(rules.is_random());
    let decide = |table: &pellucid::data::Table, seed: u64| {
        let how = Decide { decision: "d".into(), chance: Some("c".into()), seed };
        let decided = rules.table(table, &groups, "score", &how).unwrap();
        (numbers(&decided, "d"), numbers(&decided, "c"))
    };
    let (drawn, chances) = decide(&table, 1);
    assert_eq!(decide(&table, 1).0, drawn);
    assert_eq!(decide(&table.first(100), 1).0, drawn[..100]);
    let mut sums = vec![0.0; chances.len()];
    let seeds = 400;
    for seed in 0..seeds {
        let (drawn, _) = decide(&table, seed);
        sums.iter_mut().zip(drawn).for_each(|(sum, decision)| *sum += decision.unwrap());
    }
    let mut uncertain = 0;
    for (sum, chance) in sums.iter().zip(chances) {
        let (mean, chance) = (sum / seeds as f64, chance.unwrap());
        let sigma = (chance * (1.0 - chance) / seeds as f64).sqrt();
        // Five standard errors: one in a million of a few hundred rows.
        assert!((mean - chance).abs() <= 5.0 * sigma + 1e-12, "{mean} for {chance}");
        uncertain += usize::from(chance > 0.0 && chance < 1.0);
    }
    assert!(uncertain > 10, "some decisions are drawn");
}

/// Rows kept apart are those the share says, judged alone, and the same for each pass.
#[test]
fn rows_are_kept_apart() {
    let table = open(&fixture("adult.csv"));
    let facets = [each("sex")];
    let groups = Groups::survey(&table, &facets, Some(&is("target", ">50K"))).unwrap();
    let read = |share: f64, seed: u64| ScoredRows::read(&table, &groups, "score", share, seed).unwrap();
    let rows = read(0.3, 7);
    let (fitted, apart) = (rows.fitted.rows(), rows.held_out.rows());
    assert_eq!(fitted + apart, 600);
    // Five standard errors of a share of 600 rows.
    assert!((apart as f64 / 600.0 - 0.3).abs() < 5.0 * (0.3f64 * 0.7 / 600.0).sqrt(), "{apart}");
    assert_eq!(read(0.3, 7).held_out.rows, rows.held_out.rows);
    assert_ne!(read(0.3, 8).held_out.rows, rows.held_out.rows);
    let judged = numbers(&rows.judged_rows(&table), "score");
    let mut held: Vec<f64> = rows.held_out.rows.iter().flatten().map(|row| row.0).collect();
    let mut judged: Vec<f64> = judged.into_iter().flatten().collect();
    held.sort_by(f64::total_cmp);
    judged.sort_by(f64::total_cmp);
    assert_eq!(judged, held);
    assert_eq!(read(0.0, 7).judged().rows(), 600);
}
