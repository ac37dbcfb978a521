//! The profile as a picture: a radar of all dimensions beside bars with the model's and the person's marks.
//!
//! Plain SVG 1.1 with presentation attributes only, so that it looks the same alone, inside the report and in print.
//! Person and model differ by shape as well as colour.

use super::markup::{Esc, put};
use super::{Profile, level};
use crate::dossier::Language;
use crate::tui::width::Measure;
use crate::tui::words::Word;

mod bars;
mod radar;

pub(super) use bars::bars;
pub(super) use radar::radar;

const INK: &str = "#1f2a37";
const SOFT: &str = "#586475";
const GRID: &str = "#d5dce5";
const HUMAN: &str = "#0b6486";
const MODEL: &str = "#7a4aa5";
const BAND: &str = "#ddd0ec";
const PAST: &str = "#8791a0";

/// Fonts that hold both scripts on the common systems.
pub(super) const FONTS: &str = "'Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',\
     'Helvetica Neue',Arial,sans-serif";

/// Columns of a dimension's name in a picture; longer ones are cut.
const NAME: usize = 18;

/// A drawing and its size.
pub(super) struct Figure {
    pub(super) width: f32,
    pub(super) height: f32,
    pub(super) body: String,
}

impl Figure {
    /// As an SVG element; `label` says what it shows to those who cannot see it.
    pub(super) fn element(&self, label: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" \
             role=\"img\" aria-label=\"{}\" font-family=\"{FONTS}\" font-size=\"13\" fill=\"{INK}\">{}</svg>",
            Esc(label),
            self.body,
            w = self.width,
            h = self.height,
        )
    }
}

/// The whole profile in one picture.
pub fn svg(profile: &Profile, language: Language) -> String {
    const HEAD: f32 = 78.0;
    const GAP: f32 = 24.0;
    let title = Word::ProfileTitle.fill(language, &[("name", &profile.name)]);
    let facts: Vec<&str> = profile.facts().into_iter().map(|(_, value)| value).collect();
    let mut body = format!(
        "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\
         <text x=\"32\" y=\"44\" font-size=\"24\" font-weight=\"700\">{}</text>\
         <text x=\"32\" y=\"68\" fill=\"{SOFT}\">{}</text>",
        Esc(&title),
        Esc(&facts.join("  ·  ")),
    );
    let bars = bars(profile, language);
    let (mut x, mut height) = (GAP, bars.height);
    if let Some(radar) = radar(profile) {
        put!(body, "<g transform=\"translate({x} {HEAD})\">{}</g>", radar.body);
        x += radar.width + GAP;
        height = height.max(radar.height);
    }
    let y = HEAD + (height - bars.height) / 2.0;
    put!(body, "<g transform=\"translate({x} {y})\">{}</g>", bars.body);
    let whole = Figure {
        width: x + bars.width + GAP,
        height: HEAD + height + GAP,
        body,
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n",
        whole.element(&title)
    )
}

/// The person's mark.
fn diamond(x: f32, y: f32) -> String {
    format!(
        "<path d=\"M{x:.1} {:.1}l6.5 6.5-6.5 6.5-6.5-6.5z\" fill=\"{HUMAN}\" stroke=\"#fff\" stroke-width=\"1.2\"/>",
        y - 6.5
    )
}

/// The model's mark.
fn dot(x: f32, y: f32) -> String {
    format!(
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.6\" fill=\"{MODEL}\" stroke=\"#fff\" stroke-width=\"1.2\"/>"
    )
}

fn name(text: &str) -> String {
    Esc(&Measure::default().truncate(text, NAME)).to_string()
}
