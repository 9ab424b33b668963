//! Explanations of texts: one run for many, by number of players.

use super::beside::{background_cells, present_cell};
use super::builder::{Settings, TextBuilder};
use super::encoder::Encoder;
use super::explanation::TextExplanation;
use super::model::{Odometer, Reader, Text, TextModel, locked};
use super::players::{Granularity, TextPlayers};
use super::tokenizer::Tokenizer;
use crate::data::Background;
use crate::design::{Budget, DesignChoice, EXACT_PLAYERS, MOST_PLAYERS};
use crate::explain::{Interactions, KernelShap, Provenance};
use crate::{Device, Error, Result};
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Forwards of a text that `Budget::Auto` spends: so many for each player, and at least the second number.
const AUTO_FORWARDS: (usize, usize) = (20, 512);
/// Sequences held at once to learn what texts are worth whole and empty: a text has one, and one for each background row.
const WEIGHED: usize = 1 << 15;
/// Texts that the variances of a design are fitted on.
const PILOT_TEXTS: usize = 16;

/// Explains texts by their parts with kernel SHAP.
pub struct TextShap {
    pub(super) reader: Arc<Reader>,
    pub(super) tokenizer: Tokenizer,
    pub(super) granularity: Granularity,
    pub(super) targets: Vec<usize>,
    pub(super) settings: Settings,
    /// By number of players.
    pub(super) explainers: BTreeMap<usize, KernelShap>,
    pub(super) provenance: Provenance,
    pub(super) device: Device,
}

/// What a run has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Reading {
    /// Token sequences that were run.
    pub forwards: u64,
    /// Coalitions that needed no run, because one before had the same tokens.
    pub known: u64,
    /// Tokens of the sequences, and of the padding behind them.
    pub tokens: u64,
    pub padding: u64,
}

impl TextShap {
    pub fn builder(encoder: impl Encoder + 'static, tokenizer: Tokenizer) -> TextBuilder {
        Self::boxed(Box::new(encoder), tokenizer)
    }

    pub fn boxed(encoder: Box<dyn Encoder>, tokenizer: Tokenizer) -> TextBuilder {
        TextBuilder::new(encoder, tokenizer)
    }

    /// Names of the values that are explained.
    pub fn outputs(&self) -> Vec<String> {
        self.targets.iter().map(|&target| self.reader.valued.outputs.names[target].clone()).collect()
    }

    /// Settings to repeat the run by; its players are the columns beside the texts.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// What was read so far.
    pub fn reading(&self) -> Reading {
        let Odometer { forwards, tokens, padding, known } = &self.reader.odometer;
        let [forwards, known, tokens, padding] = [forwards, known, tokens, padding].map(|count| count.load(Relaxed));
        Reading { forwards, known, tokens, padding }
    }

    /// Explains texts together. `first_row` is the number of the first, for messages and [`TextExplanation::row`]. A text without
    /// players, such as an empty one, has no attributions: its base value is its prediction.
    ///
    /// # Errors
    /// A text that the tokenizer refuses or that can grow over its limit, spans that do not fit it, a budget too small for its players,
    /// outputs that are not finite, [`Error::Interrupted`] when stopped.
    pub fn explain(&mut self, texts: &[&str], first_row: usize) -> Result<Vec<TextExplanation>> {
        self.explain_beside(texts, Array2::zeros((texts.len(), 0)).view(), first_row)
    }

    /// The same with the columns beside each text, `[texts, columns]`, in the order of [`Encoder::columns`].
    ///
    /// # Errors
    /// As [`TextShap::explain`]; numbers for other texts or of other columns.
    pub fn explain_beside(
        &mut self,
        texts: &[&str],
        numbers: ArrayView2<f32>,
        first_row: usize,
    ) -> Result<Vec<TextExplanation>> {
        let due = (texts.len(), self.reader.encoder.columns().len());
        if numbers.dim() != due {
            let ((texts, columns), (rows, found)) = (due, numbers.dim());
            return Err(Error::input(format!(
                "{texts} texts with {columns} columns beside each were due, and there are {rows} rows of {found} numbers"
            )));
        }
        let read = |(at, text): (usize, &&str)| {
            self.read(text, numbers.row(at).to_vec()).map_err(|e| of_row(first_row + at, e))
        };
        let mut read = texts.par_iter().enumerate().map(read).collect::<Result<Vec<_>>>()?;
        self.check_pairs(&read, first_row)?;
        let most = (WEIGHED / (1 + self.reader.beside.n_rows())).max(1);
        for (at, part) in read.chunks_mut(most).enumerate() {
            self.weigh(part, first_row + at * most)?;
        }
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let players = |text: &Text| text.n_players(&self.reader.beside);
        read.iter().enumerate().for_each(|(at, text)| groups.entry(players(text)).or_default().push(at));
        let mut explained: Vec<TextExplanation> =
            read.iter().enumerate().map(|(at, text)| self.empty(text, texts[at], first_row + at)).collect();
        *locked(&self.reader.texts) = Arc::new(read);
        for (n_players, members) in groups.into_iter().filter(|(n_players, _)| *n_players > 0) {
            self.explain_group(n_players, &members, &mut explained)?;
        }
        Ok(explained)
    }

