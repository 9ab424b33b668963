//! What mitigation refuses, and in what words.

use super::{each, is, numbers, open, rows, table, texts};
use pellucid::Error;
use pellucid::bias::{Kind, Selection, Value};
use pellucid::data::Table;
use pellucid::mitigate::{
    Constraint, Decide, Destination, Groups, Massaging, Objective, Repair, Reweighing, Rules, ScoredRows, Thresholds,
    Ties,
};

const FAIR: &str = "f,l,s,x\nd,1,0.9,1\nd,0,0.2,2\na,1,0.8,3\na,0,0.1,4\n";

#[track_caller]
fn refused<T>(result: pellucid::Result<T>, told: &str) {
    match result.err().expect("this must be refused") {
        Error::Input { message, hint } => {
            assert!(message.contains(told), "{message}\nis not: {told}");
            assert!(hint.is_some_and(|hint| !hint.is_empty()), "{message}: no hint");
        }
        other => panic!("{other}"),
    }
}

fn survey(table: &Table, facet: Selection) -> pellucid::Result<Groups> {
    Groups::survey(table, &[facet], Some(&is("l", "1")))
}

#[test]
fn groups_and_columns_that_are_not_there() {
    let (_folder, table) = table(FAIR);
    refused(survey(&table, is("f", "dd")), "no row is in the group f = dd");
    refused(survey(&table, is("ff", "d")), "there is no column `ff` (did you mean `f`?)");
    refused(survey(&table, is("l", "1")), "`l` was given twice");
    refused(Groups::survey(&table, &[], None), "no facet was given");
    refused(survey(&table, each("s")), "it needs a threshold");
    let all =
        Selection { column: "f".into(), values: vec![Value::Text("a".into()), Value::Text("d".into())], kind: None };
    refused(survey(&table, all), "no row is in the group f = others");
    let empty = Selection { column: "l".into(), values: Vec::new(), kind: None };
    refused(Groups::survey(&table, &[each("f")], Some(&empty)), "without its positive values");
}

#[test]
fn one_sided_outcomes() {
    let (_folder, table) = table("f,l,s\nd,0,1\nd,0,2\na,1,3\na,0,4\n");
    let groups = survey(&table, each("f")).unwrap();
    refused(Reweighing::new(&groups), "no row of the group f = d has a positive label");
    let fit = |constraint| {
        let rows = ScoredRows::read(&table, &groups, "s", 0.0, 0).unwrap();
        Thresholds { constraint, objective: Objective::Accuracy, randomised: true }.fit(&rows, &[each("f")])
    };
    refused(fit(Constraint::EqualOpportunity), "the group f = d has no positive label");
    refused(fit(Constraint::EqualizedOdds), "the group f = d has no positive label");
    assert_eq!(fit(Constraint::DemographicParity).unwrap().groups.len(), 2);
    let nobody = Groups::survey(&table, &[is("f", "d")], Some(&is("l", "2"))).unwrap();
    refused(Massaging::new(&table, &nobody, "s", None), "no row has a positive label in `l`");
}

#[test]
fn massaging_needs_two_groups_two_outcomes_and_scores() {
    let (_folder, unfair) = table("f,g,l,s\nd,x,0,1\nd,y,0,\na,x,1,3\na,y,1,4\na,y,2,5\n");
    let of = |facets: &[Selection], label: &Selection| Groups::survey(&unfair, facets, Some(label)).unwrap();
    let (d, one) = (is("f", "d"), is("l", "1"));
    refused(Massaging::new(&unfair, &of(&[each("f")], &one), "s", Some("0")), "`f` was given without its values");
    refused(Massaging::new(&unfair, &of(&[d.clone(), is("g", "x")], &one), "s", Some("0")), "not 2 facets");
    let groups = of(std::slice::from_ref(&d), &one);
    refused(Massaging::new(&unfair, &groups, "s", None), "`l` has 2 negative values: `0`, `2`");
    refused(Massaging::new(&unfair, &groups, "s", Some("3")), "`3` is not a negative value of `l`");
    refused(Massaging::new(&unfair, &groups, "g", Some("0")), "row 1: `g` is `x`, which is not a number");
    refused(Massaging::new(&unfair, &groups, "t", Some("0")), "there is no column `t`");
    assert_eq!(Massaging::new(&unfair, &groups, "s", Some("0")).unwrap().changes().len(), 2);
    refused(Massaging::new(&unfair, &of(&[is("f", "a")], &one), "s", Some("0")), "f = a has the larger share");
    let above = Selection { column: "l".into(), values: vec![Value::Number(0.5)], kind: Some(Kind::Continuous) };
    refused(Massaging::new(&unfair, &of(&[d], &above), "s", None), "`l` is a number");
    // M = (2·2 − 0)/5 rounds to 1; without any score there is nobody to promote.
    let (_folder, unscored) = table("f,l,s\nd,0,\nd,0,\na,1,3\na,1,4\na,0,5\n");
    let groups = Groups::survey(&unscored, &[is("f", "d")], Some(&is("l", "1"))).unwrap();
    refused(
        Massaging::new(&unscored, &groups, "s", None),
        "1 labels have to change, but only 0 such rows have a score",
    );
}

