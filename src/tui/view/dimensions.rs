//! The dimensions: score, spread, a bar of five levels, and where each stands.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::canvas::Canvas;
use super::list;
use crate::review::dimension::{DimensionState, Standing, VerdictKind};
use crate::tui::state::desk::{Desk, Pane};
use crate::tui::theme::Badge;
use crate::tui::width::Align;
use crate::tui::words::Word;

/// The widest name that is shown whole.
const MAX_NAME: usize = 16;

/// Draws the list.
pub(super) fn render(canvas: &mut Canvas<'_>, desk: &Desk, area: Rect) {
    if area.is_empty() {
        return;
    }
    let app = canvas.app;
    let inside = canvas.frame(area, app.word(Word::Dimensions), desk.focus == Pane::Dimensions);
    let dimensions = desk.review.dimensions();
    let height = usize::from(inside.height);
    let top = list::top(desk.dimension_index(), dimensions.len(), height);
    for (row, (index, state)) in dimensions.iter().enumerate().skip(top).take(height).enumerate() {
        let line = Rect::new(inside.x, inside.y + row as u16, inside.width, 1);
        let selected = index == desk.dimension_index();
        let mark = if selected {
            canvas.theme().glyphs.cursor
        } else {
            " "
        };
        canvas.text((line.x, line.y), 1, mark, canvas.styles().title);
        let rest = Rect {
            x: line.x + 2,
            width: line.width.saturating_sub(2),
            ..line
        };
        let drawn = row_of(canvas, desk, state);
        canvas.line(rest, 0, &drawn);
        if selected {
            canvas.tint(line, canvas.styles().selected);
        }
    }
    canvas.more(inside, top > 0, top + height < dimensions.len());
}

/// One dimension on one line: name, score, spread, bar, state.
pub(super) fn row_of(canvas: &Canvas<'_>, desk: &Desk, state: &DimensionState) -> Line<'static> {
    let styles = canvas.styles();
    let name = canvas.pad(
        canvas.app.dimension_name(&state.id),
        name_width(canvas, desk),
        Align::Left,
    );
    let hidden = desk.review.hidden(state);
    let human = state.human.verdict.as_ref().map(|v| v.score);
    let score_style = if human.is_some() {
        styles.human
    } else {
        styles.model
    };
    let model = state.model.reading.filter(|_| !hidden);
    let score = human.or(model.map(|m| m.score));
    let spread = match (human, model) {
        (Some(_), Some(m)) => format!("{}{:.1}", canvas.theme().glyphs.model, m.score),
        (None, Some(m)) => format!("{}{:.1}", canvas.theme().glyphs.plus_minus, m.spread()),
        _ => String::new(),
    };
    let mut spans = vec![
        Span::styled(name, styles.text),
        Span::raw(" "),
        Span::styled(
            score.map_or_else(|| "  –".to_owned(), |s| format!("{s:.1}")),
            score_style,
        ),
        Span::raw(" "),
        Span::styled(canvas.pad(&spread, 4, Align::Left), styles.dim),
        Span::raw(" "),
    ];
    spans.extend(bar(canvas, score, score_style));
    let (glyph, word, style) = badge(canvas, desk, state);
    spans.push(Span::styled(format!(" {glyph} {word}"), style));
    Line::from(spans)
}

/// All names in the width of the longest.
fn name_width(canvas: &Canvas<'_>, desk: &Desk) -> usize {
    let names = desk.review.dimensions().iter();
    names
        .map(|d| canvas.measure().text(canvas.app.dimension_name(&d.id)))
        .max()
        .unwrap_or(0)
        .min(MAX_NAME)
}

/// Five cells, filled up to the score.
fn bar(canvas: &Canvas<'_>, score: Option<f32>, style: Style) -> [Span<'static>; 2] {
    let glyphs = &canvas.theme().glyphs;
    let filled = score.map_or(0, |s| s.round().clamp(0.0, 5.0) as usize);
    [
        Span::styled(glyphs.bar_full.repeat(filled), style),
        Span::styled(glyphs.bar_empty.repeat(5 - filled), canvas.styles().bar_empty),
    ]
}

/// Where a dimension stands, as sign, word and colour.
pub(super) fn badge(
    canvas: &Canvas<'_>,
    desk: &Desk,
    state: &DimensionState,
) -> (&'static str, &'static str, Style) {
    let (badge, word) = standing(desk, state);
    let glyph = badge.glyph(&canvas.theme().glyphs, canvas.app.tick());
    (glyph, canvas.app.word(word), badge.style(canvas.theme()))
}

fn standing(desk: &Desk, state: &DimensionState) -> (Badge, Word) {
    let standing = state.standing();
    let hides = matches!(
        standing,
        Standing::Scored | Standing::NeedsHuman(_) | Standing::Scoring
    );
    if hides && desk.review.hidden(state) {
        return (Badge::Hidden, Word::StateHidden);
    }
    if desk.review.ledger().signed_off().is_some() {
        return (Badge::SignedOff, Word::StateSignedOff);
    }
    match standing {
        Standing::Unscored => (Badge::Omitted, Word::StateUnscored),
        Standing::Queued => (Badge::Queued, Word::StateQueued),
        Standing::Scoring => (Badge::Scoring, Word::StateScoring),
        Standing::Scored => (Badge::Scored, Word::StateScored),
        Standing::NeedsHuman(_) => (Badge::NeedsHuman, Word::StateNeedsHumanShort),
        Standing::Failed => (Badge::Failed, Word::StateFailedShort),
        Standing::Decided(VerdictKind::Accepted) => (Badge::Decided, Word::StateAccepted),
        Standing::Decided(VerdictKind::Overridden) => (Badge::Decided, Word::StateOverridden),
        Standing::Decided(VerdictKind::ByHand) => (Badge::Decided, Word::StateByHand),
    }
}
