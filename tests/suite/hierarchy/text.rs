//! Owen values of texts.

use super::{orderings, tree};
use pellucid::Device;
use pellucid::design::{Budget, DesignChoice};
use pellucid::text::{Granularity, TextBuilder, TextExplanation, TextShap, Tokenizer, Value};
use pellucid_tests::toy_encoder::ToyEncoder;
use pellucid_tests::{devices, fixture};

/// Its players between spaces, and their groups: sentences, in them clauses; three of a kind are no more halved.
const TEXT: &str = "win cash, call now! see you there";
const GROUPS: &str = "[[[0, 1], [2, 3]], [4, 5, 6]]";
const LONG: &str = "Hi there, how are you today? I won a free prize: call me now, please! Or else come home later and we shall see about it.";

fn tokenizer() -> Tokenizer {
    Tokenizer::open(fixture("models/sms_bert_tiny/tokenizer.json")).unwrap()
}

fn builder(device: &Device) -> TextBuilder {
    TextShap::builder(ToyEncoder::new(device), tokenizer())
        .granularity(Granularity::Space)
        .value(Value::Output)
        .hierarchy(true)
}

fn explain(device: &Device, text: &str, budget: Budget) -> (TextExplanation, TextShap) {
    let mut shap = builder(device).budget(budget).build(device).unwrap();
    (shap.explain(&[text], 1).unwrap().remove(0), shap)
}

/// What the model makes of a text with some words masked.
fn value(text: &str, there: &[bool]) -> [f64; 2] {
    let tokens = tokenizer().encode(text).unwrap();
    let word = |byte: usize| text[..byte].split_whitespace().count() - 1;
    let id = |at: usize| match &tokens.spans[at] {
        Some(span) if !there[word(span.end)] => 4,
        _ => tokens.ids[at],
    };
    let ids: Vec<i32> = (0..tokens.ids.len()).map(id).collect();
    ToyEncoder::outputs(&ids, &vec![1; ids.len()]).map(f64::from)
}

/// Mean marginal contributions over the orderings that keep groups together, `[player][output]`.
fn by_definition() -> Vec<[f64; 2]> {
    let all = orderings(&tree(GROUPS));
    let mut values = vec![[0.0; 2]; 7];
    for order in &all {
        let mut there = [false; 7];
        for &player in order {
            let before = value(TEXT, &there);
            there[player] = true;
            let now = value(TEXT, &there);
            (0..2).for_each(|k| values[player][k] += (now[k] - before[k]) / all.len() as f64);
        }
    }
    values
}

#[test]
fn words_have_the_values_of_the_definition() {
    let expected = by_definition();
    for device in devices() {
        let (found, shap) = explain(&device, TEXT, Budget::Auto);
        assert_eq!(found.players.len(), 7);
        for (player, expected) in expected.iter().enumerate() {
            for (k, expected) in expected.iter().enumerate() {
                let got = f64::from(found.values[(k, player)]);
                // Outputs of f32 up to 4, each counted at most once in all.
                assert!((got - expected).abs() < 2e-6, "{player}, {k}: {got}, by definition {expected}");
            }
        }
        assert!(found.stderr.iter().all(|&error| error == 0.0));
        // 2 for the sentences, 2 · 2 for the clauses, 2 · 2 · 2 · 2 for their words and 2 · 6 for the others; and the two ends.
        assert_eq!((found.spent, shap.reading().closed), (2 + 2 + 4 + 16 + 12, 0));
        assert_eq!(shap.provenance().design, "Owen values over sentences, clauses and words, auto");
        assert_eq!(shap.provenance().values(), "Owen values");
    }
}

