//! Owen values of pictures: segments in regions, these in larger ones, opened where they move the outputs.

use super::model::ImageModel;
use super::{ImageExplanation, ImageShap, Picture, Segments};
use crate::design::{Budget, Coalitions, DesignChoice, Hierarchy, Nested, Part, Unfolding};
use crate::explain::{Predictor, Provenance};
use crate::{Device, Error, Result};
use burn::tensor::{Tensor, TensorData};
use ndarray::Array2;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;

/// Coalitions of an exact run at most.
const MOST_COALITIONS: usize = 1 << 20;
/// Coalitions that are handed to the network between two looks at whether to stop.
const TOGETHER: usize = 1024;

/// Some segments, while regions are put together.
struct Region {
    nested: Nested,
    /// Σ of each colour, and how many pixels.
    sums: [f64; 3],
    pixels: f64,
}

impl ImageShap {
    /// Whether regions are opened one after another, rather than walked through at random.
    pub(super) fn unfolds(&self) -> bool {
        self.hierarchy && self.design != DesignChoice::Permutation
    }

    /// Opens regions as far as the budget goes. `names` are those of all outputs.
    pub(super) fn unfold(
        &self,
        model: ImageModel,
        [seen, absent]: [Picture; 2],
        segments: &Segments,
        (names, targets): (&[String], Vec<usize>),
        device: &Device,
    ) -> Result<ImageExplanation> {
        self.design.check_hierarchy()?;
        let hierarchy = segments.hierarchy(&seen)?;
        let (n, outputs) = (segments.count, targets.len());
        let known = model.known();
        let control = self.control.clone();
        let predictor = Predictor::new(Box::new(model), Some(targets.clone()), self.link, None, control, device)?;
        let mut ends = Coalitions::new(n);
        ends.push(0..n);
        ends.push([]);
        let mut predictions = predict(&predictor, &ends)?;
        let linked = |values: Vec<f64>| values.into_iter().map(|value| self.link.apply(value)).collect::<Vec<f64>>();
        let base_values = linked(predictions.split_off(outputs));
        let (without, with) = (base_values.clone(), linked(predictions.clone()));
        let whole = with.clone();
        let budget = self.coalitions(&hierarchy)?;
        let mut unfolding = Unfolding::new(&hierarchy, without, with, budget, self.tolerance)?;
        loop {
            let asked = unfolding.ask();
            if asked.is_empty() {
                break;
            }
            unfolding.tell(&linked(predict(&predictor, &asked)?));
        }
        let exact = unfolding.is_exact();
        let parts = unfolding.finish();
        let segments = segments.merged(&parts);
        let forwards = known.forwards.load(Relaxed);
        let provenance = Provenance {
            version: env!("CARGO_PKG_VERSION").into(),
            device: device.name().into(),
            model: self.model.0.clone(),
            model_sha256: self.model.1.clone(),
            seed: self.seed,
            design: if exact { "Owen values, exact".into() } else { "Owen values, regions opened step by step".into() },
            rows_per_instance: forwards as usize,
            budget: self.budget.to_string(),
            tolerance: self.tolerance,
            background_rows: 1,
            background: "the picture without segments".into(),
            link: format!("{:?}", self.link).to_lowercase(),
            players: (0..segments.count).map(|segment| format!("segment {segment}")).collect(),
            player_of: (0..segments.count as u32).collect(),
            outputs: predictor.outputs.clone(),
        };
        let values = Array2::from_shape_fn((outputs, parts.len()), |(k, part)| parts[part].values[k] as f32);
        let sum = |k: usize| values.row(k).iter().map(|&v| f64::from(v)).sum::<f64>();
        let gap = (0..outputs).map(|k| (base_values[k] + sum(k) - whole[k]).abs()).fold(0.0, f64::max);
        Ok(ImageExplanation {
            seen,
            absent,
            segments,
            outputs: targets.iter().map(|&target| names[target].clone()).collect(),
            values,
            stderr: Array2::from_shape_fn((outputs, parts.len()), |(k, part)| parts[part].errors[k] as f32),
            base_values,
            predictions,
            additivity_gap: gap,
            forwards,
            provenance,
        })
    }

