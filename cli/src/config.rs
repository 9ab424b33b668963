//! `--config FILE`: options from a TOML or JSON file, joined to the ones that were typed.
//!
//! Entries the command line does not set become arguments before parsing, so a value in a file is checked by the same
//! rules, with the same messages, as a typed one.

use crate::args::Cli;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory};
use pellucid::data::did_you_mean;
use pellucid::{Error, Result};
use serde_json::{Map, Value};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The arguments as typed, and after them what the file adds.
pub fn merge(typed: impl Iterator<Item = OsString>) -> Result<Vec<OsString>> {
    let mut arguments: Vec<OsString> = typed.collect();
    // A first reading, for `--config` and for what was typed; errors are for the second one, by clap.
    let command = Cli::command();
    let Ok(matches) = command.clone().ignore_errors(true).try_get_matches_from(&arguments) else {
        return Ok(arguments);
    };
    let (mut names, mut matches) = (Vec::new(), &matches);
    while let Some((name, inner)) = matches.subcommand() {
        names.push(name);
        matches = inner;
    }
    let Some(path) = matches.try_get_one::<PathBuf>("config").ok().flatten() else { return Ok(arguments) };
    let mut command = command;
    command.build();
    let inner = |command, name: &&str| Command::find_subcommand(command, name).expect("clap matched this subcommand");
    let known = names.iter().fold(&command, inner);
    for (key, value) in read(path)? {
        add(known, matches, &key, &value, path, &mut arguments)?;
    }
    Ok(arguments)
}

fn read(path: &Path) -> Result<Map<String, Value>> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
    let json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let table: Result<Map<String, Value>, String> = match json {
        true => serde_json::from_str(&text).map_err(|error| error.to_string()),
        false => toml::from_str(&text).map_err(|error| error.to_string()),
    };
    let kind = if json { "JSON" } else { "TOML" };
    table.map_err(|error| {
        Error::input(format!("{} is not a {kind} table of options: {}", path.display(), error.trim()))
            .hint("write one option a line, such as `budget = 4096`; end the name in .json for JSON")
    })
}

fn add(
    command: &Command,
    typed: &ArgMatches,
    key: &str,
    value: &Value,
    path: &Path,
    arguments: &mut Vec<OsString>,
) -> Result<()> {
    let named = key.replace('_', "-");
    let options = || {
        command
            .get_arguments()
            .filter(|known| known.get_long().is_some_and(|long| !matches!(long, "config" | "help" | "version")))
    };
    let Some(known) = options().find(|known| known.get_long() == Some(named.as_str())) else {
        let allowed: Vec<_> = options().filter_map(|known| known.get_long()).collect();
        let nearest = did_you_mean(&named, allowed.iter().copied());
        let message = format!("{}: unknown option {key:?}{nearest}", path.display());
        return Err(Error::input(message).hint(format!("allowed are {}", allowed.join(", "))));
    };
    if typed.value_source(known.get_id().as_str()) == Some(ValueSource::CommandLine) {
        return Ok(());
    }
    let bad = |allowed: &str| Error::input(format!("{}: {key} is {value}; it must be {allowed}", path.display()));
    let may_be_bare = known.get_num_args().is_some_and(|values| values.min_values() == 0);
    if matches!(known.get_action(), ArgAction::SetTrue) || (may_be_bare && value.is_boolean()) {
        match value {
            Value::Bool(true) => arguments.push(format!("--{named}").into()),
            Value::Bool(false) => {}
            _ => return Err(bad("true or false")),
        }
        return Ok(());
    }
    let values = match value {
        Value::Array(values) if matches!(known.get_action(), ArgAction::Append) => values.as_slice(),
        one => std::slice::from_ref(one),
    };
    for one in values {
        let text = match one {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ if matches!(known.get_action(), ArgAction::Append) => {
                return Err(bad("text, a number, or a list of those"));
            }
            _ => return Err(bad("text or a number")),
        };
        arguments.push(format!("--{named}={text}").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(name: &str, text: &str, typed: &[&str]) -> Result<Vec<String>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut line: Vec<OsString> = ["pellucid", "shap", "--config"].map(OsString::from).into();
        line.push(path.into());
        line.extend(typed.iter().map(OsString::from));
        let n = line.len();
        Ok(merge(line.into_iter())?.into_iter().skip(n).map(|a| a.into_string().unwrap()).collect())
    }

    #[test]
    fn a_file_adds_what_was_not_typed() {
        let text =
            "model = 'm.onnx'\nbudget = 4096\ntarget = ['yes', 2]\nforce = true\nstderr = false\nbackground_rows = 7\n";
        let added = merged("run.toml", text, &["--budget", "exact"]).unwrap();
        assert_eq!(added, ["--background-rows=7", "--force", "--model=m.onnx", "--target=yes", "--target=2"]);
    }

    #[test]
    fn json_has_the_same_names() {
        let added = merged("run.json", r#"{"seed": 3, "quiet": true, "tolerance": 0.01}"#, &[]).unwrap();
        assert_eq!(added, ["--quiet", "--seed=3", "--tolerance=0.01"]);
    }

    #[test]
    fn wrong_files_are_refused_with_what_is_allowed() {
        let message = |name, text| merged(name, text, &[]).unwrap_err().to_string();
        assert!(message("run.toml", "modell = 'm'").ends_with("unknown option \"modell\" (did you mean `model`?)"));
        assert!(message("run.toml", "force = 3").contains("force is 3; it must be true or false"));
        assert!(message("run.toml", "budget = [1, 2]").contains("budget is [1,2]; it must be text or a number"));
        assert!(message("run.json", "[1]").contains("is not a JSON table of options"));
        assert!(message("run.toml", "a =").contains("is not a TOML table of options"));
    }
}
