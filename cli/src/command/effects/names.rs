//! What was typed of columns: `--features`, `--pairs`, `--points`, checked against the columns there are.

use crate::args::EffectArgs;
use pellucid::data::did_you_mean;
use pellucid::effect::Axis;
use pellucid::{Error, Result};

/// Columns by name.
pub struct Names {
    /// `--features`; empty if none was named.
    pub features: Vec<Axis>,
    /// `--pairs A,B`.
    pub pairs: Vec<(Axis, Axis)>,
    /// `--pairs all`.
    pub all_pairs: bool,
    points: Vec<(String, Vec<f64>)>,
}

impl Names {
    /// # Errors
    /// A name that is no column, with the nearest one; a pair that is none; points that are no numbers; a grid of one point.
    pub fn parse(args: &EffectArgs, all: &[Axis]) -> Result<Self> {
        if args.grid_points < 2 {
            return Err(Error::input(format!("a grid of {} point shows no effect", args.grid_points))
                .hint("give `--grid-points` at least 2"));
        }
        let pairs = args.pairs.iter().filter(|text| *text != "all").map(|text| pair(text, all));
        Ok(Self {
            features: features(&args.features, all)?,
            pairs: pairs.collect::<Result<_>>()?,
            all_pairs: args.pairs.iter().any(|text| text == "all"),
            points: args.points.iter().map(|text| points(text, all)).collect::<Result<_>>()?,
        })
    }

    /// `--points` of a column.
    pub fn points(&self, axis: &Axis) -> Option<&[f64]> {
        self.points.iter().find(|(name, _)| *name == axis.name).map(|(_, points)| points.as_slice())
    }

    /// Whether the column itself was asked for.
    pub fn name(&self, axis: &Axis) -> bool {
        self.points(axis).is_some() || self.features.iter().any(|named| named.name == axis.name)
    }
}

fn features(typed: &[String], all: &[Axis]) -> Result<Vec<Axis>> {
    let mut axes: Vec<Axis> = Vec::new();
    for text in typed {
        // A name may hold a comma itself.
        let whole = all.iter().any(|axis| axis.name == *text);
        let parts: Vec<&str> = if whole { vec![text] } else { text.split(',').map(str::trim).collect() };
        for part in parts {
            let axis = find(part, all)?;
            if !axes.contains(axis) {
                axes.push(axis.clone());
            }
        }
    }
    Ok(axes)
}

fn find<'a>(name: &str, all: &'a [Axis]) -> Result<&'a Axis> {
    all.iter().find(|axis| axis.name == name).ok_or_else(|| {
        let nearest = did_you_mean(name, all.iter().map(|axis| axis.name.as_str()));
        let names: Vec<&str> = all.iter().map(|axis| axis.name.as_str()).collect();
        Error::input(format!("there is no column `{name}` that the model uses{nearest}"))
            .hint(format!("the columns are {}", names.join(", ")))
    })
}

fn pair(text: &str, all: &[Axis]) -> Result<(Axis, Axis)> {
    let (a, b) = split(text, all)?;
    if a.name == b.name {
        return Err(Error::input(format!("`--pairs {text}` names `{}` twice", a.name))
            .hint("a pair is two different columns, as `--pairs age,income`"));
    }
    Ok((a.clone(), b.clone()))
}

/// `A,B`, where a name may hold commas itself.
fn split<'a>(text: &str, all: &'a [Axis]) -> Result<(&'a Axis, &'a Axis)> {
    let known = |name: &str| all.iter().find(|axis| axis.name == name.trim());
    let at = |(comma, _)| Some((known(&text[..comma])?, known(&text[comma + 1..])?));
    if let Some(pair) = text.match_indices(',').find_map(at) {
        return Ok(pair);
    }
    match text.split_once(',') {
        Some((a, b)) => Ok((find(a.trim(), all)?, find(b.trim(), all)?)),
        None => Err(Error::input(format!("`--pairs {text}` is not a pair of columns"))
            .hint("write two names with a comma between them, as `--pairs age,income`, or `--pairs all`")),
    }
}

/// `NAME=1,2,3`.
fn points(text: &str, all: &[Axis]) -> Result<(String, Vec<f64>)> {
    let bad = |what: &str| {
        Error::input(format!("`--points {text}`: {what}"))
            .hint("write a column, `=`, and its points, as `--points age=20,40,60`")
    };
    let (name, numbers) = text.rsplit_once('=').ok_or_else(|| bad("there is no `=`"))?;
    let axis = find(name, all)?;
    if !axis.categories.is_empty() {
        return Err(bad("a column of categories has its categories as points"));
    }
    let number = |n: &str| n.trim().parse::<f64>().map_err(|_| bad(&format!("`{n}` is not a number")));
    Ok((axis.name.clone(), numbers.split(',').map(number).collect::<Result<Vec<_>>>()?))
}
