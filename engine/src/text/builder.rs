//! The settings of a text run, checked once.

use super::absence::Absence;
use super::beside::Beside;
use super::encoder::Encoder;
use super::explain::TextShap;
use super::model::{Odometer, Reader};
use super::players::Granularity;
use super::tokenizer::Tokenizer;
use super::value::{Value, Valued};
use crate::data::Background;
use crate::design::{Budget, DesignChoice};
use crate::explain::{Control, Players, Provenance};
use crate::model::onnx::Outputs;
use crate::surrogate::SurrogateChoice;
use crate::{Device, Error, Result};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The settings of a [`TextShap`]; `build` checks them all.
pub struct TextBuilder {
    encoder: Box<dyn Encoder>,
    tokenizer: Tokenizer,
    granularity: Granularity,
    hierarchy: bool,
    absence: Absence,
    value: Value,
    labels: Option<Vec<String>>,
    targets: Vec<String>,
    beside: Option<(Background, Players)>,
    settings: Settings,
    memory: Option<u64>,
}

/// What is the same for each number of players.
#[derive(Clone)]
pub(super) struct Settings {
    pub budget: Budget,
    pub design: DesignChoice,
    pub tolerance: Option<f64>,
    pub interactions: bool,
    pub surrogate: SurrogateChoice,
    pub seed: u64,
    pub control: Control,
    pub model: (String, String),
}

impl TextBuilder {
    pub(super) fn new(encoder: Box<dyn Encoder>, tokenizer: Tokenizer) -> Self {
        Self {
            encoder,
            tokenizer,
            granularity: Granularity::default(),
            hierarchy: false,
            absence: Absence::default(),
            value: Value::default(),
            labels: None,
            targets: Vec::new(),
            beside: None,
            settings: Settings {
                budget: Budget::Auto,
                design: DesignChoice::Auto,
                tolerance: None,
                interactions: false,
                surrogate: SurrogateChoice::None,
                seed: 0,
                control: Control::default(),
                model: Default::default(),
            },
            memory: None,
        }
    }

    /// Who plays. Default: words.
    pub fn granularity(mut self, granularity: Granularity) -> Self {
        self.granularity = granularity;
        self
    }

    /// Owen values over sentences, clauses and words in place of Shapley values: players of a sentence come and go together, those of a clause
    /// within it too. Groups are opened where they move the outputs, as far as the budget goes or until the errors are within the tolerance
    /// ([`crate::design::Unfolding`]); groups that were not opened are players. With [`DesignChoice::Permutation`] the orders that keep groups
    /// together are drawn at random. Default: no.
    pub fn hierarchy(mut self, hierarchy: bool) -> Self {
        self.hierarchy = hierarchy;
        self
    }

    /// What stands in for absent players. Default: mask tokens.
    pub fn absence(mut self, absence: Absence) -> Self {
        self.absence = absence;
        self
    }

    /// What is explained. Default: [`Value::Auto`].
    pub fn value(mut self, value: Value) -> Self {
        self.value = value;
        self
    }

    /// Names of the classes, in the model's order.
    pub fn labels(mut self, labels: Option<Vec<String>>) -> Self {
        self.labels = labels;
        self
    }

    /// Which values to explain: names, class labels or numbers from 0. Default: all.
    pub fn targets(mut self, targets: Vec<String>) -> Self {
        self.targets = targets;
        self
    }

    /// For models that read columns beside the text: the rows that absent columns take their values from, `[rows, columns]`, and who plays
    /// among the columns.
    pub fn beside(mut self, background: Background, players: Players) -> Self {
        self.beside = Some((background, players));
        self
    }

    /// Coalitions to spend on each text at most, the whole text and the empty one among them. [`Budget::Auto`], the default, spends 20 for each player and
    /// at least 512; where all coalitions cost no more, they are all evaluated. With columns beside the text it counts model rows: a
    /// coalition costs one for each background row that it is evaluated on, the empty one all of them, which `Auto` adds.
    pub fn budget(mut self, budget: Budget) -> Self {
        self.settings.budget = budget;
        self
    }

    /// Which coalitions to draw. Default: [`DesignChoice::Auto`].
    pub fn design(mut self, design: DesignChoice) -> Self {
        self.settings.design = design;
        self
    }

    /// As [`crate::explain::Builder::tolerance`].
    pub fn tolerance(mut self, tolerance: Option<f64>) -> Self {
        self.settings.tolerance = tolerance;
        self
    }

    /// Also how much each two players move a text's output together beyond what each does, as [`crate::explain::Builder::interactions`].
    pub fn interactions(mut self, wanted: bool) -> Self {
        self.settings.interactions = wanted;
        self
    }

    /// As [`crate::explain::Builder::surrogate`], for the texts of each number of players. Default: none.
    pub fn surrogate(mut self, choice: SurrogateChoice) -> Self {
        self.settings.surrogate = choice;
        self
    }

