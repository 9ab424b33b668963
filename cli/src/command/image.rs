//! `pellucid image`: pictures explained by their segments.

use super::open::{file_name, open_device};
use super::put::put;
use super::typed;
use crate::Exit;
use crate::args::{Absent, ImageArgs};
use crate::interrupt::Interrupt;
use crate::number::{duration, thousands};
use crate::segment_table;
use crate::terminal::Terminal;
use pellucid::data::{Pending, did_you_mean, of_file};
use pellucid::image::{Absence, ImageExplanation, ImageShap, Picture, Preprocess, Segmenter, onnx_network, overlay};
use pellucid::{Device, Error, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Heat maps of small pictures are enlarged to about this many pixels.
const SIDE: u32 = 480;
/// Segments in a table on a terminal; the files have all.
const TOP: usize = 10;

pub fn run(args: &ImageArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    let device = open_device(args.run.device, terminal)?;
    let mut shap = explainer(args, &device)?;
    shap.control.stop = interrupt.flag();
    let pictures = args.pictures.iter().map(Picture::open).collect::<Result<Vec<_>>>()?;
    let mut files = args.pictures.iter().map(|path| Files::create(path, args)).collect::<Result<Vec<_>>>()?;
    let mut all = Vec::new();
    for ((path, picture), files) in args.pictures.iter().zip(&pictures).zip(files.drain(..)) {
        let name = file_name(path);
        picture.notes.iter().for_each(|note| terminal.warn(&format!("{name}: {note}")));
        let started = Instant::now();
        let found = shap.explain(picture, &device).map_err(|error| of_file(Path::new(&name), error))?;
        let (segments, forwards) = (found.segments.count, thousands(found.forwards));
        terminal.note(&format!(
            "{name}: {segments} segments, {forwards} pictures shown to the model in {}",
            duration(started.elapsed())
        ));
        shap.control.take_notes().iter().for_each(|note| terminal.warn(note));
        let document = document(&found, &name);
        files.write(&found, &document, terminal)?;
        if !terminal.json() {
            terminal.data(&segment_table::describe(&found, &name, TOP))?;
        }
        all.push(document);
    }
    if terminal.json() {
        let document = if all.len() == 1 { all.remove(0) } else { Value::Array(all) };
        terminal.data(&format!("{document:#}"))?;
    } else {
        terminal.data(segment_table::LEGEND)?;
    }
    Ok(Exit::Done)
}

fn explainer(args: &ImageArgs, device: &Device) -> Result<ImageShap> {
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
        Absent::Picture(path) => Absence::Picture(Picture::open(path)?),
    };
    let run = &args.run;
    shap.labels = run.labels.clone();
    shap.targets = run.target.iter().map(|target| number(target, &run.labels)).collect::<Result<_>>()?;
    (shap.budget, shap.design, shap.link) = (run.budget.into(), run.design.into(), run.link.into());
    (shap.tolerance, shap.seed) = (run.tolerance, run.seed);
    shap.model = (file_name(&args.model), network.sha256);
    Ok(shap)
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
fn document(found: &ImageExplanation, name: &str) -> Value {
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
        "forwards": found.forwards,
        "command": typed::command(),
        "provenance": found.provenance,
    })
}

/// `[segment, pixels]` one after the other.
fn runs(of_pixel: &[u32]) -> Vec<[usize; 2]> {
    of_pixel.chunk_by(|a, b| a == b).map(|run| [run[0] as usize, run.len()]).collect()
}

/// The files of a picture, opened before any work, so that a wrong path costs nothing.
struct Files {
    numbers: Option<Pending>,
    /// The path of the heat map: one an output, whose names are known later.
    stem: Option<PathBuf>,
    first: Option<Pending>,
    force: bool,
}

impl Files {
    fn create(picture: &Path, args: &ImageArgs) -> Result<Self> {
        let Some(folder) = &args.output else {
            return Ok(Self { numbers: None, stem: None, first: None, force: false });
        };
        let stem = folder.join(picture.file_stem().unwrap_or_default());
        if args.pictures.iter().filter(|other| other.file_stem() == picture.file_stem()).count() > 1 {
            let name = stem.file_name().unwrap_or_default().display();
            return Err(
                Error::input(format!("two pictures would be written as {name}.json")).hint("explain them in two runs")
            );
        }
        std::fs::create_dir_all(folder).map_err(|error| Error::io("create", folder, error))?;
        let numbers = Pending::create(&stem.with_added_extension("json"), args.force)?;
        let first = Pending::create(&stem.with_added_extension("heatmap.png"), args.force)?;
        Ok(Self { numbers: Some(numbers), stem: Some(stem), first: Some(first), force: args.force })
    }

    fn write(self, found: &ImageExplanation, document: &Value, terminal: &Terminal) -> Result<()> {
        let (Some(numbers), Some(stem), Some(first)) = (self.numbers, self.stem, self.first) else { return Ok(()) };
        put(first, &overlay(found, 0, SIDE).png()?, terminal)?;
        for k in 1..found.outputs.len() {
            let path = stem.with_added_extension(format!("heatmap.{}.png", k + 1));
            put(Pending::create(&path, self.force)?, &overlay(found, k, SIDE).png()?, terminal)?;
        }
        put(numbers, format!("{document:#}\n").as_bytes(), terminal)
    }
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