#[test]
fn a_small_budget_leaves_groups_closed() {
    let device = Device::cpu();
    let exact = explain(&device, LONG, Budget::Exact).0;
    let words = exact.players.len();
    let mut parts_before = 0;
    for budget in [10, 40, 200] {
        let (found, shap) = explain(&device, LONG, Budget::Rows(budget));
        assert!(found.spent <= budget as u64 && shap.reading().forwards <= budget as u64, "{}", found.spent);
        assert!(found.additivity_gap() < 1e-5);
        let parts = found.players.len();
        assert!(parts_before < parts && parts <= words, "{budget}: {parts}");
        parts_before = parts;
        // Parts follow one another and leave no word out; what they hold has its sum, about.
        assert!(found.players.windows(2).all(|two| two[0].bytes.end <= two[1].bytes.start));
        assert_eq!((found.players[0].bytes.start, found.players[parts - 1].bytes.end), (0, LONG.len()));
        let closed = found.players.iter().filter(|span| LONG[span.bytes.clone()].contains(' ')).count();
        assert_eq!(shap.reading().closed, closed as u64);
        for (part, span) in found.players.iter().enumerate() {
            let held = |word: &usize| span.bytes.contains(&exact.players[*word].bytes.start);
            for k in 0..2 {
                let sum: f32 = (0..words).filter(held).map(|word| exact.values[(k, word)]).sum();
                let off = (found.values[(k, part)] - sum).abs();
                let stderr = found.stderr[(k, part)];
                // Errors are on the safe side; a single part may still miss by four of them.
                assert!(
                    stderr > 0.0 && off <= 4.0 * stderr,
                    "{budget}, {:?}: off by {off}, error {stderr}",
                    found.part(part)
                );
            }
        }
    }
    assert!(exact.spent > 200, "{}", exact.spent);
}

#[test]
fn a_tolerance_spends_less() {
    let device = Device::cpu();
    let run = |tolerance: f64| {
        let mut shap = builder(&device).budget(Budget::Rows(5000)).tolerance(Some(tolerance)).build(&device).unwrap();
        shap.explain(&[LONG], 1).unwrap().remove(0)
    };
    let (coarse, fine) = (run(0.2), run(0.002));
    assert!(coarse.spent < fine.spent && coarse.players.len() <= fine.players.len(), "{} {}", coarse.spent, fine.spent);
    for k in 0..2 {
        let values = fine.values.row(k);
        let spread = values.iter().fold(f32::MIN, |a, &b| a.max(b)) - values.iter().fold(f32::MAX, |a, &b| a.min(b));
        assert!(fine.stderr[(k, 0)] <= 0.002 * spread);
    }
}

#[test]
fn texts_together_are_as_texts_alone() {
    let device = Device::cpu();
    let texts = [LONG, "", TEXT, "win", "call now", "🙂"];
    for design in [DesignChoice::Auto, DesignChoice::Permutation] {
        let builder = || builder(&device).budget(Budget::Rows(150)).design(design);
        let together = builder().build(&device).unwrap().explain(&texts, 1).unwrap();
        for (text, found) in texts.iter().zip(&together) {
            let alone = builder().build(&device).unwrap().explain(&[text], 1).unwrap().remove(0);
            assert_eq!(
                (&alone.values, &alone.players, alone.spent),
                (&found.values, &found.players, found.spent),
                "{text}"
            );
            assert!(found.additivity_gap() < 1e-5, "{text}");
        }
    }
}

#[test]
fn random_orders_keep_all_words() {
    let device = Device::cpu();
    let (expected, mut covered) = (by_definition(), 0);
    for seed in 0..10 {
        let builder = builder(&device).budget(Budget::Rows(1000)).design(DesignChoice::Permutation).seed(seed);
        let found = builder.build(&device).unwrap().explain(&[TEXT], 1).unwrap().remove(0);
        for (at, expected) in expected.iter().flatten().enumerate() {
            let cell = (at % 2, at / 2);
            let (off, stderr) = ((f64::from(found.values[cell]) - expected).abs(), f64::from(found.stderr[cell]));
            assert!(off < 0.2, "{at}: off by {off}, standard error {stderr}");
            // Pairs of opposite orders leave nothing to chance in the second output, which is of order two: only f32.
            covered += usize::from(off <= 1.96 * stderr + 1e-5);
        }
    }
    // 95 % of 140; those of one seed depend on each other.
    assert!((110..=140).contains(&covered), "{covered} of 140");
}

#[test]
fn what_cannot_be_is_said() {
    let device = Device::cpu();
    let refused = |builder: TextBuilder| {
        let built = builder.build(&device);
        let explained = built.and_then(|mut shap| shap.explain(&[TEXT, LONG], 7));
        explained.map(|_| ()).unwrap_err().to_string()
    };
    let crossed = refused(builder(&device).design(DesignChoice::Crossed));
    assert!(crossed.contains("leverage pairs estimate Shapley values"), "{crossed}");
    let little = refused(builder(&device).budget(Budget::Rows(3)));
    assert!(little.starts_with("text 7: a budget of 3 coalitions is below the minimum of 4"), "{little}");
    let exact = refused(builder(&device).budget(Budget::Rows(100)).design(DesignChoice::Exact));
    assert!(exact.starts_with("text 8: exact values of 26 players take"), "{exact}");
}
