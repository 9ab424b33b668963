//! Shapley values of texts under a model whose coalitions a test can evaluate on its own.

use pellucid::Device;
use pellucid::design::{Budget, DesignChoice};
use pellucid::text::{Absence, Granularity, TextBuilder, TextExplanation, TextShap, Tokenizer, Tokens, Value};
use pellucid_tests::toy_encoder::ToyEncoder;
use pellucid_tests::{devices, fixture};
use std::sync::atomic::Ordering::Relaxed;

const TEXTS: [&str; 7] = [
    "Hello",
    "call now",
    "free entry tonight",
    "you have won a prize",
    "ok see you at home later",
    "win cash now win cash now!",
    "Nothing much, chillin at home. Any super bowl plan?",
];

fn tokenizer() -> Tokenizer {
    Tokenizer::open(fixture("models/sms_bert_tiny/tokenizer.json")).unwrap()
}

fn builder(device: &Device, absence: &Absence) -> TextBuilder {
    TextShap::builder(ToyEncoder::new(device), tokenizer())
        .granularity(Granularity::Space)
        .absence(absence.clone())
        .value(Value::Output)
}

/// The word that each token lies in, by white space.
fn words(text: &str, tokens: &Tokens) -> (usize, Vec<Option<usize>>) {
    let word = |byte: usize| text[..byte].split_whitespace().count() - 1;
    let owner = |span: &Option<std::ops::Range<usize>>| span.as_ref().map(|span| word(span.end));
    (text.split_whitespace().count(), tokens.spans.iter().map(owner).collect())
}

/// What the model makes of a coalition, spelled out.
fn value(tokens: &Tokens, owners: &[Option<usize>], present: u32, absence: &Absence) -> [f64; 2] {
    let stand_in = match absence {
        Absence::Text(text) => tokenizer().piece(text).unwrap(),
        _ => Vec::new(),
    };
    let (mut ids, mut mask) = (Vec::new(), Vec::new());
    for (at, &id) in tokens.ids.iter().enumerate() {
        let absent = owners[at].is_some_and(|word| present >> word & 1 == 0);
        let first = at == 0 || owners[at - 1] != owners[at];
        let (new, attended): (Vec<i32>, i32) = match absence {
            _ if !absent => (vec![id], 1),
            Absence::Mask => (vec![4], 1),
            Absence::Pad => (vec![0], 0),
            Absence::Text(_) if first => (stand_in.clone(), 1),
            Absence::Delete | Absence::Text(_) => (Vec::new(), 1),
        };
        mask.extend(std::iter::repeat_n(attended, new.len()));
        ids.extend(new);
    }
    ToyEncoder::outputs(&ids, &mask).map(f64::from)
}

/// φ_i = Σ_S |S|!(n−|S|−1)!/n! (v(S ∪ i) − v(S)), `[output][player]`.
fn enumerated(text: &str, absence: &Absence) -> [Vec<f64>; 2] {
    let tokens = tokenizer().encode(text).unwrap();
    let (n, owners) = words(text, &tokens);
    let values: Vec<[f64; 2]> = (0..1 << n).map(|z| value(&tokens, &owners, z, absence)).collect();
    let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
    let mut phi = [vec![0.0; n], vec![0.0; n]];
    for z in 0..1usize << n {
        let size = z.count_ones() as usize;
        for i in (0..n).filter(|i| z >> i & 1 == 0) {
            let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
            (0..2).for_each(|k| phi[k][i] += weight * (values[z | 1 << i][k] - values[z][k]));
        }
    }
    phi
}

fn assert_near(explained: &TextExplanation, phi: &[Vec<f64>; 2], tolerance: f64) {
    for (k, expected) in phi.iter().enumerate() {
        assert_eq!(explained.players.len(), expected.len(), "{}", explained.text);
        for (i, expected) in expected.iter().enumerate() {
            let found = f64::from(explained.values[(k, i)]);
            assert!(
                (found - expected).abs() <= tolerance,
                "{:?}, part {i}, output {k}: {found} for {expected}",
                explained.text
            );
        }
    }
}

