//! The metrics, in words: what a table of them prints.

use serde::Serialize;

/// Whether predictions are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Stage {
    /// Of the data: facet and label only.
    PreTraining,
    /// Of the model: predictions too.
    PostTraining,
}

/// Which side of the neutral value says that group d is worse off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Direction {
    /// Above the neutral value d is worse off.
    AboveIsWorse,
    /// Below it d is worse off.
    BelowIsWorse,
    /// The value measures a distance or an inequality without a side.
    None,
}

/// Facts about a metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Metric {
    /// Short name: `DPL`.
    pub name: &'static str,
    /// The reference's description: `Difference in Positive Proportions in Labels (DPL)`.
    pub full_name: &'static str,
    pub stage: Stage,
    /// The formula in plain letters; `a` and `d` are the groups, `TPa` the true positives of a.
    pub formula: &'static str,
    /// What it measures and how to read a value.
    pub words: &'static str,
    pub range: &'static str,
    /// The value of no difference.
    pub neutral: f64,
    pub direction: Direction,
}

impl Metric {
    /// The metric of a short name, in any case.
    pub fn named(name: &str) -> Option<&'static Metric> {
        Metric::ALL.iter().find(|m| m.name.eq_ignore_ascii_case(name))
    }

    /// The least value it can have: 0 for distances, inequalities and ratios.
    pub fn least(&self) -> f64 {
        if self.range.starts_with("[0,") { 0.0 } else { f64::NEG_INFINITY }
    }

    /// Metrics of one stage, sorted by short name.
    pub fn of_stage(stage: Stage) -> impl Iterator<Item = &'static Metric> {
        Metric::ALL.iter().filter(move |m| m.stage == stage)
    }

    /// All, pre-training first, sorted by short name within a stage.
    pub const ALL: &'static [Metric] = &[
        Metric {
            name: "CDDL",
            full_name: "Conditional Demographic Disparity in Labels (CDDL)",
            stage: Stage::PreTraining,
            formula: "mean over strata g, by rows, of nd,g(0)/n,g(0) - nd,g(1)/n,g(1)",
            words: "d's share of the rejections minus its share of the acceptances, within strata. Above 0: d is rejected more often than accepted even among comparable rows.",
            range: "[-1, 1]",
            neutral: 0.0,
            direction: Direction::AboveIsWorse,
        },
        Metric {
            name: "CI",
            full_name: "Class Imbalance (CI)",
            stage: Stage::PreTraining,
            formula: "(na - nd)/(na + nd)",
            words: "How unequal the groups are in size. Above 0: d has fewer rows, so a model sees less of it.",
            range: "(-1, 1)",
            neutral: 0.0,
            direction: Direction::AboveIsWorse,
        },
        Metric {
            name: "DPL",
            full_name: "Difference in Positive Proportions in Labels (DPL)",
            stage: Stage::PreTraining,
            formula: "na(1)/na - nd(1)/nd",
            words: "Difference of the shares of positive labels. Above 0: a has more of them than d.",
            range: "[-1, 1]",
            neutral: 0.0,
            direction: Direction::AboveIsWorse,
        },
        Metric {
            name: "JS",
            full_name: "Jensen-Shannon Divergence (JS)",
            stage: Stage::PreTraining,
            formula: "(KL(Pa|M) + KL(Pd|M))/2, M = (Pa + Pd)/2",
            words: "How far apart the label distributions of a and d are, in nats; 0: alike.",
            range: "[0, ln 2]",
            neutral: 0.0,
            direction: Direction::None,
        },
        Metric {
            name: "KL",
            full_name: "Kullback-Liebler Divergence (KL)",
            stage: Stage::PreTraining,
            formula: "sum over outcomes of Pa ln(Pa/Pd)",
            words: "How surprising a's labels are to one who knows d's, in nats; 0: alike; infinite if a has an outcome that d never has.",
            range: "[0, inf]",
            neutral: 0.0,
            direction: Direction::None,
        },
        Metric {
            name: "KS",
            full_name: "Kolmogorov-Smirnov Distance (KS)",
            stage: Stage::PreTraining,
            formula: "largest |Pa - Pd| of an outcome",
            words: "The largest difference of the share of one outcome; 0: alike.",
            range: "[0, 1]",
            neutral: 0.0,
            direction: Direction::None,
        },
        Metric {
            name: "LP",
            full_name: "L-p Norm (LP)",
            stage: Stage::PreTraining,
            formula: "square root of the sum of (Pa - Pd)^2",
            words: "Euclidean distance (p = 2) of the label distributions; 0: alike.",
            range: "[0, sqrt 2]",
            neutral: 0.0,
            direction: Direction::None,
        },
        Metric {
            name: "TVD",
            full_name: "Total Variation Distance (TVD)",
            stage: Stage::PreTraining,
            formula: "half the sum of |Pa - Pd|",
            words: "The share of a's labels that would have to change for a to look like d; 0: alike.",
            range: "[0, 1]",
            neutral: 0.0,
            direction: Direction::None,
        },
        Metric {
            name: "AD",
            full_name: "Accuracy Difference (AD)",
            stage: Stage::PostTraining,
            formula: "(TPa + TNa)/na - (TPd + TNd)/nd",
            words: "Difference of accuracies. Above 0: the model errs more often on d.",
            range: "[-1, 1]",
            neutral: 0.0,
            direction: Direction::AboveIsWorse,
        },
        Metric {
            name: "CDDPL",
            full_name: "Conditional Demographic Disparity in Predicted Labels (CDDPL)",
            stage: Stage::PostTraining,
            formula: "CDDL with predictions in place of labels",
            words: "d's share of the predicted rejections minus its share of the predicted acceptances, within strata. Above 0: d is rejected more often than accepted.",
            range: "[-1, 1]",
            neutral: 0.0,
            direction: Direction::AboveIsWorse,
        },
        Metric {
            name: "DAR",
            full_name: "Difference in Acceptance Rates (DAR)",
            stage: Stage::PostTraining,
            formula: "TPa/(TPa + FPa) - TPd/(TPd + FPd)",
            words: "Difference of precisions. Above 0: a positive prediction is right less often for d.",
            range: "[-1, 1]",
            neutral: 0.0,
            direction: Direction::AboveIsWorse,
        },
        Metric {
            name: "DCA",
            full_name: "Difference in Conditional Acceptance (DCA)",
            stage: Stage::PostTraining,
            formula: "na(1)/n'a(1) - nd(1)/n'd(1)",
            words: "Observed positives for each predicted one, a minus d. Below 0: the model accepts fewer of d than were observed positive, compared with a.",
            range: "[-inf, inf]",
            neutral: 0.0,
            direction: Direction::BelowIsWorse,
        },
        Metric {
            name: "DCR",
            full_name: "Difference in Conditional Rejection (DCR)",
            stage: Stage::PostTraining,
            formula: "nd(0)/n'd(0) - na(0)/n'a(0)",
            words: "Observed negatives for each predicted one, d minus a. Below 0: the model rejects more of d than were observed negative, compared with a.",
            range: "[-inf, inf]",
            neutral: 0.0,
            direction: Direction::BelowIsWorse,
        },
        Metric {
            name: "DI",
            full_name: "Disparate Impact (DI)",
            stage: Stage::PostTraining,
            formula: "(n'd(1)/nd) / (n'a(1)/na)",
            words: "Ratio of the shares of positive predictions. Below 1: d gets fewer; below 0.8 the four-fifths rule takes it as evidence of adverse impact.",
            range: "[0, inf]",
            neutral: 1.0,
            direction: Direction::BelowIsWorse,
        },
        Metric {
            name: "DPPL",
            full_name: "Difference in Positive Proportions in Predicted Labels (DPPL)",
            stage: Stage::PostTraining,
            formula: "n'a(1)/na - n'd(1)/nd",
            words: "Difference of the shares of positive predictions. Above 0: a gets more of them; above DPL: training widened the gap.",
            range: "[-1, 1]",
            neutral: 0.0,
            direction: Direction::AboveIsWorse,
        },
        Metric {
            name: "DRR",
            full_name: "Difference in Rejection Rates (DRR)",
            stage: Stage::PostTraining,
            formula: "TNd/(TNd + FNd) - TNa/(TNa + FNa)",
            words: "How often a negative prediction is right, d minus a. Below 0: d is wrongly rejected more often among its rejections.",
            range: "[-1, 1]",
            neutral: 0.0,
            direction: Direction::BelowIsWorse,
        },
        Metric {
            name: "FT",
            full_name: "Flip Test (FT)",
            stage: Stage::PostTraining,
            formula: "(#d refused whose neighbours in a are accepted - #d accepted whose neighbours are refused)/nd",
            words: "Whether rows of d are decided differently from the most similar rows of a. Above 0: d gets worse decisions than similar rows of a. (Clarify computes the opposite sign.)",
            range: "[-1, 1]",
            neutral: 0.0,
            direction: Direction::AboveIsWorse,
        },
        Metric {
            name: "GE",
            full_name: "Generalized Entropy (GE)",
            stage: Stage::PostTraining,
            formula: "sum of ((b/mean b)^2 - 1)/(2n), b = prediction - label + 1",
            words: "Inequality of the benefits that predictions give to all rows; 0: equal. It takes no account of the facet.",
            range: "[0, (n - 1)/2]",
            neutral: 0.0,
            direction: Direction::None,
        },
        Metric {
            name: "RD",
            full_name: "Recall Difference (RD)",
            stage: Stage::PostTraining,
            formula: "TPa/(TPa + FNa) - TPd/(TPd + FNd)",
            words: "Difference of recalls (equal opportunity). Above 0: positives of d are found less often.",
            range: "[-1, 1]",
            neutral: 0.0,
            direction: Direction::AboveIsWorse,
        },
        Metric {
            name: "SD",
            full_name: "Specificity Difference (SD)",
            stage: Stage::PostTraining,
            formula: "TNd/(TNd + FPd) - TNa/(TNa + FPa)",
            words: "Difference of specificities. Above 0: d has fewer false positives; below 0: more. Which is worse depends on whether a false positive is a favour.",
            range: "[-1, 1]",
            neutral: 0.0,
            direction: Direction::None,
        },
        Metric {
            name: "TE",
            full_name: "Treatment Equality (TE)",
            stage: Stage::PostTraining,
            formula: "FNd/FPd - FNa/FPa",
            words: "False negatives for each false positive, d minus a. Above 0: errors on d lean to rejection.",
            range: "[-inf, inf]",
            neutral: 0.0,
            direction: Direction::AboveIsWorse,
        },
    ];
}
