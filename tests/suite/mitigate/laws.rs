//! Laws of reweighing, massaging and repair, for any table.

use super::{each, is, numbers, rows, table, texts};
use pellucid::bias::{BiasRequest, measure};
use pellucid::mitigate::{Change, Groups, Massaging, Repair, Reweighing, Ties};
use proptest::prelude::*;

/// Rows of (group, label, score).
type Row = (u8, bool, u8);

fn some_rows(groups: u8) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0..groups, any::<bool>(), 0u8..20), 4..120)
}

fn csv(rows: &[Row]) -> String {
    let line = |&(group, label, score): &Row| format!("g{group},{},{score}\n", if label { "yes" } else { "no" });
    format!("f,l,s\n{}", rows.iter().map(line).collect::<String>())
}

fn count(rows: &[Row], group: u8, label: bool) -> usize {
    rows.iter().filter(|row| row.0 == group && row.1 == label).count()
}

/// Positives of a less positives of d, as shares.
fn gap(rows: &[Row]) -> f64 {
    let share = |group: u8| {
        let (yes, no) = (count(rows, group, true) as f64, count(rows, group, false) as f64);
        yes / (yes + no)
    };
    share(1) - share(0)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn weights_make_group_and_outcome_independent(rows in some_rows(3)) {
        prop_assume!((0..3).all(|g| count(&rows, g, true) > 0 && count(&rows, g, false) > 0));
        let (_folder, table) = table(&csv(&rows));
        let groups = Groups::survey(&table, &[each("f")], Some(&is("l", "yes"))).unwrap();
        let reweighing = Reweighing::new(&groups).unwrap();
        let weights: Vec<f64> = numbers(&reweighing.table(&table, "w").unwrap(), "w").into_iter().flatten().collect();
        let n = rows.len() as f64;
        // A weight has three roundings, a sum of n of them n more, each of at most its size.
        let tolerance = (n + 6.0) * f64::EPSILON;
        prop_assert!((weights.iter().sum::<f64>() / n - 1.0).abs() <= tolerance);
        let overall = rows.iter().filter(|row| row.1).count() as f64 / n;
        for group in 0..3 {
            let of = |keep: &dyn Fn(&Row) -> bool| {
                rows.iter().zip(&weights).filter(|(row, _)| row.0 == group && keep(row)).map(|(_, w)| w).sum::<f64>()
            };
            let share = of(&|row| row.1) / of(&|_| true);
            prop_assert!((share - overall).abs() <= 3.0 * tolerance, "{share}, {overall}");
        }
        prop_assert!(reweighing.effective_rows() <= n * (1.0 + tolerance));
        let request = BiasRequest::new(is("l", "yes"), vec![each("f")]);
        let after = reweighing.after(&measure(&table, &request).unwrap());
        for facet in &after.facets {
            prop_assert!(facet.metric("DPL").unwrap().value.unwrap().abs() <= 6.0 * tolerance);
            prop_assert!(facet.metric("CI").unwrap().value.is_some());
        }
    }

    /// No other number of promotions leaves a smaller gap, and of equal gaps the fewest are made; those with the best scores go first.
    #[test]
    fn the_fewest_labels_change(rows in some_rows(2)) {
        prop_assume!((0..2).all(|g| rows.iter().any(|row| row.0 == g)) && gap(&rows) >= 0.0);
        let outcomes = |label: bool| rows.iter().any(|row| row.1 == label);
        prop_assume!(outcomes(true) && outcomes(false));
        let (_folder, table) = table(&csv(&rows));
        let groups = Groups::survey(&table, &[is("f", "g0")], Some(&is("l", "yes"))).unwrap();
        let massaging = Massaging::new(&table, &groups, "s", None).unwrap();
        let changed = massaging.table(&table, "m").unwrap();
        let (labels, marks) = (texts(&changed, "l"), texts(&changed, "m"));
        let mut after = rows.clone();
        for (place, row) in after.iter_mut().enumerate() {
            row.1 = labels[place].as_deref() == Some("yes");
            let change = massaging.changes().iter().find(|(at, _)| *at == place as u64 + 1).map(|c| c.1);
            prop_assert_eq!(marks[place].as_deref(), change.map(Change::name));
            let expected = match change {
                Some(Change::Promoted) => (0, false, true),
                Some(Change::Demoted) => (1, true, false),
                None => (row.0, rows[place].1, rows[place].1),
            };
            prop_assert_eq!((row.0, rows[place].1, row.1), expected);
        }
        let moves = massaging.changes().len() / 2;
        prop_assert_eq!(rows.iter().filter(|r| r.1).count(), after.iter().filter(|r| r.1).count());
        let step: f64 = (0..2).map(|g| 1.0 / rows.iter().filter(|row| row.0 == g).count() as f64).sum();
        prop_assert!(gap(&after).abs() <= 0.5 * step + 4.0 * f64::EPSILON);
        for other in 0..=count(&rows, 0, false).min(count(&rows, 1, true)) {
            let left = (gap(&rows) - other as f64 * step).abs();
            let ours = gap(&after).abs();
            prop_assert!(ours <= left + 8.0 * f64::EPSILON);
            prop_assert!(other >= moves || left > ours + 8.0 * f64::EPSILON, "{other} changes do as well as {moves}");
        }
        let scores = |group: u8, label: bool, moved: bool| {
            let kept = rows.iter().zip(&after).filter(move |(b, a)| b.0 == group && b.1 == label && (b.1 != a.1) == moved);
            kept.map(|(row, _)| row.2).collect::<Vec<_>>()
        };
        let (up, not_up) = (scores(0, false, true), scores(0, false, false));
        prop_assert!(up.iter().min().is_none_or(|low| not_up.iter().max().is_none_or(|high| low >= high)));
        let (down, not_down) = (scores(1, true, true), scores(1, true, false));
        prop_assert!(down.iter().max().is_none_or(|high| not_down.iter().min().is_none_or(|low| high <= low)));
    }

    #[test]
    fn repair_keeps_ranks_and_joins_distributions(
        values in prop::collection::btree_set(-100_000i32..100_000, 6..100),
        groups in prop::collection::vec(0u8..3, 100),
        amount in 0.0f64..=1.0,
    ) {
        let rows: Vec<(u8, f64)> = groups.iter().zip(&values).map(|(g, v)| (*g, f64::from(*v) / 7.0)).collect();
        prop_assume!((0..3).all(|g| rows.iter().any(|row| row.0 == g)));
        let line = |(i, (g, v)): (usize, &(u8, f64))| format!("g{g},{v},{i}\n");
        let text = format!("f,x,y\n{}", rows.iter().enumerate().map(line).collect::<String>());
        let (_folder, table) = table(&text);
        let survey = Groups::survey(&table, &[each("f")], None).unwrap();
        let repair = |amount: f64| Repair::new(&table, &survey, &["x".into()], amount, Ties::Together).unwrap();
        let new = |amount: f64| -> Vec<f64> {
            numbers(&repair(amount).table(&table, false).unwrap(), "x").into_iter().flatten().collect()
        };
        let kept = repair(0.0).table(&table, false).unwrap();
        prop_assert_eq!(texts(&kept, "x"), texts(&table, "x"));
        let (low, high) = (rows[0].1, rows[rows.len() - 1].1);
        for new in [new(1.0), new(amount)] {
            prop_assert!(new.iter().all(|value| (low..=high).contains(value)));
            for group in 0..3 {
                let own: Vec<f64> = rows.iter().zip(&new).filter(|(row, _)| row.0 == group).map(|(_, v)| *v).collect();
                prop_assert!(own.is_sorted());
            }
        }
        // Ranks of n rows stand 1/n apart, so that two groups' shares below any value differ by half a step each; ranks that are equal
        // as fractions may differ by a rounding, which is one more row.
        let n = |group: u8| rows.iter().filter(|row| row.0 == group).count() as f64;
        let half = |group: u8| 0.5 / n(group);
        let bound = [half(0) + half(1), half(1) + half(2), half(0) + half(2)].into_iter().fold(0.0, f64::max);
        let cost = repair(1.0).columns()[0].cost.clone();
        prop_assert!(cost.distance_after <= bound + 1e-12, "{} > {bound}", cost.distance_after);
        prop_assert!(cost.rank_correlation.is_none_or(|r| (-1.0..=1.0).contains(&r)));
        prop_assert_eq!(repair(0.0).columns()[0].cost.changed, 0);
        prop_assert_eq!(repair(0.0).columns()[0].cost.distance_after, cost.distance_before);
    }
}

