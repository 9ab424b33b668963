//! The formulas (docs/theory.md, "Bias metrics"), under both modes: they differ in what is done where a definition ends.

use super::cells::{Split, Sums};
use super::request::Mode;

/// A value, or why there is none.
pub type Outcome = Result<f64, String>;

const A: usize = 0;
const D: usize = 1;

/// The metric of that short name; the flip test is not a function of sums.
pub fn metric(name: &str, sums: &Sums, mode: Mode) -> Outcome {
    let post = !matches!(name, "CI" | "DPL" | "KL" | "JS" | "LP" | "TVD" | "KS" | "CDDL");
    let rows = Sums::rows(if post { &sums.predicted } else { &sums.observed });
    let distance = matches!(name, "KL" | "JS" | "LP" | "TVD" | "KS");
    if name != "GE"
        && !matches!((name, mode), ("CDDL" | "CDDPL", Mode::Clarify))
        && !(distance && mode == Mode::Clarify)
    {
        require_groups(name, rows, mode)?;
    }
    let by = Formulas { sums, mode, rows };
    match name {
        "CI" => Ok((rows[A] - rows[D]) / (rows[A] + rows[D])),
        "DPL" => Ok(share(&sums.observed[A]) - share(&sums.observed[D])),
        "KL" | "JS" | "LP" | "TVD" | "KS" => by.distance(name),
        "CDDL" => by.disparity(&sums.observed, &sums.observed_in),
        "CDDPL" => by.disparity(&sums.predicted, &sums.predicted_in),
        "DPPL" => Ok(share(&sums.predicted[A]) - share(&sums.predicted[D])),
        "DI" => {
            by.ratio(share(&sums.predicted[D]), share(&sums.predicted[A]), "no positive prediction in either group")
        }
        "GE" => entropy(&sums.whole),
        _ => by.gap(name),
    }
}

/// Share of the positive outcome.
fn share(outcomes: &[f64; 2]) -> f64 {
    outcomes[1] / (outcomes[0] + outcomes[1])
}

/// Why a metric has no value if a group is empty.
pub fn require_groups(name: &str, rows: [f64; 2], mode: Mode) -> Result<(), String> {
    let empty = match rows {
        [_, 0.0] => D,
        [0.0, _] => A,
        _ => return Ok(()),
    };
    if mode == Mode::Correct {
        return Err(format!("group {} has no rows", ["a", "d"][empty]));
    }
    let (d, a) = match name {
        "CI" => (
            "CI: facet set is empty. Check that x[facet] has non-zero length.",
            "CI: negated facet set is empty. Check that x[~facet] has non-zero length.",
        ),
        "DPL" | "DPPL" => ("Facet set is empty.", "Negative facet set is empty."),
        "DI" => ("Facet set is empty", "Negated facet set is empty"),
        "DCA" | "DCR" => ("DCO: Facet set is empty", "DCO: Negated Facet set is empty"),
        "RD" | "SD" => ("DLA: Facet set is empty", "DLA: Negated Facet set is empty"),
        "DAR" | "DRR" => ("DLR: Facet set is empty", "DLR: Negated Facet set is empty"),
        _ => ("Facet set is empty", "Negated Facet set is empty"),
    };
    Err(if empty == D { d } else { a }.into())
}

struct Formulas<'a> {
    sums: &'a Sums,
    mode: Mode,
    rows: [f64; 2],
}

