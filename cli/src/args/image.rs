//! Options of `image`.

use super::EXIT_CODES;
use super::value::{self, Budget, Design, Link};
use clap::{Args, ValueEnum};
use pellucid::device::DeviceChoice;
use pellucid::image;
use std::path::PathBuf;
use std::str::FromStr;

const EXAMPLES: &str = "\
Examples:
  Which parts of a photograph make the model say what it says?
    pellucid image --model resnet.onnx --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 cat.jpg --output why

  Two classes, a grid in place of superpixels, absent parts grey, standard errors below a hundredth of the spread:
    pellucid image --model net.onnx cat.jpg dog.jpg --target cat --target dog --labels cat,dog \\
        --grid 7x7 --absent '#808080' --tolerance 0.01 --output why

";

/// Explain what a model sees in pictures: how much each part of a picture moved the model's output.
///
/// A picture is cut into segments of like colour (or a grid, or given masks). Absent segments are blurred (or a colour, or another picture);
/// the attributions of a picture add up to its output minus that of the picture without segments.
///
/// stdout has a table of the strongest segments; --output gets the heat maps and the numbers.
#[derive(Args, Debug)]
#[command(after_long_help = format!("{EXAMPLES}{EXIT_CODES}"))]
pub struct ImageArgs {
    /// The pictures: PNG, JPEG or NumPy arrays (.npy).
    #[arg(required = true, value_name = "PICTURE")]
    pub pictures: Vec<PathBuf>,
    /// The model: an ONNX file with one input of shape [batch, colours, height, width] or [batch, height, width, colours].
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,
    /// Options from a TOML or JSON file: the long names without dashes in front.
    ///
    /// Lists repeat an option, `true` sets a flag. Options on the command line win. Paths are taken from the current
    /// folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub arrays: ArrayArgs,
    #[command(flatten)]
    pub input: PreprocessArgs,
    #[command(flatten)]
    pub players: SegmentArgs,
    #[command(flatten)]
    pub run: ImageRunArgs,
    /// Heat maps and numbers go to this folder: PICTURE.heatmap.png and PICTURE.json for each picture.
    #[arg(short, long, value_name = "FOLDER", help_heading = "Results")]
    pub output: Option<PathBuf>,
    /// Also write a page with the pictures, their heat maps and numbers, an HTML file; it has the first 12 pictures.
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    pub report: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long, help_heading = "Results")]
    pub force: bool,
}

/// What an array means, where its shape and numbers leave that open.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Arrays")]
pub struct ArrayArgs {
    /// The axes of an array of three: height, width, colours, or colours first [default: colours are the axis of 1, 3 or 4].
    #[arg(long, value_enum, value_name = "AXES")]
    pub array_layout: Option<ArrayLayout>,
    /// The numbers that are black and white [default: 0,255 for bytes; for floats 0,1 if all lie there, or 0,255 if those do].
    #[arg(long, value_name = "LOW,HIGH", value_parser = range, allow_hyphen_values = true)]
    pub array_range: Option<(f64, f64)>,
}

/// What the model takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The model's input")]
pub struct PreprocessArgs {
    /// Width and height in pixels, where the model leaves them open.
    #[arg(long, value_name = "WxH", value_parser = pair)]
    pub size: Option<(u32, u32)>,
    /// The colours and their order [default: rgb, or grey for a model of one channel].
    #[arg(long, value_enum, value_name = "COLOURS")]
    pub channels: Option<Channels>,
    /// What happens to a picture of another shape.
    #[arg(long, value_enum, default_value_t, value_name = "FIT")]
    pub fit: Fit,
    /// What colours of 0 to 255 are divided by: 255, or 1 for models that take them as they are.
    #[arg(long, value_name = "X", default_value_t = 255.0)]
    pub scale: f32,
    /// Taken off each channel after that: one number, or one a channel.
    #[arg(long, value_name = "X,…", value_delimiter = ',', default_value = "0", allow_negative_numbers = true)]
    pub mean: Vec<f32>,
    /// What each channel is divided by then: one number, or one a channel.
    #[arg(long, value_name = "X,…", value_delimiter = ',', default_value = "1")]
    pub std: Vec<f32>,
}

/// What gets an attribution.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Segments")]
pub struct SegmentArgs {
    /// About so many superpixels, patches of like colour (SLIC).
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub segments: u32,
    /// How much superpixels keep to squares: 1 (they follow colours) to 20.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub compactness: u8,
    /// A grid of so many rectangles instead.
    #[arg(long, value_name = "COLUMNSxROWS", value_parser = pair, conflicts_with_all = ["segments", "compactness", "masks"])]
    pub grid: Option<(u32, u32)>,
    /// A picture in which each colour is a segment instead.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["segments", "compactness"])]
    pub masks: Option<PathBuf>,
    /// Owen values in place of Shapley values: segments are merged with neighbours of like colour, step by step, and regions are opened where
    /// they move the output, as far as --budget or --tolerance says. A region that stays closed is one segment.
    #[arg(long)]
    pub hierarchy: bool,
    /// What stands in for absent segments: `blur`, `mean` (the picture's mean colour), a colour as `#808080`, or a picture's file.
    #[arg(long, value_name = "blur|mean|#RRGGBB|FILE", default_value = "blur")]
    pub absent: Absent,
}

