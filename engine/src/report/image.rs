//! The page of explained pictures: each with its heat maps, what every segment moved, and where it all comes from.

use super::figures::text::{count, list, plus_minus, short, signed, slug};
use super::figures::{Bar, bars};
use super::origin::{facts, section};
use super::{Embedded, Figure, Gallery, Item, ModelCard, Report, Section, Table};
use crate::Result;
use crate::explain::Provenance;
use crate::image::{ImageExplanation, Picture, SegmentValue, overlay};
use serde_json::{Value, json};

/// Outputs of a picture that have heat maps, segments that have bars, segments whose numbers stand on the heat map.
const OUTPUTS: usize = 4;
const BARS: usize = 25;
const MARKS: usize = 12;
/// Pictures on the page have at most so many pixels on a side, and heat maps of small pictures about as many.
const SIDE: u32 = 480;

/// What a page is made of.
#[derive(Debug, Clone)]
pub struct ImagePage<'a> {
    pub title: String,
    /// The command line that made it.
    pub command: String,
    /// Date and time.
    pub created: String,
    pub model: ModelCard,
    /// The pictures on the page.
    pub shown: &'a [ShownPicture],
    /// Pictures explained, those that are not on the page too.
    pub pictures: usize,
    /// Pictures shown to the model.
    pub forwards: u64,
    pub worst_additivity_gap: f64,
    /// Further settings by name.
    pub settings: Vec<(String, Value)>,
}

/// An explained picture.
#[derive(Debug, Clone)]
pub struct ShownPicture {
    /// Its file's name.
    pub name: String,
    pub found: ImageExplanation,
    /// What a reader must know, such as `transparent pixels were put on white`.
    pub notes: Vec<String>,
}

impl ImagePage<'_> {
    /// The report: key facts, the pictures, and where it all comes from.
    ///
    /// # Errors
    /// None that a picture could cause.
    pub fn report(&self) -> Result<Report> {
        let mut sections = vec![self.summary()];
        for (number, picture) in self.shown.iter().enumerate() {
            sections.push(picture.section(number + 1)?);
        }
        sections.push(self.origin());
        let pictures = count(self.pictures as u64, "picture");
        Ok(Report {
            title: self.title.clone(),
            subtitle: format!("Which parts of {pictures} make {} say what it says. {}", self.model.name, self.created),
            sections,
        })
    }

    fn summary(&self) -> Section {
        let mut key = vec![("Pictures explained".to_string(), json!(self.pictures))];
        if self.shown.len() < self.pictures {
            key.push(("Pictures on this page, the first".into(), json!(self.shown.len())));
        }
        for picture in self.shown {
            for k in picture.outputs() {
                let strongest = picture.found.ranked(k).into_iter().take(3);
                let strongest: Vec<String> = strongest.map(|s| told(&s)).collect();
                let fact = format!("{}, {}: moved most by", picture.name, picture.found.outputs[k]);
                key.push((fact, json!(list(&strongest))));
            }
        }
        key.push(("Pictures shown to the model".into(), json!(self.forwards)));
        key.push(("Largest gap between attributions and prediction".into(), json!(self.worst_additivity_gap)));
        let values = self.shown.first().map_or("Shapley values", |picture| picture.found.provenance.values());
        let first = format!(
            "An attribution φ says how much one segment of a picture moved the output away from the base value: what the model makes of the \
             picture when all its segments are absent. The attributions of a picture add up to its output less that value ({values})."
        );
        let text = [
            first.as_str(),
            "± and whiskers are how far a number may be off because only some combinations of segments were tried: ± one standard error in text, \
             95 % intervals in pictures. They say nothing about whether the model is right. All is relative to what stands in for absent \
             segments, which is shown beside each picture.",
        ];
        section("summary", "Summary", &text, Vec::new(), vec![facts("Key facts", key)])
    }

    fn origin(&self) -> Section {
        let mut settings: Vec<(String, Value)> = Vec::new();
        if let Some(p) = self.shown.first().map(|picture| &picture.found.provenance) {
            settings.extend(of_run(p).map(|(name, value)| (name.to_owned(), value)));
            settings.extend(p.tolerance.map(|tolerance| ("Tolerance".to_owned(), json!(tolerance))));
        }
        settings.push(("Made".into(), json!(self.created)));
        settings.extend(self.settings.iter().cloned());
        settings.extend(self.model.facts.iter().map(|(fact, text)| (fact.clone(), json!(text))));
        let items =
            vec![Item::Code { title: "Command".into(), text: self.command.clone() }, facts("Settings", settings)];
        let text = ["The command repeats this report: the same seed gives the same numbers."];
        section("provenance", "Provenance", &text, Vec::new(), items)
    }
}

