//! Numbers written for people.

use std::time::Duration;

/// `1234567` → `1,234,567`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1610612736` → `1.5 GiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if value.fract() == 0.0 { format!("{value} {}", UNITS[unit]) } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// Four significant digits, without an exponent where a person would not use one: `0.01234`, `12.34`, `1.234e-7`.
pub fn significant(value: f64) -> String {
    let magnitude = if value == 0.0 { 0 } else { value.abs().log10().floor() as i32 };
    match magnitude {
        _ if !value.is_finite() => value.to_string(),
        -4..=3 => format!("{value:.*}", (3 - magnitude) as usize),
        4..=8 => format!("{value:.0}"),
        _ => format!("{value:.3e}"),
    }
}

/// Decimals that show `largest` with four significant digits, and at least one: for a column of numbers below each other.
pub fn decimals(largest: f64) -> usize {
    let magnitude = if largest > 0.0 && largest.is_finite() { largest.log10().floor() as i32 } else { 0 };
    (3 - magnitude).clamp(1, 12) as usize
}

/// `250 ms`, `4.2 s`, `3 min 12 s`, `2 h 05 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() < 10 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `512MiB`, `2GB`, `1.5 GiB` or a plain number of bytes; what `--memory` takes.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let allowed = || format!("{text:?} is not a size; write for example 512MiB, 2GB or a number of bytes");
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        _ => return Err(allowed()),
    };
    let bytes = number.parse::<f64>().map_err(|_| allowed())? * scale as f64;
    // The smallest budget that holds a tile of a wide table; the largest a machine could have.
    if (1_048_576.0..1e15).contains(&bytes) { Ok(bytes as u64) } else { Err(format!("{text}: at least 1MiB")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1000, 1234567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([512, 1 << 20, 3 << 29].map(bytes), ["512 B", "1 MiB", "1.5 GiB"]);
        assert_eq!(
            [0.0, 0.012345, -12.345, 1234.5, 123456.0, 1.2344e-7].map(significant),
            ["0.000", "0.01235", "-12.35", "1234", "123456", "1.234e-7"]
        );
        assert_eq!(
            [0.25, 75.0, 7500.0].map(|s| duration(Duration::from_secs_f64(s))),
            ["250 ms", "1 min 15 s", "2 h 05 min"]
        );
    }

    #[test]
    fn a_column_has_the_decimals_of_its_largest_number() {
        assert_eq!([0.25, 0.08702, 12.0, 123456.0, 0.0, 1e-20].map(decimals), [4, 5, 2, 1, 3, 12]);
    }

    #[test]
    fn sizes_parse_with_their_unit_and_refuse_the_rest() {
        assert_eq!(parse_bytes("512MiB"), Ok(512 << 20));
        assert_eq!(parse_bytes("2GB"), Ok(2_000_000_000));
        assert_eq!(parse_bytes("1.5 GiB"), Ok(3 << 29));
        assert_eq!(parse_bytes("1048576"), Ok(1 << 20));
        for text in ["", "MiB", "12 parsecs", "-1", "0", "1KiB", "nan"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
