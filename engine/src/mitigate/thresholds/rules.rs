//! Thresholds as a file, and the decisions they make.

use super::super::columns::{appended, numbers, require_new, with};
use super::super::draws::{DECISIONS, draws};
use super::super::groups::Groups;
use super::{Constraint, Objective, Outcome, Sample};
use crate::bias::{Kind, Selection, Value};
use crate::data::{Table, did_you_mean, list_of};
use crate::{Error, Result};
use arrow::array::{ArrayRef, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Field};
use rand::RngExt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::path::Path;
use std::sync::Arc;

/// What a file of thresholds calls itself.
const KIND: &str = "pellucid group thresholds 1";

/// Positive above a number, in a share of the decisions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cut {
    /// Above 0, at most 1; the shares of a group's cuts sum to 1.
    pub share: f64,
    /// May be infinite: nobody, or everybody, is positive. Written as `"Infinity"`, `"-Infinity"`.
    #[serde(serialize_with = "write_bound", deserialize_with = "read_bound")]
    pub above: f64,
}

/// How one group is decided: by a coin in a share of the rows, by the cuts in the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRule {
    /// Name of the group.
    pub group: String,
    /// One for each facet; see [`Group::parts`](super::super::Group::parts).
    pub parts: Vec<String>,
    /// Share of the rows that are decided without looking at their score, in [0, 1], and the chance of those to be positive.
    pub coin: f64,
    pub chance: f64,
    /// One, or two to mix.
    pub cuts: Vec<Cut>,
    /// Rows that it was fitted on.
    pub rows: u64,
}

impl GroupRule {
    pub(super) fn of(cuts: Vec<Cut>) -> GroupRule {
        GroupRule { group: String::new(), parts: Vec::new(), coin: 0.0, chance: 0.0, cuts, rows: 0 }
    }

    /// The chance of a positive decision, in [0, 1].
    pub fn chance_of(&self, score: f64) -> f64 {
        let passed: f64 = self.cuts.iter().filter(|cut| score > cut.above).map(|cut| cut.share).sum();
        self.coin * self.chance + (1.0 - self.coin) * passed.min(1.0)
    }

    fn is_sound(&self) -> bool {
        let share = |x: f64| (0.0..=1.0).contains(&x);
        let sum: f64 = self.cuts.iter().map(|cut| cut.share).sum();
        share(self.coin)
            && share(self.chance)
            && self.cuts.iter().all(|cut| share(cut.share) && !cut.above.is_nan())
            && (sum - 1.0).abs() <= 4.0 * f64::EPSILON
    }
}

/// A facet as a file has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facet {
    column: String,
    values: Vec<Value>,
    kind: Option<Kind>,
}

/// Thresholds for every group, fitted, to decide rows by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    kind: String,
    /// Column of the scores.
    pub scores: String,
    pub constraint: Constraint,
    pub objective: Objective,
    facets: Vec<Facet>,
    /// In the order of [`Groups::groups`].
    pub groups: Vec<GroupRule>,
}

/// What decisions are called in a table, and where their draws come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Decide {
    /// Column of decisions, 1 or 0.
    pub decision: String,
    /// Column of the chance of a positive decision.
    pub chance: Option<String>,
    pub seed: u64,
}

impl Rules {
    pub(super) fn new(
        scores: &str,
        (constraint, objective): (Constraint, Objective),
        facets: &[Selection],
        groups: Vec<GroupRule>,
    ) -> Rules {
        let facet = |f: &Selection| Facet { column: f.column.clone(), values: f.values.clone(), kind: f.kind };
        let facets = facets.iter().map(facet).collect();
        Rules { kind: KIND.into(), scores: scores.into(), constraint, objective, facets, groups }
    }

