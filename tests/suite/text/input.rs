//! Texts and tokenizers as they come: unusual letters, too long, empty, of another model.

use pellucid::text::{Absence, Granularity, TextExplanation, TextShap, Tokenizer, Value};
use pellucid::{Device, Error, Result};
use pellucid_tests::fixture;
use pellucid_tests::toy_encoder::ToyEncoder;

/// Emoji with skin tone and joiners, CJK, right to left, combining marks, byte order mark, zero width, ligature, surrogate planes.
const UNUSUAL: [&str; 9] = [
    "I 💜 U 👩‍👩‍👧‍👦 so 👍🏽 much",
    "東京は とても 楽しい です。",
    "مرحبا بالعالم، كيف حالك؟",
    "שלום hello עולם",
    "e\u{301}te\u{301} nai\u{308}ve cafe\u{301}",
    "\u{feff}first\u{200b}second third",
    "ﬁnd the ﬃ 𝒻𝓊𝓃 𐍈",
    "नमस्ते दुनिया आप कैसे हैं",
    "tab\tand\r\nline\u{0}nul \u{1b}[31m",
];

fn tokenizers() -> [(Tokenizer, Absence); 2] {
    let open = |path: &str| Tokenizer::open(fixture(path)).unwrap();
    [
        (open("models/sms_bert_tiny/tokenizer.json"), Absence::Mask),
        (open("tokenizers/bytes.json"), Absence::Text(" ".into())),
    ]
}

fn explain(tokenizer: &Tokenizer, absence: &Absence, granularity: Granularity, text: &str) -> Result<TextExplanation> {
    let device = Device::cpu();
    let builder = TextShap::builder(ToyEncoder::new(&device), tokenizer.clone()).value(Value::Output);
    let mut shap = builder.granularity(granularity).absence(absence.clone()).build(&device)?;
    Ok(shap.explain(&[text], 1)?.remove(0))
}

fn hint(error: &Error) -> &str {
    match error {
        Error::Input { hint: Some(hint), .. } => hint,
        other => panic!("{other:?} has no hint"),
    }
}

#[test]
fn offsets_are_those_of_the_characters_whatever_the_letters() {
    let granularities = [Granularity::Token, Granularity::Word, Granularity::Space, Granularity::Sentence];
    for (tokenizer, absence) in tokenizers() {
        for text in UNUSUAL {
            for granularity in &granularities {
                let explained = explain(&tokenizer, &absence, granularity.clone(), text).unwrap();
                assert!(!explained.players.is_empty(), "{text:?}");
                assert!(explained.additivity_gap() < 1e-4);
                let mut end = 0;
                for (i, span) in explained.players.iter().enumerate() {
                    let by_chars: String = text.chars().skip(span.chars.start).take(span.chars.len()).collect();
                    assert_eq!(explained.part(i), by_chars, "{text:?} as {granularity:?}");
                    assert!(span.chars.start >= end && !span.chars.is_empty(), "{text:?} as {granularity:?}");
                    end = span.chars.end;
                }
            }
        }
    }
}

#[test]
fn words_of_unusual_letters_are_found() {
    let (tokenizer, absence) = &tokenizers()[1];
    let parts = |text: &str, granularity: Granularity| {
        let explained = explain(tokenizer, absence, granularity, text).unwrap();
        (0..explained.players.len()).map(|i| explained.part(i).to_string()).collect::<Vec<_>>()
    };
    assert_eq!(parts(UNUSUAL[0], Granularity::Word), ["I", "💜", "U", "👩‍👩‍👧‍👦", "so", "👍🏽", "much"]);
    assert_eq!(parts(UNUSUAL[2], Granularity::Space), ["مرحبا", "بالعالم،", "كيف", "حالك؟"]);
    assert_eq!(parts(UNUSUAL[4], Granularity::Word), ["e\u{301}te\u{301}", "nai\u{308}ve", "cafe\u{301}"]);
    // Four bytes are four tokens of one character, and one player.
    assert_eq!(parts("a💜é", Granularity::Token), ["a", "💜", "é"]);
    assert_eq!(parts("One. Two words! Three?", Granularity::Sentence), ["One.", "Two words!", "Three?"]);
    assert_eq!(parts("héllo wörld", Granularity::Spans(vec![1..4, 6..11])), ["éll", "wörld"]);
}

