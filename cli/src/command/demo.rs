//! `pellucid demo`: the `report` command on a model and a table that are part of the program.

use crate::Exit;
use crate::args::{BackgroundArgs, ColumnArgs, DemoArgs, EffectArgs, FigureArgs, InputArgs, PageArgs, ReportArgs};
use crate::command::report;
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;
use clap::Parser;
use pellucid::{Error, Result};
use std::path::PathBuf;

/// A small neural network for the census data of the UCI Adult set: does this person earn more than $50,000 a year?
const MODEL: &[u8] = include_bytes!("../../../tests/fixtures/models/adult_mlp.onnx");
const PEOPLE: &[u8] = include_bytes!("../../../tests/fixtures/data/adult/raw_test.csv");
const POPULATION: &[u8] = include_bytes!("../../../tests/fixtures/data/adult/raw_train.csv");
const SCHEMA: &[u8] = include_bytes!("../../../tests/fixtures/data/adult/schema.json");
/// The column of "more than $50,000".
const TARGET: &str = "1";

const TITLE: &str = "Who earns more than $50,000 a year?";
const DRAWN_ROWS: usize = 1000;

const INTRODUCTION: &str = "\
demo: a neural network says from 12 census facts how likely a person earns more than $50,000 a year (1994).
      Which facts move its answer, for each person and over all of them?";

/// Its classes in the order of the model's outputs.
const CLASSES: [&str; 2] = ["<=50K", ">50K"];

pub fn run(args: &DemoArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    let folder = tempfile::tempdir().map_err(|error| Error::io("write", std::env::temp_dir(), error))?;
    let put = |name: &str, bytes: &[u8]| -> Result<PathBuf> {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).map_err(|error| Error::io("write", &path, error))?;
        Ok(path)
    };
    let mut run = args.run.clone();
    if run.target.is_empty() {
        run.target.push(TARGET.into());
    }
    let mut effect = EffectArgs::parse_from(["demo"]);
    effect.label = Some("target".into());
    effect.classes = CLASSES.map(String::from).into();
    let args = ReportArgs {
        input: InputArgs {
            model: put("income.onnx", MODEL)?,
            data: put("people.csv", PEOPLE)?,
            config: None,
            columns: ColumnArgs { schema: Some(put("schema.json", SCHEMA)?), ..ColumnArgs::default() },
        },
        background: BackgroundArgs {
            background: Some(put("population.csv", POPULATION)?),
            ..BackgroundArgs::default()
        },
        design: args.design.clone(),
        effect,
        run,
        page: PageArgs {
            output: args.output.clone(),
            force: true,
            title: Some(TITLE.into()),
            explanation: None,
            show: Vec::new(),
            drawn_rows: DRAWN_ROWS,
        },
        figures: FigureArgs::default(),
    };
    terminal.note(INTRODUCTION);
    report::run(&args, terminal, interrupt)
}
