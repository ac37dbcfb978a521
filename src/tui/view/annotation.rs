//! Two answers to one question, side by side; where they differ is marked.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use similar::{ChangeTag, TextDiff};

use super::canvas::Canvas;
use super::evidence::said;
use super::layout::{Layout, inner};
use crate::engine::Assessment;
use crate::evidence::{EvidenceLink, Polarity};
use crate::review::Side;
use crate::review::annotation::{Annotation, Shown};
use crate::review::dimension::same_link;
use crate::tui::state::App;
use crate::tui::state::annotating::Annotating;
use crate::tui::state::labels::where_in;
use crate::tui::words::Word;

/// Rows of the question above the answers.
const QUESTION: u16 = 2;

/// Draws the pair, or why there is none.
pub(super) fn render(canvas: &mut Canvas<'_>, annotating: &Annotating, layout: &Layout) {
    let app = canvas.app;
    let Some(shown) = annotating.work.shown() else {
        return nothing(canvas, annotating, layout.body);
    };
    question(canvas, &annotating.work, shown, layout.body);
    for side in [Side::Left, Side::Right] {
        let area = card(layout, side);
        let title = match side {
            Side::Left => "1",
            Side::Right => "2",
        };
        let inside = canvas.frame(area, title, annotating.marked == side);
        let lines = lines(app, &annotating.work, side, usize::from(inside.width));
        let height = usize::from(inside.height);
        let top = annotating.top.min(lines.len().saturating_sub(height));
        for (y, line) in lines.iter().skip(top).take(height).enumerate() {
            canvas.line(inside, y as u16, line);
        }
        canvas.more(inside, top > 0, top + height < lines.len());
    }
}

/// The last row that both scroll to: the one above which a full page of the longer one is left.
pub fn last_top(app: &App) -> usize {
    let layout = Layout::of(app);
    let Some(annotating) = app.annotating() else {
        return 0;
    };
    let over = |side| {
        let inside = inner(card(&layout, side));
        let rows = lines(app, &annotating.work, side, usize::from(inside.width)).len();
        rows.saturating_sub(usize::from(inside.height))
    };
    over(Side::Left).max(over(Side::Right))
}

/// How the work goes, in a line.
pub(super) fn summary(app: &App, work: &Annotation) -> String {
    let (tally, agreement) = (work.tally(), work.agreement());
    let rate = tally.per_hour.map_or_else(String::new, |rate| {
        app.fill(Word::AnnotationRate, &[("rate", &format!("{rate:.0}"))])
    });
    let agreed = agreement.observed.map_or_else(
        || "-".to_owned(),
        |share| {
            app.fill(
                Word::AnnotationAgreement,
                &[
                    ("percent", &format!("{:.0}", share * 100.0)),
                    ("pairs", &agreement.pairs.to_string()),
                ],
            )
        },
    );
    app.fill(
        Word::AnnotationSummary,
        &[
            ("compared", &tally.compared.to_string()),
            ("rate", &rate),
            ("waiting", &work.waiting().to_string()),
            ("agreement", &agreed),
        ],
    )
}

fn nothing(canvas: &mut Canvas<'_>, annotating: &Annotating, body: Rect) {
    let work = &annotating.work;
    let app = canvas.app;
    // Nothing is generated for who decides between others.
    let no_model = app.settings().model.is_none() && !work.adjudicating();
    let text = match (work.stopped(), work.drawing()) {
        (Some(reason), _) => app.fill(Word::DrawingStopped, &[("reason", reason)]),
        (None, Some(_)) => app.word(Word::DrawingFirst).to_owned(),
        (None, None) if no_model => app.word(Word::NoMoreAnswers).to_owned(),
        (None, None) => app.word(Word::NoMoreToCompare).to_owned(),
    };
    let columns = body.width.saturating_sub(4);
    let rows = canvas.measure().wrap(&text, usize::from(columns));
    for (y, row) in (body.y + 1..body.bottom()).zip(rows) {
        canvas.text((body.x + 2, y), columns, &text[row], canvas.styles().dim);
    }
}

/// Whose papers, which dimension, and what it means.
fn question(canvas: &mut Canvas<'_>, work: &Annotation, shown: &Shown, body: Rect) {
    let (dossier, dimension) = shown.question();
    let Some(dimension) = work.rubric().dimension(dimension) else {
        return;
    };
    let language = canvas.app.settings().language;
    let meta = work.dossier(dossier).map(|d| &d.meta);
    // Names are for reviewers: who compares answers needs to know whose papers they are, not who it is.
    let who = meta.map_or_else(
        || dossier.to_string(),
        |m| format!("{} {}", m.subject.id, m.cycle),
    );
    let name = dimension.name.get(language);
    let (title, dim) = (canvas.styles().title, canvas.styles().dim);
    let area = Rect {
        x: body.x + 1,
        width: body.width.saturating_sub(2),
        ..body
    };
    let first = Line::from(vec![
        Span::styled(name.to_owned(), title),
        Span::styled(format!("   {who}"), dim),
    ]);
    canvas.line(area, 0, &first);
    let meaning = dimension.definition.get(language);
    canvas.text((area.x, area.y + 1), area.width, meaning, dim);
}

fn card(layout: &Layout, side: Side) -> Rect {
    let body = layout.body;
    let left = body.width / 2;
    let (x, width) = match side {
        Side::Left => (body.x, left),
        Side::Right => (body.x + left, body.width - left),
    };
    Rect {
        x,
        y: body.y + QUESTION,
        width,
        height: body.height.saturating_sub(QUESTION),
    }
}