    /// Coalitions that the budget has, those of nobody and of all left out.
    fn coalitions(&self, hierarchy: &Hierarchy) -> Result<usize> {
        let all = hierarchy.coalitions();
        let exact = self.budget == Budget::Exact || self.design == DesignChoice::Exact;
        let most = match (self.budget, self.spend(hierarchy.n_players())) {
            (Budget::Auto, Budget::Rows(rows)) if !exact => rows - 2,
            (Budget::Rows(rows), _) => rows.saturating_sub(2),
            _ => MOST_COALITIONS,
        };
        if exact && all > most as f64 {
            let (needed, most) = (all + 2.0, most + 2);
            return Err(Error::input(format!("exact values take {needed:.0} pictures, the limit is {most}"))
                .hint("use `--budget auto` and `--design auto`, which open regions as far as the budget goes"));
        }
        Ok(most)
    }
}

/// The explained outputs for coalitions, `[coalition · output]`.
fn predict(predictor: &Predictor, coalitions: &Coalitions) -> Result<Vec<f64>> {
    let n = coalitions.n_players();
    let all: Vec<usize> = (0..coalitions.len()).collect();
    let mut outputs = Vec::with_capacity(all.len() * predictor.outputs.len());
    for part in all.chunks(TOGETHER) {
        if predictor.control.stop.load(Relaxed) {
            return Err(Error::Interrupted);
        }
        let presence = |&coalition: &usize| (0..n).map(move |i| f32::from(u8::from(coalitions.contains(coalition, i))));
        let rows: Vec<f32> = part.iter().flat_map(presence).collect();
        let rows = Tensor::from_data(TensorData::new(rows, [part.len(), n]), predictor.device.burn());
        let found =
            predictor.predict_rows(&rows, predictor.tile_rows(), ("the picture with some segments absent", None))?;
        outputs.extend(found.iter().map(|&output| f64::from(output)));
    }
    Ok(outputs)
}

impl Segments {
    /// The segments in pairs, these in pairs, and so on until there is one region. In each round neighbours join, those of the most similar mean
    /// colour first and each region once: the tree stays low, about 1 + log₂ of the segments, and with it the work for each of them.
    ///
    /// # Errors
    /// A picture of another size.
    pub fn hierarchy(&self, picture: &Picture) -> Result<Hierarchy> {
        let mut regions = self.regions(picture)?;
        let mut touching = self.touching();
        while regions.len() > 1 {
            let mut pairs: Vec<(f64, [usize; 2])> =
                touching.iter().map(|&[a, b]| (regions[a].distance(&regions[b]), [a, b])).collect();
            pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            // The new number of each region; one that finds no partner stays alone.
            let mut number = vec![None; regions.len()];
            let mut count = 0;
            for (_, [a, b]) in pairs {
                if number[a].is_none() && number[b].is_none() {
                    (number[a], number[b]) = (Some(count), Some(count));
                    count += 1;
                }
            }
            let mut alone = count..;
            let number: Vec<usize> = number.iter().filter_map(|number| number.or_else(|| alone.next())).collect();
            count = alone.start;
            let mut joined: Vec<Option<Region>> = (0..count).map(|_| None).collect();
            for (region, &number) in regions.into_iter().zip(&number) {
                joined[number] = Some(match joined[number].take() {
                    Some(first) => first.join(region),
                    None => region,
                });
            }
            regions = joined.into_iter().flatten().collect();
            let lines = touching.iter().map(|&[a, b]| [number[a].min(number[b]), number[a].max(number[b])]);
            touching = lines.filter(|[a, b]| a != b).collect();
        }
        Hierarchy::new(self.count, &regions.remove(0).nested)
    }

