//! The report: what drives the model, effects of features, and a part for the bias of all rows and of each segment.

use super::bias::Bias;
use super::dataset::Dataset;
use super::model::Model;
use super::pdp::Dependence;
use super::shap::{Explained, Prepared};
use crate::command::typed;
use pellucid::effect::Curve;
use pellucid::explain::{GlobalExplanation, Provenance};
use pellucid::report::bias::BiasPage;
use pellucid::report::{ColumnCard, DataCard, Findings, ModelCard, Report, ShownRow};

/// What the page shows.
pub struct Page<'a> {
    pub dataset: &'a Dataset,
    pub model: Option<&'a Model>,
    pub bias: Option<&'a Bias>,
    /// Where predicted labels come from; empty without them.
    pub predictions: String,
    pub shap: Option<(&'a Prepared, &'a Explained, &'a [GlobalExplanation])>,
    pub pdp: Option<&'a [Dependence]>,
    pub columns: Vec<ColumnCard>,
    pub over: String,
}

impl Page<'_> {
    pub fn report(self, title: &str) -> Report {
        let created = chrono::Utc::now().format("%Y-%m-%d %H:%M UTC").to_string();
        let mut parts: Vec<(String, Report)> = Vec::new();
        let mut named: Vec<String> = Vec::new();
        if let Some(bias) = self.bias {
            named.push("bias".into());
            parts.push(("Bias".into(), self.bias_page(&bias.all, title, &created)));
            for segment in &bias.segments {
                if let Ok(found) = &segment.found {
                    let name = segment.alias.as_ref().unwrap_or(&segment.name);
                    let mut page = self.bias_page(found, title, &created);
                    // Said once, for all rows.
                    page.sections.retain(|section| section.id != "definitions" && section.id != "provenance");
                    parts.push((format!("{} {name}", segment.config), page));
                }
            }
        }
        if let (Some(model), true) = (self.model, self.shap.is_some() || self.pdp.is_some()) {
            named.push(format!("how {} predicts", model.opened.model));
            parts.push(("Explanations".into(), self.findings(model, title, &created).report()));
        }
        if let [(_, only)] = &mut parts[..] {
            return std::mem::replace(
                only,
                Report { title: String::new(), subtitle: String::new(), sections: Vec::new() },
            );
        }
        let subtitle = format!("Rows of {}: {}. {created}", self.dataset.name, named.join(" and "));
        Report::join(title.to_string(), subtitle, parts)
    }

    fn bias_page(&self, found: &pellucid::bias::BiasReport, title: &str, created: &str) -> Report {
        BiasPage {
            title: title.to_string(),
            table: self.dataset.name.clone(),
            predictions: self.predictions.clone(),
            command: typed::command(),
            created: created.to_string(),
            found,
            limits: &[],
        }
        .report()
    }

    fn findings(&self, model: &Model, title: &str, created: &str) -> Findings {
        let mut curves: Vec<Curve> =
            self.pdp.into_iter().flatten().flat_map(|one| one.found.iter().flatten()).cloned().collect();
        let names = &model.chosen.shown;
        curves.iter_mut().zip(names.iter().cycle()).for_each(|(curve, name)| curve.output = name.clone());
        let mut findings = Findings {
            title: title.to_string(),
            command: typed::command(),
            created: created.to_string(),
            data: DataCard { name: self.dataset.name.clone(), columns: self.columns.clone(), ..DataCard::default() },
            curves,
            effects_over: self.over.clone(),
            ..Findings::default()
        };
        match self.shap {
            Some((prepared, explained, global)) => {
                let provenance = Provenance { outputs: names.clone(), ..prepared.shapley.shap.provenance().clone() };
                let output = usize::from(provenance.outputs.len() == 2);
                let shown = explained.sample.shown(output, &provenance.outputs[output]);
                findings.shown = shown.into_iter().map(|(row, why)| ShownRow { row, why }).collect();
                findings.sample = explained.sample.rows();
                findings.worst_additivity_gap = explained.pass.summary.worst_additivity_gap();
                findings.data.rows = explained.pass.summary.rows();
                findings.global = global.to_vec();
                findings.provenance = provenance;
            }
            None => {
                let named = |output| GlobalExplanation {
                    output,
                    base_value: f64::NAN,
                    rows: 0,
                    values: Vec::new(),
                    interactions: Vec::new(),
                };
                findings.global = names.iter().cloned().map(named).collect();
                findings.provenance = Provenance { link: "identity".into(), ..Provenance::default() };
            }
        }
        let opened = &model.opened;
        findings.model = ModelCard::of(&opened.model, opened.graph.card(), opened.graph.sha256());
        findings
    }
}