    /// No text has more players than their interactions can be told of.
    fn check_pairs(&self, texts: &[Text], first_row: usize) -> Result<()> {
        let players = texts.iter().map(|text| text.n_players(&self.reader.beside));
        match players.enumerate().find(|&(_, n)| self.settings.interactions && n > MOST_PLAYERS) {
            None => Ok(()),
            Some((at, n)) => Err(of_row(
                first_row + at,
                Error::input(format!("interactions are of pairs of at most {MOST_PLAYERS} players; there are {n}"))
                    .hint("larger players (`--granularity sentence`), or leave out `--interactions`"),
            )),
        }
    }

    fn read(&self, text: &str, numbers: Vec<f32>) -> Result<Text> {
        let tokens = self.tokenizer.encode(text)?;
        let players = TextPlayers::new(&self.granularity, text, &tokens)?;
        Ok(Text { tokens, players, numbers, whole: vec![], prediction: vec![], empty: vec![], base: vec![] })
    }

    /// What each text is worth whole and with no player.
    fn weigh(&self, texts: &mut [Text], first_row: usize) -> Result<()> {
        let reader = &self.reader;
        let rows = reader.beside.n_rows();
        let none = |text| (0..rows).map(move |row| reader.sequence(text, row, |_| false));
        let all = |text| std::iter::once(reader.sequence(text, 0, |_| true));
        let sequences: Vec<_> = texts.par_iter().flat_map_iter(|text| all(text).chain(none(text))).collect();
        for (at, pair) in sequences.chunks_exact(1 + rows).enumerate() {
            let longest = pair[0].len().max(pair[1].len());
            let wrong = |message: String, hint: &str| Err(of_row(first_row + at, Error::input(message).hint(hint)));
            if let Some(limit) = self.tokenizer.limit().filter(|&limit| longest > limit) {
                let message =
                    format!("with absent words replaced, the text has {longest} tokens; the limit is {limit}");
                return wrong(message, "use a shorter text with `--absent`, or `--absent mask`");
            }
            if pair.iter().any(|sequence| sequence.len() == 0) {
                let message = "nothing is left of the text for the model to read when its words are absent";
                return wrong(message.into(), "use `--absent mask`, `--absent pad`, or a text that stands in");
            }
        }
        let outputs = reader.distinct_outputs(&sequences)?;
        for (at, (text, found)) in texts.iter_mut().zip(outputs.chunks_exact(1 + rows)).enumerate() {
            text.prediction = reader.valued.of(&found[0], &found[0]);
            text.empty = found[1..].iter().map(|outputs| reader.valued.of(outputs, &found[0])).collect();
            let weighed =
                |k: usize| text.empty.iter().zip(&reader.beside.background.weights).map(move |(v, w)| v[k] * w);
            text.base = (0..text.prediction.len()).map(|k| weighed(k).sum()).collect();
            if let Some(k) = self.targets.iter().find(|&&k| !(text.prediction[k] - text.base[k]).is_finite()) {
                let (name, whole, none) = (&reader.valued.outputs.names[*k], text.prediction[*k], text.base[*k]);
                return Err(of_row(
                    first_row + at,
                    Error::input(format!("`{name}` is {whole} for the text and {none} without its words")).hint(
                        "attributions need finite outputs: is this the tokenizer that the model was trained with?",
                    ),
                ));
            }
            text.whole = found[0].to_vec();
        }
        Ok(())
    }

    /// An explanation whose attributions are due.
    fn empty(&self, text: &Text, words: &str, row: usize) -> TextExplanation {
        let shape = (self.targets.len(), text.n_players(&self.reader.beside));
        let chosen = |values: &[f64]| self.targets.iter().map(|&k| values[k]).collect();
        TextExplanation {
            row,
            text: words.to_owned(),
            players: text.players.spans.clone(),
            columns: self.reader.beside.cells(&text.numbers),
            cut: text.tokens.cut.clone(),
            values: Array2::zeros(shape),
            stderr: Array2::zeros(shape),
            base_values: chosen(&text.base),
            predictions: chosen(&text.prediction),
            spent: 1 + self.reader.beside.n_rows() as u64,
            interactions: self.settings.interactions.then(|| Interactions::zeros(1, shape.0, shape.1)),
        }
    }

