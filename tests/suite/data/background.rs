//! Background rows: all, sampled, k-means; weights.

use super::*;
use pellucid::data::{Background, BackgroundChoice, Roles};

fn read(csv: &str, model: &[&str], choice: BackgroundChoice, weights: Option<&str>) -> Result<Background> {
    let (_folder, path) = file("t.csv", csv);
    let table = open(&path)?;
    let roles = Roles { ignore: weights.iter().map(|w| w.to_string()).collect(), id: vec![] };
    let encoder = Encoder::new(table.schema(), &names(model), None, &roles)?;
    Background::read(&table, &encoder, choice, weights, None).map_err(|e| match e {
        Error::Input { message, hint } => {
            Error::Input { message: message.replace(path.to_str().unwrap(), "FILE"), hint }
        }
        other => other,
    })
}

fn numbers(n: usize) -> String {
    format!("a,b\n{}", (0..n).map(|i| format!("{i},{}\n", i * i)).collect::<String>())
}

#[test]
fn all_rows_weigh_the_same() {
    let background = read(&numbers(4), &["a", "b"], BackgroundChoice::All, None).unwrap();
    assert_eq!(background.rows, ndarray::array![[0.0f32, 0.0], [1.0, 1.0], [2.0, 4.0], [3.0, 9.0]]);
    assert_eq!(background.weights, [0.25; 4]);
    assert_eq!(background.description, "all 4 rows of t.csv");
}

#[test]
fn a_weights_column_is_normalised() {
    let background = read("a,w\n1,3\n2,0\n3,1\n", &["a"], BackgroundChoice::All, Some("w")).unwrap();
    assert_eq!(background.weights, [0.75, 0.0, 0.25]);
    let choice = BackgroundChoice::KMeans { clusters: 1, seed: 0 };
    let background = read("a,w\n1,3\n2,0\n3,1\n", &["a"], choice, Some("w")).unwrap();
    assert_eq!((background.rows[[0, 0]], background.weights[0]), (1.0, 1.0)); // mean 1.5, a tie: the lower value
}

/// Two clusters of one-hot rows: their centres are no rows, the rows nearest to them are.
#[test]
fn medoids_are_rows_that_exist() {
    let csv = "n,red,blue\n1,1,0\n2,0,1\n3,1,0\n101,0,1\n102,1,0\n103,0,1\n104,0,1\n";
    let of = |choice| read(csv, &["n", "red", "blue"], choice, None).unwrap();
    let all = of(BackgroundChoice::All).rows;
    for seed in 0..20 {
        let found = of(BackgroundChoice::Medoids { clusters: 3, seed });
        assert!(found.rows.outer_iter().all(|row| all.outer_iter().any(|other| other == row)), "{}", found.rows);
        assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12 && found.weights.len() == 3);
        assert_eq!(found.rows, of(BackgroundChoice::Medoids { clusters: 3, seed }).rows);
    }
    let one = read("n\n0\n4\n5\n9\n", &["n"], BackgroundChoice::Medoids { clusters: 1, seed: 0 }, None).unwrap();
    assert!([4.0, 5.0].contains(&one.rows[[0, 0]]), "{}", one.rows);
}

#[test]
fn a_sample_is_without_replacement_and_repeats_with_its_seed() {
    let sample = |seed| read(&numbers(20_000), &["a", "b"], BackgroundChoice::Sample { rows: 50, seed }, None).unwrap();
    let (one, again, other) = (sample(1), sample(1), sample(2));
    assert_eq!(one.rows, again.rows);
    assert_ne!(one.rows, other.rows);
    assert_eq!(one.weights, [1.0 / 50.0; 50]);
    assert_eq!(one.description, "50 of 20000 rows of t.csv, sampled with seed 1");
    let a = one.rows.column(0);
    assert!(a.iter().zip(a.iter().skip(1)).all(|(x, y)| x < y), "distinct, in the order of the table");
    assert!(one.rows.outer_iter().all(|row| row[1] == row[0] * row[0]), "rows are kept whole");
}

/// Each of 40 rows is among 10 with chance 1/4: over 2,000 seeds its count has mean 500 and standard deviation 19.4; the largest of
/// 40 deviations stays below 4.5 of them but once in 4,000 runs, and the seeds are fixed.
#[test]
fn every_row_has_the_same_chance() {
    let (_folder, path) = file("t.csv", numbers(40));
    let table = open(&path).unwrap();
    let encoder = Encoder::new(table.schema(), &names(&["a", "b"]), None, &Roles::default()).unwrap();
    let mut counts = [0f64; 40];
    for seed in 0..2000 {
        let background =
            Background::read(&table, &encoder, BackgroundChoice::Sample { rows: 10, seed }, None, None).unwrap();
        background.rows.column(0).iter().for_each(|&a| counts[a as usize] += 1.0);
    }
    let sd = (2000.0f64 * 0.25 * 0.75).sqrt();
    assert!(counts.iter().all(|c| (c - 500.0).abs() < 4.5 * sd), "{counts:?}");
}

