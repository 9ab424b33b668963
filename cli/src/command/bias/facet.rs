//! `--facet`: a column, and the rows of it that are compared with the rest.

use pellucid::data::Table;
use pellucid::{Error, Result};

/// Who is compared with the rest.
#[derive(Debug, PartialEq)]
pub enum Named {
    /// Each value of the column, one after the other.
    Each,
    /// Rows with any of these values.
    Values(Vec<String>),
    /// Rows above a number.
    Above(f64),
}

/// Splits what was typed for an option: `COLUMN`, `COLUMN=VALUE,…` or `COLUMN>X`. A name may hold these signs itself: the longest that the table has is taken. A value in
/// double quotes may hold commas.
pub fn parse(option: &str, text: &str, table: &Table) -> Result<(String, Named)> {
    let columns = table.schema().fields().iter().map(|field| field.name().as_str());
    let named = columns.filter(|name| text.starts_with(name)).filter(|name| {
        let rest = text[name.len()..].trim_start();
        rest.is_empty() || rest.starts_with(['=', '>'])
    });
    let name = match named.max_by_key(|name| name.len()) {
        Some(name) => name,
        None => {
            let name = text.split(['=', '>']).next().unwrap_or(text).trim();
            table.positions(&[name.to_string()])?;
            name
        }
    };
    let bad = |what: &str| {
        Error::input(format!("`--{option} {text}`: {what}")).hint(match option {
            "facet" => "write a column and who is compared with the rest, as `sex=Female`, `race=Black,Other` or `'age>40'`",
            _ => "write a column and which of its rows are meant, as `region=north,south`, `'age=[20, 40)'` or `'age>40'`",
        })
    };
    let rest = text[text.find(name).unwrap_or(0) + name.len()..].trim_start();
    let named = match rest.split_at_checked(1) {
        None => Named::Each,
        Some((">", number)) => match number.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Named::Above(number),
            _ => return Err(bad(&format!("`{}` is not a number", number.trim()))),
        },
        Some((_, values)) => {
            let values = values_of(values);
            if values.iter().any(String::is_empty) {
                return Err(bad("there is no value after the `=` or between two commas"));
            }
            Named::Values(values)
        }
    };
    Ok((name.to_string(), named))
}

/// Values between commas; in double quotes commas are part of a value, and two quotes are one.
fn values_of(text: &str) -> Vec<String> {
    let (mut values, mut quoted) = (vec![String::new()], false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let value = values.last_mut().expect("there is always one");
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => value.extend(letters.next()),
            '"' if quoted || value.is_empty() => quoted = !quoted,
            ',' if !quoted => values.push(String::new()),
            _ => value.push(letter),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use pellucid::data::ReadOptions;

    fn parsed(text: &str) -> Result<(String, Named)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, "sex,age,age>40,a=b\nF,1,1,1\n").unwrap();
        parse("facet", text, &Table::open(&path, &ReadOptions::default()).unwrap())
    }

    #[test]
    fn facets_parse() {
        let values = |values: &[&str]| Named::Values(values.iter().map(|v| v.to_string()).collect());
        for (text, column, named) in [
            ("sex", "sex", Named::Each),
            ("sex=F", "sex", values(&["F"])),
            ("sex=F,M", "sex", values(&["F", "M"])),
            ("sex=\"F, or so\",\"say \"\"M\"\"\"", "sex", values(&["F, or so", "say \"M\""])),
            ("age>30", "age", Named::Above(30.0)),
            ("age > -3e1", "age", Named::Above(-30.0)),
            ("age>40", "age>40", Named::Each),
            ("age>40=1", "age>40", values(&["1"])),
            ("a=b>0.5", "a=b", Named::Above(0.5)),
        ] {
            assert_eq!(parsed(text).unwrap(), (column.to_string(), named), "{text}");
        }
        for (text, told) in [
            ("sec=F", "did you mean `sex`?"),
            ("sexy", "no column `sexy`"),
            ("age>x", "`--facet age>x`: `x` is not a number"),
            ("sex=", "no value after the `=`"),
            ("sex=F,", "no value after the `=`"),
        ] {
            let error = parsed(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
