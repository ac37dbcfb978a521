//! What may be laid over the model, over the screen: which of it is, which is live, how each went live, and what the gate said
//! of the one under the cursor.

use std::borrow::Cow;

use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::canvas::Canvas;
use super::layout::{Layout, inner};
use super::list;
use super::overlay::centred;
use crate::learn::adapters::Choice;
use crate::model::lora::begins;
use crate::review::{AdapterRecord, AdapterStep, Finding, GateFigure};
use crate::sanitize;
use crate::tui::state::overlay::AdapterList;
use crate::tui::width::Align;
use crate::tui::words::Word;

/// Columns of a name, and of how it went live; the beginning of its hash follows, where there is room.
const NAME: usize = 19;
const HOW: usize = 22;
/// Columns of a figure's name, at least and at most, of what is live, of the adapter, of the interval, and of what the
/// figure says.
const FIGURE: (usize, usize) = (18, 31);
const BEFORE: usize = 8;
const AFTER: usize = 8;
const INTERVAL: usize = 17;
const FINDING: usize = 6;
/// Columns of the frame with what is in it, and rows of the frame, of what stands above the list, and of what parts it from the
/// figures.
const WIDTH: u16 = 84;
const HEAD: u16 = 5;

/// Draws the list; without a model, that there is none.
pub(super) fn render(canvas: &mut Canvas<'_>, layout: &Layout, list: &AdapterList) -> Option<Position> {
    let app = canvas.app;
    let choices = list.choices();
    let width = inner(centred(layout.body, WIDTH, 0)).width;
    let said: Vec<Vec<Line<'_>>> = choices
        .iter()
        .map(|choice| of_the_gate(canvas, &choice.record, usize::from(width)))
        .collect();
    // The list stays where it is while the cursor moves.
    let below = said.iter().map(Vec::len).max().unwrap_or_default() as u16;
    let area = centred(layout.body, WIDTH, choices.len() as u16 + below + HEAD);
    let inside = canvas.frame(area, app.word(Word::Adapters), true);
    let Some(model) = &app.settings().model else {
        let text = app.word(Word::AdaptersNone);
        canvas.text((inside.x, inside.y), inside.width, text, canvas.styles().dim);
        return None;
    };
    let name = match &model.adapter {
        Some(label) => format!("{} + {}", model.id, sanitize::line(label)),
        None => model.id.to_string(),
    };
    let now = app.fill(Word::AdaptersInUse, &[("model", &name)]);
    canvas.text((inside.x, inside.y), inside.width, &now, canvas.styles().title);
    let unread = match &list.read {
        Some(Ok(_)) => None,
        Some(Err(why)) => Some(app.fill(Word::AdaptersUnread, &[("reason", &sanitize::line(why))])),
        None => Some(app.word(Word::AdaptersLooking).to_owned()),
    };
    if let Some(text) = unread {
        let rows = canvas.measure().wrap(&text, usize::from(inside.width));
        for (y, row) in (2..).zip(rows) {
            canvas.line(inside, y, &Line::styled(&text[row], canvas.styles().dim));
        }
        return None;
    }
    let rows = Rect {
        y: inside.y + 2,
        height: inside.height.saturating_sub(below + 3).max(1),
        ..inside
    };
    rows_of(canvas, rows, list);
    for (row, line) in (rows.height + 3..).zip(said.get(list.cursor).into_iter().flatten()) {
        canvas.line(inside, row, line);
    }
    None
}

fn rows_of(canvas: &mut Canvas<'_>, rows: Rect, list: &AdapterList) {
    let (count, height) = (list.choices().len(), usize::from(rows.height));
    let top = list::top(list.cursor, count, height);
    let shown = list.choices().iter().enumerate().skip(top).take(height);
    for (y, (n, choice)) in (rows.y..).zip(shown) {
        let line = Rect { y, height: 1, ..rows };
        row(canvas, line, choice, n == list.cursor);
    }
    canvas.more(rows, top > 0, top + height < count);
}

