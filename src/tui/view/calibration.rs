//! What scores are read through, over the screen: for each dimension how near they come to what people gave, and a
//! reliability diagram in numbers.

use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::canvas::Canvas;
use super::layout::{Layout, inner};
use super::overlay::{centred, scrolled};
use crate::engine::calibration::{Calibration, Reader};
use crate::rubric::Dimension;
use crate::tui::state::App;
use crate::tui::width::{Align, ELLIPSIS};
use crate::tui::words::Word;

/// Columns of the frame with what is in it, and the fewest of a dimension's name.
const WIDTH: u16 = 100;
const NAME: usize = 10;
/// What people gave is as it should be where it is within so much of what was read: half a level rounds to it.
const NEAR: f32 = 0.5;
/// Stands behind what is not. The legend names it.
const OFF: &str = "*";

/// Draws the calibration in use from its `top`-th row on; without one, that there is none.
pub(super) fn render(canvas: &mut Canvas<'_>, layout: &Layout, top: usize) -> Option<Position> {
    let lines = lines(canvas.app, layout);
    let area = area(layout, lines.len());
    let inside = canvas.frame(area, canvas.app.word(Word::Calibration), true);
    scrolled(canvas, inside, &lines, top);
    None
}

/// The last row that it scrolls to.
pub(super) fn last_top(app: &App) -> usize {
    let layout = Layout::of(app);
    let rows = lines(app, &layout).len();
    rows.saturating_sub(usize::from(inner(area(&layout, rows)).height))
}

fn area(layout: &Layout, rows: usize) -> Rect {
    centred(layout.body, WIDTH, rows as u16 + 2)
}

/// What it stands on, the figures, and how to read them.
fn lines(app: &App, layout: &Layout) -> Vec<Line<'static>> {
    let (measure, styles) = (app.settings().measure, &app.settings().theme.styles);
    let columns = usize::from(inner(area(layout, 0)).width);
    let wrapped = |text: &str, style: Style| -> Vec<Line<'static>> {
        let rows = measure.wrap(text, columns).into_iter();
        rows.map(|row| Line::styled(text[row].to_owned(), style))
            .collect()
    };
    let Some(calibration) = &app.settings().calibration else {
        return wrapped(app.word(Word::CalibrationNone), styles.dim);
    };
    let mut lines = wrapped(&stands_on(app, calibration), styles.title);
    lines.extend(table(app, calibration, columns));
    lines.push(Line::default());
    for word in [Word::CalibrationFigures, Word::CalibrationGiven] {
        lines.extend(wrapped(app.word(word), styles.dim));
    }
    lines
}

/// How many ratings of how many people it was fitted to or tried on, and whose.
fn stands_on(app: &App, calibration: &Calibration) -> String {
    let readers = calibration.dimensions.values();
    let ratings: usize = readers.clone().map(|reader| reader.ratings).sum();
    let groups = readers.map(|reader| reader.groups).max().unwrap_or_default();
    let counts = [("ratings", ratings.to_string()), ("groups", groups.to_string())];
    let counts = counts.each_ref().map(|(name, n)| (*name, n.as_str()));
    let stands = app.fill(Word::CalibrationOf, &counts);
    match calibration.upon {
        None if calibration.focus.is_some() => {
            format!("{stands} · {}", app.word(Word::CalibrationShipped))
        }
        _ => stands,
    }
}

/// A row of the table: a name, the figures, and the points of the diagram.
struct Row {
    name: String,
    figures: [String; 4],
    points: [(String, Style); 5],
    style: Style,
}

impl Row {
    fn heading(app: &App) -> Self {
        let style = app.settings().theme.styles.title;
        let words = [
            Word::CalibrationRatings,
            Word::CalibrationBefore,
            Word::CalibrationAfter,
            Word::CalibrationMargin,
        ];
        Self {
            name: String::new(),
            figures: words.map(|word| app.word(word).to_owned()),
            points: [1, 2, 3, 4, 5].map(|level| (level.to_string(), style)),
            style,
        }
    }

    fn of(app: &App, dimension: &Dimension, reader: Option<&Reader>) -> Self {
        let styles = &app.settings().theme.styles;
        let name = dimension.name.get(app.settings().language).to_owned();
        let none = || ("–".to_owned(), styles.dim);
        let Some(reader) = reader else {
            // It had too few ratings.
            return Self {
                name,
                figures: ["–", "", "", ""].map(str::to_owned),
                points: [1, 2, 3, 4, 5].map(|_| (String::new(), styles.dim)),
                style: styles.dim,
            };
        };
        let point = |level: u8| {
            let Some(bin) = reader.reliability.iter().find(|bin| bin.level == level) else {
                return none();
            };
            let near = (bin.given - f32::from(level)).abs() <= NEAR;
            let (mark, style) = if near {
                ("", styles.text)
            } else {
                (OFF, styles.warn)
            };
            (format!("{:.1}×{}{mark}", bin.given, bin.ratings), style)
        };
        Self {
            name,
            figures: [
                reader.ratings.to_string(),
                format!("{:.2}", reader.mae_before),
                format!("{:.2}", reader.mae_after),
                format!("±{:.1}", reader.margin),
            ],
            points: [1, 2, 3, 4, 5].map(point),
            style: styles.text,
        }
    }
}

