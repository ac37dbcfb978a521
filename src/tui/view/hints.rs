//! The two lines below: what there is to tell, and which keys do what; and whether the records are safe.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::annotation;
use super::canvas::Canvas;
use crate::review::Save;
use crate::tui::keys::{Action, Key, Mode};
use crate::tui::state::App;
use crate::tui::state::desk::{Desk, Pane};
use crate::tui::state::notice::{Told, Weight};
use crate::tui::state::overlay::{Overlay, Pending};
use crate::tui::words::Word;

/// Rows that a message may take.
const TOLD: usize = 5;

/// Draws what there is to tell; else what rests on the place under the cursor.
pub(super) fn status(canvas: &mut Canvas<'_>, area: Rect) {
    let styles = canvas.styles();
    let inside = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    };
    let text = match (canvas.app.told(), canvas.app.desk()) {
        (Some(told), _) => return tell(canvas, inside, told),
        (None, Some(desk)) => place_line(canvas.app, desk),
        (None, None) => match canvas.app.annotating() {
            Some(annotating) => annotation::summary(canvas.app, &annotating.work),
            None => queue_line(canvas.app),
        },
    };
    canvas.text((inside.x, inside.y), inside.width, &text, styles.dim);
}

/// Draws what there is to tell. What does not fit in the line takes the rows above it until the next key: the end of a
/// message is what to do next.
fn tell(canvas: &mut Canvas<'_>, inside: Rect, told: &Told) {
    let styles = canvas.styles();
    let style = match told.weight {
        Weight::Done => styles.ok,
        Weight::Hint => styles.warn,
        Weight::Error => styles.error,
    };
    let rows = canvas.measure().wrap(&told.text, usize::from(inside.width));
    let rows = &rows[rows.len().saturating_sub(TOLD)..];
    for (up, row) in rows.iter().rev().enumerate() {
        let y = inside.y.saturating_sub(up as u16);
        let line = Rect::new(inside.x - 1, y, inside.width + 2, 1);
        canvas.fill(line, styles.text);
        canvas.text((inside.x, y), inside.width, &told.text[row.clone()], style);
    }
}

/// Where the cursor is in the document, and which scores use that place.
fn place_line(app: &App, desk: &Desk) -> String {
    let (Some(source), Some(segment)) = (desk.document.source(), desk.document.segment()) else {
        return String::new();
    };
    let place = crate::evidence::Place::of(desk.review.dossier(), segment);
    let used: Vec<String> = desk
        .cited_here()
        .into_iter()
        .filter_map(|(dimension, link)| {
            let id = &desk.review.dimensions().get(dimension)?.id;
            Some(format!("{} E{}", app.dimension_name(id), link + 1))
        })
        .collect();
    let used = if used.is_empty() {
        app.word(Word::NotUsed).to_owned()
    } else {
        app.fill(Word::UsedBy, &[("dimensions", &used.join(", "))])
    };
    let hidden = if source.shown.is_clean() {
        String::new()
    } else {
        format!("   {}", app.word(Word::HiddenCharacters))
    };
    let order = segment
        .order
        .map_or(String::new(), |_| format!("   {}", app.word(Word::OrderToModel)));
    let seen = segment.confidence.map_or(String::new(), |sure| {
        let percent = format!("{:.0}", sure * 100.0);
        format!("   {}", app.fill(Word::ReadInPicture, &[("percent", &percent)]))
    });
    format!("{}   {used}{order}{seen}{hidden}", app.place_label(&place))
}

fn queue_line(app: &App) -> String {
    let rows = app.queue().rows();
    let done = rows.iter().filter(|r| r.summary.signed_off).count();
    app.fill(
        Word::QueueSummary,
        &[("n", &rows.len().to_string()), ("done", &done.to_string())],
    )
}

/// Draws the keys that matter now, and the state of the records.
pub(super) fn render(canvas: &mut Canvas<'_>, area: Rect) {
    let inside = Rect {
        x: area.x + 1,
        width: area.width.saturating_sub(2),
        ..area
    };
    let (saved, style) = saved(
        canvas.app,
        canvas.styles().ok,
        canvas.styles().warn,
        canvas.styles().error,
    );
    let end = canvas.right(inside, 0, &saved, style);
    let mut x = inside.x;
    if !canvas.app.pressed().is_empty() {
        let pressed: String = canvas.app.pressed().iter().map(Key::to_string).collect();
        x = canvas.text(
            (x, inside.y),
            8,
            &format!("{pressed}… "),
            canvas.styles().hint_key,
        );
    }
    let room = usize::from(end.saturating_sub(x + 1));
    for (key, word) in fitting(canvas, room) {
        x = canvas.text(
            (x, inside.y),
            end.saturating_sub(x),
            &key,
            canvas.styles().hint_key,
        );
        x = canvas.text(
            (x + 1, inside.y),
            end.saturating_sub(x + 1),
            word,
            canvas.styles().hint_text,
        );
        x += 2;
    }
}