/// One choice: whether it is worn, whether it is live, its name, and how it went live.
fn row(canvas: &mut Canvas<'_>, line: Rect, choice: &Choice, selected: bool) {
    let (app, styles) = (canvas.app, canvas.styles());
    let record = &choice.record;
    let cursor = if selected {
        canvas.theme().glyphs.cursor
    } else {
        " "
    };
    let name = app.adapter_name(&record.name);
    let hash = record.adapter.as_ref().map_or_else(String::new, begins);
    let how = went_live(record).map_or("", |word| app.word(word));
    let spans = [
        (format!("{cursor} "), styles.title),
        (mark(canvas, Word::AdapterWorn, app.wears(record)), styles.ok),
        (mark(canvas, Word::AdapterLive, choice.live), styles.title),
        (canvas.pad(&name, NAME, Align::Left) + " ", styles.text),
        (canvas.pad(how, HOW, Align::Left) + "  ", styles.text),
        (hash, styles.dim),
    ];
    let spans = spans.map(|(text, style)| Span::styled(text, style));
    canvas.line(line, 0, &Line::from(spans.to_vec()));
    if selected {
        canvas.tint(line, styles.selected);
    }
}

/// A word where it holds, and as much room where it does not.
fn mark(canvas: &Canvas<'_>, word: Word, holds: bool) -> String {
    let word = canvas.app.word(word);
    let columns = canvas.measure().text(word) + 1;
    canvas.pad(if holds { word } else { "" }, columns, Align::Left)
}

/// How it went live; nothing is to be said of the model by itself.
fn went_live(record: &AdapterRecord) -> Option<Word> {
    record.adapter?;
    Some(match record.step {
        AdapterStep::Shipped => Word::AdapterShipped,
        AdapterStep::Admitted => Word::AdapterAdmitted,
        AdapterStep::Overridden => Word::AdapterOverridden,
        AdapterStep::Chosen => Word::AdapterChosen,
        AdapterStep::RolledBack | AdapterStep::Imported | AdapterStep::Refused => Word::AdapterReturned,
    })
}

/// What the gate said when it went live: figure by figure, and on how many people.
fn of_the_gate<'a>(canvas: &Canvas<'a>, record: &AdapterRecord, width: usize) -> Vec<Line<'a>> {
    let (app, styles) = (canvas.app, canvas.styles());
    let Some(verdict) = &record.verdict else {
        let unasked = |_| Line::styled(app.word(Word::GateUnasked), styles.dim);
        return record.adapter.map(unasked).into_iter().collect();
    };
    let numbers = BEFORE + AFTER + INTERVAL + 1 + FINDING;
    let name = width.saturating_sub(numbers).clamp(FIGURE.0, FIGURE.1);
    let heading = [
        Word::GateLarger,
        Word::GateBefore,
        Word::GateAfter,
        Word::GateDifference,
    ];
    let heading = columns(canvas, name, heading.map(|word| app.word(word)));
    let tried = app.fill(Word::GateTried, &[("n", &verdict.subjects.to_string())]);
    let figures = verdict.figures.iter().map(|f| figure(canvas, f, name));
    std::iter::once(Line::styled(heading, styles.title))
        .chain(figures)
        .chain([Line::styled(tried, styles.dim)])
        .collect()
}

/// What a gate found worst of an adapter, in a sentence; none where it was not asked.
pub(super) fn worst(canvas: &Canvas<'_>, record: &AdapterRecord) -> Option<String> {
    let rank = |figure: &&GateFigure| match figure.finding() {
        Finding::Worse => 0,
        Finding::Unsure => 1,
        Finding::Holds => 2,
        Finding::Better => 3,
    };
    let figure = record.verdict.as_ref()?.figures.iter().min_by_key(rank)?;
    let finding = canvas.app.word(finding_word(figure.finding()));
    let name = in_words(canvas, &figure.name);
    let values = [("figure", name.as_ref()), ("finding", finding)];
    Some(canvas.app.fill(Word::ConfirmPutLiveWorst, &values))
}