/// The figures of every dimension in columns. Where there is no room for all levels, a name is cut rather than a level, and a
/// level left out rather than a number cut; an ellipsis in the heading says so.
fn table(app: &App, calibration: &Calibration, columns: usize) -> Vec<Line<'static>> {
    let measure = app.settings().measure;
    let dimensions = app.settings().rubric.dimensions.iter();
    let of = |d: &Dimension| Row::of(app, d, calibration.dimensions.get(&d.id));
    let rows: Vec<Row> = std::iter::once(Row::heading(app))
        .chain(dimensions.map(of))
        .collect();
    let widest = |of: &dyn Fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or_default();
    let figures: [usize; 4] = std::array::from_fn(|n| 1 + widest(&|row| measure.text(&row.figures[n])));
    let point = 1 + widest(&|row| {
        let points = row.points.iter().map(|(text, _)| measure.text(text));
        points.max().unwrap_or_default()
    });
    let numbers: usize = figures.iter().sum();
    let free = columns.saturating_sub(numbers + 5 * point);
    let name = widest(&|row| measure.text(&row.name)).min(free.max(NAME));
    let room = columns.saturating_sub(name + numbers);
    let sign = format!(" {ELLIPSIS}");
    let levels = if room >= 5 * point {
        5
    } else {
        room.saturating_sub(measure.text(&sign)) / point
    };
    let line = |(n, row): (usize, &Row)| {
        let mut text = measure.pad(&row.name, name, Align::Left);
        for (figure, columns) in row.figures.iter().zip(figures) {
            text += &measure.pad(figure, columns, Align::Right);
        }
        let mut spans = vec![Span::styled(text, row.style)];
        let points = row.points.iter().take(levels);
        spans
            .extend(points.map(|(text, style)| Span::styled(measure.pad(text, point, Align::Right), *style)));
        if n == 0 && levels < 5 {
            spans.push(Span::styled(sign.clone(), row.style));
        }
        Line::from(spans)
    };
    rows.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::dossier::Language;
    use crate::engine::calibration::Bin;
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

    fn stage(language: Language, size: (u16, u16)) -> Result<Stage> {
        let mut settings = settings(language)?;
        let dimensions = [("delivery".into(), reader()), ("quality".into(), reader())];
        settings.calibration = Some(Arc::new(Calibration::example(BTreeMap::from(dimensions))));
        let mut stage = Stage::with(settings, size, &["zh-lilei-2026h1"])?;
        stage.press("c")?;
        Ok(stage)
    }

    #[test]
    fn each_dimension_tells_how_near_it_comes() -> Result<()> {
        let wide = stage(Language::En, (140, 40))?.screen()?;
        insta::assert_snapshot!("calibration_en_140x40", wide);
        let narrow = stage(Language::Zh, (80, 24))?.screen()?;
        insta::assert_snapshot!("calibration_zh_80x24", narrow);
        Ok(())
    }

    #[test]
    fn the_smallest_screen_leaves_levels_out_and_scrolls_to_the_rest() -> Result<()> {
        for (language, last, legend) in [
            (Language::En, "Leadership", "nine of ten"),
            (Language::Zh, "领导力", "九成人"),
        ] {
            let mut stage = stage(language, (60, 16))?;
            let screen = stage.screen()?;
            assert!(screen.contains(last) && !screen.contains(legend), "{screen}");
            assert!(screen.contains("1.8×5") && !screen.contains("3.2×"), "{screen}");
            let margin = Word::CalibrationMargin.text(language);
            let of_levels = |line: &&str| line.contains(margin) && line.contains(" 1 ");
            let heading = screen.lines().find(of_levels);
            assert!(heading.is_some_and(|heading| heading.contains(" …")), "{screen}");
            stage.press("G")?;
            assert!(stage.screen()?.contains(legend), "{}", stage.screen()?);
            stage.press("c")?;
            assert!(stage.app.overlays().is_empty(), "the key that opens it closes it");
        }
        Ok(())
    }

    /// Not by its colour alone.
    #[test]
    fn what_is_off_by_more_than_half_a_level_is_marked() -> Result<()> {
        let screen = stage(Language::En, (80, 24))?.screen()?;
        assert!(
            screen.contains("3.2×12*") && screen.contains("1.8×5 "),
            "{screen}"
        );
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