#[test]
fn columns_that_cannot_be_repaired() {
    let (_folder, odd) = table("f,x,t,h,l\nd,1,a,1,1\nd,2,b,inf,0\na,3,c,2,1\na,,d,3,0\nb,,e,3,0\n");
    let groups = survey(&odd, each("f")).unwrap();
    let repair = |column: &str, amount: f64| Repair::new(&odd, &groups, &[column.into()], amount, Ties::Together);
    refused(repair("x", 1.5), "the amount of repair is 1.5");
    refused(repair("x", f64::NAN), "the amount of repair is NaN");
    refused(repair("x", 1.0), "`x` is missing in every row of the group f = b");
    refused(repair("t", 1.0), "row 1: `t` is `a`, which is not a number");
    refused(repair("h", 1.0), "row 2: `h` is infinite");
    refused(repair("f", 1.0), "`f` is a facet or the label");
    refused(repair("l", 1.0), "`l` is a facet or the label");
    refused(repair("y", 1.0), "there is no column `y`");
    refused(Repair::new(&odd, &groups, &[], 1.0, Ties::Together), "no column to repair");
    let (_folder, fair) = table(FAIR);
    let groups = survey(&fair, each("f")).unwrap();
    refused(Repair::new(&fair, &groups, &["x".into(), "x".into()], 1.0, Ties::Together), "`x` was given twice");
}

#[test]
fn new_columns_that_are_there_already() {
    let (_folder, table) = table(FAIR);
    let groups = survey(&table, each("f")).unwrap();
    refused(Reweighing::new(&groups).unwrap().table(&table, "x"), "there is a column `x` already");
    let rows = ScoredRows::read(&table, &groups, "s", 0.0, 0).unwrap();
    let how = Thresholds { constraint: Constraint::EqualizedOdds, objective: Objective::Accuracy, randomised: true };
    let rules = how.fit(&rows, &[each("f")]).unwrap();
    let decide = Decide { decision: "x".into(), chance: None, seed: 0 };
    refused(rules.table(&table, &groups, "s", &decide), "there is a column `x` already");
}

#[test]
fn thresholds_of_another_table() {
    let (folder, fair) = table(FAIR);
    let groups = survey(&fair, each("f")).unwrap();
    let rows = ScoredRows::read(&fair, &groups, "s", 0.0, 0).unwrap();
    let how =
        Thresholds { constraint: Constraint::DemographicParity, objective: Objective::Accuracy, randomised: true };
    let rules = how.fit(&rows, &[each("f")]).unwrap();
    let (_other, strange) = table("f,s\nd,1\nb,2\n");
    refused(rules.groups_of(&strange, None), "rows of the group f = b, which has no threshold");
    let (_other, without) = table("g,s\nd,1\n");
    refused(rules.groups_of(&without, None), "there is no column `f`");
    // One group alone, and a missing cell, are no obstacle.
    let (_other, few) = table("f,s\nd,1\n,2\nd,\n");
    let groups = rules.groups_of(&few, None).unwrap();
    let decide = Decide { decision: "out".into(), chance: None, seed: 0 };
    let decisions = numbers(&rules.table(&few, &groups, "s", &decide).unwrap(), "out");
    assert_eq!((decisions[0].is_some(), &decisions[1..]), (true, &[None, None][..]));
    let file = |text: &str| {
        let path = folder.path().join("rules.json");
        std::fs::write(&path, text).unwrap();
        Rules::open(&path)
    };
    let good = rules.to_json().unwrap();
    assert_eq!(file(&good).unwrap(), rules);
    refused(file("{}"), "is not a file of group thresholds: missing field");
    refused(file("{"), "line 1 column");
    refused(file(&good.replace("thresholds 1", "thresholds 9")), "its kind is `pellucid group thresholds 9`");
    refused(
        file(&good.replace("\"coin\": 0.0", "\"coin\": 2.0")),
        "the shares and parts of the group f = d do not fit",
    );
    refused(file(&good.replace("\"coin\"", "\"coins\"")), "unknown field `coins`");
}

