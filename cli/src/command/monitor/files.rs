//! The files of a run, opened before any work, so that a wrong path costs nothing.

use crate::args::MonitorResultArgs;
use crate::command::bias::create;
use crate::command::put::put;
use crate::terminal::Terminal;
use pellucid::data::Pending;
use pellucid::drift::{Constraints, Profile};
use pellucid::report::monitor::MonitorPage;
use pellucid::{Error, Result};
use serde_json::Value;
use std::path::Path;

const CONSTRAINTS: &str = "constraints.json";
const STATISTICS: &str = "statistics.json";
const VIOLATIONS: &str = "constraint_violations.json";
const MONITOR: &str = "monitor.json";

pub struct Files {
    constraints: Pending,
    /// Of a baseline.
    statistics: Option<Pending>,
    /// Of new data.
    violations: Option<Pending>,
    monitor: Option<Pending>,
    page: Option<Pending>,
    /// The reference writes no file where nothing is violated.
    only_violations: bool,
}

impl Files {
    /// `new`: there is new data, and not a baseline alone.
    pub fn create(args: &MonitorResultArgs, new: bool, compat: bool) -> Result<Files> {
        require_apart(args)?;
        let folder = &args.output;
        std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        let open = |name: &str| create(&folder.join(name), "json", args.force);
        let only = |wanted: bool, name: &str| wanted.then(|| open(name)).transpose();
        Ok(Files {
            constraints: open(CONSTRAINTS)?,
            statistics: only(!new, STATISTICS)?,
            violations: only(new, VIOLATIONS)?,
            monitor: only(new, MONITOR)?,
            page: args.report.as_deref().filter(|_| new).map(|path| create(path, "html", args.force)).transpose()?,
            only_violations: compat,
        })
    }

    pub fn write_baseline(
        self,
        constraints: &Constraints,
        profile: Option<&Profile>,
        terminal: &Terminal,
    ) -> Result<()> {
        json(self.constraints, &constraints.to_json(), terminal)?;
        match (self.statistics, profile) {
            (Some(file), Some(profile)) => json(file, &profile.statistics(), terminal),
            _ => Ok(()),
        }
    }

    pub fn write(
        self,
        constraints: &Constraints,
        violations: &Value,
        document: &Value,
        page: &MonitorPage,
        terminal: &Terminal,
    ) -> Result<()> {
        if let Some(file) = self.page {
            put(file, page.report().html()?.as_bytes(), terminal)?;
        }
        json(self.constraints, &constraints.to_json(), terminal)?;
        let none = violations["violations"].as_array().is_none_or(Vec::is_empty);
        match self.violations {
            Some(file) if none && self.only_violations => {
                let path = file.path().to_path_buf();
                drop(file);
                remove(&path)?;
            }
            Some(file) => json(file, violations, terminal)?,
            None => {}
        }
        self.monitor.map_or(Ok(()), |file| json(file, document, terminal))
    }
}

/// A file of an earlier run says what is no longer so.
fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, e)),
        _ => Ok(()),
    }
}

fn json(file: Pending, value: &Value, terminal: &Terminal) -> Result<()> {
    put(file, format!("{value:#}\n").as_bytes(), terminal)
}

/// Each file needs a name of its own.
fn require_apart(args: &MonitorResultArgs) -> Result<()> {
    let named = [("--report", &args.report), ("--state", &args.state), ("--prometheus", &args.prometheus)];
    let given: Vec<_> = named.iter().filter_map(|(option, path)| Some((option, path.as_ref()?))).collect();
    for (at, (option, path)) in given.iter().enumerate() {
        if let Some((other, _)) = given[..at].iter().find(|(_, earlier)| earlier == path) {
            return Err(Error::input(format!("{other} and {option} are both {}", path.display()))
                .hint("give each a name of its own"));
        }
    }
    Ok(())
}