#[test]
fn long_texts_are_cut_and_say_where() {
    let (tokenizer, absence) = &tokenizers()[0];
    let text = "one two three four five ".repeat(20);
    let explained = explain(tokenizer, absence, Granularity::Space, &text).unwrap();
    let cut = explained.cut.as_ref().unwrap();
    assert_eq!((cut.tokens, cut.kept), (182, 64));
    // 34 words in 62 tokens.
    assert_eq!(explained.players.len(), 34);
    assert_eq!(explained.players[33].bytes.end, cut.read.end);
    assert!(explained.additivity_gap() < 1e-4);
    // The model's own limit is the tighter one here.
    let device = Device::cpu();
    let encoder = ToyEncoder { positions: Some(12), ..ToyEncoder::new(&device) };
    let mut shap = TextShap::builder(encoder, tokenizer.clone()).value(Value::Output).build(&device).unwrap();
    assert_eq!(shap.explain(&[&text], 1).unwrap()[0].cut.as_ref().unwrap().kept, 12);
    // A stand-in of many tokens may not make the text longer than that.
    let encoder = ToyEncoder { positions: Some(12), ..ToyEncoder::new(&device) };
    let builder = TextShap::builder(encoder, tokenizer.clone()).absence(Absence::Text("a b c".into()));
    let error = builder.build(&device).unwrap().explain(&["we see you at home now"], 7).unwrap_err();
    assert_eq!(error.to_string(), "text 7: with absent words replaced, the text has 20 tokens; the limit is 12");
}

#[test]
fn a_text_of_one_word_or_none() {
    for (tokenizer, absence) in tokenizers() {
        let one = explain(&tokenizer, &absence, Granularity::Word, "Hi!").unwrap();
        assert_eq!(one.players.len(), 1);
        let moved = one.predictions[0] - one.base_values[0];
        assert!((f64::from(one.values[(0, 0)]) - moved).abs() < 1e-6 && one.stderr[(0, 0)] == 0.0);
    }
    let (tokenizer, absence) = &tokenizers()[0];
    for text in ["", " \n\t"] {
        let none = explain(tokenizer, absence, Granularity::Word, text).unwrap();
        assert!(none.players.is_empty() && none.additivity_gap() == 0.0);
    }
    // Nothing at all is left to read.
    let (tokenizer, _) = &tokenizers()[1];
    let error = explain(tokenizer, &Absence::Delete, Granularity::Word, "Hi").unwrap_err();
    assert!(error.to_string().starts_with("text 1: nothing is left of the text"), "{error}");
}

#[test]
fn the_tokenizer_of_another_model_is_refused() {
    let device = Device::cpu();
    let [(sms, _), (bytes, _)] = tokenizers();
    let encoder = ToyEncoder { vocabulary: Some(1000), ..ToyEncoder::new(&device) };
    let error = TextShap::builder(encoder, sms.clone()).build(&device).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the tokenizer has token ids up to 1599, the model knows 1000 tokens: they do not go together"
    );
    assert!(hint(&error).contains("tokenizer.json"));
    let encoder = ToyEncoder { vocabulary: Some(1600), ..ToyEncoder::new(&device) };
    assert!(TextShap::builder(encoder, sms).build(&device).is_ok());
    let error = TextShap::builder(ToyEncoder::new(&device), bytes).build(&device).err().unwrap();
    assert!(error.to_string().contains("has no mask token") && hint(&error).contains("--absent delete"));
}

#[test]
fn files_that_are_no_tokenizers_are_named() {
    let missing = Tokenizer::open("nowhere/tokenizer.json").err().unwrap();
    assert!(missing.to_string().starts_with("cannot read nowhere/tokenizer.json"), "{missing}");
    let config = Tokenizer::open(fixture("models/sms_bert_tiny/config.json")).err().unwrap();
    assert!(config.to_string().contains("config.json: not a tokenizer"), "{config}");
    assert!(hint(&config).contains("tokenizer.json"));
}

#[test]
fn targets_and_labels_are_checked() {
    let device = Device::cpu();
    let [(sms, _), _] = tokenizers();
    let builder = || TextShap::builder(ToyEncoder::new(&device), sms.clone());
    let labels = Some(vec!["ham".to_string(), "spam".to_string()]);
    let spam = builder().labels(labels.clone()).targets(vec!["spam".into()]).build(&device).unwrap();
    assert_eq!(spam.outputs(), ["probability[spam]"]);
    let error = builder().labels(labels).targets(vec!["eggs".into()]).build(&device).err().unwrap();
    assert!(error.to_string().contains("eggs") && hint(&error).contains("probability[ham], probability[spam]"));
    let error = builder().labels(Some(vec!["only".into()])).build(&device).err().unwrap();
    assert_eq!(error.to_string(), "there are 1 class labels, the model has 2 outputs");
    assert!(builder().value(Value::Similarity).build(&device).is_ok());
}