#[test]
fn texts_of_all_lengths_in_one_run_equal_enumeration_for_every_absence() {
    let absences = [Absence::Mask, Absence::Pad, Absence::Delete, Absence::Text("and so".into())];
    for device in devices() {
        for absence in &absences {
            let mut shap = builder(&device, absence).budget(Budget::Exact).build(&device).unwrap();
            for explained in shap.explain(&TEXTS, 1).unwrap() {
                // Outputs below 4 in f32, up to 2⁸ terms.
                assert_near(&explained, &enumerated(&explained.text, absence), 1e-5);
                assert!(explained.additivity_gap() < 1e-5, "{}", explained.additivity_gap());
                assert!(explained.stderr.iter().all(|&e| e == 0.0));
            }
        }
    }
}

#[test]
fn any_budget_for_any_number_of_words_adds_up_and_is_kept() {
    let device = Device::cpu();
    for n in 1..=14 {
        let text: Vec<&str> =
            "a big red dog and the old man in my house saw no rain".split(' ').cycle().take(n).collect();
        let text = text.join(" ");
        for per_word in [2, 3, 4, 10, 20, 60] {
            let budget = (per_word * n).max(4);
            let encoder = ToyEncoder::new(&device);
            let seen = encoder.seen.clone();
            let shap = TextShap::builder(encoder, tokenizer()).value(Value::Output).budget(Budget::Rows(budget));
            let explained = shap.build(&device).unwrap().explain(&[&text], 1).unwrap().remove(0);
            assert!(explained.additivity_gap() < 1e-5, "{n} words, budget {budget}");
            assert!(explained.spent <= budget as u64, "{n} words, budget {budget}: {} spent", explained.spent);
            // Pilots of the design are part of the budget.
            assert!(seen.lock().unwrap().len() <= budget, "{n} words, budget {budget}: {}", seen.lock().unwrap().len());
            if budget >= 1 << n {
                assert_near(&explained, &enumerated(&text, &Absence::Mask), 1e-5);
            }
        }
    }
}

#[test]
fn a_budget_below_one_order_and_its_reverse_is_refused_with_the_least_one() {
    let device = Device::cpu();
    let mut shap = builder(&device, &Absence::Mask).budget(Budget::Rows(9)).build(&device).unwrap();
    let error = shap.explain(&["one two three four five"], 3).unwrap_err();
    assert_eq!(error.to_string(), "text 3: a budget of 9 coalitions is below the minimum of 10 for 5 players");
    let error = shap.explain(&["a b c d e f", "one two three four five", "a"], 3).unwrap_err();
    assert!(error.to_string().starts_with("text 4: "), "the text of fewest players that fails: {error}");
    let mut shap = builder(&device, &Absence::Mask).budget(Budget::Rows(10)).build(&device).unwrap();
    assert!(shap.explain(&["one two three four five"], 3).is_ok());
    let mut shap = builder(&device, &Absence::Mask).budget(Budget::Exact).build(&device).unwrap();
    let long = "word ".repeat(21);
    assert!(shap.explain(&[&long], 1).unwrap_err().to_string().contains("at most 20 players, the text has 21"));
}

#[test]
fn each_sequence_is_read_once_with_little_padding() {
    let device = Device::cpu();
    let texts: Vec<String> = (0..60).map(|i| TEXTS[i % 7].repeat(1 + i % 3)).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    for absence in [Absence::Mask, Absence::Delete] {
        let encoder = ToyEncoder::new(&device);
        let (seen, cells) = (encoder.seen.clone(), encoder.cells.clone());
        let builder = TextShap::builder(encoder, tokenizer()).absence(absence).value(Value::Output);
        let mut shap = builder.budget(Budget::Rows(128)).build(&device).unwrap();
        shap.explain(&texts, 1).unwrap();
        let reading = shap.reading();
        assert_eq!(reading.forwards, seen.lock().unwrap().len() as u64);
        assert_eq!(reading.tokens + reading.padding, cells.load(Relaxed));
        assert!(reading.padding * 9 <= reading.tokens, "{reading:?}");
        // 60 texts of 21 kinds: most of their coalitions have the tokens of another's.
        assert!(reading.forwards < reading.known, "{reading:?}");
    }
}