fn of_run(p: &Provenance) -> [(&'static str, Value); 7] {
    [
        ("Pellucid", json!(p.version)),
        ("Device", json!(p.device)),
        ("Model", json!(p.model)),
        ("Seed", json!(p.seed)),
        ("Design", json!(p.design)),
        ("Budget", json!(p.budget)),
        ("Link", json!(p.link)),
    ]
}

/// `segment 17 (+0.21)`
fn told(segment: &SegmentValue) -> String {
    format!("segment {} ({})", segment.segment, signed(segment.attribution.into()))
}

impl ShownPicture {
    fn outputs(&self) -> std::ops::Range<usize> {
        0..self.found.outputs.len().min(OUTPUTS)
    }

    fn section(&self, number: usize) -> Result<Section> {
        let mut items = vec![Item::Gallery(self.gallery()?)];
        items.extend(self.outputs().filter_map(|k| self.figure(number, k)).map(Item::Figure));
        let mut notes = self.notes.clone();
        if self.found.outputs.len() > OUTPUTS {
            notes.push(format!("{} outputs were explained; the first {OUTPUTS} are here.", self.found.outputs.len()));
        }
        let id = format!("picture-{number}");
        let text = format!(
            "{}, {} shown to the model.",
            count(self.found.segments.count as u64, "segment"),
            count(self.found.forwards, "picture")
        );
        Ok(section(&id, &self.name, &[&text], notes, items))
    }

    fn gallery(&self) -> Result<Gallery> {
        let found = &self.found;
        let whole = found.seen.within(SIDE);
        let mut pictures = vec![
            embedded(&whole, "All of it, as the model sees it", &format!("{} at the model's size", self.name))?,
            embedded(&found.absent.within(SIDE), "All segments absent", "what stands in for absent segments")?,
        ];
        for k in self.outputs() {
            pictures.push(self.heat_map(k)?);
        }
        let unit = if found.provenance.link == "logit" { ", in log-odds," } else { "" };
        let base = |k: usize| {
            let (output, all, none) = (&found.outputs[k], short(found.predictions[k]), short(found.base_values[k]));
            format!("{output} is {all} for the picture and{unit} {none} without its segments.")
        };
        let sums: Vec<String> = self.outputs().map(base).collect();
        Ok(Gallery {
            title: "The picture and its heat maps".into(),
            caption: format!(
                "{} Red raises the output, blue lowers it, as strongly as the colour is; numbers name the strongest segments.",
                sums.join(" ")
            ),
            pictures,
            table: Table::default(),
        })
    }

    fn heat_map(&self, k: usize) -> Result<Embedded> {
        let (found, ranked) = (&self.found, self.found.ranked(k));
        let map = overlay(found, k, SIDE).within(SIDE);
        let scale = f64::from(map.width()) / f64::from(found.segments.width);
        let mark = |s: &SegmentValue| ((s.centre.0 + 0.5) * scale, (s.centre.1 + 0.5) * scale, s.segment.to_string());
        let strongest: Vec<String> = ranked.iter().take(3).map(told).collect();
        let alt = format!("heat map of {}: moved most by {}", found.outputs[k], list(&strongest));
        let mut embedded = embedded(&map, &format!("What moved {}", found.outputs[k]), &alt)?;
        embedded.marks = ranked.iter().take(MARKS).filter(|s| s.attribution != 0.0).map(mark).collect();
        Ok(embedded)
    }

    /// The strongest segments as bars; all of them as a table.
    fn figure(&self, number: usize, k: usize) -> Option<Figure> {
        let (found, ranked) = (&self.found, self.found.ranked(k));
        let (output, first) = (&found.outputs[k], ranked.first()?);
        let top = &ranked[..ranked.len().min(BARS)];
        let bar = |s: &SegmentValue| Bar {
            name: format!("segment {}", s.segment),
            size: s.attribution.into(),
            stderr: s.stderr.into(),
        };
        let drawn: Vec<Bar> = top.iter().map(bar).collect();
        let row = |s: &SegmentValue| {
            let whole = [s.segment, s.x as usize, s.y as usize, s.width as usize, s.height as usize, s.pixels];
            let numbers = [s.attribution, s.stderr].map(super::figures::spec::shortest);
            whole.map(|n| json!(n)).into_iter().chain(numbers).collect()
        };
        let columns = ["segment", "x", "y", "width", "height", "pixels", "φ", "standard error"];
        let sum: f64 = found.values.row(k).iter().map(|&v| f64::from(v)).sum();
        let plus = plus_minus(first.attribution.into(), first.stderr.into());
        Some(Figure {
            id: format!("picture-{number}-{}", slug(output)),
            title: format!("What each segment moved: {output}"),
            caption: format!(
                "φ of the {} that moved {output} most, of {}; all add up to {}. Whiskers: 95 % interval.",
                count(top.len() as u64, "segment"),
                ranked.len(),
                short(sum)
            ),
            alt: format!("{output} of {} is moved most by segment {}: {plus}.", self.name, first.segment),
            spec: bars(&drawn, &format!("φ, {output}"), false),
            table: Table {
                title: format!("Segments of {}: {output}", self.name),
                columns: columns.map(String::from).to_vec(),
                rows: ranked.iter().map(row).collect(),
                left_out: 0,
            },
        })
    }
}

fn embedded(picture: &Picture, label: &str, alt: &str) -> Result<Embedded> {
    Ok(Embedded {
        label: label.into(),
        alt: alt.into(),
        width: picture.width(),
        height: picture.height(),
        png: data_encoding::BASE64.encode(&picture.png()?),
        marks: Vec::new(),
    })
}