impl Formulas<'_> {
    /// The reference takes 0/0 as 0; by the definition it has no value.
    fn ratio(&self, over: f64, under: f64, undefined: &str) -> Outcome {
        match (over == 0.0 && under == 0.0, self.mode) {
            (true, Mode::Clarify) => Ok(0.0),
            (true, Mode::Correct) => Err(format!("undefined (0/0): {undefined}")),
            _ => Ok(over / under),
        }
    }

    /// The reference takes the difference of two infinities as 0; by the definition it has no value.
    fn difference(&self, left: f64, right: f64) -> Outcome {
        match (left.is_infinite() && left == right, self.mode) {
            (true, Mode::Clarify) => Ok(0.0),
            (true, Mode::Correct) => Err("undefined: both groups have an infinite ratio".into()),
            _ => Ok(left - right),
        }
    }

    /// Differences of a ratio between the groups.
    fn gap(&self, name: &str) -> Outcome {
        let part = |g: usize| -> (f64, f64, &str) {
            let [[tn, fp], [fnn, tp]] = self.sums.confusion[g];
            match name {
                "AD" => (tp + tn, self.rows[g], "rows"),
                "RD" => (tp, tp + fnn, "observed positives"),
                "SD" => (tn, tn + fp, "observed negatives"),
                "DAR" => (tp, tp + fp, "predicted positives"),
                "DRR" => (tn, tn + fnn, "predicted negatives"),
                "DCA" => (tp + fnn, tp + fp, "observed or predicted positives"),
                "DCR" => (tn + fp, tn + fnn, "observed or predicted negatives"),
                _ => (fnn, fp, "errors"),
            }
        };
        let side = |g: usize| {
            let (over, under, what) = part(g);
            self.ratio(over, under, &format!("group {} has no {what}", ["a", "d"][g]))
        };
        match name {
            "SD" | "DRR" | "DCR" | "TE" => self.difference(side(D)?, side(A)?),
            _ => self.difference(side(A)?, side(D)?),
        }
    }

    /// Distances of the distributions of the label. The reference leaves out outcomes that one group lacks.
    fn distance(&self, name: &str) -> Outcome {
        let observed = &self.sums.observed;
        let common = |y: usize| observed[A][y] > 0.0 && observed[D][y] > 0.0;
        let taken: Vec<usize> = (0..2).filter(|&y| self.mode == Mode::Correct || common(y)).collect();
        if taken.is_empty() {
            return Err("No instance of common facet found, dataset may be too small".into());
        }
        let p = |g: usize| taken.iter().map(|&y| observed[g][y] / self.rows[g]).collect::<Vec<f64>>();
        Ok(distance(name, &p(A), &p(D)))
    }

    /// Conditional demographic disparity: in each stratum d's share of the rejections minus its share of the acceptances; the mean
    /// over strata by their rows. The reference takes an empty share as 0, so that a stratum without rejections counts as if d
    /// were favoured; by the definition such a stratum shows no disparity.
    fn disparity(&self, split: &Split, strata: &[Split]) -> Outcome {
        let none = match self.mode {
            Mode::Clarify => ["No negative labels in set", "No positive labels in set"],
            Mode::Correct => ["there are no negatives at all", "there are no positives at all"],
        };
        if let Some(reason) = &self.sums.no_strata {
            return Err(reason.clone());
        }
        for outcome in [1, 0] {
            if split[A][outcome] + split[D][outcome] == 0.0 {
                return Err(none[outcome].into());
            }
        }
        let (mut sum, mut rows) = (0.0, 0.0);
        for stratum in strata {
            let of = |y: usize| stratum[A][y] + stratum[D][y];
            let part = |y: usize| if of(y) == 0.0 { 0.0 } else { stratum[D][y] / of(y) };
            let one_sided = self.mode == Mode::Correct && (of(0) == 0.0 || of(1) == 0.0);
            let disparity = if one_sided { 0.0 } else { part(0) - part(1) };
            sum += disparity * (of(0) + of(1));
            rows += of(0) + of(1);
        }
        match rows == 0.0 {
            true if self.mode == Mode::Correct => Err("the group column is missing in every row".into()),
            true => Ok(0.0),
            false => Ok(sum / rows),
        }
    }
}

/// The distance of that name, KL, JS, LP, TVD or KS, of two distributions over the same outcomes.
pub fn distance(name: &str, a: &[f64], d: &[f64]) -> f64 {
    let mean: Vec<f64> = a.iter().zip(d).map(|(a, d)| 0.5 * (a + d)).collect();
    let apart = || a.iter().zip(d).map(|(a, d)| (a - d).abs());
    match name {
        "KL" => divergence(a, d),
        "JS" => 0.5 * (divergence(a, &mean) + divergence(d, &mean)),
        "LP" => apart().map(|x| x * x).sum::<f64>().sqrt(),
        "TVD" => 0.5 * apart().sum::<f64>(),
        _ => apart().fold(0.0, f64::max),
    }
}

/// Σ p ln(p/q), in nats; infinite where q lacks what p has.
fn divergence(p: &[f64], q: &[f64]) -> f64 {
    p.iter().zip(q).map(|(&p, &q)| if p == 0.0 { 0.0 } else { p * (p / q).ln() }).sum()
}

/// Generalized entropy of the benefits b = prediction − label + 1, α = 2.
fn entropy(whole: &Split) -> Outcome {
    let [[tn, fp], [fnn, tp]] = *whole;
    let n = tn + fp + fnn + tp;
    let mean = (tn + 2.0 * fp + tp) / n;
    if n == 0.0 || mean == 0.0 {
        return Err("every benefit is zero: all predictions are false negatives".into());
    }
    let term = |benefit: f64| (benefit / mean).powi(2) - 1.0;
    Ok(((tn + tp) * term(1.0) + fp * term(2.0) + fnn * term(0.0)) / (2.0 * n))
}

/// One sentence on why the two modes disagree.
pub fn why(name: &str, correct: &Outcome, clarify: &Outcome, groups: Option<&str>) -> String {
    let text = match (name, groups) {
        ("FT", None) => "Clarify computes the flip test with the sign opposite to its documentation.",
        (_, Some(groups)) => return groups.into(),
        ("KL" | "JS" | "LP" | "TVD" | "KS", _) => {
            "An outcome occurs in one group only: Clarify leaves it out of the sum, the definition takes all outcomes."
        }
        ("CDDL" | "CDDPL", _) => {
            "A stratum has no positives or no negatives: Clarify takes the empty share as 0, which looks like a disparity."
        }
        _ => match (correct, clarify) {
            (Err(_), Ok(_)) => {
                "Where a ratio is 0/0, or infinite in both groups, Clarify puts 0; by the definition there is no value."
            }
            (Ok(_), Err(_)) => "Clarify refuses all metrics of this stage.",
            _ => "Clarify and the definition differ on this table.",
        },
    };
    text.into()
}