/// As many hints as there is room for; the way to the others always has room.
fn fitting(canvas: &Canvas<'_>, room: usize) -> Vec<(String, &'static str)> {
    let app = canvas.app;
    let width = |(key, word): &(String, &'static str)| {
        canvas.measure().text(key) + 1 + canvas.measure().text(word) + 2
    };
    let (mut last, first): (Vec<_>, Vec<_>) = actions(app)
        .into_iter()
        .partition(|a| matches!(a, Action::Help | Action::Palette));
    last.sort_unstable();
    let hint = |action: &Action| {
        let word = hint_word(app, *action)?;
        let key = app.settings().keymap.short_label(*action);
        (!key.is_empty()).then(|| (key, app.word(word)))
    };
    let last: Vec<_> = last.iter().filter_map(hint).collect();
    let mut left = room.saturating_sub(last.iter().map(width).sum());
    let mut hints = Vec::new();
    for item in first.iter().filter_map(hint) {
        let Some(rest) = left.checked_sub(width(&item)) else {
            break;
        };
        left = rest;
        hints.push(item);
    }
    hints.extend(last);
    hints
}

/// What a key does where the person is now, in a word or two; none where it does nothing worth saying.
pub(super) fn hint_word(app: &App, action: Action) -> Option<Word> {
    let in_picker = match app.overlays().last() {
        Some(Overlay::Reason(picker)) => Some(picker),
        _ => None,
    };
    match action {
        Action::Skip if in_picker.is_some_and(|p| p.cursor.is_some()) => Some(Word::HintConfirm),
        Action::Score | Action::Half if in_picker.is_some_and(|p| matches!(p.pending, Pending::Drop(..))) => {
            None
        }
        // The key that opens a view closes it again: Esc says so.
        Action::Profile if app.mode() == Mode::Profile => None,
        Action::Calibration | Action::Adapters if app.mode() != Mode::Queue => None,
        // Esc says the same of the profile.
        Action::Leave if matches!(app.mode(), Mode::Profile | Mode::Training | Mode::Adapters) => None,
        Action::Leave if app.desk().is_some() && app.queue().rows().len() > 1 => Some(Word::HintQueue),
        action => action.hint(),
    }
}

/// On the dimensions, the most useful actions in their order; the others follow in the order of the table.
const DECIDING: [Action; 9] = [
    Action::Accept,
    Action::Score,
    Action::Link,
    Action::Drop,
    Action::Note,
    Action::Undo,
    Action::Blind,
    Action::Find,
    Action::SignOff,
];

/// In the document and the evidence, those about places lead.
const READING: [Action; 8] = [
    Action::Link,
    Action::LinkAgainst,
    Action::Drop,
    Action::Select,
    Action::Find,
    Action::Accept,
    Action::Score,
    Action::Note,
];

/// In the queue, what is done with dossiers comes before what else there is to see.
const CHOOSING: [Action; 5] = [
    Action::Open,
    Action::Filter,
    Action::Search,
    Action::Sort,
    Action::Leave,
];

/// The actions worth a hint, most useful first.
fn actions(app: &App) -> Vec<Action> {
    let mode = app.mode();
    let reading = app
        .desk()
        .is_some_and(|d| matches!(d.focus, Pane::Document | Pane::Evidence));
    let ground = matches!(mode, Mode::Queue | Mode::Review | Mode::Annotate);
    let mut actions: Vec<Action> = Action::ALL
        .iter()
        .copied()
        .filter(|a| a.modes().contains(&mode) && !(ground && *a == Action::Close))
        .collect();
    let first: &[Action] = match (mode, reading) {
        (Mode::Review, false) => &DECIDING,
        (Mode::Review, true) => &READING,
        (Mode::Queue, _) => &CHOOSING,
        _ => &[],
    };
    actions.sort_by_key(|a| first.iter().position(|f| f == a).unwrap_or(first.len()));
    actions
}

fn saved(app: &App, ok: Style, warn: Style, error: Style) -> (String, Style) {
    match app.save() {
        Save::Failed(_) => (app.word(Word::ReadOnlyShort).to_owned(), error),
        _ if app.settings().read_only.is_some() => (app.word(Word::ReadOnlyShort).to_owned(), error),
        Save::Saving(_) => (app.word(Word::Saving).to_owned(), warn),
        Save::Saved(receipt) => (
            app.fill(
                Word::SavedRecord,
                &[
                    ("record", &receipt.seq.to_string()),
                    ("hash", &receipt.hash.short()),
                ],
            ),
            ok,
        ),
        Save::Nothing => (String::new(), ok),
    }
}
