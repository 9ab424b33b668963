//! Column names in messages: lists, duplicates, and the nearest name to a misspelt one.

use crate::{Error, Result};
use std::collections::HashSet;

/// How many names a message lists before "and n more".
const LISTED: usize = 8;

/// "`a`, `b` and 3 more".
pub fn list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let names: Vec<String> = names.into_iter().map(|n| format!("`{}`", n.as_ref())).collect();
    let rest = names.len().saturating_sub(LISTED);
    let head = names[..names.len() - rest].join(", ");
    if rest == 0 { head } else { format!("{head} and {rest} more") }
}

/// " (did you mean `age`?)", or nothing when no candidate is near: at most a third of the letters differ, or one of two.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let letters = name.chars().count();
    let near = (letters / 3).max(usize::from(letters > 1));
    let nearest = candidates.into_iter().map(|c| (distance(name, c), c)).min_by_key(|(d, _)| *d);
    match nearest {
        Some((d, candidate)) if d <= near => format!(" (did you mean `{candidate}`?)"),
        _ => String::new(),
    }
}

/// Levenshtein distance of the lower-cased names, with space, `-`, `.` and `_` taken as one letter.
fn distance(a: &str, b: &str) -> usize {
    let fold = |s: &str| -> Vec<char> {
        s.to_lowercase().chars().map(|c| if matches!(c, ' ' | '-' | '.') { '_' } else { c }).collect()
    };
    let (a, b) = (fold(a), fold(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// An error if a name occurs twice; `what` says of what, as in "columns of data.csv".
pub fn require_unique<'a>(names: impl IntoIterator<Item = &'a str>, what: &str) -> Result<()> {
    let mut seen = HashSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(name) => Err(Error::input(format!("`{name}` occurs twice among the {what}"))
            .hint("give each a name of its own, so that it is clear which one is meant")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_name() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(did_you_mean("mean radius", ["worst_radius", "mean_radius"]), " (did you mean `mean_radius`?)");
        assert_eq!(did_you_mean("agee", ["wage", "age"]), " (did you mean `age`?)");
        assert_eq!(did_you_mean("income", ["age", "sex"]), "");
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(list(["a", "b"]), "`a`, `b`");
        assert_eq!(list(('a'..='j').map(|c| c.to_string())), "`a`, `b`, `c`, `d`, `e`, `f`, `g`, `h` and 2 more");
    }
}
