//! A report's parts, in order of reading.

use super::figures::text::{count, list, plus_minus, short};
use super::figures::{self, Output};
use super::origin::{self, facts, section};
use super::{Figure, Findings, Item, Report, Section, Table, warnings};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Outputs that have figures.
pub const OUTPUTS: usize = 4;
/// Features with a dependence figure, with an effect figure, and with those of single rows, for each output.
const DEPENDENCES: usize = 6;
const EFFECTS: usize = 20;
const SINGLE: usize = 6;

impl Findings {
    /// The report: what drives the model, single rows, rows together, features, pairs, and where it all comes from.
    ///
    /// Parts without findings are left out.
    pub fn report(&self) -> Report {
        let outputs: Vec<Output> = Output::all(self).into_iter().take(OUTPUTS).collect();
        let parts = [
            summary(self, &outputs),
            drivers(self, &outputs),
            single_rows(self, &outputs),
            rows_together(self, &outputs),
            features(self, &outputs),
            pairs(self, &outputs),
            origin::cards(self),
            origin::provenance(self),
        ];
        let mut sections: Vec<Section> = parts.into_iter().filter(|section| !section.items.is_empty()).collect();
        distinct_ids(&mut sections);
        let rows = self.global.first().map_or(self.data.rows, |global| global.rows);
        Report {
            title: self.title.clone(),
            subtitle: format!(
                "How {} predicts {} of {}. {}",
                self.model.name,
                count(rows, "row"),
                self.data.name,
                self.created
            ),
            sections,
        }
    }
}

/// A second figure of one id gets a number.
pub(super) fn distinct_ids(sections: &mut [Section]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for item in sections.iter_mut().flat_map(|section| &mut section.items) {
        if let Item::Figure(figure) = item {
            let times = seen.entry(figure.id.clone()).or_default();
            *times += 1;
            if *times > 1 {
                figure.id = format!("{}-{times}", figure.id);
                seen.insert(figure.id.clone(), 1);
            }
        }
    }
}

fn figures(found: impl IntoIterator<Item = Option<Figure>>) -> impl Iterator<Item = Item> {
    found.into_iter().flatten().map(Item::Figure)
}

fn summary(findings: &Findings, outputs: &[Output]) -> Section {
    let mut key: Vec<(String, Value)> = Vec::new();
    for output in outputs {
        let first = output.ranking().into_iter().take(3).map(|i| output.player(i));
        let first: Vec<String> =
            first.map(|v| format!("{} ({})", v.player, plus_minus(v.mean_abs, v.mean_abs_stderr))).collect();
        key.push((output.title("Moved most by (mean |φ|)"), json!(list(&first))));
        key.push((output.title("Base value"), json!(output.global.base_value)));
        let pairs = findings.interactions.iter().filter(|i| i.output == output.name() && i.strength.is_finite());
        if let Some(pair) = pairs.max_by(|a, b| a.strength.total_cmp(&b.strength)) {
            let text = format!("{} × {} (H {}, strength {})", pair.a, pair.b, short(pair.h), short(pair.strength));
            key.push((output.title("Strongest interaction"), json!(text)));
        }
    }
    key.push(("Rows explained".into(), json!(findings.global.first().map_or(0, |global| global.rows))));
    key.push((
        "Attributions are in units of".into(),
        json!(list(&outputs.iter().map(Output::unit).collect::<Vec<_>>())),
    ));
    key.push(("Largest gap between attributions and prediction".into(), json!(findings.worst_additivity_gap)));
    let all = [warnings::left_out, warnings::correlated, warnings::sampled, warnings::unsure]
        .map(|warn| warn(findings))
        .concat();
    let first = format!(
        "An attribution φ says how much one feature moved one prediction away from the base value, the mean prediction over the background \
         rows. The attributions of a row add up to its prediction ({}).",
        findings.provenance.values()
    );
    let text = [
        &*first,
        "± and whiskers are how far a number may be off because only some rows or combinations were looked at: ± one standard error in \
         text, 95 % intervals in pictures. They say nothing about whether the model is right, nor about causes: a report explains the \
         model, not the world.",
    ];
    section("summary", "Summary", &text, all, vec![facts("Key facts", key)])
}