#[test]
fn a_model_without_a_mask_is_given_one_length_at_a_time() {
    let device = Device::cpu();
    let encoder = ToyEncoder { takes_mask: false, ..ToyEncoder::new(&device) };
    let mut shap =
        TextShap::builder(encoder, tokenizer()).absence(Absence::Delete).value(Value::Output).build(&device).unwrap();
    let explained = shap.explain(&["free entry tonight"], 1).unwrap().remove(0);
    assert_eq!(shap.reading().padding, 0);
    assert_near(&explained, &enumerated("free entry tonight", &Absence::Delete), 1e-5);
    let encoder = ToyEncoder { takes_mask: false, ..ToyEncoder::new(&device) };
    let padded = TextShap::builder(encoder, tokenizer()).absence(Absence::Pad).build(&device);
    assert!(padded.err().unwrap().to_string().contains("takes no attention mask"));
}

#[test]
fn the_same_seed_gives_the_same_bits_and_a_tolerance_saves_work() {
    let device = Device::cpu();
    let texts: Vec<String> = (0..24).map(|i| format!("{} {} {i}", TEXTS[6], TEXTS[i % 6])).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let run = |tolerance: Option<f64>, design: DesignChoice| {
        let settings = builder(&device, &Absence::Mask).budget(Budget::Rows(600)).seed(5);
        settings.tolerance(tolerance).design(design).build(&device).unwrap().explain(&texts, 1).unwrap()
    };
    let (a, b) = (run(None, DesignChoice::Auto), run(None, DesignChoice::Auto));
    assert!(a.iter().zip(&b).all(|(a, b)| a.values == b.values && a.stderr == b.stderr));
    let stopped = run(Some(0.2), DesignChoice::Permutation);
    let spent = |all: &[TextExplanation]| all.iter().map(|text| text.spent).sum::<u64>();
    assert!(spent(&stopped) < spent(&a), "{} and {}", spent(&stopped), spent(&a));
}

/// Twelve words at 20 coalitions each: 93 to 97 % of intervals are to hold the exact value, to twice the standard error of the measured share.
/// Values of a text's run share its draw; runs are independent.
#[test]
fn texts_of_many_lengths_side_by_side_have_the_same_bits_each_time() {
    let device = Device::cpu();
    let texts: Vec<String> = (0..40).map(|i| format!("{} {}", TEXTS[i % 7], TEXTS[(3 * i + 1) % 6])).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let run = || {
        let settings = builder(&device, &Absence::Delete).budget(Budget::Rows(300)).seed(3);
        let mut shap = settings.build(&device).unwrap();
        // Once with designs that are to be made, once with known ones.
        let all = [shap.explain(&texts, 1).unwrap(), shap.explain(&texts, 1).unwrap()].concat();
        (all, shap.reading())
    };
    let ((one, read_by_one), (two, read_by_two)) = (run(), run());
    assert_eq!(read_by_one, read_by_two);
    assert!(one.iter().zip(&two).all(|(a, b)| a.values == b.values && a.stderr == b.stderr && a.spent == b.spent));
    let (first, again) = one.split_at(texts.len());
    assert!(first.iter().zip(again).all(|(a, b)| a.values == b.values && a.row == b.row));
    // Each explanation stands with its own text.
    for (at, explained) in first.iter().enumerate() {
        assert_eq!((explained.row, explained.text.as_str()), (at + 1, texts[at]));
        assert!(explained.additivity_gap() < 1e-5);
    }
}

