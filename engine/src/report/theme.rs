//! Colours and type of figures, the same in the report and in files.

use serde_json::Value;
use std::sync::LazyLock;

/// Vega-Lite configurations, `light` and `dark`.
pub(super) const THEMES: &str = include_str!("assets/theme.json");

/// On white or on near black.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    #[default]
    Light,
    Dark,
}

impl Theme {
    /// The Vega-Lite configuration. Beside Vega's own names it has
    /// the mark styles `positive` and `negative` (what pushes a prediction up and down), `neutral`, `quiet` (behind the data), `zero`
    /// (a line of reference), `error` and `note`; the ranges `feature` (low to high values of a feature, blue to red) and `sign`
    /// (negative, positive); `category` is Okabe and Ito's palette for all kinds of colour vision, with the pale ones darkened to 3:1.
    pub fn config(self) -> &'static Value {
        static PARSED: LazyLock<Value> =
            LazyLock::new(|| serde_json::from_str(THEMES).expect("assets/theme.json is JSON, as a test knows"));
        &PARSED[match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }]
    }
}
