//! What explanations of texts and of prompts share: settings as typed, and options that are for tables alone.

use super::super::open::file_name;
use crate::args::{Draw, Format, Link, ShapArgs};
use crate::interrupt::Interrupt;
use pellucid::explain::Control;
use pellucid::text::TextBuilder;
use pellucid::{Error, Result};

/// The settings that mean the same for both.
pub fn configured(builder: TextBuilder, args: &ShapArgs, sha256: String, interrupt: &Interrupt) -> TextBuilder {
    let mut control = Control::default();
    control.stop = interrupt.flag();
    builder
        .targets(args.run.target.clone())
        .budget(args.design.budget.into())
        .design(args.design.design.into())
        .surrogate(args.design.surrogate.into())
        .tolerance(args.design.tolerance)
        .interactions(args.design.interactions)
        .seed(args.run.seed)
        .memory(args.run.memory)
        .control(control)
        .model(file_name(&args.model), sha256)
}

/// Refuses options that mean something for tables alone. `beside`: the model reads columns beside the text.
pub fn refuse_tables_options(args: &ShapArgs, beside: bool) -> Result<()> {
    let background = &args.background;
    let absent = "what stands in for absent words is `--absent`";
    let refused = [
        (!beside && background.background.is_some(), "--background", absent),
        (!beside && background.background_rows.is_some(), "--background-rows", absent),
        (!beside && background.background_kmeans.is_some(), "--background-kmeans", absent),
        (!beside && background.background_all, "--background-all", absent),
        (!beside && args.columns.schema.is_some(), "--schema", "only the column of texts is read"),
        (
            !beside && args.columns.groups.is_some(),
            "--groups",
            "larger players are `--granularity sentence` or `--span`",
        ),
        (
            matches!(args.design.hierarchy, Some(Some(_))),
            "--hierarchy FILE",
            "leave the file out: the groups are sentences, clauses and words",
        ),
        (args.design.by.is_some(), "--by", "explain the parts of the table one by one"),
        (args.design.draw == Draw::PerRow, "--draw per-row", "leave it out"),
        (args.run.link == Link::Logit, "--link logit", "the log-odds of a class are `--value margin`"),
    ];
    if let Some((_, option, hint)) = refused.iter().find(|(given, ..)| *given) {
        return Err(Error::input(format!("{option} is not for texts")).hint(*hint));
    }
    match args.result.format() {
        Some(format) if args.design.interactions && format != Format::Jsonl => {
            Err(Error::input("the interactions of texts are written as JSON, which --output is not")
                .hint("give `--output` a name that ends in .jsonl"))
        }
        _ => Ok(()),
    }
}
