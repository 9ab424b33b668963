//! Explanations of texts: one run for many, by number of players.

use super::beside::{background_cells, present_cell};
use super::builder::{Settings, TextBuilder};
use super::encoder::Encoder;
use super::explanation::TextExplanation;
use super::hierarchy;
use super::model::{Memory, Odometer, Reader, Text, TextModel, locked};
use super::players::{Granularity, TextPlayers};
use super::tokenizer::Tokenizer;
use crate::data::Background;
use crate::design::{Budget, DesignChoice, EXACT_PLAYERS, Hierarchy, MOST_PLAYERS};
use crate::explain::{Explanation, Interactions, KernelShap, Provenance};
use crate::{Device, Error, Result};
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

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
    /// Owen values over sentences, clauses and words.
    pub(super) hierarchy: bool,
    pub(super) explainers: BTreeMap<Shape, KernelShap>,
    pub(super) provenance: Provenance,
    pub(super) device: Device,
}

/// Texts of one shape share an explainer: the number of their players, and the groups these are in.
pub(super) type Shape = (usize, Option<Hierarchy>);

/// The explainer of a group of texts if it had to be built, and their explanations, block by block.
type Group = (Option<KernelShap>, Vec<Explanation>);

/// What a run has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Reading {
    /// Token sequences that were run.
    pub forwards: u64,
    /// Coalitions that needed no run, because one before had the same tokens.
    pub known: u64,
    /// Groups of a hierarchy that were not opened, over all texts.
    pub closed: u64,
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
        let Odometer { forwards, tokens, padding, known, closed } = &self.reader.odometer;
        let [forwards, known, closed, tokens, padding] =
            [forwards, known, closed, tokens, padding].map(|count| count.load(Relaxed));
        Reading { forwards, known, closed, tokens, padding }
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
        let mut explained: Vec<TextExplanation> =
            read.iter().enumerate().map(|(at, text)| self.empty(text, texts[at], first_row + at)).collect();
        *locked(&self.reader.texts) = Arc::new(read);
        if self.unfolds() {
            self.unfold(&mut explained)?;
            return Ok(explained);
        }
        let mut groups: BTreeMap<Shape, Vec<usize>> = BTreeMap::new();
        for (at, text) in explained.iter().enumerate().filter(|(_, text)| text.n_players() > 0) {
            let tree = if self.hierarchy { hierarchy::tree(&text.text, &text.players)? } else { None };
            groups.entry((text.n_players(), tree)).or_default().push(at);
        }
        for ((n_players, _), members) in &groups {
            self.budget(*n_players).map_err(|e| of_row(first_row + members[0], e))?;
        }
        // The longest texts first: what is left for the end is small.
        let groups: Vec<(Shape, Vec<usize>)> = groups.into_iter().rev().collect();
        for (group, done) in self.explain_groups(&groups, first_row) {
            let ((shape, members), (built, blocks)) = (&groups[group], done?);
            self.explainers.extend(built.map(|built| (shape.clone(), built)));
            let blocks = blocks.iter().flat_map(|block| (0..block.spent.len()).map(move |at| (block, at)));
            for (&text, (block, at)) in members.iter().zip(blocks) {
                let to = &mut explained[text];
                to.values.assign(&block.values.slice(s![at, .., ..]));
                to.stderr.assign(&block.stderr.slice(s![at, .., ..]));
                if let Some(pairs) = &block.interactions {
                    to.interactions = Some(pairs.of_row(at));
                }
                to.spent = block.spent[at] + self.reader.beside.n_rows() as u64;
            }
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
        let outputs = reader.distinct_outputs(&sequences, &Memory::default())?;
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
        TextExplanation {
            row,
            text: words.to_owned(),
            players: text.players.spans.clone(),
            columns: self.reader.beside.cells(&text.numbers),
            cut: text.tokens.cut.clone(),
            values: Array2::zeros(shape),
            stderr: Array2::zeros(shape),
            base_values: self.chosen(&text.base).collect(),
            predictions: self.chosen(&text.prediction).collect(),
            spent: 1 + self.reader.beside.n_rows() as u64,
            interactions: self.settings.interactions.then(|| Interactions::zeros(1, shape.0, shape.1)),
        }
    }

    /// Those of all outputs that are explained.
    pub(super) fn chosen(&self, values: &[f64]) -> impl Iterator<Item = f64> {
        self.targets.iter().map(|&k| values[k])
    }

    /// Each group with its number, side by side on a CPU: while one draws a design or solves for its matrix, others keep the cores busy.
    fn explain_groups(&self, groups: &[(Shape, Vec<usize>)], first_row: usize) -> Vec<(usize, Result<Group>)> {
        let next = AtomicUsize::new(0);
        let worker = |_| {
            std::iter::from_fn(|| {
                let at = next.fetch_add(1, Relaxed);
                let (shape, members) = groups.get(at)?;
                let done = self.explain_group(shape, members, first_row);
                if done.is_err() {
                    next.store(groups.len(), Relaxed);
                }
                Some((at, done))
            })
        };
        // As many as there are cores, not one for each group: what a pilot has read is held as long as its group is worked on.
        let workers = if self.reader.side_by_side { rayon::current_num_threads() } else { 1 };
        (0..workers).into_par_iter().with_max_len(1).flat_map_iter(worker).collect()
    }

    /// Explains the texts of one shape; `members` are their numbers.
    fn explain_group(&self, shape: &Shape, members: &[usize], first_row: usize) -> Result<Group> {
        let n_players = shape.0;
        let row = |text: usize| vec![present_cell(text); n_players];
        let rows = |texts: &[usize]| {
            Array2::from_shape_vec((texts.len(), n_players), texts.iter().flat_map(|&t| row(t)).collect())
        };
        let rows = |texts: &[usize]| rows(texts).expect("one row a text");
        let memory = Arc::<Memory>::default();
        let build = || {
            memory.record();
            let built = self.prepare(shape, rows(&members[..members.len().min(PILOT_TEXTS)]), memory.clone());
            memory.settle();
            built.map_err(|e| of_row(first_row + members[0], e))
        };
        let known = self.explainers.get(shape);
        let built = if known.is_none() { Some(build()?) } else { None };
        let shap = known.or(built.as_ref()).expect("an explainer is known or built");
        let explained: Result<Vec<Explanation>> =
            members.chunks(shap.block_rows()).map(|block| shap.explain(rows(block).view())).collect();
        memory.clear();
        Ok((built, explained?))
    }

    /// What the machine of tables may spend on a text, less the coalition of nobody: what it is worth is known already, and counts.
    fn budget(&self, n_players: usize) -> Result<Budget> {
        let Settings { budget, design, .. } = self.settings;
        if n_players > EXACT_PLAYERS && (budget == Budget::Exact || design == DesignChoice::Exact) {
            let message = format!("an exact run takes at most {EXACT_PLAYERS} players, the text has {n_players}");
            return Err(Error::input(message).hint("use `--budget auto`, or larger players: `--granularity sentence`"));
        }
        let rows = self.reader.beside.n_rows();
        // All coalitions, or one order of the players and its reverse, and the empty one on every background row.
        let least = (rows << n_players.min(8)).min(2 * n_players + rows - 1);
        match self.settings.spend(n_players, rows) {
            Budget::Rows(budget) if budget >= least => Ok(Budget::Rows(budget - rows)),
            Budget::Rows(budget) => {
                let of = if rows > 1 { format!(" and {rows} background rows") } else { String::new() };
                let message = format!(
                    "a budget of {budget} coalitions is below the minimum of {least} for {n_players} players{of}"
                );
                let fewer = if rows > 1 { ", or fewer rows: `--background-rows`" } else { ", or larger players" };
                Err(Error::input(message).hint(format!("use `--budget {least}` or more{fewer}")))
            }
            exact => Ok(exact),
        }
    }

    fn prepare(&self, (n_players, groups): &Shape, pilot: Array2<f32>, memory: Arc<Memory>) -> Result<KernelShap> {
        let n_players = *n_players;
        let Settings { design, tolerance, surrogate, interactions, seed, control, .. } = self.settings.clone();
        let beside = &self.reader.beside;
        let nobody = Background { rows: background_cells(beside.n_rows(), n_players), ..beside.background.clone() };
        let parts = (n_players - beside.players.len()) as u32;
        let of_columns = beside.players.player_of().iter().map(|player| parts + player).collect();
        let mut builder = KernelShap::builder(TextModel::new(self.reader.clone(), memory, n_players), nobody)
            .behind(beside.background.rows.clone(), of_columns)
            .targets(self.targets.clone())
            .budget(self.budget(n_players)?)
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
        if let Some(groups) = groups {
            builder = builder.hierarchy(groups.clone());
        }
        builder.build(&self.device)
    }
}

impl Settings {
    /// What `auto` comes to for so many players and background rows.
    pub fn spend(&self, n_players: usize, rows: usize) -> Budget {
        match (self.budget, self.design) {
            (Budget::Auto, DesignChoice::Exact) => Budget::Exact,
            (Budget::Auto, _) => Budget::Rows((AUTO_FORWARDS.0 * n_players).max(AUTO_FORWARDS.1) + rows - 1),
            (budget, _) => budget,
        }
    }
}

/// Names the row of a text before the message of an input error.
pub(super) fn of_row(row: usize, error: Error) -> Error {
    match error {
        Error::Input { message, hint } => Error::Input { message: format!("text {row}: {message}"), hint },
        other => other,
    }
}
