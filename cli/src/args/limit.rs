//! `--fail-if`: a limit on a metric.

use std::fmt;
use std::str::FromStr;

/// What must not hold of a metric: `DI<0.8`, `|DPL|>0.1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    pub metric: String,
    /// Whether the absolute value is compared.
    pub absolute: bool,
    pub comparison: Comparison,
    pub bound: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Limit {
    /// Whether a value is what the limit says it must not be.
    pub fn is_broken_by(&self, value: f64) -> bool {
        let value = if self.absolute { value.abs() } else { value };
        match self.comparison {
            Comparison::Below => value < self.bound,
            Comparison::AtMost => value <= self.bound,
            Comparison::Above => value > self.bound,
            Comparison::AtLeast => value >= self.bound,
        }
    }
}

impl Comparison {
    /// Longer signs first, so that `<=` is not taken for `<`.
    const SIGNS: [(&str, Comparison); 4] =
        [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Below), (">", Self::Above)];

    fn sign(self) -> &'static str {
        Self::SIGNS.iter().find(|(_, comparison)| *comparison == self).map_or("", |(sign, _)| sign)
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let at = text.find(['<', '>'])?;
            let (sign, comparison) = Comparison::SIGNS.into_iter().find(|(sign, _)| text[at..].starts_with(sign))?;
            let (name, bound) = (text[..at].trim(), text[at + sign.len()..].trim());
            let inside = name.strip_prefix('|').and_then(|rest| rest.strip_suffix('|')).map(str::trim);
            let metric = inside.unwrap_or(name);
            let bound = bound.parse().ok().filter(|bound: &f64| !bound.is_nan())?;
            let plain = !metric.is_empty() && metric.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
            plain.then(|| Self { metric: metric.into(), absolute: inside.is_some(), comparison, bound })
        };
        parsed().ok_or_else(|| "a metric, one of < <= > >=, and a number, such as 'DI<0.8' or '|DPL|>0.1'".into())
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let bars = if self.absolute { "|" } else { "" };
        write!(f, "{bars}{}{bars} {} {}", self.metric, self.comparison.sign(), self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_parse() {
        let limit = |text: &str| text.parse::<Limit>().unwrap();
        assert_eq!(
            limit("DI<0.8"),
            Limit { metric: "DI".into(), absolute: false, comparison: Comparison::Below, bound: 0.8 }
        );
        for (text, shown) in [
            ("DI<=0.8", "DI <= 0.8"),
            (" | DPL | > .1", "|DPL| > 0.1"),
            ("ci>=-1e-1", "ci >= -0.1"),
            ("TE<inf", "TE < inf"),
        ] {
            assert_eq!(limit(text).to_string(), shown);
        }
        for text in ["", "DI", "DI<", "<0.8", "DI=0.8", "DI<x", "DI<nan", "|DI<0.8", "DI<<0.8", "DI<0.8<1", "a b<1"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_breaks_a_limit() {
        let broken = |text: &str, value: f64| text.parse::<Limit>().unwrap().is_broken_by(value);
        assert!(broken("DI<0.8", 0.79) && !broken("DI<0.8", 0.8) && broken("DI<=0.8", 0.8));
        assert!(broken("|DPL|>0.1", -0.2) && !broken("DPL>0.1", -0.2) && broken("DPL>=0.1", 0.1));
        assert!(broken("DI>1.25", f64::INFINITY));
    }
}