fn drivers(findings: &Findings, outputs: &[Output]) -> Section {
    let of = |output: &Output| {
        let all = [figures::bar, figures::swarm, figures::stability, figures::cohorts, figures::importance];
        figures(all.map(|figure| figure(output))).collect::<Vec<_>>()
    };
    let text = [
        "Features by how much they move the output. Mean |φ| is about the model's output whether it is right or wrong; permutation importance, \
         where the truth is known, is about how much worse the predictions become without the feature.",
    ];
    let warnings = [warnings::sampled(findings), warnings::unsure(findings)].concat();
    section("drivers", "What drives the model", &text, warnings, outputs.iter().flat_map(of).collect())
}

fn single_rows(findings: &Findings, outputs: &[Output]) -> Section {
    let mut items = Vec::new();
    for shown in &findings.shown {
        for output in outputs {
            items.extend(figures([figures::waterfall(output, shown), figures::force(output, shown)]));
        }
    }
    let text = [
        "Rows explained on their own, from the base value to the prediction. The table under each picture has all features.",
    ];
    section("rows", "Single rows", &text, Vec::new(), items)
}

fn rows_together(findings: &Findings, outputs: &[Output]) -> Section {
    let of = |output: &Output| figures([figures::predictions(output), figures::heatmap(output)]).collect::<Vec<_>>();
    let text = ["Many rows at once: how the predictions spread, and which groups of rows the model explains alike."];
    section("together", "Rows together", &text, warnings::sampled(findings), outputs.iter().flat_map(of).collect())
}

fn features(findings: &Findings, outputs: &[Output]) -> Section {
    let mut items = Vec::new();
    for output in outputs {
        let order = output.ranking();
        let place =
            |name: &str| output.find(name).and_then(|i| order.iter().position(|&j| j == i)).unwrap_or(order.len());
        let mut curves = output.curves();
        curves.sort_by_key(|curve| place(&curve.grid.axis.name));
        for &player in order.iter().take(DEPENDENCES) {
            items.extend(figures([figures::dependence(output, player)]));
        }
        for (at, curve) in curves.iter().take(EFFECTS).enumerate() {
            items.extend(figures([figures::effect(output, curve)]));
            if at < SINGLE {
                items.extend(figures([figures::centred(output, curve), figures::derivative(output, curve)]));
            }
        }
    }
    if !findings.associations.is_empty() {
        let row = |a: &crate::effect::Association| vec![json!(a.a), json!(a.b), json!(a.strength)];
        items.push(Item::Table(Table {
            title: "Columns that depend on each other".into(),
            columns: ["column", "with", "strength, 0 to 1"].map(String::from).to_vec(),
            rows: findings.associations.iter().map(row).collect(),
            left_out: 0,
        }));
    }
    let text = [
        "Attributions over a feature's value show what the model made of the rows as they are. Partial dependence sets the feature to each \
         value in turn in all rows and averages; the thin lines are those rows. ALE (accumulated local effects) moves each row only a \
         little, so it does not leave the data.",
        "Attributions and curves agree where features act one by one, and differ where they act together.",
    ];
    let axes = output_axes(outputs);
    let mut warnings = warnings::correlated(findings);
    if axes > EFFECTS {
        warnings.push(format!("Effects of the {EFFECTS} strongest of {axes} features are drawn."));
    }
    section("features", "Features one by one", &text, warnings, items)
}

/// Curves that an output has.
fn output_axes(outputs: &[Output]) -> usize {
    outputs.first().map_or(0, |output| output.curves().len())
}

fn pairs(findings: &Findings, outputs: &[Output]) -> Section {
    let mut items = Vec::new();
    for output in outputs {
        items.extend(figures([figures::together(output), figures::together_matrix(output)]));
        items.extend(figures([figures::strengths(output), figures::h_matrix(output)]));
        let surfaces = findings.surfaces.iter().filter(|surface| surface.output == output.name());
        items.extend(figures(surfaces.map(|surface| figures::surface(output, surface))));
    }
    let text = [
        "Two features interact when the effect of one depends on the other. Strength is how much of the output that is; H is its share of what \
         the pair does, so it can be large for a pair that hardly matters.",
    ];
    section("pairs", "Pairs", &text, warnings::correlated(findings), items)
}
