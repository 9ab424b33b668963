//! Columns as a configuration means them: by name or by number.

use super::config::{Column, Place};
use pellucid::data::did_you_mean;
use pellucid::{Error, Result};

/// Columns of a file, in its order.
#[derive(Debug, Clone, Default)]
pub struct Names {
    pub all: Vec<String>,
    /// The file's name.
    pub file: String,
}

impl Names {
    /// The name of the column that is meant.
    ///
    /// # Errors
    /// One that is not there, with the key that asks for it and the nearest name.
    pub fn find(&self, column: &Column) -> Result<String> {
        let Names { all, file } = self;
        let found = match &column.place {
            Place::Name(name) => all.iter().find(|known| *known == name),
            Place::Index(index) => all.get(*index),
        };
        found.cloned().ok_or_else(|| {
            let what = match &column.place {
                Place::Name(name) => {
                    format!("{file} has no column `{name}`{}", did_you_mean(name, all.iter().map(String::as_str)))
                }
                Place::Index(index) => format!("{file} has {} columns, counted from 0; {index} is not one", all.len()),
            };
            Error::input(format!("`{}`: {what}", column.at)).hint(format!("its columns are {}", self.shown()))
        })
    }

    pub fn find_all(&self, columns: &[Column]) -> Result<Vec<String>> {
        columns.iter().map(|column| self.find(column)).collect()
    }

    pub fn has(&self, name: &str) -> bool {
        self.all.iter().any(|known| known == name)
    }

    fn shown(&self) -> String {
        const MOST: usize = 20;
        let rest = self.all.len().saturating_sub(MOST);
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        format!("{}{more}", self.all[..self.all.len() - rest].join(", "))
    }
}

/// The header line of a CSV file, or that it has none.
#[derive(Debug, Clone, PartialEq)]
pub enum Header {
    InFile,
    /// Names for the columns of a file whose first line is a row.
    Given(Vec<String>),
}

/// Whether the first line of a CSV file is a header, given the names that the configuration has for its columns and those it uses.
///
/// # Errors
/// More or fewer names than cells; the same names in another order.
pub fn header(first: &[String], headers: Option<&[String]>, used: &[&str], file: &str) -> Result<Header> {
    let Some(headers) = headers else {
        let named = used.iter().any(|name| first.iter().any(|cell| cell == name));
        let row = first.iter().any(|cell| cell.is_empty() || cell.parse::<f64>().is_ok());
        let numbered = (0..first.len()).map(|i| format!("column_{i}")).collect();
        return Ok(if named || !row { Header::InFile } else { Header::Given(numbered) });
    };
    if first == headers {
        return Ok(Header::InFile);
    }
    if first.len() != headers.len() {
        return Err(Error::input(format!(
            "`headers` has {} names and {file} has {} columns",
            headers.len(),
            first.len()
        ))
        .hint("give one name a column, the label included, in the file's order"));
    }
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    match sorted(first) == sorted(headers) {
        true => Err(Error::input(format!("`headers` has the names of {file}'s own first line in another order"))
            .hint("leave `headers` out: the file names its columns")),
        false => Ok(Header::Given(headers.to_vec())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &str) -> Vec<String> {
        list.split(',').map(String::from).collect()
    }

    #[test]
    fn first_lines_that_are_headers_and_rows() {
        let of = |first: &str, headers: Option<&str>, used: &[&str]| {
            header(&names(first), headers.map(names).as_deref(), used, "data.csv")
        };
        assert_eq!(of("age,sex", None, &[]).unwrap(), Header::InFile);
        assert_eq!(of("39,Male", None, &[]).unwrap(), Header::Given(names("column_0,column_1")));
        assert_eq!(of("2024,sex", None, &["sex"]).unwrap(), Header::InFile);
        assert_eq!(of("age,sex", Some("age,sex"), &[]).unwrap(), Header::InFile);
        assert_eq!(of("39,Male", Some("age,sex"), &[]).unwrap(), Header::Given(names("age,sex")));
        assert_eq!(of("a,b", Some("age,sex"), &[]).unwrap(), Header::Given(names("age,sex")));
        let message = |first, headers| of(first, Some(headers), &[]).unwrap_err().to_string();
        assert_eq!(message("39,Male,1", "age,sex"), "`headers` has 2 names and data.csv has 3 columns");
        assert!(message("sex,age", "age,sex").ends_with("own first line in another order"));
    }
}