    /// Reads a file that [`Rules::to_json`] wrote.
    ///
    /// # Errors
    /// A file that cannot be read, is something else, or was changed so that its numbers make no sense; with line and column.
    pub fn open(path: &Path) -> Result<Rules> {
        let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
        let wrong = |what: &str| {
            Error::input(format!("{} is not a file of group thresholds: {what}", path.display()))
                .hint("give the file that `pellucid mitigate thresholds --rules FILE` wrote")
        };
        let rules: Rules = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
        let width = rules.facets.len();
        let unsound = |rule: &&GroupRule| !rule.is_sound() || rule.parts.len() != width;
        match (rules.kind == KIND, rules.groups.iter().find(unsound)) {
            (false, _) => Err(wrong(&format!("its kind is `{}`, not `{KIND}`", rules.kind))),
            (true, Some(rule)) => Err(wrong(&format!("the shares and parts of the group {} do not fit", rule.group))),
            (true, None) => Ok(rules),
        }
    }

    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(self).map_err(|error| Error::input(error.to_string()))
    }

    /// The facets that tell the groups.
    pub fn facets(&self) -> Vec<Selection> {
        let selection = |f: &Facet| Selection { column: f.column.clone(), values: f.values.clone(), kind: f.kind };
        self.facets.iter().map(selection).collect()
    }

    /// Whether some decisions are drawn.
    pub fn is_random(&self) -> bool {
        self.groups.iter().any(|rule| rule.coin > 0.0 || rule.cuts.len() > 1)
    }

    /// The groups of a table, by these rules' facets.
    ///
    /// # Errors
    /// A facet that the table lacks; a group that the rules do not know.
    pub fn groups_of(&self, table: &Table, label: Option<&Selection>) -> Result<Groups> {
        let groups = Groups::read(table, &self.facets(), label)?;
        self.rules_of(groups.groups.iter().map(|group| (&group.name, &group.parts)))?;
        Ok(groups)
    }

    /// The rule of each of some groups, by name and parts.
    fn rules_of<'a>(&self, groups: impl Iterator<Item = (&'a String, &'a Vec<String>)>) -> Result<Vec<GroupRule>> {
        let rule = |(name, parts): (&String, &Vec<String>)| {
            self.groups.iter().find(|rule| rule.parts == *parts).cloned().ok_or_else(|| {
                let names = || self.groups.iter().map(|rule| rule.group.as_str());
                let nearest = did_you_mean(name, names());
                Error::input(format!("the table has rows of the group {name}, which has no threshold{nearest}")).hint(
                    format!("the groups with thresholds are {}; fit anew with rows of this one", list_of(names())),
                )
            })
        };
        groups.map(rule).collect()
    }

    /// What the rules do to rows, on average over the draws.
    ///
    /// # Errors
    /// A group without a rule.
    pub fn outcome(&self, sample: &Sample) -> Result<Outcome> {
        let rules = self.rules_of(sample.names.iter().zip(&sample.parts))?;
        Ok(Outcome::of(sample, self.constraint, |group, score| rules[group].chance_of(score)))
    }

    /// The table with a column of decisions by the scores in `scores`: 1, 0, or missing where the score or a facet is. A decision that is drawn
    /// depends on the seed and the row's number alone.
    ///
    /// # Errors
    /// A column that the table lacks, a new one that it has; a group without a rule.
    pub fn table(&self, table: &Table, groups: &Groups, scores: &str, how: &Decide) -> Result<Table> {
        table.positions(&[scores.to_string()])?;
        let mut fields = vec![Field::new(&how.decision, DataType::Int64, true)];
        fields.extend(how.chance.iter().map(|name| Field::new(name, DataType::Float64, true)));
        require_new(table, &fields.iter().map(|field| field.name().as_str()).collect::<Vec<_>>())?;
        let rules = self.rules_of(groups.groups.iter().map(|group| (&group.name, &group.parts)))?;
        let (groups, scores, seed, read) = (groups.clone(), scores.to_string(), how.seed, table.clone());
        Ok(table.clone().through(with(table.schema(), &fields), move |batch, first_row| {
            let values = numbers(&batch, &scores, groups.raw(), first_row).map_err(|e| read.blame(e))?;
            let of = groups.of(&batch, first_row).map_err(|e| read.blame(e))?;
            let chances: Vec<Option<f64>> =
                values.iter().zip(of).map(|(score, group)| Some(rules[group?].chance_of((*score)?))).collect();
            let mut random = draws(seed, DECISIONS, first_row);
            let decide = |chance: &Option<f64>| {
                let draw: f64 = random.random();
                chance.map(|chance| i64::from(draw < chance))
            };
            let decisions: Int64Array = chances.iter().map(decide).collect();
            let mut cells: Vec<ArrayRef> = vec![Arc::new(decisions)];
            if fields.len() > 1 {
                cells.push(Arc::new(Float64Array::from(chances)));
            }
            appended(&batch, &fields, cells)
        }))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Word(String),
}

fn write_bound<S: Serializer>(bound: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match *bound {
        f64::INFINITY => Written::Word("Infinity".into()),
        f64::NEG_INFINITY => Written::Word("-Infinity".into()),
        bound => Written::Number(bound),
    }
    .serialize(serializer)
}

fn read_bound<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Number(bound) => Ok(bound),
        Written::Word(word) if word == "Infinity" => Ok(f64::INFINITY),
        Written::Word(word) if word == "-Infinity" => Ok(f64::NEG_INFINITY),
        Written::Word(word) => Err(serde::de::Error::custom(format!("`{word}` is not a threshold"))),
    }
}
