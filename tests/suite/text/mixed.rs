//! Texts with columns beside them: exact values made outside this project, and the machine of tables on the columns alone.

use burn::tensor::{Tensor, TensorData};
use ndarray::{Array2, ArrayView2, array, s};
use pellucid::data::Background;
use pellucid::design::{Budget, DesignChoice};
use pellucid::explain::{KernelShap, Players};
use pellucid::model::HostFn;
use pellucid::text::{
    Encoder, Granularity, OnnxEncoder, TextBuilder, TextExplanation, TextShap, TokenBatch, Tokenizer, Value,
};
use pellucid::{Device, Result};
use pellucid_tests::{devices, fixture};
use serde_json::Value as Json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Outputs are probabilities of a network in f32, as for the model of words alone.
const TOLERANCE: f64 = 1e-4;

fn oracle() -> Json {
    serde_json::from_str(&std::fs::read_to_string(fixture("oracles/text_mixed.json")).unwrap()).unwrap()
}

fn numbers(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn matrix(rows: &[Vec<f64>]) -> Array2<f32> {
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(row, column)| rows[row][column] as f32)
}

fn tokenizer() -> Tokenizer {
    Tokenizer::open(fixture("models/sms_bert_tiny/tokenizer.json")).unwrap()
}

/// The rows of the oracle as the model takes them: one-hot senders, or their codes.
fn taken(rows: &[Vec<f64>], coded: bool) -> Array2<f32> {
    match coded {
        false => matrix(rows),
        true => matrix(&rows.iter().map(|r| vec![r[0], r[1], r[3] + 2.0 * r[4]]).collect::<Vec<_>>()),
    }
}

fn players(columns: &[String], coded: bool) -> Players {
    if coded {
        return Players::features(columns);
    }
    let group = |name: &str, columns: &[String]| (name.to_string(), columns.to_vec());
    let groups =
        [group("characters", &columns[..1]), group("capitals", &columns[1..2]), group("sender", &columns[2..])];
    Players::grouped(columns, &groups).unwrap()
}

/// The fixture over the oracle's background, with its rows.
fn run(
    device: &Device,
    file: &str,
    settings: impl Fn(TextBuilder) -> TextBuilder,
) -> (Vec<Json>, Vec<TextExplanation>) {
    let (json, coded) = (oracle(), file == "columns.onnx");
    let encoder = OnnxEncoder::load(fixture("models/sms_mixed").join(file), device).unwrap();
    let players = players(encoder.columns(), coded);
    let rows_of = |json: &Json| json.as_array().unwrap().iter().map(numbers).collect::<Vec<_>>();
    let background = taken(&rows_of(&json["background"]), coded);
    let background = Background { weights: numbers(&json["weights"]), ..Background::uniform(background) };
    let builder = TextShap::builder(encoder, tokenizer()).granularity(Granularity::Space).beside(background, players);
    let mut shap = settings(builder).build(device).unwrap();
    let rows = json["rows"].as_array().unwrap().clone();
    let texts: Vec<&str> = rows.iter().map(|row| row["text"].as_str().unwrap()).collect();
    let beside = taken(&rows.iter().map(|row| numbers(&row["numbers"])).collect::<Vec<_>>(), coded);
    let explained = shap.explain_beside(&texts, beside.view(), 1).unwrap();
    (rows, explained)
}

#[test]
fn words_and_columns_equal_the_enumeration_in_f64() {
    for device in devices() {
        for file in ["numbers.onnx", "columns.onnx"] {
            let (rows, explained) = run(&device, file, |builder| builder.budget(Budget::Exact).interactions(true));
            for (row, found) in rows.iter().zip(&explained) {
                let near = |a: f64, b: f64, what: &str| {
                    assert!((a - b).abs() <= TOLERANCE, "{file}, {:?}, {what}: {a} for {b}", found.text);
                };
                let words = row["words"].as_array().unwrap();
                let parts: Vec<&str> = (0..found.players.len()).map(|i| found.part(i)).collect();
                assert_eq!(parts, words.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>());
                let columns: Vec<&str> = found.columns.iter().map(|cell| cell.column.as_str()).collect();
                assert_eq!(columns, ["characters", "capitals", "sender"]);
                assert_eq!(found.columns[0].value.number, Some(numbers(&row["numbers"])[0]));
                let pairs = found.interactions.as_ref().unwrap();
                for k in 0..2 {
                    near(found.base_values[k], numbers(&row["base"])[k], "base value");
                    near(found.predictions[k], numbers(&row["prediction"])[k], "prediction");
                    for (i, phi) in numbers(&row["phi"][k]).into_iter().enumerate() {
                        near(found.values[(k, i)].into(), phi, &found.name(i));
                    }
                    for (at, pair) in row["interactions"].as_array().unwrap().iter().enumerate() {
                        near(pairs.values[(0, k, at)].into(), numbers(pair)[k], &format!("pair {at}"));
                    }
                }
                assert!(found.additivity_gap() < 1e-5);
                assert!(found.stderr.iter().chain(&pairs.stderr).all(|&e| e == 0.0));
            }
        }
    }
}