#[test]
fn missing_cells_count_nowhere() {
    let (_folder, table) = table("f,l,s\nd,1,1\nd,0,2\na,1,3\na,0,4\n,1,5\nd,,6\na,1,\n");
    let groups = survey(&table, each("f")).unwrap();
    assert_eq!((groups.rows, groups.ungrouped, groups.unlabelled), (7, 1, 1));
    assert_eq!(groups.groups.iter().map(|g| g.rows).collect::<Vec<_>>(), [3, 3]);
    let weights = numbers(&Reweighing::new(&groups).unwrap().table(&table, "w").unwrap(), "w");
    assert_eq!(weights.iter().map(Option::is_some).collect::<Vec<_>>(), [true, true, true, true, false, false, true]);
    let rows = ScoredRows::read(&table, &groups, "s", 0.0, 0).unwrap();
    assert_eq!((rows.fitted.rows(), rows.unscored, rows.are_shares), (4, 1, false));
    refused(ScoredRows::read(&table, &groups, "s", 1.0, 0), "the share of rows to hold out is 1");
}

/// Every type of a Parquet file, and every letter of a CSV file, arrive as they were.
#[test]
fn other_columns_stay_as_they_are() {
    let text = "id,f,l,n,flag\n007,d,1,1.50,true\n008,d,0,2,false\n\"9,a\",a,1,3,\n010,a,0,4,true\n";
    let (folder, csv) = table(text);
    let to = |table: &Table, name: &str| {
        let groups = survey(table, each("f")).unwrap();
        let weighted = Reweighing::new(&groups).unwrap().table(table, "w").unwrap();
        let path = folder.path().join(name);
        let rows = Destination::create(&path, &[table.path()], false).unwrap().write(&weighted, &[]).unwrap();
        assert_eq!(rows, 4);
        path
    };
    let written = std::fs::read_to_string(to(&csv, "out.csv")).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    for (new, old) in lines.iter().zip(text.lines()) {
        assert!(new.starts_with(&format!("{old},")), "{new}, {old}");
    }
    let typed = open(&to(&csv, "out.parquet"));
    let kinds: Vec<String> = typed.schema().fields().iter().map(|field| field.data_type().to_string()).collect();
    assert_eq!(kinds, ["Utf8", "Utf8", "Int64", "Float64", "Boolean", "Float64"]);
    // A Parquet file again, its own types kept; and through JSON Lines.
    let groups = survey(&typed, each("f")).unwrap();
    let twice = Reweighing::new(&groups).unwrap().table(&typed, "w2").unwrap();
    for name in ["twice.parquet", "twice.jsonl"] {
        let path = folder.path().join(name);
        Destination::create(&path, &[typed.path()], false).unwrap().write(&twice, &[]).unwrap();
        let twice = open(&path);
        for column in ["id", "f"] {
            assert_eq!(texts(&twice, column), texts(&typed, column), "{name}");
        }
        for column in ["l", "n", "w"] {
            assert_eq!(numbers(&twice, column), numbers(&typed, column), "{name}");
        }
        assert_eq!(numbers(&twice, "w2"), numbers(&typed, "w"));
    }
    assert_eq!(rows(&open(&folder.path().join("twice.parquet"))).schema().field(4), typed.schema().field(4));
}

#[test]
fn the_input_is_never_overwritten() {
    let (folder, table) = table(FAIR);
    let create = |name: &str, force: bool| Destination::create(&folder.path().join(name), &[table.path()], force);
    refused(create("t.csv", true), "is the input");
    refused(create("../x.txt", true), "the format of the output is told by its extension");
    #[cfg(unix)]
    {
        std::fs::hard_link(table.path(), folder.path().join("hard.csv")).unwrap();
        std::os::unix::fs::symlink(table.path(), folder.path().join("soft.csv")).unwrap();
        refused(create("hard.csv", true), "is the input");
        refused(create("soft.csv", true), "is the input");
    }
    std::fs::write(folder.path().join("other.csv"), "x\n").unwrap();
    refused(create("other.csv", false), "exists already");
    drop(create("other.csv", true).unwrap());
    assert_eq!(std::fs::read_to_string(folder.path().join("other.csv")).unwrap(), "x\n", "dropped: nothing is written");
    assert_eq!(std::fs::read_to_string(table.path()).unwrap(), FAIR);
}