#[test]
fn repair_by_hand() {
    // Ranks 1/4 and 3/4 of a, 1/6, 1/2 and 5/6 of b; b's value at 1/4 is 12.5, a's at 1/2 is 3.
    let (_folder, table) = table("f,x,note\na,1,\na,5,x\nb,10,\nb,20,\nb,30,\nb,,\n,7,\n");
    let groups = Groups::survey(&table, &[each("f")], None).unwrap();
    let full = Repair::new(&table, &groups, &["x".into()], 1.0, Ties::Together).unwrap();
    let new = numbers(&full.table(&table, true).unwrap(), "x");
    let expected = [6.75, 16.25, 5.5, 11.5, 17.5].map(Some);
    for (new, expected) in new.iter().zip(expected) {
        assert!((new.unwrap() - expected.unwrap()).abs() < 1e-14, "{new:?}, {expected:?}");
    }
    assert_eq!(new[5..], [None, Some(7.0)], "what is missing stays so, and who has no group keeps the value");
    assert_eq!(texts(&full.table(&table, true).unwrap(), "original.x"), texts(&table, "x"));
    assert_eq!(full.columns()[0].missing, 1);
    assert_eq!(rows(&full.table(&table, false).unwrap()).num_columns(), 3);
}

#[test]
fn massaging_by_hand() {
    // Of 4 d 1 is positive, of 6 a 4: M = (4·4 − 1·6)/10 = 1.
    let text = "f,l,s\nd,1,0.9\nd,0,0.8\nd,0,0.8\nd,0,\na,1,0.7\na,1,0.2\na,1,0.9\na,1,0.2\na,0,0\na,0,0\n,1,0.1\n";
    let (_folder, table) = table(text);
    let groups = Groups::survey(&table, &[is("f", "d")], Some(&is("l", "1"))).unwrap();
    let massaging = Massaging::new(&table, &groups, "s", None).unwrap();
    assert_eq!(massaging.changes(), [(2, Change::Promoted), (6, Change::Demoted)], "of equal scores the first");
    assert_eq!((massaging.unscored(), massaging.values()), (1, ["1", "0"]));
    let labels: String = texts(&massaging.table(&table, "m").unwrap(), "l").into_iter().flatten().collect();
    assert_eq!(labels, "11001011001");
}