#[test]
fn standard_errors_are_of_the_size_of_the_errors() {
    let device = Device::cpu();
    let words =
        ["win", "a", "prize", "now", "or", "see", "the", "man", "at", "home", "ok", "bye", "free", "call", "later"];
    let mut shares = Vec::new();
    for text in (0..30).map(|at| (0..12).map(|i| words[(at + i * (1 + at % 7)) % 15]).collect::<Vec<_>>().join(" ")) {
        let phi = enumerated(&text, &Absence::Mask);
        let settings = builder(&device, &Absence::Mask).budget(Budget::Rows(240)).seed(shares.len() as u64);
        let explained = settings.build(&device).unwrap().explain(&[&text], 1).unwrap().remove(0);
        let inside = |(k, i): (usize, usize)| {
            let off = (f64::from(explained.values[(k, i)]) - phi[k][i]).abs();
            // The second output is solved: what is left is the rounding of sums of 12 values below 4.
            off <= 1.96 * f64::from(explained.stderr[(k, i)]) + 12.0 * 4.0 * f64::from(f32::EPSILON)
        };
        shares.push((0..12).filter(|&i| inside((0, i))).count() as f64 / 12.0);
        assert!((0..12).all(|i| inside((1, i))), "{text}");
    }
    let runs = shares.len() as f64;
    let share = shares.iter().sum::<f64>() / runs;
    let error = (shares.iter().map(|s| (s - share).powi(2)).sum::<f64>() / (runs - 1.0) / runs).sqrt();
    println!("{:.1} % ± {:.1} covered", 100.0 * share, 100.0 * error);
    assert!((0.93 - 2.0 * error..=0.97 + 2.0 * error).contains(&share), "{share} covered");
}

/// I_ij = Σ_S (v(S∪ij) − v(S∪i) − v(S∪j) + v(S)) / ((n−1) C(n−2, |S|)), pairs in the order of players.
fn enumerated_pairs(text: &str) -> [Vec<f64>; 2] {
    let tokens = tokenizer().encode(text).unwrap();
    let (n, owners) = words(text, &tokens);
    let values: Vec<[f64; 2]> = (0..1 << n).map(|z| value(&tokens, &owners, z, &Absence::Mask)).collect();
    let choose = |n: usize, k: usize| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
    let mut pairs = [Vec::new(), Vec::new()];
    for (i, j) in (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))) {
        for (k, pairs) in pairs.iter_mut().enumerate() {
            let without = (0..1usize << n).filter(|z| z >> i & 1 == 0 && z >> j & 1 == 0);
            let of = |z: usize| {
                let v = |with: usize| values[z | with][k];
                let weight = 1.0 / ((n - 1) as f64 * choose(n - 2, z.count_ones() as usize));
                weight * (v(1 << i | 1 << j) - v(1 << i) - v(1 << j) + v(0))
            };
            pairs.push(without.map(of).sum());
        }
    }
    pairs
}

#[test]
fn pairs_of_words_equal_enumeration_and_one_word_has_none() {
    for device in devices() {
        let builder = builder(&device, &Absence::Mask).budget(Budget::Exact).interactions(true);
        let texts = [TEXTS[0], TEXTS[1], TEXTS[3], TEXTS[5], ""];
        for (text, found) in texts.iter().zip(builder.build(&device).unwrap().explain(&texts, 1).unwrap()) {
            let pairs = found.interactions.as_ref().unwrap();
            let expected = if found.n_players() > 1 { enumerated_pairs(text) } else { [Vec::new(), Vec::new()] };
            for (k, expected) in expected.iter().enumerate() {
                assert_eq!(
                    (pairs.values.dim().2, found.pairs(k, &found.names()).len()),
                    (expected.len(), expected.len())
                );
                for (at, expected) in expected.iter().enumerate() {
                    let value = f64::from(pairs.values[(0, k, at)]);
                    // Outputs below 4 in f32, up to 2⁶ terms.
                    assert!((value - expected).abs() < 1e-5, "{text:?}, pair {at}, output {k}: {value} for {expected}");
                }
            }
        }
    }
}

#[test]
fn pairs_of_a_sampled_run_come_close() {
    let (device, text) = (Device::cpu(), "win a prize now or see the man at home");
    let expected = enumerated_pairs(text);
    let size: f64 = expected[0].iter().map(|i| i * i).sum();
    let off = |budget: usize| {
        let builder = builder(&device, &Absence::Mask).budget(Budget::Rows(budget)).interactions(true);
        let found = builder.build(&device).unwrap().explain(&[text], 1).unwrap().remove(0);
        assert!(found.spent <= budget as u64 && found.additivity_gap() < 1e-5);
        let values = found.interactions.unwrap().values;
        let square = |(at, expected): (usize, &f64)| (f64::from(values[(0, 0, at)]) - expected).powi(2);
        expected[0].iter().enumerate().map(square).sum::<f64>() / size
    };
    let (few, many) = (off(200), off(700));
    assert!(many < 0.1 && many < few && few < 1.0, "{few}, {many}");
}
