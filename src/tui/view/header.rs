//! The line on top: which cycle, who is reviewed, how far, who decides, what scores and what it is doing.

use ratatui::layout::Rect;

use super::canvas::Canvas;
use crate::review::Summary;
use crate::review::machine::Work;
use crate::tui::state::App;
use crate::tui::state::desk::Desk;
use crate::tui::words::Word;

/// One part of the line; the first ones stay longest when there is no room.
struct Part {
    text: String,
    /// Higher goes first when there is no room.
    spare: u8,
}

/// Draws the line.
pub(super) fn render(canvas: &mut Canvas<'_>, area: Rect) {
    let style = canvas.styles().header;
    canvas.fill(area, canvas.styles().text.patch(style));
    let work = work(canvas.app);
    let room = area.width.saturating_sub(2);
    let right = Rect {
        width: area.width.saturating_sub(1),
        ..area
    };
    let end = canvas.right(right, 0, &work, style);
    let mut parts = parts(canvas.app);
    let width = |parts: &[Part]| -> usize {
        let measure = canvas.measure();
        parts.iter().map(|p| measure.text(&p.text) + 3).sum()
    };
    let free = usize::from(end.saturating_sub(area.x + 1).min(room));
    while width(&parts) > free
        && let Some(at) = most_spare(&parts)
    {
        parts.remove(at);
    }
    let mut x = area.x + 1;
    for (n, part) in parts.iter().enumerate() {
        let style = if n == 0 {
            style.patch(canvas.styles().title)
        } else {
            style
        };
        x = canvas.text((x, area.y), end.saturating_sub(x), &part.text, style);
        x += 3;
    }
}

fn most_spare(parts: &[Part]) -> Option<usize> {
    let (at, part) = parts.iter().enumerate().max_by_key(|(_, p)| p.spare)?;
    (part.spare > 0).then_some(at)
}

fn parts(app: &App) -> Vec<Part> {
    let part = |text: String, spare| Part { text, spare };
    let mut parts = vec![part("Plumbline".to_owned(), 2)];
    if let Some(desk) = app.desk() {
        let meta = &desk.review.dossier().meta;
        let summary = Summary::of(desk.review.ledger());
        parts.push(part(meta.cycle.clone(), 4));
        parts.push(part(format!("{} ({})", meta.subject.name, meta.subject.id), 0));
        let role = meta
            .level
            .as_ref()
            .map_or_else(|| meta.role.clone(), |level| format!("{} {level}", meta.role));
        parts.push(part(role, 6));
        parts.push(part(
            app.fill(
                Word::DecidedOf,
                &[
                    ("done", &summary.decided.to_string()),
                    ("total", &summary.total.to_string()),
                ],
            ),
            1,
        ));
    } else if let Some(annotating) = app.annotating() {
        let word = if annotating.work.adjudicating() {
            Word::Adjudicating
        } else {
            Word::Annotating
        };
        parts.push(part(app.word(word).to_owned(), 0));
    } else {
        parts.push(part(app.word(Word::Queue).to_owned(), 0));
    }
    let settings = app.settings();
    parts.push(part(who(app), 5));
    if let Some(model) = &settings.model {
        // By its name: the profile says which of that name.
        let name = |label: &String| format!(" + {}", label.split('@').next().unwrap_or_default());
        let adapter = model.adapter.as_ref().map(name);
        parts.push(part(format!("{}{}", model.id, adapter.unwrap_or_default()), 7));
    }
    parts
}

fn who(app: &App) -> String {
    let settings = app.settings();
    let name = settings.person.to_string();
    let word = if settings.role == "auditor" {
        Word::HeaderAuditor
    } else {
        Word::HeaderReviewer
    };
    app.fill(word, &[("name", &name)])
}

/// What the engine is doing, and what is out of the ordinary.
fn work(app: &App) -> String {
    let mut said = Vec::new();
    if let Some(desk) = app.desk() {
        if desk.review.blind() {
            said.push(app.word(Word::HeaderBlind).to_owned());
        }
        said.extend(progress(app, desk));
    }
    if let Some((done, total)) = app.annotating().and_then(|a| a.work.drawing()) {
        let spinner = app.settings().theme.glyphs.spin(app.tick());
        let text = app.fill(
            Word::Drawing,
            &[("done", &done.to_string()), ("total", &total.to_string())],
        );
        said.push(format!("{spinner} {text}"));
    } else if let Some(why) = app.annotating().and_then(|a| a.work.stopped()) {
        // The rest of a long reason stands where the answers would, once none is left.
        let text = app.fill(Word::DrawingStopped, &[("reason", why)]);
        let half = usize::from(app.size().width / 2);
        said.push(app.settings().measure.truncate(&text, half).into_owned());
    }
    if let Some(row) = app.opening() {
        let name = app
            .queue()
            .rows()
            .get(row)
            .map(super::super::state::queue::QueueRow::name);
        said.push(app.fill(Word::Opening, &[("name", &name.unwrap_or_default())]));
    }
    if app.settings().model.is_none() {
        said.push(app.word(Word::HeaderNoModel).to_owned());
    }
    if app.settings().read_only.is_some() {
        said.push(app.word(Word::HeaderReadOnly).to_owned());
    }
    said.join("  ")
}

fn progress(app: &App, desk: &Desk) -> Option<String> {
    let spinner = app.settings().theme.glyphs.spin(app.tick());
    if let Some(hearing) = &desk.hearing {
        let now = hearing.now.as_ref();
        let text = now.map(|(_, done, total)| app.heard_of(*done, *total));
        let text = text.unwrap_or_else(|| app.word(Word::HearingRecordings).to_owned());
        return Some(format!("{spinner} {text}"));
    }
    let text = match desk.review.work() {
        Work::Waiting(_) => app.word(Word::StateQueued).to_owned(),
        Work::Loading(_, fraction) if *fraction > 0.0 => app.fill(
            Word::LoadingModelPart,
            &[("percent", &format!("{:.0}", fraction * 100.0))],
        ),
        Work::Loading(..) => app.word(Word::LoadingModel).to_owned(),
        Work::Reading(_, done, total) => {
            let percent = done * 100 / (*total).max(1);
            app.fill(Word::ReadingDossier, &[("percent", &percent.to_string())])
        }
        Work::Scoring(_) => {
            let summary = Summary::of(desk.review.ledger());
            app.fill(
                Word::ScoringProgress,
                &[
                    ("done", &summary.scored.to_string()),
                    ("total", &summary.total.to_string()),
                ],
            )
        }
        Work::Failed(..) => return Some(app.word(Word::StateFailed).to_owned()),
        Work::Idle | Work::Done(_) | Work::Stopped => return None,
    };
    Some(format!("{spinner} {text}"))
}
