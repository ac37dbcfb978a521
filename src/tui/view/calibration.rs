//! What scores are read through, over the screen: for each dimension how near they come to what people gave, and a
//! reliability diagram in numbers.

use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::canvas::Canvas;
use super::layout::Layout;
use super::overlay::centred;
use crate::engine::calibration::{Bin, Calibration, Reader};
use crate::rubric::Dimension;
use crate::tui::width::Align;
use crate::tui::words::Word;

/// Columns of a dimension's name, of a number, and of a point of the diagram.
const NAME: usize = 15;
const NUMBER: usize = 6;
const POINT: usize = 7;
/// Rows of the frame, of what stands above the figures, and of their heading.
const HEAD: u16 = 9;
/// What people gave is as it should be where it is within so much of what was read: half a level rounds to it.
const NEAR: f32 = 0.5;

/// Draws the calibration in use; without one, that there is none.
pub(super) fn render(canvas: &mut Canvas<'_>, layout: &Layout) -> Option<Position> {
    let rows = canvas.app.settings().rubric.dimensions.len() as u16;
    let area = centred(layout.body, 84, rows + HEAD);
    let inside = canvas.frame(area, canvas.app.word(Word::Calibration), true);
    let Some(calibration) = canvas.app.settings().calibration.clone() else {
        let text = canvas.app.word(Word::CalibrationNone);
        canvas.text((inside.x, inside.y), inside.width, text, canvas.styles().dim);
        return None;
    };
    let mut row = 0;
    for (words, style) in [
        (stands_on(canvas, &calibration), canvas.styles().title),
        (
            canvas.app.word(Word::CalibrationFigures).to_owned(),
            canvas.styles().dim,
        ),
        (
            canvas.app.word(Word::CalibrationGiven).to_owned(),
            canvas.styles().dim,
        ),
    ] {
        row = wrapped(canvas, inside, row, &words, style);
    }
    row += 1;
    let heading: String = (1..=5)
        .map(|level| canvas.pad(&level.to_string(), POINT, Align::Right))
        .collect();
    let lead = " ".repeat(NAME + 4 * NUMBER);
    canvas.line(
        inside,
        row,
        &Line::from(Span::styled(lead + &heading, canvas.styles().title)),
    );
    let rubric = canvas.app.settings().rubric.clone();
    for dimension in &rubric.dimensions {
        row += 1;
        let line = match calibration.dimensions.get(&dimension.id) {
            Some(reader) => figures(canvas, dimension, reader),
            None => unread(canvas, dimension),
        };
        canvas.line(inside, row, &line);
    }
    None
}

/// How many ratings of how many people it was fitted to or tried on, and whose.
fn stands_on(canvas: &Canvas<'_>, calibration: &Calibration) -> String {
    let readers = calibration.dimensions.values();
    let ratings: usize = readers.clone().map(|reader| reader.ratings).sum();
    let groups = readers.map(|reader| reader.groups).max().unwrap_or_default();
    let counts = [("ratings", ratings.to_string()), ("groups", groups.to_string())];
    let counts = counts.each_ref().map(|(name, n)| (*name, n.as_str()));
    let stands = canvas.app.fill(Word::CalibrationOf, &counts);
    match calibration.upon {
        None if calibration.focus.is_some() => {
            format!("{stands} · {}", canvas.app.word(Word::CalibrationShipped))
        }
        _ => stands,
    }
}

fn wrapped(
    canvas: &mut Canvas<'_>,
    inside: Rect,
    mut row: u16,
    words: &str,
    style: ratatui::style::Style,
) -> u16 {
    for part in canvas.measure().wrap(words, usize::from(inside.width)) {
        canvas.line(
            inside,
            row,
            &Line::from(Span::styled(words[part].to_owned(), style)),
        );
        row += 1;
    }
    row
}

/// A dimension that had too few ratings.
fn unread<'a>(canvas: &Canvas<'a>, dimension: &Dimension) -> Line<'a> {
    let name = dimension.name.get(canvas.app.settings().language);
    let dash = canvas.pad("–", NUMBER, Align::Right);
    let text = canvas.pad(name, NAME, Align::Left) + &dash;
    Line::from(Span::styled(text, canvas.styles().dim))
}

/// One dimension: its name, its figures, and its points.
fn figures<'a>(canvas: &Canvas<'a>, dimension: &Dimension, reader: &Reader) -> Line<'a> {
    let styles = canvas.styles();
    let name = dimension.name.get(canvas.app.settings().language);
    let mut spans = vec![Span::styled(canvas.pad(name, NAME, Align::Left), styles.text)];
    for number in [
        reader.ratings.to_string(),
        format!("{:.2}", reader.mae_before),
        format!("{:.2}", reader.mae_after),
        format!("±{:.1}", reader.margin),
    ] {
        spans.push(Span::styled(
            canvas.pad(&number, NUMBER, Align::Right),
            styles.text,
        ));
    }
    for level in 1..=5 {
        let bin = reader.reliability.iter().find(|bin| bin.level == level);
        let near = |bin: &Bin| (bin.given - f32::from(level)).abs() <= NEAR;
        let (text, style) = match bin {
            None => ("–".to_owned(), styles.dim),
            Some(bin) => (
                format!("{:.1}×{}", bin.given, bin.ratings),
                if near(bin) { styles.text } else { styles.warn },
            ),
        };
        spans.push(Span::styled(canvas.pad(&text, POINT, Align::Right), style));
    }
    Line::from(spans)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::dossier::Language;
    use crate::error::Result;
    use crate::metrics::Isotonic;
    use crate::tui::testing::{Stage, settings};

    fn reader() -> Reader {
        let bin = |level, given, ratings| Bin {
            level,
            given,
            ratings,
        };
        Reader {
            weights: Vec::new(),
            constant: 0.0,
            curve: Isotonic::default(),
            margin: 1.2,
            ratings: 17,
            groups: 9,
            mae_before: 1.25,
            mae_after: 0.75,
            reliability: vec![bin(2, 1.8, 5), bin(4, 3.2, 12)],
        }
    }

    fn screen(language: Language, size: (u16, u16)) -> Result<String> {
        let mut settings = settings(language)?;
        let dimensions = [("delivery".into(), reader()), ("quality".into(), reader())];
        settings.calibration = Some(Arc::new(Calibration::example(BTreeMap::from(dimensions))));
        let mut stage = Stage::with(settings, size, &["zh-lilei-2026h1"])?;
        stage.press("c")?;
        stage.screen()
    }

    #[test]
    fn each_dimension_tells_how_near_it_comes() -> Result<()> {
        let wide = screen(Language::En, (140, 40))?;
        insta::assert_snapshot!("calibration_en_140x40", wide);
        let narrow = screen(Language::Zh, (80, 24))?;
        insta::assert_snapshot!("calibration_zh_80x24", narrow);
        Ok(())
    }

    #[test]
    fn without_one_that_is_said() -> Result<()> {
        let mut stage = Stage::queue(Language::En, (80, 24), &["zh-lilei-2026h1"])?;
        stage.press("c")?;
        assert!(stage.screen()?.contains("No calibration is in use"));
        Ok(())
    }
}
