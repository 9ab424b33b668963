//! `pellucid image`: pictures explained by their segments.

mod files;
mod page;

use super::open::{file_name, open_device};
use super::put::put;
use super::typed;
use crate::Exit;
use crate::args::{Absent, ImageArgs};
use crate::interrupt::Interrupt;
use crate::number::{duration, thousands};
use crate::segment_table;
use crate::terminal::Terminal;
use files::Files;
use page::Page;
use pellucid::data::{Pending, did_you_mean, of_file};
use pellucid::image::{Absence, ImageExplanation, ImageShap, Picture, Preprocess, Segmenter, onnx_network};
use pellucid::report::{ModelCard, ShownPicture};
use pellucid::{Device, Error, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Segments in a table on a terminal; the files have all.
const TOP: usize = 10;

pub fn run(args: &ImageArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    let device = open_device(args.run.device, terminal)?;
    let (mut shap, card) = explainer(args, &device)?;
    shap.control.stop = interrupt.flag();
    let open = |path: &PathBuf| Picture::open_as(path, &(&args.arrays).into());
    let pictures = args.pictures.iter().map(open).collect::<Result<Vec<_>>>()?;
    let report = args.report.as_deref().map(|path| Pending::create(path, args.force)).transpose()?;
    let mut files = args.pictures.iter().map(|path| Files::create(path, args)).collect::<Result<Vec<_>>>()?;
    let (mut documents, mut page) = (Vec::new(), Page::default());
    for ((path, picture), files) in args.pictures.iter().zip(&pictures).zip(files.drain(..)) {
        let name = file_name(path);
        let started = Instant::now();
        let found = shap.explain(picture, &device).map_err(|error| of_file(Path::new(&name), error))?;
        let (segments, forwards) = (found.segments.count, thousands(found.forwards));
        terminal.note(&format!(
            "{name}: {segments} segments, {forwards} pictures shown to the model in {}; {}",
            duration(started.elapsed()),
            found.provenance.design
        ));
        let notes = [picture.notes.clone(), shap.control.take_notes()].concat();
        notes.iter().for_each(|note| terminal.warn(&format!("{name}: {note}")));
        let document = document(&found, &name, &shap.preprocess);
        files.write(&found, &document, terminal)?;
        if !terminal.json() {
            terminal.data(&segment_table::describe(&found, &name, TOP))?;
        }
        documents.push(document);
        page.add(ShownPicture { name, found, notes }, report.is_some());
    }
    if let Some(file) = report {
        put(file, page.html(args, &shap, card)?.as_bytes(), terminal)?;
    }
    if terminal.json() {
        let document = if documents.len() == 1 { documents.remove(0) } else { Value::Array(documents) };
        terminal.data(&format!("{document:#}"))?;
    } else {
        terminal.data(segment_table::LEGEND)?;
    }
    Ok(Exit::Done)
}

fn explainer(args: &ImageArgs, device: &Device) -> Result<(ImageShap, ModelCard)> {
    let input = &args.input;
    let network = onnx_network(&args.model, args.run.model_output.as_deref(), device)?;
    let mut preprocess = Preprocess::of_shape(&network.input_dims, input.size)?;
    preprocess.channels = input.channels.map_or(preprocess.channels, Into::into);
    preprocess.fit = input.fit.into();
    (preprocess.scale, preprocess.mean, preprocess.std) = (input.scale, input.mean.clone(), input.std.clone());
    preprocess.check()?;
    let players = &args.players;
    let mut shap = ImageShap::new(network.run, preprocess);
    shap.segmenter = match (&players.grid, &players.masks) {
        (Some((columns, rows)), _) => Segmenter::Grid { columns: *columns, rows: *rows },
        (_, Some(path)) => Segmenter::Masks(Picture::open(path)?),
        _ => Segmenter::Slic { count: players.segments, compactness: players.compactness },
    };
    shap.absence = match &players.absent {
        Absent::Blur => Absence::Blur,
        Absent::Mean => Absence::Mean,
        Absent::Colour(colour) => Absence::Colour(*colour),
        Absent::Picture(path) => Absence::Picture(Picture::open_as(path, &(&args.arrays).into())?),
    };
    let run = &args.run;
    shap.hierarchy = players.hierarchy;
    shap.labels = run.labels.clone();
    shap.targets = run.target.iter().map(|target| number(target, &run.labels)).collect::<Result<_>>()?;
    (shap.budget, shap.design, shap.link) = (run.budget.into(), run.design.into(), run.link.into());
    (shap.tolerance, shap.seed) = (run.tolerance, run.seed);
    let name = file_name(&args.model);
    let card = ModelCard::of(&name, &network.card, &network.sha256);
    shap.model = (name, network.sha256);
    Ok((shap, card))
}

/// The output of a label or a number.
fn number(target: &str, labels: &[String]) -> Result<usize> {
    if let Some(at) = labels.iter().position(|label| label == target) {
        return Ok(at);
    }
    target.parse().map_err(|_| {
        let nearest = did_you_mean(target, labels.iter().map(String::as_str));
        Error::input(format!("--target {target}: no output has this label{nearest}"))
            .hint("give a label that is in `--labels`, or an output's number from 0")
    })
}

/// Everything about a picture, as JSON.
fn document(found: &ImageExplanation, name: &str, preprocess: &Preprocess) -> Value {
    let output = |k: usize| {
        json!({
            "output": found.outputs[k],
            "prediction": found.predictions[k],
            "base_value": found.base_values[k],
            "segments": found.ranked(k),
        })
    };
    json!({
        "picture": name,
        "width": found.segments.width,
        "height": found.segments.height,
        "outputs": (0..found.outputs.len()).map(output).collect::<Vec<_>>(),
        // Row by row: segment, and how many pixels in a row are its.
        "segment_runs": runs(&found.segments.of_pixel),
        "preprocess": preprocess,
        "forwards": found.forwards,
        "command": typed::command(),
        "provenance": found.provenance,
    })
}

/// `[segment, pixels]` one after the other.
fn runs(of_pixel: &[u32]) -> Vec<[usize; 2]> {
    of_pixel.chunk_by(|a, b| a == b).map(|run| [run[0] as usize, run.len()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cover_the_pixels() {
        assert_eq!(runs(&[0, 0, 1, 0, 2, 2]), [[0, 2], [1, 1], [0, 1], [2, 2]]);
    }

    #[test]
    fn outputs_have_labels_and_numbers() {
        let labels = ["cat".to_string(), "dog".to_string()];
        assert_eq!((number("dog", &labels).unwrap(), number("7", &labels).unwrap()), (1, 7));
        assert!(number("dag", &labels).unwrap_err().to_string().contains("dog"));
    }
}