/// How the attributions are computed.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "The run")]
pub struct ImageRunArgs {
    /// The output to explain: its label, or its number from 0. Repeatable [default: the one that is highest for the picture].
    #[arg(long, value_name = "OUTPUT")]
    pub target: Vec<String>,
    /// Names of the outputs, in the model's order.
    #[arg(long, value_name = "NAME,NAME…", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// The model's output, by name, if it has several.
    #[arg(long, value_name = "NAME")]
    pub model_output: Option<String>,
    /// Pictures to show the model: `auto` (20 for each segment and at least 512), `exact`, or at most N.
    #[arg(long, value_name = "auto|exact|N", default_value = "auto")]
    pub budget: Budget,
    /// Which coalitions are tried.
    #[arg(long, value_enum, default_value_t, value_name = "DESIGN")]
    pub design: Design,
    /// Stop early, once the largest standard error is at most this share of the spread of the attributions.
    #[arg(long, value_name = "SHARE", value_parser = value::share)]
    pub tolerance: Option<f64>,
    /// The scale on which attributions add up.
    #[arg(long, value_enum, default_value_t, value_name = "LINK")]
    pub link: Link,
    /// Where every random draw comes from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// What to run on: auto, cpu, gpu[:N], vulkan[:N], metal, dx12, cuda[:N]; see `pellucid devices`.
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = value::device)]
    pub device: DeviceChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Channels {
    Rgb,
    Bgr,
    Grey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ArrayLayout {
    Hwc,
    Chw,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Fit {
    /// Both sides are scaled on their own.
    #[default]
    Stretch,
    /// The largest part in the middle that has the right shape.
    Crop,
}

/// `--absent`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    Blur,
    Mean,
    Colour([u8; 3]),
    Picture(PathBuf),
}

impl FromStr for Absent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let byte = |from: usize| text.get(from..from + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match text {
            "blur" => Ok(Self::Blur),
            "mean" => Ok(Self::Mean),
            _ if text.starts_with('#') => match (text.len(), byte(1), byte(3), byte(5)) {
                (7, Some(r), Some(g), Some(b)) => Ok(Self::Colour([r, g, b])),
                _ => Err("a colour is # and six hexadecimal digits, such as #808080".into()),
            },
            file => Ok(Self::Picture(file.into())),
        }
    }
}

impl From<Channels> for image::Channels {
    fn from(channels: Channels) -> Self {
        match channels {
            Channels::Rgb => Self::Rgb,
            Channels::Bgr => Self::Bgr,
            Channels::Grey => Self::Grey,
        }
    }
}

impl From<&ArrayArgs> for image::ArrayOptions {
    fn from(args: &ArrayArgs) -> Self {
        let layout = args.array_layout.map(|layout| match layout {
            ArrayLayout::Hwc => image::Layout::Nhwc,
            ArrayLayout::Chw => image::Layout::Nchw,
        });
        Self { layout, range: args.array_range }
    }
}

impl From<Fit> for image::Fit {
    fn from(fit: Fit) -> Self {
        match fit {
            Fit::Stretch => Self::Stretch,
            Fit::Crop => Self::Crop,
        }
    }
}

fn pair(text: &str) -> Result<(u32, u32), String> {
    let parsed = text.split_once('x').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    parsed.ok_or_else(|| "two numbers with an x between, such as 224x224".into())
}

fn range(text: &str) -> Result<(f64, f64), String> {
    let parsed = text.split_once(',').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    parsed
        .filter(|(low, high): &(f64, f64)| low < high && (high - low).is_finite())
        .ok_or_else(|| "two numbers with a comma between, the smaller first, such as 0,16".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_and_absences_parse() {
        assert_eq!(pair("7x5"), Ok((7, 5)));
        assert!(["7", "x", "7x", "-1x2", "7X5"].iter().all(|text| pair(text).is_err()));
        assert_eq!((range("-1,1"), range("0,0.5")), (Ok((-1.0, 1.0)), Ok((0.0, 0.5))));
        assert!(["1", "1,0", "0,0", "0,inf", "nan,1", "0,1,2"].iter().all(|text| range(text).is_err()));
        assert_eq!("#0a10FF".parse(), Ok(Absent::Colour([10, 16, 255])));
        assert_eq!("grey.png".parse(), Ok(Absent::Picture("grey.png".into())));
        assert!(["#12345", "#12345g", "#€€"].iter().all(|text| text.parse::<Absent>().is_err()));
    }
}
