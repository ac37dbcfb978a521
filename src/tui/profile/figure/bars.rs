//! One bar a dimension on the scale 1..5, with the spread of the model and the last cycle's score.

use super::super::markup::{Esc, put};
use super::super::{Dimension, Profile, level};
use super::{BAND, Figure, GRID, HUMAN, MODEL, PAST, SOFT, diamond, dot, name};
use crate::dossier::Language;
use crate::tui::words::Word;

const LEFT: f32 = 140.0;
const SCALE: f32 = 300.0;
const ROW: f32 = 34.0;
const TOP: f32 = 30.0;
const FIGURES: f32 = 120.0;

fn x(level: f32) -> f32 {
    LEFT + (level.clamp(1.0, 5.0) - 1.0) / 4.0 * SCALE
}

/// The bars of all dimensions, with scale and legend.
pub(in crate::tui::profile) fn bars(profile: &Profile, language: Language) -> Figure {
    let mut body = String::new();
    let bottom = TOP + ROW * profile.dimensions.len() as f32;
    for step in 1_u8..=5 {
        let at = x(f32::from(step));
        put!(
            body,
            "<path d=\"M{at:.1} {TOP}V{bottom}\" stroke=\"{GRID}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" fill=\"{SOFT}\">{step}</text>",
            TOP - 8.0
        );
    }
    for (index, dimension) in profile.dimensions.iter().enumerate() {
        let y = TOP + ROW * (index as f32 + 0.5);
        let before = profile
            .earlier
            .last()
            .and_then(|e| e.scores.get(index).copied().flatten());
        row(&mut body, dimension, before, y, language);
    }
    legend(&mut body, profile, bottom + 28.0, language);
    Figure {
        width: LEFT + SCALE + FIGURES,
        height: bottom + 44.0,
        body,
    }
}

fn row(body: &mut String, dimension: &Dimension, before: Option<f32>, y: f32, language: Language) {
    put!(
        body,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
         <rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{SCALE}\" height=\"8\" rx=\"4\" fill=\"#eef1f5\"/>",
        LEFT - 14.0,
        y + 4.5,
        name(&dimension.name),
        y - 4.0
    );
    if let Some(score) = dimension.standing() {
        let fill = if dimension.human.is_some() { HUMAN } else { MODEL };
        put!(
            body,
            "<rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{:.1}\" height=\"8\" rx=\"4\" fill=\"{fill}\" \
             fill-opacity=\"0.28\"/>",
            y - 4.0,
            x(score) - LEFT
        );
    }
    marks(body, dimension, before, y);
    figures(body, dimension, y, language);
}

fn marks(body: &mut String, dimension: &Dimension, before: Option<f32>, y: f32) {
    if let Some(model) = dimension.model {
        let (from, to) = (x(model.score - model.sd), x(model.score + model.sd));
        put!(
            body,
            "<rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\" rx=\"3\" fill=\"{BAND}\" \
             fill-opacity=\"0.75\"/>",
            y - 7.0,
            to - from
        );
    }
    if let Some(before) = before {
        put!(
            body,
            "<path d=\"M{:.1} {:.1}v18\" stroke=\"{PAST}\" stroke-width=\"2.4\"/>",
            x(before),
            y - 9.0
        );
    }
    if let Some(model) = dimension.model {
        body.push_str(&dot(x(model.score), y));
    }
    if let Some(human) = dimension.human {
        body.push_str(&diamond(x(human), y));
    }
}

/// The numbers right of the bar: what stands, and the model's with its spread.
fn figures(body: &mut String, dimension: &Dimension, y: f32, language: Language) {
    let (at, base) = (LEFT + SCALE + 20.0, y + 4.5);
    let stands = match (dimension.human, dimension.model) {
        (Some(score), _) => format!(
            "<tspan font-weight=\"700\" fill=\"{HUMAN}\">{}</tspan>",
            level(score)
        ),
        (None, Some(_)) => format!("<tspan fill=\"{SOFT}\">–</tspan>"),
        (None, None) => {
            let word = Word::ProfileNotScored.text(language);
            format!("<tspan fill=\"{SOFT}\">{}</tspan>", Esc(word))
        }
    };
    put!(body, "<text x=\"{at:.1}\" y=\"{base:.1}\">{stands}</text>");
    if let Some(model) = dimension.model {
        put!(
            body,
            "<text x=\"{:.1}\" y=\"{base:.1}\" font-size=\"11.5\" fill=\"{MODEL}\">{} ±{}</text>",
            at + 34.0,
            level(model.score),
            level(model.sd)
        );
    }
}

fn legend(body: &mut String, profile: &Profile, y: f32, language: Language) {
    let mut at = LEFT;
    let mut entry = |mark: String, text: &str| {
        let columns = crate::tui::width::Measure::default().text(text) as f32;
        put!(
            body,
            "{mark}<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"11.5\" fill=\"{SOFT}\">{}</text>",
            at + 14.0,
            y + 4.0,
            Esc(text)
        );
        at += 38.0 + columns * 6.2;
        at
    };
    let next = entry(diamond(LEFT, y), Word::ProfileHuman.text(language));
    let next = entry(dot(next, y), Word::ProfileModel.text(language));
    let band = format!(
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"16\" height=\"12\" rx=\"3\" fill=\"{BAND}\"/>",
        next - 8.0,
        y - 6.0
    );
    let next = entry(band, Word::ProfileSpread.text(language));
    if let Some(last) = profile.earlier.last() {
        let tick = format!(
            "<path d=\"M{next:.1} {:.1}v14\" stroke=\"{PAST}\" stroke-width=\"2.4\"/>",
            y - 7.0
        );
        entry(tick, &last.cycle);
    }
}