fn finding_word(finding: Finding) -> Word {
    match finding {
        Finding::Worse => Word::GateWorse,
        Finding::Unsure => Word::GateUnsure,
        Finding::Holds => Word::GateHolds,
        Finding::Better => Word::GateBetter,
    }
}

fn figure<'a>(canvas: &Canvas<'a>, figure: &GateFigure, name: usize) -> Line<'a> {
    let (app, styles) = (canvas.app, canvas.styles());
    let style = match figure.finding() {
        Finding::Worse | Finding::Unsure => styles.warn,
        Finding::Holds => styles.text,
        Finding::Better => styles.ok,
    };
    let [before, after, low, high] = figure.numbers();
    let interval = app.fill(Word::GateInterval, &[("low", &low), ("high", &high)]);
    let words = in_words(canvas, &figure.name);
    let numbers = columns(canvas, name, [&words, &before, &after, &interval]);
    let word = canvas.pad(app.word(finding_word(figure.finding())), FINDING, Align::Left);
    Line::from(vec![
        Span::styled(numbers + " ", styles.text),
        Span::styled(word, style),
    ])
}

/// What a figure is about; larger is better in all of them. One that this program does not know keeps its name.
fn in_words<'a>(canvas: &Canvas<'a>, name: &'a str) -> Cow<'a, str> {
    let word = match name {
        "agreement" => Word::GateAgreement,
        "order" => Word::GateRightOrder,
        "evidence_f1" => Word::GateEvidence,
        "halo" => Word::GateCharm,
        "injection" => Word::GateOrders,
        "words" => Word::GateWords,
        unknown => return sanitize::line(unknown),
    };
    Cow::Borrowed(canvas.app.word(word))
}

