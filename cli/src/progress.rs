//! Progress on stderr: a bar with rows a second and time left, JSON lines for another program, or nothing.

use crate::args::ProgressMode;
use crate::number::{duration, significant, thousands};
use crate::terminal::{Terminal, stderr_line};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pellucid::explain::Control;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How often a JSON line is written.
const JSON_EVERY: Duration = Duration::from_secs(1);

pub struct Progress {
    view: View,
    total: Option<u64>,
    done: u64,
    started: Instant,
}

enum View {
    Bar(ProgressBar),
    Json { last: Option<Instant> },
    Nothing,
}

impl Progress {
    /// `total` rows to explain, where it is known before the end of the data.
    pub fn new(terminal: &Terminal, total: Option<u64>) -> Self {
        let view = match terminal.progress() {
            ProgressMode::Always => View::Bar(bar(total)),
            ProgressMode::Json => View::Json { last: None },
            ProgressMode::Auto | ProgressMode::Never => View::Nothing,
        };
        Self { view, total, done: 0, started: Instant::now() }
    }

    /// `rows` more rows are explained.
    pub fn advance(&mut self, rows: u64) {
        self.done += rows;
        let line = self.json();
        match &mut self.view {
            View::Bar(bar) => bar.inc(rows),
            View::Json { last } if last.is_none_or(|at| at.elapsed() >= JSON_EVERY) => {
                *last = Some(Instant::now());
                stderr_line(&line);
            }
            View::Json { .. } | View::Nothing => {}
        }
    }

    /// Says something without tearing the bar.
    pub fn say(&self, tell: impl FnOnce()) {
        match &self.view {
            View::Bar(bar) => bar.suspend(tell),
            View::Json { .. } | View::Nothing => tell(),
        }
    }

    /// Takes the bar off the screen, or writes the last JSON line.
    pub fn finish(self) {
        match &self.view {
            View::Bar(bar) => bar.finish_and_clear(),
            View::Json { .. } => stderr_line(&self.json()),
            View::Nothing => {}
        }
    }

    fn json(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 { self.done as f64 / seconds } else { 0.0 };
        let left = self.total.filter(|_| rate > 0.0).map(|total| total.saturating_sub(self.done) as f64 / rate);
        serde_json::json!({
            "progress": { "rows_done": self.done, "rows_total": self.total, "rows_per_second": rate, "seconds_left": left }
        })
        .to_string()
    }
}

/// A spinner while the background and the design are prepared; gone when dropped.
pub fn preparing(terminal: &Terminal) -> Option<Preparing> {
    let shown = terminal.progress() == ProgressMode::Always;
    shown.then(|| Preparing(drawn(None, "preparing the background and the design {spinner} {elapsed}")))
}

pub struct Preparing(ProgressBar);

impl Drop for Preparing {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A spinner with the model rows done so far; gone when dropped.
pub fn working(terminal: &Terminal, what: &'static str, control: &Control) -> Option<Preparing> {
    if terminal.progress() != ProgressMode::Always {
        return None;
    }
    let (counter, before) = (control.model_rows.clone(), control.model_rows.load(Relaxed));
    let done = move |_: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{}", thousands(counter.load(Relaxed) - before));
    };
    let style = ProgressStyle::with_template(&format!("{what} {{spinner}} {{done}} model rows {{elapsed}}"));
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("done", done);
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    Some(Preparing(bar))
}

fn bar(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "explaining {bar:30} {human_pos}/{human_len} rows{speed}",
        None => "explaining {spinner} {human_pos} rows{speed}",
    };
    drawn(total, template)
}

fn drawn(total: Option<u64>, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.with_key("speed", |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
        if state.pos() > 0 {
            let _ = write!(out, "  {} rows/s", significant(state.per_sec()));
            if state.len().is_some() {
                let _ = write!(out, "  {} left", duration(state.eta()));
            }
        }
    });
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr()).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