#[test]
fn a_sampled_run_comes_close_and_keeps_its_budget() {
    let budget = 300;
    let rounds = |seed: u64| run(&Device::cpu(), "numbers.onnx", |b| b.budget(Budget::Rows(budget)).seed(seed));
    let (mut squares, mut size) = (0.0, 0.0);
    for seed in 0..4 {
        let (rows, explained) = rounds(seed);
        for (row, found) in rows.iter().zip(&explained) {
            assert!(found.spent <= budget as u64 && found.additivity_gap() < 1e-5, "{} spent", found.spent);
            for (i, phi) in numbers(&row["phi"][1]).into_iter().enumerate() {
                squares += (f64::from(found.values[(1, i)]) - phi).powi(2);
                size += phi * phi;
            }
        }
    }
    assert!(squares < 1e-2 * size, "relative error {}", squares / size);
}

/// A model whose tokens and columns act together: Σ weights of tokens, times one column, plus a product of columns.
#[derive(Clone)]
struct Toy {
    columns: Vec<String>,
    outputs: Vec<String>,
    device: Device,
    forwards: Arc<AtomicUsize>,
}

impl Toy {
    fn new(device: &Device) -> Self {
        let names = |all: &[&str]| all.iter().map(|name| name.to_string()).collect();
        let (columns, outputs) = (names(&["a", "b", "c", "d"]), names(&["y"]));
        Self { columns, outputs, device: device.clone(), forwards: Arc::default() }
    }

    fn output(ids: &[i32], x: &[f32]) -> f32 {
        let weight = |id: &i32| (id.wrapping_mul(7919) % 101 - 50) as f32 / 60.0;
        let words: f32 = ids.iter().map(weight).sum();
        (words * (1.0 + 0.5 * x[0]) + x[1] * x[2] - x[3] + 0.3 * x[0] * x[3]).tanh() + 0.2 * x[1]
    }
}

impl Encoder for Toy {
    fn output_names(&self) -> &[String] {
        &self.outputs
    }

    fn vocabulary(&self) -> Option<usize> {
        None
    }

    fn positions(&self) -> Option<usize> {
        None
    }

    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn forward(&self, batch: &TokenBatch) -> Result<Tensor<2>> {
        self.forwards.fetch_add(batch.sequences, Relaxed);
        let rows = batch.ids.chunks_exact(batch.length).zip(batch.mask.chunks_exact(batch.length));
        let outputs = rows.zip(batch.numbers.chunks_exact(4)).map(|((ids, mask), x)| {
            let ids: Vec<i32> = ids.iter().zip(mask).filter(|(_, m)| **m != 0).map(|(id, _)| *id).collect();
            Self::output(&ids, x)
        });
        let data = TensorData::new(outputs.collect::<Vec<_>>(), [batch.sequences, 1]);
        Ok(Tensor::from_data(data, self.device.burn()))
    }
}

/// Rows that are the same in every run.
fn made(rows: usize, from: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, 4), |(row, column)| (((row + from) * 7 + column * 13) % 19) as f32 / 9.5 - 1.0)
}

fn toy(device: &Device, budget: Budget, background: Background) -> (TextBuilder, Arc<AtomicUsize>) {
    let encoder = Toy::new(device);
    let (players, forwards) = (Players::features(&encoder.columns), encoder.forwards.clone());
    let builder = TextShap::builder(encoder, tokenizer()).value(Value::Output).budget(budget);
    (builder.beside(background, players), forwards)
}

