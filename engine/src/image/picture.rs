//! Pictures as files hold them: PNG, JPEG and NumPy arrays to 8-bit red, green, blue.

use super::npy::{self, ArrayOptions};
use crate::{Error, Result};
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits, RgbImage, imageops};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

/// More pixels on a side than any photograph; a file that says so is refused before it is decoded.
pub(super) const LONGEST_SIDE: u32 = 1 << 15;
const WANTED: &str = "PNG, JPEG and NumPy arrays (.npy) can be read";

/// A picture in 8-bit red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub(super) rgb: RgbImage,
    /// What was changed while it was read, such as `transparent pixels were put on white`.
    pub notes: Vec<String>,
}

impl Picture {
    /// Reads a PNG or JPEG, turned as its camera says, or a NumPy array. Transparent pixels are put on white, grey becomes three equal
    /// channels, 16 bits become 8.
    ///
    /// # Errors
    /// A file that cannot be read, is none of these, is cut short or broken, or has more than 32,768 pixels on a side; arrays with numbers
    /// that are not finite, or whose shape or numbers leave open what they mean.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_as(path, &ArrayOptions::default())
    }

    /// The same, where it is said how an array becomes a picture.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_as(path: impl AsRef<Path>, arrays: &ArrayOptions) -> Result<Self> {
        let path = path.as_ref();
        let wrong = |e: ImageError| refused(path, e);
        let mut file = File::open(path).map_err(|e| Error::io("open", path, e))?;
        let mut start = Vec::new();
        (&file).take(npy::MAGIC.len() as u64).read_to_end(&mut start).map_err(|e| Error::io("read", path, e))?;
        if start == npy::MAGIC {
            file.rewind().map_err(|e| Error::io("read", path, e))?;
            return npy::read(path, file, arrays);
        }
        let reader = ImageReader::open(path).map_err(|e| Error::io("open", path, e))?;
        let mut reader = reader.with_guessed_format().map_err(|e| Error::io("read", path, e))?;
        let mut limits = Limits::default();
        (limits.max_image_width, limits.max_image_height) = (Some(LONGEST_SIDE), Some(LONGEST_SIDE));
        reader.limits(limits);
        let mut decoder = reader.into_decoder().map_err(wrong)?;
        let orientation = decoder.orientation().map_err(wrong)?;
        let mut image = DynamicImage::from_decoder(decoder).map_err(wrong)?;
        image.apply_orientation(orientation);
        Ok(Self::of(image))
    }

    /// From `height · width` pixels of red, green and blue, row by row.
    ///
    /// # Errors
    /// A number of bytes that is not 3 · width · height, or no pixels.
    pub fn from_rgb(width: u32, height: u32, bytes: Vec<u8>) -> Result<Self> {
        let given = bytes.len();
        let rgb = RgbImage::from_raw(width, height, bytes).filter(|rgb| rgb.len() == given && given > 0);
        let rgb = rgb.ok_or_else(|| {
            Error::input(format!("{given} bytes are no picture of {width} × {height} pixels"))
                .hint("give three bytes a pixel, row by row")
        })?;
        Ok(Self { rgb, notes: Vec::new() })
    }

    pub(super) fn of(image: DynamicImage) -> Self {
        let mut notes = Vec::new();
        if image.color().bytes_per_pixel() / image.color().channel_count() > 1 {
            notes.push("colours of 16 bits were rounded to 8".into());
        }
        if !image.color().has_alpha() {
            return Self { rgb: image.into_rgb8(), notes };
        }
        let rgba = image.into_rgba8();
        if rgba.pixels().any(|pixel| pixel.0[3] < 255) {
            notes.push("transparent pixels were put on white".into());
        }
        let over = |c: u8, alpha: u8| {
            let (c, alpha) = (u32::from(c), u32::from(alpha));
            ((c * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        let rgb = RgbImage::from_fn(rgba.width(), rgba.height(), |x, y| {
            let [r, g, b, a] = rgba.get_pixel(x, y).0;
            image::Rgb([over(r, a), over(g, a), over(b, a)])
        });
        Self { rgb, notes }
    }

    pub fn width(&self) -> u32 {
        self.rgb.width()
    }

    pub fn height(&self) -> u32 {
        self.rgb.height()
    }

    /// Red, green and blue of each pixel, row by row.
    pub fn bytes(&self) -> &[u8] {
        &self.rgb
    }

    /// The picture at another size, by averages of pixels when it shrinks (a triangle filter).
    pub(super) fn resized(&self, width: u32, height: u32) -> Self {
        let rgb = if (width, height) == self.rgb.dimensions() {
            self.rgb.clone()
        } else {
            imageops::resize(&self.rgb, width, height, imageops::FilterType::Triangle)
        };
        Self { rgb, notes: self.notes.clone() }
    }

    /// The picture, made smaller if it has more pixels on a side.
    pub(crate) fn within(&self, side: u32) -> Self {
        let longest = u64::from(self.width().max(self.height()));
        let scaled =
            |x: u32| if longest > side.into() { (u64::from(x) * u64::from(side) / longest).max(1) as u32 } else { x };
        self.resized(scaled(self.width()), scaled(self.height()))
    }

    /// The picture as a PNG.
    ///
    /// # Errors
    /// None that a picture could cause.
    pub fn png(&self) -> Result<Vec<u8>> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        self.rgb
            .write_to(&mut bytes, image::ImageFormat::Png)
            .map_err(|e| Error::input(format!("the picture cannot be written as PNG: {e}")))?;
        Ok(bytes.into_inner())
    }
}

fn refused(path: &Path, error: ImageError) -> Error {
    let name = path.display();
    match error {
        ImageError::IoError(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => Error::io("read", path, e),
        ImageError::Unsupported(e) => {
            Error::input(format!("{name}: not a picture of a kind that can be read: {e}")).hint(WANTED)
        }
        ImageError::Limits(_) => Error::input(format!(
            "{name}: the picture is too large, more than {LONGEST_SIDE} pixels on a side or 512 MiB"
        ))
        .hint("make it smaller first: the model sees it at its own size anyway"),
        e => Error::input(format!("{name}: the picture is broken: {e}")).hint(WANTED),
    }
}