    /// Groups of segments as segments, in the order of the groups.
    pub(super) fn merged(&self, parts: &[Part]) -> Self {
        let mut number = vec![0; self.count];
        for (at, part) in parts.iter().enumerate() {
            part.players.iter().for_each(|&segment| number[segment] = at as u32);
        }
        let of_pixel = self.of_pixel.iter().map(|&segment| number[segment as usize]).collect();
        Self { of_pixel, count: parts.len(), ..*self }
    }

    fn regions(&self, picture: &Picture) -> Result<Vec<Region>> {
        if (picture.width(), picture.height()) != (self.width, self.height) {
            return Err(Error::input(format!(
                "the segments are of {} × {} pixels, the picture has {} × {}",
                self.width,
                self.height,
                picture.width(),
                picture.height()
            )));
        }
        let region = |segment: usize| Region { nested: Nested::Player(segment), sums: [0.0; 3], pixels: 0.0 };
        let mut regions: Vec<Region> = (0..self.count).map(region).collect();
        for (&segment, pixel) in self.of_pixel.iter().zip(picture.bytes().chunks_exact(3)) {
            let region = &mut regions[segment as usize];
            region.pixels += 1.0;
            region.sums.iter_mut().zip(pixel).for_each(|(sum, &colour)| *sum += f64::from(colour));
        }
        Ok(regions)
    }

    /// Segments that share an edge, the lower number first.
    fn touching(&self) -> BTreeSet<[usize; 2]> {
        let width = self.width as usize;
        let of = |at: usize| self.of_pixel[at] as usize;
        let right = (0..self.of_pixel.len()).filter(|at| (at + 1) % width != 0).map(|at| [of(at), of(at + 1)]);
        let below = (width..self.of_pixel.len()).map(|at| [of(at - width), of(at)]);
        right.chain(below).filter(|[a, b]| a != b).map(|[a, b]| [a.min(b), a.max(b)]).collect()
    }
}

impl Region {
    /// Between mean colours, squared.
    fn distance(&self, other: &Region) -> f64 {
        let means = self.sums.iter().zip(&other.sums).map(|(a, b)| a / self.pixels - b / other.pixels);
        means.map(|difference| difference * difference).sum()
    }

    fn join(self, other: Region) -> Region {
        Region {
            nested: Nested::Group(vec![self.nested, other.nested]),
            sums: std::array::from_fn(|colour| self.sums[colour] + other.sums[colour]),
            pixels: self.pixels + other.pixels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of one row, a segment a pixel.
    fn row(colours: &[u8]) -> (Picture, Segments) {
        let width = colours.len() as u32;
        let picture = Picture::from_rgb(width, 1, colours.iter().flat_map(|&c| [c; 3]).collect()).unwrap();
        (picture, Segments { width, height: 1, of_pixel: (0..width).collect(), count: colours.len() })
    }

    #[test]
    fn neighbours_of_like_colour_join_first_and_each_once_a_round() {
        let (picture, segments) = row(&[0, 200, 210, 100, 110]);
        let group = |a: Nested, b: Nested| Nested::Group(vec![a, b]);
        let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(Nested::Player);
        // 1 and 2 join and so do 3 and 4, 0 waits; then 3, 4 are nearer to 1, 2 than 0 is.
        let expected = group(group(group(b, c), group(d, e)), a);
        assert_eq!(segments.hierarchy(&picture).unwrap(), Hierarchy::new(5, &expected).unwrap());
    }

    #[test]
    fn groups_of_segments_become_segments() {
        let part = |players: Vec<usize>| Part { players, values: Vec::new(), errors: Vec::new() };
        let (_, segments) = row(&[0; 4]);
        let merged = segments.merged(&[part(vec![0, 3]), part(vec![1]), part(vec![2])]);
        assert_eq!((merged.of_pixel, merged.count), (vec![0, 1, 2, 0], 3));
    }

    #[test]
    fn a_picture_of_another_size_is_refused() {
        let (picture, _) = row(&[0; 3]);
        assert!(
            row(&[0; 4]).1.hierarchy(&picture).unwrap_err().to_string().contains("4 × 1 pixels, the picture has 3 × 1")
        );
    }
}