    /// Explains the texts of one number of players; `members` are their numbers.
    fn explain_group(&mut self, n_players: usize, members: &[usize], all: &mut [TextExplanation]) -> Result<()> {
        let row = |text: usize| vec![present_cell(text); n_players];
        let rows = |texts: &[usize]| {
            Array2::from_shape_vec((texts.len(), n_players), texts.iter().flat_map(|&t| row(t)).collect())
        };
        let rows = |texts: &[usize]| rows(texts).expect("one row a text");
        let first = all[members[0]].row;
        if !self.explainers.contains_key(&n_players) {
            self.reader.record();
            let built = self.prepare(n_players, rows(&members[..members.len().min(PILOT_TEXTS)]));
            self.reader.settle();
            self.explainers.insert(n_players, built.map_err(|e| of_row(first, e))?);
        }
        let shap = &self.explainers[&n_players];
        for block in members.chunks(shap.block_rows()) {
            let explained = shap.explain(rows(block).view())?;
            for (at, &text) in block.iter().enumerate() {
                let to = &mut all[text];
                to.values.assign(&explained.values.slice(s![at, .., ..]));
                to.stderr.assign(&explained.stderr.slice(s![at, .., ..]));
                if let Some(pairs) = &explained.interactions {
                    to.interactions = Some(pairs.of_row(at));
                }
                to.spent = explained.spent[at] + self.reader.beside.n_rows() as u64;
            }
        }
        Ok(())
    }

    fn prepare(&self, n_players: usize, pilot: Array2<f32>) -> Result<KernelShap> {
        let Settings { budget, design, tolerance, surrogate, interactions, seed, control, .. } = self.settings.clone();
        if n_players > EXACT_PLAYERS && (budget == Budget::Exact || design == DesignChoice::Exact) {
            let message = format!("an exact run takes at most {EXACT_PLAYERS} players, the text has {n_players}");
            return Err(Error::input(message).hint("use `--budget auto`, or larger players: `--granularity sentence`"));
        }
        let beside = &self.reader.beside;
        let rows = beside.n_rows();
        // All coalitions, or one order of the players and its reverse, and the empty one on every background row.
        let least = (rows << n_players.min(8)).min(2 * n_players + rows - 1);
        let budget = match (budget, design) {
            (Budget::Auto, DesignChoice::Exact) => Budget::Exact,
            (Budget::Auto, _) => Budget::Rows((AUTO_FORWARDS.0 * n_players).max(AUTO_FORWARDS.1) + rows - 1),
            (budget, _) => budget,
        };
        let budget = match budget {
            // What a coalition of nobody is worth is known already, and counts.
            Budget::Rows(budget) if budget >= least => Budget::Rows(budget - rows),
            Budget::Rows(budget) => {
                let of = if rows > 1 { format!(" and {rows} background rows") } else { String::new() };
                let message = format!(
                    "a budget of {budget} coalitions is below the minimum of {least} for {n_players} players{of}"
                );
                let fewer = if rows > 1 { ", or fewer rows: `--background-rows`" } else { ", or larger players" };
                return Err(Error::input(message).hint(format!("use `--budget {least}` or more{fewer}")));
            }
            exact => exact,
        };
        let nobody = Background { rows: background_cells(rows, n_players), ..beside.background.clone() };
        let parts = (n_players - beside.players.len()) as u32;
        let of_columns = beside.players.player_of().iter().map(|player| parts + player).collect();
        let mut builder = KernelShap::builder(TextModel::new(self.reader.clone(), n_players), nobody)
            .behind(beside.background.rows.clone(), of_columns)
            .targets(self.targets.clone())
            .budget(budget)
            .design(design)
            .surrogate(surrogate)
            .seed(seed)
            .pilot(pilot)
            .control(control);
        if let Some(tolerance) = tolerance {
            builder = builder.tolerance(tolerance);
        }
        if interactions && n_players > 1 {
            builder = builder.interactions();
        }
        builder.build(&self.device)
    }
}

/// Names the row of a text before the message of an input error.
fn of_row(row: usize, error: Error) -> Error {
    match error {
        Error::Input { message, hint } => Error::Input { message: format!("text {row}: {message}"), hint },
        other => other,
    }
}
