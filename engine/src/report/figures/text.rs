//! Numbers and names as text: titles, labels and alternative texts. Tables keep the full numbers.

use serde_json::{Value, json};

/// Characters in a line of a label on an axis.
const LINE: usize = 26;

/// Three significant digits or all before the point, as a person writes them: `0.0123`, `12,345`, `−1.2e−7`.
pub fn short(x: f64) -> String {
    significant(x, 3)
}

fn significant(x: f64, digits: i32) -> String {
    if !x.is_finite() {
        return "not known".into();
    }
    let size = x.abs();
    let text = if size == 0.0 {
        "0".into()
    } else if !(1e-4..1e7).contains(&size) {
        let text = format!("{size:.*e}", digits as usize - 1);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        format!("{}e{}", trim(mantissa), exponent.replace('-', "−"))
    } else {
        let decimals = (digits - 1 - size.log10().floor() as i32).clamp(0, 6) as usize;
        let text = format!("{size:.decimals$}");
        let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
        let whole = thousands(whole.parse().unwrap_or(0));
        if rest.is_empty() { whole } else { trim(&format!("{whole}.{rest}")).to_owned() }
    };
    if x < 0.0 { format!("−{text}") } else { text }
}

/// The same with its sign, `+` too.
pub fn signed(x: f64) -> String {
    if x > 0.0 { format!("+{}", short(x)) } else { short(x) }
}

/// `0.12 ± 0.013`, without a standard error that is 0 or not known.
pub fn plus_minus(x: f64, stderr: f64) -> String {
    if stderr > 0.0 && stderr.is_finite() { format!("{} ± {}", short(x), significant(stderr, 2)) } else { short(x) }
}

/// A share as `12 %`, `0.3 %`.
pub fn percent(share: f64) -> String {
    let points = share * 100.0;
    if points >= 10.0 { format!("{points:.0} %") } else { format!("{} %", trim(&format!("{points:.1}"))) }
}

/// `1,234,567`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group));
    groups.collect::<Vec<_>>().join(",")
}

/// `1 row`, `2 rows`.
pub fn count(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(n), if n == 1 { "" } else { "s" })
}

/// `a, b and c`.
pub fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A name cut in its middle to at most `most` characters.
pub fn cut(name: &str, most: usize) -> String {
    let characters: Vec<char> = name.chars().collect();
    if characters.len() <= most {
        return name.to_owned();
    }
    let head = most.saturating_sub(1).div_ceil(2);
    let tail = most.saturating_sub(1) - head;
    characters[..head].iter().chain(&['…']).chain(&characters[characters.len() - tail..]).collect()
}

/// A label for an axis: a string, or two lines if it is long, broken at a space or mark where there is one.
pub fn label(name: &str) -> Value {
    let characters: Vec<char> = cut(name, 2 * LINE - 4).chars().collect();
    if characters.len() <= LINE {
        return json!(characters.iter().collect::<String>());
    }
    let breaks = |&at: &usize| at <= LINE && characters.len() - at <= LINE && !characters[at - 1].is_alphanumeric();
    let at = (1..characters.len()).rev().find(breaks).unwrap_or(characters.len().div_ceil(2));
    let lines = [&characters[..at], &characters[at..]].map(|line| line.iter().collect::<String>().trim().to_owned());
    json!(lines)
}

/// Lower case letters, digits and hyphens, for links and file names.
pub fn slug(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' };
    let spaced: String = text.chars().map(plain).collect();
    let slug: String = spaced.split_whitespace().collect::<Vec<_>>().join("-").chars().take(48).collect();
    if slug.is_empty() { "x".into() } else { slug.trim_end_matches('-').to_owned() }
}

fn trim(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_significant_digits() {
        let cases = [(0.0, "0"), (0.012_345, "0.0123"), (-1.5, "−1.5"), (123_456.0, "123,456"), (99.96, "100")];
        cases.iter().for_each(|&(x, text)| assert_eq!(short(x), text));
        assert_eq!(short(-1.2e-7), "−1.2e−7");
        assert_eq!(short(2.5e12), "2.5e12");
        assert_eq!(short(f64::NAN), "not known");
        assert_eq!(signed(0.5), "+0.5");
        assert_eq!(plus_minus(0.5, f64::NAN), "0.5");
        assert_eq!(percent(0.123), "12 %");
        assert_eq!(percent(0.01), "1 %");
    }

    #[test]
    fn long_names_become_two_lines() {
        assert_eq!(label("age"), json!("age"));
        assert_eq!(
            label("capital gain of the last calendar year"),
            json!(["capital gain of the last", "calendar year"])
        );
        assert_eq!(label(&"x".repeat(60)).as_array().unwrap().len(), 2);
        assert_eq!(cut("abcdefgh", 5), "ab…gh");
        assert_eq!(cut("日本語の長い名前", 5), "日本…名前");
    }

    #[test]
    fn slugs_hold_nothing_that_a_link_minds() {
        assert_eq!(slug("probabilities[1]"), "probabilities-1");
        assert_eq!(slug("<script>alert(1)</script>"), "script-alert-1-script");
        assert_eq!(slug("🦀"), "x");
    }
}