/// A figure's name in so many columns and its numbers, each in its own.
fn columns(canvas: &Canvas<'_>, width: usize, [name, before, after, interval]: [&str; 4]) -> String {
    canvas.pad(name, width, Align::Left)
        + &canvas.pad(before, BEFORE, Align::Right)
        + &canvas.pad(after, AFTER, Align::Right)
        + &canvas.pad(interval, INTERVAL, Align::Right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::Language;
    use crate::error::Result;
    use crate::review::Verdict;
    use crate::tui::state::Message;
    use crate::tui::testing::{Stage, choice, settings};
    use crate::tui::width::Measure;

    fn figure(name: &str, [before, after, low, high]: [f64; 4], holds: bool) -> GateFigure {
        GateFigure {
            name: name.to_owned(),
            before,
            after,
            low,
            high,
            holds,
            better: low > 0.0,
        }
    }

    fn verdict() -> Verdict {
        Verdict {
            subjects: 40,
            admitted: Some(false),
            figures: vec![
                figure("agreement", [0.802, 0.811, -0.004, 0.021], true),
                figure("order", [0.741, 0.735, -0.061, 0.048], false),
                figure("evidence_f1", [0.655, 0.655, 0.0, 0.0], true),
                figure("halo", [-0.113, -0.062, 0.012, 0.094], true),
                figure("injection", [-0.021, -0.084, -0.112, -0.02], false),
                figure("words", [-1.934, -1.402, 0.475, 0.589], true),
            ],
        }
    }

    /// The list as it opens, the cursor then on an adapter with a verdict.
    fn screen(language: Language, size: (u16, u16)) -> Result<String> {
        let mut settings = settings(language)?;
        let shipped = choice("reviews", AdapterStep::Shipped);
        if let (Some(model), Some(hash)) = (&mut settings.model, &shipped.record.adapter) {
            model.adapter = Some(format!("reviews@{}/answers", begins(hash)));
        }
        let mut hidden = choice("trial\u{202E}7", AdapterStep::Overridden);
        hidden.record.verdict = Some(verdict());
        let spring = Choice {
            live: true,
            ..choice("spring", AdapterStep::Admitted)
        };
        let choices = vec![choice("", AdapterStep::RolledBack), shipped, hidden, spring];
        let mut stage = Stage::with(settings, size, &["zh-lilei-2026h1"])?;
        stage.press("A")?;
        stage.send(Message::Adapters(Ok(choices)));
        stage.press("j")?;
        stage.screen()
    }

    #[test]
    fn what_is_worn_what_is_live_and_what_the_gate_said_is_seen_at_once() -> Result<()> {
        let wide = screen(Language::En, (140, 40))?;
        insta::assert_snapshot!("adapters_en_140x40", wide);
        let narrow = screen(Language::Zh, (80, 24))?;
        insta::assert_snapshot!("adapters_zh_80x24", narrow);
        Ok(())
    }

    #[test]
    fn the_question_before_it_goes_live_tells_what_speaks_against_it() -> Result<()> {
        let mut trial = choice("trial", AdapterStep::Overridden);
        trial.record.verdict = Some(verdict());
        let mut stage = Stage::with(settings(Language::En)?, (60, 16), &["zh-lilei-2026h1"])?;
        stage.press("A")?;
        stage.send(Message::Adapters(Ok(vec![trial])));
        stage.press("enter")?;
        let screen = stage.screen()?;
        assert!(screen.contains("Scores will come from trial"), "{screen}");
        assert!(screen.contains("injection resistance, worse"), "{screen}");
        Ok(())
    }

    #[test]
    fn what_is_hidden_in_a_name_is_shown() -> Result<()> {
        let screen = screen(Language::En, (140, 40))?;
        assert!(
            screen.contains("trial") && !screen.contains('\u{202E}'),
            "{screen}"
        );
        Ok(())
    }

    #[test]
    fn the_smallest_screen_shows_the_row_of_the_cursor() -> Result<()> {
        for language in [Language::Zh, Language::En] {
            let screen = screen(language, (60, 16))?;
            let row = screen.lines().find(|line| line.contains("trial"));
            assert!(row.is_some_and(|row| row.contains('▸')), "{screen}");
        }
        Ok(())
    }

    #[test]
    fn every_word_fits_its_columns() {
        let places = [
            (NAME, &[Word::AdapterBase][..]),
            (
                HOW,
                &[
                    Word::AdapterShipped,
                    Word::AdapterAdmitted,
                    Word::AdapterOverridden,
                    Word::AdapterChosen,
                    Word::AdapterReturned,
                ],
            ),
            (FIGURE.0, &[Word::GateLarger]),
            (
                FIGURE.1,
                &[
                    Word::GateAgreement,
                    Word::GateRightOrder,
                    Word::GateEvidence,
                    Word::GateCharm,
                    Word::GateOrders,
                    Word::GateWords,
                ],
            ),
            (BEFORE - 1, &[Word::GateBefore]),
            (AFTER - 1, &[Word::GateAfter]),
            (INTERVAL - 1, &[Word::GateDifference]),
            (
                FINDING,
                &[
                    Word::GateWorse,
                    Word::GateUnsure,
                    Word::GateHolds,
                    Word::GateBetter,
                ],
            ),
            (56, &[Word::AdaptersNone, Word::GateUnasked, Word::GateTried]),
        ];
        // What is inside the frame on the smallest screen: all but the hash.
        let inside = usize::from(crate::tui::view::layout::MIN.0) - 2;
        for language in [Language::Zh, Language::En] {
            let width = |word: Word| Measure::default().text(word.text(language));
            for (columns, words) in &places {
                for word in *words {
                    assert!(width(*word) <= *columns, "{word:?}: {} columns", width(*word));
                }
            }
            let marks = width(Word::AdapterWorn) + 1 + width(Word::AdapterLive) + 1;
            let row = 2 + marks + NAME + 1 + HOW;
            assert!(row <= inside, "{row}");
        }
        let figures = FIGURE.0 + BEFORE + AFTER + INTERVAL + 1 + FINDING;
        assert!(figures <= inside, "{figures}");
    }
}