/// Half of either group share one value. Kept together they keep the groups apart; split they do not, and no order is turned round.
#[test]
fn ties_that_are_split_join_the_groups() {
    let n = 400;
    // The rest of a lies below the shared value, the rest of b above.
    let line = |row: usize| match (row.is_multiple_of(3), (row / 3).is_multiple_of(2)) {
        (true, true) => "a,40\n".to_string(),
        (false, true) => "b,40\n".to_string(),
        (true, false) => format!("a,{}\n", row * 37 % 40),
        (false, false) => format!("b,{}\n", 41 + row * 37 % 60),
    };
    let (_folder, table) = table(&format!("f,x\n{}", (0..n).map(line).collect::<String>()));
    let groups = Groups::survey(&table, &[each("f")], None).unwrap();
    let repair = |ties| Repair::new(&table, &groups, &["x".into()], 1.0, ties).unwrap();
    let after = |ties| repair(ties).columns()[0].cost.distance_after;
    let split = |seed| Ties::Split { seed };
    // 134 of a, 266 of b.
    assert!(after(split(1)) <= 0.5 / 134.0 + 0.5 / 266.0 + 1e-12, "{}", after(split(1)));
    assert!(after(Ties::Together) > 0.1, "{}", after(Ties::Together));
    let new = |seed| numbers(&repair(split(seed)).table(&table, false).unwrap(), "x");
    assert_eq!(new(1), new(1));
    assert_ne!(new(1), new(2));
    let (old, of, new) = (numbers(&table, "x"), texts(&table, "f"), new(1));
    let mut rows: Vec<(f64, f64)> =
        (0..n).filter(|&r| of[r].as_deref() == Some("a")).map(|r| (old[r].unwrap(), new[r].unwrap())).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    assert!(rows.is_sorted_by_key(|row| row.1), "a larger old value has no smaller new one");
    let shared: Vec<f64> = rows.iter().filter(|row| row.0 == 40.0).map(|row| row.1).collect();
    assert!(shared.len() > 60 && shared[0] < shared[shared.len() - 1], "equal values are spread");
}
