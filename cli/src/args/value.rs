//! Values of options that are more than a number or a name.

use clap::ValueEnum;
use pellucid::device::DeviceChoice;
use std::path::Path;
use std::str::FromStr;

/// How much work one explained row may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Budget {
    /// Chosen from the number of players.
    #[default]
    Auto,
    /// Every coalition.
    Exact,
    /// At most this many model rows for each explained row.
    ModelRows(usize),
}

impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "exact" => Ok(Self::Exact),
            _ => match text.replace(['_', ','], "").parse() {
                Ok(rows) if rows > 0 => Ok(Self::ModelRows(rows)),
                _ => Err("allowed: auto, exact, or a number of model rows above 0, such as 12800".into()),
            },
        }
    }
}

/// Which coalitions are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Design {
    /// Picked from the number of players and the budget by the rule in the guide.
    #[default]
    Auto,
    /// All of them.
    Exact,
    /// Antithetic permutations: best for very small budgets.
    Permutation,
    /// Every coalition with every background row.
    Crossed,
    /// Every background row with coalitions of its own.
    PerBackground,
}

/// Whether boosted trees stand in for each game.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Surrogate {
    /// Never.
    #[default]
    None,
    /// Always.
    Trees,
    /// From 60 players on, where they pay on the pilot rows.
    Auto,
}

/// The scale attributions add up on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Link {
    /// The model's own output.
    #[default]
    Identity,
    /// Log-odds of a probability; taken after the mean over the background.
    Logit,
}

/// The layout of `--output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns with zstd, and the provenance of the run in the file's metadata.
    Parquet,
    /// Text with a header line.
    Csv,
    /// One JSON object a line.
    Jsonl,
    /// Columns as SageMaker Clarify names them.
    Clarify,
}

impl Format {
    /// By the file's ending; Parquet when it says nothing.
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => Self::Csv,
            Some("jsonl" | "ndjson") => Self::Jsonl,
            _ => Self::Parquet,
        }
    }
}

/// How points are laid along a numeric column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GridKind {
    /// At quantiles of the data: close together where there are many rows.
    #[default]
    Quantiles,
    /// Evenly between the smallest and the largest value.
    Even,
    /// At the centres of equal buckets, as SageMaker Clarify does.
    Buckets,
}

/// The form of figures in files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FigureFormat {
    /// Lines and text: scales without loss, can be edited.
    #[default]
    Svg,
    /// Pixels, for slides and documents.
    Png,
}

/// A number of rows drawn at random, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowCount {
    All,
    Some(usize),
}

impl FromStr for RowCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            _ => match text.replace(['_', ','], "").parse() {
                Ok(rows) if rows > 0 => Ok(Self::Some(rows)),
                _ => Err("allowed: all, or a number of rows above 0, such as 1000".into()),
            },
        }
    }
}

impl From<Budget> for pellucid::design::Budget {
    fn from(budget: Budget) -> Self {
        match budget {
            Budget::Auto => Self::Auto,
            Budget::Exact => Self::Exact,
            Budget::ModelRows(rows) => Self::Rows(rows),
        }
    }
}

impl From<Surrogate> for pellucid::surrogate::SurrogateChoice {
    fn from(surrogate: Surrogate) -> Self {
        match surrogate {
            Surrogate::None => Self::None,
            Surrogate::Trees => Self::Trees,
            Surrogate::Auto => Self::Auto,
        }
    }
}

impl From<Design> for pellucid::design::DesignChoice {
    fn from(design: Design) -> Self {
        match design {
            Design::Auto => Self::Auto,
            Design::Exact => Self::Exact,
            Design::Permutation => Self::Permutation,
            Design::Crossed => Self::Crossed,
            Design::PerBackground => Self::PerBackground,
        }
    }
}

impl Link {
    /// As a provenance has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Logit => "logit",
        }
    }
}

impl From<Link> for pellucid::explain::Link {
    fn from(link: Link) -> Self {
        match link {
            Link::Identity => Self::Identity,
            Link::Logit => Self::Logit,
        }
    }
}

/// A whole number of at least 1.
pub fn at_least_1(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "a whole number of at least 1".into())
}

/// A share above 0 and below 1.
pub fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("a number above 0 and below 1, such as 0.01".into()),
    }
}

/// A number that is one.
pub fn number(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|number: &f64| !number.is_nan()).ok_or_else(|| "a number, such as 0.5".into())
}

/// The name of a device.
pub fn device(text: &str) -> Result<DeviceChoice, String> {
    text.parse().map_err(|error: pellucid::Error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_parse() {
        assert_eq!("exact".parse(), Ok(Budget::Exact));
        assert_eq!("12_800".parse(), Ok(Budget::ModelRows(12800)));
        for text in ["0", "-4", "1e4", "all", ""] {
            assert!(text.parse::<Budget>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_format_follows_the_ending() {
        assert_eq!(Format::of(Path::new("a.CSV")), Format::Csv);
        assert_eq!(Format::of(Path::new("a.jsonl")), Format::Jsonl);
        assert_eq!(Format::of(Path::new("a")), Format::Parquet);
    }
}

/// `--draw`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Draw {
    #[default]
    Shared,
    PerRow,
}