/// One answer: its score, why, what to do next, and what it rests on.
fn lines(app: &App, work: &Annotation, side: Side, columns: usize) -> Vec<Line<'static>> {
    let Some(shown) = work.shown() else {
        return Vec::new();
    };
    let [own, other] = [side, side.other()].map(|s| &shown.candidates[s.index()].assessment);
    let styles = &app.settings().theme.styles;
    let card = Card { app, columns };
    let mut lines = vec![Line::from(said(app, &own.reading))];
    let texts: [(Word, fn(&Assessment) -> &str); 2] = [
        (Word::Rationale, |a| a.rationale.as_str()),
        (Word::Suggestion, |a| a.suggestion.as_str()),
    ];
    for (label, text) in texts {
        let said_by = |answer: &Assessment| work.reveal(&answer.dossier, text(answer)).into_owned();
        lines.push(Line::styled(app.word(label), styles.title));
        lines.extend(card.wrapped(&compared(&said_by(own), &said_by(other)), styles.text));
    }
    lines.push(Line::styled(app.word(Word::Evidence), styles.title));
    if own.evidence.is_empty() {
        lines.push(Line::styled(app.word(Word::NoEvidence), styles.dim));
    }
    for link in &own.evidence {
        // One that speaks for and one that speaks against are two, though they cite the same words.
        let same = |l: &EvidenceLink| l.polarity == link.polarity && same_link(l, link);
        let shared = other.evidence.iter().any(same);
        lines.extend(card.wrapped(&[(!shared, cited(app, link))], styles.dim));
    }
    lines
}

struct Card<'a> {
    app: &'a App,
    columns: usize,
}

impl Card<'_> {
    /// Pieces of a text in rows; those that differ from the other answer stand out.
    fn wrapped(&self, pieces: &[(bool, String)], plain: Style) -> Vec<Line<'static>> {
        let theme = &self.app.settings().theme;
        let differing = plain.patch(theme.styles.matched);
        let text: String = pieces.iter().map(|(_, t)| t.as_str()).collect();
        let mut ends = Vec::with_capacity(pieces.len());
        for (differs, piece) in pieces {
            let start = ends.last().map_or(0, |(end, _)| *end);
            ends.push((start + piece.len(), *differs));
        }
        let rows = self.app.settings().measure.wrap(&text, self.columns);
        let line = |row: std::ops::Range<usize>| {
            let mut spans = Vec::new();
            let mut start = row.start;
            for &(end, differs) in ends.iter().filter(|(end, _)| *end > row.start) {
                let end = end.min(row.end);
                let style = if differs { differing } else { plain };
                spans.push(Span::styled(text[start..end].to_owned(), style));
                start = end;
                if start >= row.end {
                    break;
                }
            }
            Line::from(spans)
        };
        rows.into_iter().map(line).collect()
    }
}

/// `+ “led five meetings”   weekly.md L12`; of a count, how often which term. What speaks against the score says so.
fn cited(app: &App, link: &EvidenceLink) -> String {
    let supports = link.polarity == Polarity::Supports;
    let sign = app.settings().theme.glyphs.polarity(supports);
    let against = if supports {
        String::new()
    } else {
        format!("   {}", app.word(Word::Contradicts))
    };
    let place = format!("{} {}{against}", link.place.source, where_in(&link.place));
    match &link.count {
        Some(count) => format!("{sign} {} ×{}   {place}", count.term, count.n),
        None => format!("{sign} “{}”   {place}", link.place.quote),
    }
}

/// The words of `own`, each stretch with whether the other answer has it too.
fn compared(own: &str, other: &str) -> Vec<(bool, String)> {
    let changes = TextDiff::from_unicode_words(own, other);
    let mut pieces: Vec<(bool, String)> = Vec::new();
    for change in changes.iter_all_changes() {
        let differs = match change.tag() {
            ChangeTag::Insert => continue,
            ChangeTag::Delete => true,
            ChangeTag::Equal => false,
        };
        match pieces.last_mut() {
            Some((before, text)) if *before == differs => text.push_str(change.value()),
            _ => pieces.push((differs, change.value().to_owned())),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dossier::Language;
    use crate::error::Result;
    use crate::tui::testing::{Answer, Stage};

    /// Which way a link points counts as much as what it cites.
    #[test]
    fn what_speaks_against_says_so() -> Result<()> {
        let mut stage = Stage::queue(Language::En, (100, 30), &[])?;
        let answer = |score| Answer {
            score,
            sd: 0.7,
            segments: &[5],
            rationale: "Led five meetings.",
            suggestion: "Write it down.",
        };
        stage.compare(
            "en-priya-nair-2026h1",
            "collaboration",
            &[answer(4.2), answer(2.4)],
        )?;
        let shown = stage.app.annotating().and_then(|a| a.work.shown());
        let mut links = shown.map_or_else(Vec::new, |s| s.candidates[0].assessment.evidence.clone());
        links.truncate(1);
        let of = |links: &[EvidenceLink]| links.iter().map(|l| cited(&stage.app, l)).collect::<String>();
        assert!(of(&links).starts_with("+ “"), "{}", of(&links));
        links
            .iter_mut()
            .for_each(|link| link.polarity = Polarity::Contradicts);
        assert!(
            of(&links).starts_with("− “") && of(&links).ends_with("   contradicts"),
            "{}",
            of(&links)
        );
        Ok(())
    }

    #[test]
    fn what_differs_is_marked_word_by_word() {
        let pieces = compared("led five meetings", "led two meetings");
        let expected = [(false, "led "), (true, "five"), (false, " meetings")];
        assert_eq!(pieces, expected.map(|(d, t)| (d, t.to_owned())));
        let chinese: String = compared("牵头五次评审", "牵头两次评审")
            .into_iter()
            .filter_map(|(differs, text)| differs.then_some(text))
            .collect();
        assert_eq!(chinese, "五");
        assert_eq!(compared("", "x"), []);
    }
}