    /// Everything random follows from it. Default: 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// Bytes that a batch may take on a GPU. Default: the device's own figure.
    pub fn memory(mut self, bytes: Option<u64>) -> Self {
        self.memory = bytes;
        self
    }

    pub fn control(mut self, control: Control) -> Self {
        self.settings.control = control;
        self
    }

    /// What the provenance says of the model: its name, and the SHA-256 of its file.
    pub fn model(mut self, name: impl Into<String>, sha256: impl Into<String>) -> Self {
        self.settings.model = (name.into(), sha256.into());
        self
    }

    /// Checks the settings, and that tokenizer and model go together.
    ///
    /// # Errors
    /// Token ids that the model does not know, a mask token that the tokenizer lacks, padding for a model that does not heed it, a
    /// value, target or labels that the model has not, columns without a background.
    pub fn build(self, device: &Device) -> Result<TextShap> {
        let encoder = self.encoder;
        if self.hierarchy {
            check_hierarchy(&self.settings, encoder.columns().is_empty())?;
        }
        let tokenizer = self.tokenizer.limited(encoder.positions())?;
        check_vocabulary(&*encoder, &tokenizer)?;
        let absent = self.absence.resolve(&tokenizer, encoder.takes_mask())?;
        let valued = Valued::new(self.value, encoder.output_names(), self.labels.as_deref(), encoder.embeds())?;
        let targets = select(&valued.outputs, &self.targets)?;
        let beside = Beside::new(self.beside, encoder.columns())?;
        let background = match encoder.columns().is_empty() {
            true => self.absence.to_string(),
            false => format!("{}; {}", self.absence, beside.background.description),
        };
        let Settings { budget, design, tolerance, surrogate, seed, control, model, .. } = &self.settings;
        let trees = match surrogate {
            SurrogateChoice::None => String::new(),
            choice => format!(", surrogate {}", format!("{choice:?}").to_lowercase()),
        };
        let provenance = Provenance {
            version: env!("CARGO_PKG_VERSION").into(),
            device: device.name().into(),
            model: model.0.clone(),
            model_sha256: model.1.clone(),
            seed: *seed,
            design: if self.hierarchy { "Owen values over sentences, clauses and words, " } else { "" }.to_owned()
                + &format!("{design:?}").to_lowercase()
                + &trees,
            rows_per_instance: 0,
            budget: budget.to_string(),
            tolerance: *tolerance,
            background_rows: beside.n_rows(),
            background,
            link: "identity".into(),
            players: beside.players.names().to_vec(),
            player_of: beside.players.player_of().to_vec(),
            outputs: targets.iter().map(|&target| valued.outputs.names[target].clone()).collect(),
        };
        let memory = self.memory.unwrap_or_else(|| device.memory_bytes());
        let reader = Reader {
            most_tokens: Reader::most_tokens(&*encoder, memory, device),
            side_by_side: device.is_cpu(),
            pad: tokenizer.pad().unwrap_or(0),
            absent,
            beside,
            valued,
            encoder,
            control: control.clone(),
            odometer: Odometer::default(),
            texts: Mutex::default(),
        };
        Ok(TextShap {
            reader: Arc::new(reader),
            tokenizer,
            granularity: self.granularity,
            hierarchy: self.hierarchy,
            targets,
            settings: self.settings,
            explainers: BTreeMap::new(),
            provenance,
            device: device.clone(),
        })
    }
}

/// What Owen values of texts go with.
fn check_hierarchy(settings: &Settings, alone: bool) -> Result<()> {
    settings.design.check_hierarchy()?;
    let refused = [
        (
            settings.interactions,
            "interactions are those of Shapley values",
            "leave out `--interactions` or `--hierarchy`",
        ),
        (
            settings.surrogate == SurrogateChoice::Trees,
            "a surrogate stands in for Shapley values",
            "leave out `--surrogate` or `--hierarchy`",
        ),
        (!alone, "the columns beside a text are in no sentence", "leave out `--hierarchy`"),
    ];
    match refused.into_iter().find(|(given, ..)| *given) {
        Some((_, why, hint)) => {
            Err(Error::input(format!("{why}; the values of a hierarchy are Owen values")).hint(hint))
        }
        None => Ok(()),
    }
}

fn check_vocabulary(encoder: &dyn Encoder, tokenizer: &Tokenizer) -> Result<()> {
    let largest = tokenizer.largest_id();
    match encoder.vocabulary() {
        Some(known) if largest >= known => Err(Error::input(format!(
            "the tokenizer has token ids up to {largest}, the model knows {known} tokens: they do not go together"
        ))
        .hint("give the `tokenizer.json` that the model was trained with")),
        _ => Ok(()),
    }
}

fn select(outputs: &Outputs, named: &[String]) -> Result<Vec<usize>> {
    if named.is_empty() {
        return Ok((0..outputs.names.len()).collect());
    }
    let mut columns = Vec::new();
    for target in named {
        columns.extend(outputs.select(target)?);
    }
    columns.sort_unstable();
    columns.dedup();
    Ok(columns)
}