/// A text without words leaves the columns to play, and that is kernel SHAP of a table, whatever the design.
#[test]
fn columns_alone_are_explained_as_those_of_a_table() {
    let device = Device::cpu();
    let (rows, background) = (made(6, 100), Background::uniform(made(23, 0)));
    let weighted = Background { weights: (1..=23).map(|w| f64::from(w) / 276.0).collect(), ..background.clone() };
    let ids = tokenizer().encode("").unwrap().ids;
    for background in [background, weighted] {
        for (spent, choice) in [(400, DesignChoice::Auto), (70, DesignChoice::Auto), (120, DesignChoice::PerBackground)]
        {
            let (builder, _) = toy(&device, Budget::Rows(spent), background.clone());
            let mut shap = builder.design(choice).seed(3).build(&device).unwrap();
            let found = shap.explain_beside(&[""; 6], rows.view(), 1).unwrap();
            let ids = ids.clone();
            let names = Toy::new(&device);
            let model = HostFn::new(names.columns, names.outputs, move |x: ArrayView2<f32>| {
                Array2::from_shape_fn((x.nrows(), 1), |(row, _)| Toy::output(&ids, &x.row(row).to_vec()))
            });
            // The empty text counts on every background row.
            let table = KernelShap::builder(model, background.clone())
                .budget(Budget::Rows(spent - 23))
                .design(choice)
                .pilot(rows.clone())
                .seed(3)
                .build(&device)
                .unwrap();
            let expected = table.explain(rows.view()).unwrap();
            for (row, found) in found.iter().enumerate() {
                assert!((found.base_values[0] - expected.base_values[0]).abs() < 1e-5);
                assert_eq!(found.spent, expected.spent[row] + 23);
                for i in 0..4 {
                    let (phi, of_table) = (found.values[(0, i)], expected.values[(row, 0, i)]);
                    // Sums of less than 400 outputs below 2 in f32.
                    assert!((phi - of_table).abs() < 2e-5, "{spent} {choice:?}, row {row}: {phi} for {of_table}");
                    let (error, of_table) = (found.stderr[(0, i)], expected.stderr[(row, 0, i)]);
                    assert!((error - of_table).abs() < 2e-5 || error.is_nan() && of_table.is_nan());
                }
            }
        }
    }
}

#[test]
fn any_budget_adds_up_and_counts_every_model_row() {
    let device = Device::cpu();
    let texts = ["call", "you have won a prize", "ok see you at home later tonight"];
    for (budget, rows) in [(60, 7), (200, 7), (900, 7), (40, 1)] {
        for text in texts {
            let (builder, forwards) = toy(&device, Budget::Rows(budget), Background::uniform(made(rows, 0)));
            let mut shap = builder.build(&device).unwrap();
            let found = shap.explain_beside(&[text], made(1, 50).view(), 1).unwrap().remove(0);
            assert!(found.additivity_gap() < 1e-5, "{text:?}, budget {budget}");
            assert!(found.spent <= budget as u64 && forwards.load(Relaxed) <= budget, "{} spent", found.spent);
        }
    }
}

#[test]
fn a_batch_gives_what_each_text_gives_alone() {
    let device = Device::cpu();
    let texts = ["call now", "win cash", "see you", "ok"];
    let rows = made(4, 50);
    let background = || Background::uniform(made(5, 0));
    let explain = |texts: &[&str], rows: Array2<f32>| {
        let mut shap = toy(&device, Budget::Exact, background()).0.build(&device).unwrap();
        shap.explain_beside(texts, rows.view(), 1).unwrap()
    };
    let all = explain(&texts, rows.clone());
    for (at, text) in texts.iter().enumerate() {
        let alone = explain(&[text], rows.slice(s![at..at + 1, ..]).to_owned()).remove(0);
        let off = (&alone.values - &all[at].values).mapv(f32::abs);
        assert!(off.iter().all(|&off| off < 1e-6), "{text}: {off:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let device = Device::cpu();
    let refused = |builder: TextBuilder| builder.build(&device).err().unwrap().to_string();
    let alone = TextShap::builder(Toy::new(&device), tokenizer());
    assert_eq!(refused(alone), "beside the text the model reads a, b, c, d");
    let narrow = Background::uniform(array![[1.0f32, 2.0]]);
    assert!(refused(toy(&device, Budget::Auto, narrow).0).contains("1 rows of 2 columns"));
    let shap = || toy(&device, Budget::Rows(12), Background::uniform(made(9, 0))).0.build(&device).unwrap();
    let error = shap().explain_beside(&["call now"], made(1, 0).view(), 4).unwrap_err().to_string();
    assert_eq!(
        error,
        "text 4: a budget of 12 coalitions is below the minimum of 20 for 6 players and 9 background rows"
    );
    let error = shap().explain(&["call now"], 1).unwrap_err().to_string();
    assert_eq!(error, "1 texts with 4 columns beside each were due, and there are 1 rows of 0 numbers");
    let (builder, _) = toy(&device, Budget::Rows(200), Background::uniform(made(2, 0)));
    let mut pairs = builder.interactions(true).build(&device).unwrap();
    let error = pairs.explain_beside(&["a ".repeat(61).trim()], made(1, 0).view(), 7).unwrap_err().to_string();
    assert_eq!(error, "text 7: interactions are of pairs of at most 64 players; there are 65");
    let missing = array![[f32::NAN, 0.0, 0.0, 0.0]];
    let error = shap().explain_beside(&["call now"], missing.view(), 2).unwrap_err().to_string();
    assert!(error.starts_with("text 2: `y` is NaN for the text"), "{error}");
}
