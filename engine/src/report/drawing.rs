//! Figures as SVG and PNG files, without a browser.

use super::Figure;
use super::fonts::Fonts;
use super::theme::Theme;
use crate::{Error, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::Tree;
use rquickjs::{CatchResultExt, Context, Ctx, Function, Object, Runtime};
use std::cell::RefCell;
use std::rc::Rc;

/// Vega and Vega-Lite, which share their globals with [`DRAW`].
pub(super) const VEGA: &str = include_str!("assets/vega.min.js");
pub(super) const VEGA_LITE: &str = include_str!("assets/vega-lite.min.js");
/// What the browser and QuickJS share.
pub(super) const DRAW: &str = include_str!("assets/draw.js");
const HOST: &str = include_str!("assets/host.js");
const FILE: &str = include_str!("assets/file.js");

/// Pixels that figures in files are wide, unless asked otherwise.
pub const WIDTH: f64 = 640.0;
/// Pixels of a PNG for each of an SVG: sharp on screens of double density and in print.
pub const SCALE: f32 = 2.0;

/// A figure takes some 50 MB; one that needs more than this is a mistake.
const MEMORY_LIMIT: usize = 2 << 30;
/// QuickJS measures its use of the caller's stack; test and worker threads have 2 MiB.
const STACK_LIMIT: usize = 1 << 20;
/// The longest side of a PNG in pixels.
const LONGEST_SIDE: f32 = 16_384.0;

/// Vega, loaded once and ready to draw; for one thread. Takes about 0.2 s to make.
pub struct Drawing {
    runtime: Runtime,
    context: Context,
    fonts: Rc<RefCell<Fonts>>,
    remarks: Vec<String>,
}

impl Drawing {
    /// # Errors
    /// Too little memory for QuickJS.
    pub fn new() -> Result<Drawing> {
        let runtime = Runtime::new().map_err(|e| failed("QuickJS", e))?;
        runtime.set_memory_limit(MEMORY_LIMIT);
        runtime.set_max_stack_size(STACK_LIMIT);
        let context = Context::full(&runtime).map_err(|e| failed("QuickJS", e))?;
        let fonts = Rc::new(RefCell::new(Fonts::new()));
        let measured = fonts.clone();
        context.with(|c| -> Result<()> {
            let measure = move |text: String, size: f64| measured.borrow_mut().width(&text, size);
            let measure = Function::new(c.clone(), measure).catch(&c).map_err(|e| failed("QuickJS", e))?;
            c.globals().set("textWidth", measure).catch(&c).map_err(|e| failed("QuickJS", e))?;
            for part in [HOST, VEGA, VEGA_LITE, DRAW, FILE] {
                c.eval::<(), _>(part).catch(&c).map_err(|e| failed("loading Vega", e))?;
            }
            Ok(())
        })?;
        Ok(Drawing { runtime, context, fonts, remarks: Vec::new() })
    }

    /// An SVG document `width` pixels wide on the theme's background, with the figure's title and alternative text inside.
    ///
    /// # Errors
    /// A specification that Vega cannot draw, with its message.
    pub fn svg(&mut self, figure: &Figure, width: f64, theme: Theme) -> Result<String> {
        self.remarks.clear();
        let asked = self.context.with(|c| -> rquickjs::Result<()> {
            let draw: Function = c.globals().get("drawFile")?;
            draw.call((figure.spec.to_string(), theme.config().to_string(), width))
        });
        asked.map_err(|e| undrawn(figure, e))?;
        while self.runtime.is_job_pending() {
            self.runtime.execute_pending_job().map_err(|e| undrawn(figure, e))?;
        }
        let drawn = self.context.with(|c| outcome(&c)).map_err(|e| undrawn(figure, e))?;
        self.remarks = drawn.remarks;
        match drawn.svg {
            Ok(svg) => Ok(described(&svg, figure)),
            Err(message) => Err(undrawn(figure, message)),
        }
    }

    /// What Vega remarked on the last figure: encodings without effect, empty domains.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The pixels of an SVG, `scale` for each of its own. Characters that the bundled fonts lack are drawn with the
    /// system's, or as boxes where it has none.
    ///
    /// # Errors
    /// Text that is no SVG; a side of more than 16,384 pixels.
    pub fn png(&self, svg: &str, scale: f32) -> Result<Vec<u8>> {
        let tree = Tree::from_str(svg, &self.fonts.borrow().options()).map_err(|e| failed("reading the SVG", e))?;
        let (width, height) = (tree.size().width() * scale, tree.size().height() * scale);
        let pixels =
            Pixmap::new(width.ceil() as u32, height.ceil() as u32).filter(|_| width.max(height) <= LONGEST_SIDE);
        let mut pixels = pixels.ok_or_else(|| {
            Error::input(format!("a figure of {width:.0} × {height:.0} pixels; at most {LONGEST_SIDE:.0} on a side"))
                .hint("draw it smaller, or as SVG")
        })?;
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
        pixels.encode_png().map_err(|e| failed("writing the PNG", e))
    }
}

struct Drawn {
    svg: Result<String, String>,
    remarks: Vec<String>,
}

fn outcome(c: &Ctx<'_>) -> rquickjs::Result<Drawn> {
    let Some(drawn) = c.globals().get::<_, Option<Object>>("drawn")? else {
        return Ok(Drawn { svg: Err("Vega did not finish".into()), remarks: Vec::new() });
    };
    let failure: Option<String> = drawn.get("failure")?;
    let svg = match failure {
        Some(message) => Err(message),
        None => Ok(drawn.get("svg")?),
    };
    Ok(Drawn { svg, remarks: drawn.get("remarks")? })
}

/// The title and the alternative text, for screen readers and search.
fn described(svg: &str, figure: &Figure) -> String {
    let Some(end) = svg.find('>') else { return svg.to_string() };
    let (open, rest) = svg.split_at(end);
    let (title, alt) = (escaped(&figure.title), escaped(&figure.alt));
    format!(r#"{open} role="img"><title>{title}</title><desc>{alt}</desc>{}"#, &rest[1..])
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn failed(what: &str, error: impl std::fmt::Display) -> Error {
    Error::input(format!("{what}: {error}"))
}

fn undrawn(figure: &Figure, error: impl std::fmt::Display) -> Error {
    Error::input(format!("figure {}: Vega cannot draw it: {error}", figure.id))
        .hint("check its Vega-Lite specification")
}