#[test]
fn labels_stay_with_their_rows() {
    let (_folder, path) =
        file("t.csv", format!("a,y\n{}", (0..500).map(|i| format!("{i},l{i}\n")).collect::<String>()));
    let table = open(&path).unwrap();
    let roles = Roles { ignore: names(&["y"]), id: vec![] };
    let encoder = Encoder::new(table.schema(), &names(&["a"]), None, &roles).unwrap();
    let read = |choice, label| Background::read(&table, &encoder, choice, None, label).unwrap();
    for (choice, rows) in [(BackgroundChoice::All, 500), (BackgroundChoice::Sample { rows: 20, seed: 3 }, 20)] {
        let background = read(choice, Some("y"));
        let expected: Vec<String> = background.rows.iter().map(|a| format!("l{a}")).collect();
        assert_eq!((background.labels.as_ref(), expected.len()), (Some(&expected), rows));
        // The label takes no part in the draw.
        let bare = read(choice, None);
        assert_eq!((bare.rows, bare.labels), (background.rows, None));
    }
}

#[test]
fn bad_labels() {
    let told = |csv: &str, label, choice| {
        let (_folder, path) = file("t.csv", csv);
        let table = open(&path).unwrap();
        let roles = Roles { ignore: names(&["y"]), id: vec![] };
        let encoder = Encoder::new(table.schema(), &names(&["a"]), None, &roles).unwrap();
        told(Background::read(&table, &encoder, choice, None, Some(label)), &path)
    };
    let all = BackgroundChoice::All;
    assert_eq!(
        told("a,y\n1,yes\n2,\n", "y", all),
        "FILE: row 2, label column `y`: the value is missing\n\
         hint: give the label of every row, or leave such rows out of the table"
    );
    assert_eq!(
        told("a,y\n1,0\n2,1\n3,NA\n", "y", all).lines().next().unwrap(),
        "FILE: row 3, label column `y`: the value is missing"
    );
    assert_eq!(told("a,y\n1,0\n", "z", all), "FILE: there is no column `z`\nhint: its columns are `a`, `y`");
    assert_eq!(
        told("a,y\n1,0\n", "y", BackgroundChoice::KMeans { clusters: 1, seed: 0 }),
        "k-means centres have no label: `y` is that of single rows\nhint: take a sample of rows or all rows as the background"
    );
}

#[test]
fn k_means_repeats_with_its_seed_and_its_shares_sum_to_one() {
    let choice = BackgroundChoice::KMeans { clusters: 7, seed: 5 };
    let one = read(&numbers(3000), &["a", "b"], choice, None).unwrap();
    let again = read(&numbers(3000), &["a", "b"], choice, None).unwrap();
    assert_eq!((&one.rows, &one.weights), (&again.rows, &again.weights));
    assert_eq!(one.rows.dim(), (7, 2));
    assert!((one.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert!(one.rows.column(1).iter().all(|b| b.sqrt().fract() == 0.0), "each coordinate is a value that occurs");
    assert_eq!(one.description, "7 k-means clusters of 3000 rows of t.csv, seed 5");
}

#[test]
fn bad_choices() {
    let told = |csv: &str, choice, weights| told(read(csv, &["a"], choice, weights), "FILE".as_ref());
    let (sample, means) =
        (|rows| BackgroundChoice::Sample { rows, seed: 0 }, |clusters| BackgroundChoice::KMeans { clusters, seed: 0 });
    assert_eq!(
        told("a\n1\n2\n", sample(3), None),
        "FILE: 3 background rows asked for, but the table has 2 rows\nhint: ask for at most 2, or take all rows"
    );
    assert_eq!(
        told("a\n1\n2\n", means(3), None),
        "FILE: 3 background clusters asked for, but the table has 2 rows\nhint: ask for at most 2, or take all rows"
    );
    assert_eq!(
        told("a\n1\n", sample(0), None),
        "FILE: the background would be empty: 0 rows asked for\nhint: ask for at least 1"
    );
    assert!(told("a\n1\n", means(0), None).starts_with("FILE: the background would be empty: 0 clusters asked for"));
    assert_eq!(
        told("a\n1\nNA\n", means(1), None),
        "FILE: row 2, column `a`: the value is missing or NaN, and the model takes finite numbers only\n\
         hint: k-means takes no missing values: fill them before, or take a sample of rows as the background"
    );
    let all = BackgroundChoice::All;
    let weights = "\nhint: weights are finite numbers of at least 0";
    assert_eq!(
        told("a,w\n1,1\n1,-1\n", all, Some("w")),
        format!("FILE: row 2, weights column `w`: `-1` is not a weight{weights}")
    );
    assert_eq!(
        told("a,w\n1,1\n1,\n", all, Some("w")),
        format!("FILE: row 2, weights column `w`: a missing value is not a weight{weights}")
    );
    assert_eq!(
        told("a,w\n1,0\n1,0\n", all, Some("w")),
        "FILE: the background weights sum to zero\nhint: give at least one row a positive weight"
    );
    assert_eq!(told("a\n1\n", all, Some("weight")), "FILE: there is no column `weight`\nhint: its columns are `a`");
}
