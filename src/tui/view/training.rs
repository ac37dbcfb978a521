//! The newest training run over the screen: each of its figures from the first step to the last, and what the last step
//! read or wrote.

use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::canvas::Canvas;
use super::layout::Layout;
use super::overlay::centred;
use crate::learn::train::duration;
use crate::learn::train::folder::{Look, Told};
use crate::sanitize;
use crate::tui::width::Align;
use crate::tui::words::Word;

/// Columns of a figure's name, and of a number.
const NAME: usize = 22;
const NUMBER: usize = 10;
/// Heights of a curve.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws the run; without one, how to begin it.
pub(super) fn render(canvas: &mut Canvas<'_>, layout: &Layout, look: Option<&Look>) -> Option<Position> {
    let area = centred(layout.body, 110, layout.body.height);
    let inside = canvas.frame(area, canvas.app.word(Word::Training), true);
    let Some(look) = look else {
        let text = canvas.app.word(Word::TrainingNone);
        canvas.text((inside.x, inside.y), inside.width, text, canvas.styles().dim);
        return None;
    };
    let title = canvas.styles().title;
    for (row, words) in head(canvas, look).into_iter().enumerate() {
        canvas.line(inside, row as u16, &Line::from(Span::styled(words, title)));
    }
    let mut row = 3;
    for name in names(&look.told) {
        figure(canvas, inside, row, &name, &look.told);
        row += 1;
    }
    row += 1;
    for sample in &look.samples {
        row = said(canvas, inside, row, sample);
        if row >= inside.height {
            break;
        }
    }
    None
}

/// Which run it is, and how far.
fn head(canvas: &Canvas<'_>, look: &Look) -> [String; 2] {
    let last = look.told.last();
    let (step, steps) = last.map_or((0, 0), |t| (t.step, t.steps));
    let which = [
        sanitize::line(&look.name).into_owned(),
        look.kind.name().to_owned(),
        sanitize::line(&look.model).into_owned(),
    ];
    let mut parts = vec![canvas.app.fill(
        Word::TrainingStep,
        &[("step", &step.to_string()), ("steps", &steps.to_string())],
    )];
    if let Some(told) = last.filter(|t| t.step > 0) {
        parts.push(format!("{:.0} tok/s", told.tokens_per_s));
        let left = told.elapsed_s / told.step as f64 * (told.steps - told.step) as f64;
        parts.push(canvas.app.fill(Word::TrainingLeft, &[("time", &duration(left))]));
    }
    [which.join(" · "), parts.join(" · ")]
}

/// Every figure that was told, in the order of the alphabet.
fn names(told: &[Told]) -> Vec<String> {
    let mut names: Vec<String> = told.iter().flat_map(|t| t.figures.keys().cloned()).collect();
    names.sort();
    names.dedup();
    names
}

/// One figure: its name, the first and the last number, and the way between them.
fn figure(canvas: &mut Canvas<'_>, inside: Rect, row: u16, name: &str, told: &[Told]) {
    if row >= inside.height {
        return;
    }
    let values: Vec<f64> = told.iter().filter_map(|t| t.figures.get(name).copied()).collect();
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return;
    };
    let number = |v: f64, canvas: &Canvas<'_>| canvas.pad(&format!("{v:.4}"), NUMBER, Align::Right);
    let numbers = format!("{} {} ", number(*first, canvas), number(*last, canvas));
    let name = canvas.pad(&sanitize::line(name), NAME, Align::Left);
    let room = usize::from(inside.width).saturating_sub(NAME + 2 * NUMBER + 2);
    let line = Line::from(vec![
        Span::styled(name, canvas.styles().text),
        Span::styled(numbers, canvas.styles().text),
        Span::styled(curve(&values, room), canvas.styles().title),
    ]);
    canvas.line(inside, row, &line);
}

/// Values as bars between the smallest and the largest, as many as fit; the mean of those that share a column.
fn curve(values: &[f64], room: usize) -> String {
    let columns = room.min(values.len());
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| {
            (l.min(v), h.max(v))
        });
    (0..columns)
        .map(|column| {
            let part = &values[column * values.len() / columns..(column + 1) * values.len() / columns];
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            let height = if high > low {
                (mean - low) / (high - low)
            } else {
                0.5
            };
            BARS[((height * 7.0).round() as usize).min(7)]
        })
        .collect()
}

/// One sample: what is asked or answered, and what it got; the row after it.
fn said(canvas: &mut Canvas<'_>, inside: Rect, row: u16, sample: &serde_json::Value) -> u16 {
    let text = |key: &str| {
        sample
            .get(key)
            .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
    };
    let answer = text("answer").unwrap_or_else(|| sample.to_string());
    let reward = sample.get("reward").and_then(serde_json::Value::as_f64);
    let front = reward.map_or_else(String::new, |r| format!("{r:.2}  "));
    let line = Line::from(vec![
        Span::styled(front, canvas.styles().title),
        Span::styled(sanitize::line(&answer).into_owned(), canvas.styles().text),
    ]);
    canvas.line(inside, row, &line);
    row + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_shows_the_way_from_low_to_high() {
        assert_eq!(curve(&[0.0, 1.0, 2.0, 7.0], 10), "▁▂▃█");
        assert_eq!(curve(&[0.0, 0.0, 1.0, 1.0], 2), "▁█");
        assert_eq!(curve(&[3.0], 5), "▅");
        assert_eq!(curve(&[], 5), "");
        assert_eq!(curve(&[1.0, 2.0], 0), "");
    }
}
