//! What is printed: the work before it is done, and what was found.

use super::bias::Bias;
use super::model::Model;
use super::pdp::{self, Dependence};
use super::{Run, shap};
use crate::bias_table;
use crate::command::shap::{LEGEND, describe};
use crate::number::{duration, thousands};
use pellucid::Result;
use pellucid::explain::GlobalExplanation;

impl Run<'_> {
    /// What the whole would take.
    pub(super) fn dry_run(&self, model: Option<&Model>, prepared: Option<&shap::Prepared>) -> Result<()> {
        let rows = thousands(self.dataset.table.n_rows()? as u64);
        let methods = &self.config.methods;
        let mut lines = Vec::new();
        if methods.bias_at().is_some() {
            let parts: usize = self.config.segments.iter().map(|segments| segments.segments.len() + 1).sum();
            let predicted = methods.post.is_some() && self.dataset.predicted.is_none();
            let by = if predicted { ", predicted by the model" } else { "" };
            let passes = if parts == 0 { "one pass".to_string() } else { format!("{} passes", parts + 1) };
            lines.push(format!("bias: {passes} over {rows} rows{by}"));
        }
        if let (Some(prepared), Some(model)) = (prepared, model) {
            let (rate, time, _) = prepared.shapley.measure(&model.opened)?;
            lines.push(format!("shap: {}", prepared.shapley.plan()));
            lines.push(format!("  about {} at {} model rows/s", duration(time), thousands(rate as u64)));
        }
        if let (Some(method), Some(model)) = (&methods.pdp, model) {
            let later = if method.features.is_empty() {
                "; the features, and so the work, depend on the SHAP values"
            } else {
                ""
            };
            lines.push(format!("{}{later}", pdp::Prepared::new(method, self.dataset, model, &[])?.plan()));
        }
        lines.push("nothing was written".into());
        self.terminal.data(&lines.join("\n"))
    }

    /// Tables in words, or the document with `--json`.
    pub(super) fn print(
        &self,
        document: &str,
        bias: Option<&Bias>,
        global: &[GlobalExplanation],
        pdp: Option<&[Dependence]>,
    ) -> Result<()> {
        if self.terminal.json() {
            return self.terminal.data(document);
        }
        let mut parts: Vec<String> = bias.iter().map(|bias| bias_table::describe(&bias.all)).collect();
        let segments = bias.map_or(0, |bias| bias.segments.len());
        if segments > 0 {
            parts.push(format!("bias of {segments} segments: in analysis.json and in the report"));
        }
        parts.extend(global.iter().map(describe));
        if !global.is_empty() {
            parts.push(LEGEND.into());
        }
        if let Some(pdp) = pdp {
            let names: Vec<&str> = pdp.iter().filter(|one| one.found.is_ok()).map(|one| one.feature.as_str()).collect();
            parts.push(format!("partial dependence of {}: in analysis.json and in the report", names.join(", ")));
        }
        self.terminal.data(&parts.join("\n\n"))
    }
}
