//! What the selected score rests on: the model's distribution, the decision, the links with their places, the reasons
//! and the suggestion, notes, dropped links, and what the rubric expects at each level.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::canvas::Canvas;
use super::list;
use crate::engine::ScoreReading;
use crate::evidence::{End, EvidenceLink, Polarity, Verdict, unfounded, verify};
use crate::review::dimension::{DimensionState, Doubt, Origin, Phase};
use crate::tui::state::App;
use crate::tui::state::desk::{Desk, Item, Pane};
use crate::tui::state::labels::where_in;
use crate::tui::state::notice::verdict_word;
use crate::tui::words::{Reason, Word};

/// Rows that the quotation of a link takes: one, and while it is selected as many as it needs up to this.
const QUOTE_ROWS: usize = 4;

/// Other ends of checks shown under a link.
const ENDS: usize = 3;

/// Heights of a bar, lowest first.
pub(super) const HEIGHTS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// A row of the pane, and which thing it belongs to.
struct Flow {
    item: Option<usize>,
    line: Line<'static>,
}

/// Draws the pane.
pub(super) fn render(canvas: &mut Canvas<'_>, desk: &Desk, area: Rect) {
    if area.is_empty() {
        return;
    }
    let app = canvas.app;
    let name = desk.dimension().map_or("", |d| app.dimension_name(&d.id));
    let title = app.fill(Word::EvidenceFor, &[("dimension", name)]);
    let inside = canvas.frame(area, &title, desk.focus == Pane::Evidence);
    let rows = flow(app, desk, usize::from(inside.width));
    let height = usize::from(inside.height);
    let top = top(desk, &rows, height);
    for (y, row) in rows.iter().skip(top).take(height).enumerate() {
        canvas.line(inside, y as u16, &row.line);
        if row.item == Some(desk.item_index()) && desk.focus == Pane::Evidence {
            let line = Rect::new(inside.x, inside.y + y as u16, inside.width, 1);
            canvas.tint(line, canvas.styles().selected);
        }
    }
    canvas.more(inside, top > 0, top + height < rows.len());
}

/// The thing shown at a row of the pane, for the mouse.
pub fn item_at(app: &App, rows: Rect, row: usize) -> Option<usize> {
    let desk = app.desk()?;
    let flow = flow(app, desk, usize::from(rows.width));
    let top = top(desk, &flow, usize::from(rows.height));
    flow.get(top + row)?.item
}

/// The head scrolls away only when the selected thing needs the room.
fn top(desk: &Desk, rows: &[Flow], height: usize) -> usize {
    if desk.item_index() == 0 {
        return 0;
    }
    let selected = Some(desk.item_index());
    let first = rows.iter().position(|r| r.item == selected).unwrap_or(0);
    let last = rows.iter().rposition(|r| r.item == selected).unwrap_or(first);
    list::top_of(first..last + 1, rows.len(), height)
}

fn flow(app: &App, desk: &Desk, columns: usize) -> Vec<Flow> {
    let Some(state) = desk.dimension() else {
        return Vec::new();
    };
    let page = Page {
        app,
        desk,
        state,
        columns,
    };
    let mut rows: Vec<Flow> = page
        .head()
        .into_iter()
        .map(|line| Flow { item: None, line })
        .collect();
    for (n, item) in desk.items().into_iter().enumerate() {
        let lines = page.item(item, n == desk.item_index());
        rows.extend(lines.into_iter().map(|line| Flow { item: Some(n), line }));
    }
    rows
}

/// A score with its spread and the distribution behind it: `4.2 ±0.5  1▁ 2▁ 3▂ 4▇ 5▃`.
pub(super) fn said(app: &App, reading: &ScoreReading) -> Vec<Span<'static>> {
    let theme = &app.settings().theme;
    let (styles, plus_minus) = (&theme.styles, theme.glyphs.plus_minus);
    let score = format!("{:.1} {plus_minus}{:.1}  ", reading.score, reading.spread());
    let mut spans = vec![Span::styled(score, styles.model)];
    for (level, p) in (1..).zip(reading.probabilities) {
        let height = (p * HEIGHTS.len() as f32) as usize;
        let bar = HEIGHTS[height.min(HEIGHTS.len() - 1)];
        spans.push(Span::styled(format!("{level}"), styles.dim));
        spans.push(Span::styled(format!("{bar} "), styles.bar_full));
    }
    spans
}

/// What every part of the pane needs.
struct Page<'a> {
    app: &'a App,
    desk: &'a Desk,
    state: &'a DimensionState,
    columns: usize,
}

impl Page<'_> {
    fn styles(&self) -> &crate::tui::theme::Styles {
        &self.app.settings().theme.styles
    }

    fn head(&self) -> Vec<Line<'static>> {
        let styles = self.styles();
        let mut lines = Vec::new();
        if self.desk.review.hidden(self.state) {
            lines.extend(self.wrapped(self.app.word(Word::BlindOn), styles.dim, 0));
        } else {
            lines.extend(self.distribution());
            if let Phase::Failed(why) = &self.state.model.phase {
                let text = self.app.fill(Word::ModelStopped, &[("reason", why)]);
                lines.extend(self.wrapped(&text, styles.error, 0));
            }
            if self.state.model.omitted > 0 {
                lines.extend(self.wrapped(self.app.word(Word::Truncated), styles.warn, 0));
            }
        }
        lines.extend(self.verdict());
        if self.desk.links().is_empty() {
            let word = match self.state.model.phase {
                Phase::Queued | Phase::Scoring => Word::NoEvidenceYet,
                _ => Word::NoEvidence,
            };
            lines.push(Line::styled(self.app.word(word), styles.dim));
        }
        lines
    }

    /// `Model 4.2 ±0.5  1▁ 2▁ 3▂ 4▇ 5▃`, and why it is in doubt.
    fn distribution(&self) -> Vec<Line<'static>> {
        let Some(reading) = self.state.model.reading else {
            return Vec::new();
        };
        let styles = self.styles();
        let who = Span::styled(format!("{} ", self.app.word(Word::LinkedByModel)), styles.dim);
        let spans: Vec<Span<'_>> = std::iter::once(who).chain(said(self.app, &reading)).collect();
        let mut lines = vec![Line::from(spans)];
        if let Some(margin) = reading.margin {
            let (said, margin) = (format!("{:.1}", reading.raw_score), format!("{margin:.1}"));
            let text = self
                .app
                .fill(Word::CalibratedFrom, &[("score", &said), ("margin", &margin)]);
            lines.extend(self.wrapped(&text, styles.dim, 0));
        }
        if let Some(doubt) = Doubt::about(&reading) {
            let word = match doubt {
                Doubt::Spread => Word::HighSpread,
                Doubt::Validity => Word::LowValidity,
                Doubt::Margin => Word::WideMargin,
            };
            let sign = self.app.settings().theme.glyphs.needs_human;
            lines.push(Line::styled(
                format!(
                    "{sign} {}",
                    self.app
                        .labelled(self.app.word(Word::StateNeedsHuman), self.app.word(word))
                ),
                styles.warn,
            ));
        }
        lines
    }

    fn verdict(&self) -> Vec<Line<'static>> {
        let Some(verdict) = &self.state.human.verdict else {
            return Vec::new();
        };
        let sign = self.app.settings().theme.glyphs.decided;
        let word = self.app.word(verdict_word(verdict.kind));
        let mut text = format!("{sign} {word} {:.1}  {}", verdict.score, verdict.by);
        if let Some(reason) = &verdict.reason {
            text.push_str("  ");
            text.push_str(self.reason(reason));
        }
        self.wrapped(&text, self.styles().human, 0)
    }

    fn reason<'r>(&'r self, reason: &'r str) -> &'r str {
        Reason::from_code(reason).map_or(reason, |r| self.app.word(r.word()))
    }

    fn item(&self, item: Item, selected: bool) -> Vec<Line<'static>> {
        let (model, names) = (&self.state.model, self.desk.review.names());
        match item {
            Item::Link(n) => self.link(n, selected),
            Item::Rationale => self.rationale(&names.reveal(&model.rationale)),
            Item::Suggestion => self.paragraph(Word::Suggestion, &names.reveal(&model.suggestion)),
            Item::Note(n) => self.note(n),
            Item::Dropped(n) => self.dropped(n),
            Item::Anchors => self.anchors(),
        }
    }

    /// Two rows: name, direction, place, kind; then the words.
    fn link(&self, n: usize, selected: bool) -> Vec<Line<'static>> {
        let links = self.desk.links();
        let Some(view) = links.get(n) else {
            return Vec::new();
        };
        let styles = self.styles();
        let link = view.link;
        let supports = link.polarity == Polarity::Supports;
        let (style, direction) = if supports {
            (styles.evidence, Word::Supports)
        } else {
            (styles.evidence_against, Word::Contradicts)
        };
        let glyph = self.app.settings().theme.glyphs.polarity(supports);
        let mut right = vec![self.app.word(if link.count.is_some() {
            Word::KindCount
        } else {
            Word::KindQuote
        })];
        if !supports {
            right.push(self.app.word(direction));
        }
        if view.origin == Origin::Person {
            right.push(self.app.word(Word::LinkedByHuman));
        }
        let verified = verify(self.desk.review.dossier(), link) == Verdict::Holds;
        let name = format!("E{} {glyph} ", n + 1);
        let tail = format!(" {}", right.join(" "));
        let measure = self.app.settings().measure;
        let room = self
            .columns
            .saturating_sub(measure.text(&name) + measure.text(&tail) + 2);
        let label = measure.pad(
            &self.app.place_label(&link.place),
            room,
            crate::tui::width::Align::Left,
        );
        let (sign, sign_style) = self.verified(verified);
        let first = Line::from(vec![
            Span::styled(name, style),
            Span::styled(label, styles.text),
            Span::styled(tail, styles.dim),
            Span::styled(format!(" {sign}"), sign_style),
        ]);
        let rows = if selected { QUOTE_ROWS } else { 1 };
        let mut lines = vec![first];
        lines.extend(self.clipped(&self.words(link, selected), styles.dim, 3, rows));
        if !verified {
            lines.extend(self.wrapped(self.app.word(Word::Unverified), styles.error, 3));
        }
        lines.extend(self.ends(link, selected));
        lines
    }

    /// The other places that speak of what is quoted: those that contradict, and of the selected link all.
    fn ends(&self, link: &EvidenceLink, selected: bool) -> Vec<Line<'static>> {
        let ends = self.desk.ends(link).into_iter();
        let against = |end: &End<'_>| end.polarity == Polarity::Contradicts;
        let shown = ends.filter(|end| selected || against(end)).take(ENDS);
        let rows = if selected { QUOTE_ROWS } else { 1 };
        shown
            .flat_map(|end| {
                let (word, style) = if against(&end) {
                    (Word::CheckDiffers, self.styles().evidence_against)
                } else {
                    (Word::CheckAgrees, self.styles().evidence)
                };
                let place = self.app.place_label(end.place);
                let own = end.own.map(|own| format!("“{own}” ")).unwrap_or_default();
                let values = [
                    ("own", own.as_str()),
                    ("place", &place),
                    ("quote", &end.place.quote),
                ];
                self.clipped(&self.app.fill(word, &values), style, 3, rows)
            })
            .collect()
    }

    fn verified(&self, verified: bool) -> (&'static str, Style) {
        let glyphs = &self.app.settings().theme.glyphs;
        if verified {
            (glyphs.decided, self.styles().ok)
        } else {
            (glyphs.failed, self.styles().error)
        }
    }

    /// The quotation; of a count the term, how often it occurs, and the words at the occurrence shown last.
    fn words(&self, link: &EvidenceLink, selected: bool) -> String {
        let Some(count) = &link.count else {
            return format!("“{}”", link.place.quote);
        };
        let times = self.app.fill(Word::Times, &[("n", &count.n.to_string())]);
        let (at, n) = self.desk.link_occurrence();
        let Some(place) = count.occurrences.get(at).filter(|_| selected && n > 1) else {
            return format!("“{}” × {times}", count.term);
        };
        let occurrence = self.app.fill(
            Word::Occurrence,
            &[("i", &(at + 1).to_string()), ("n", &n.to_string())],
        );
        format!(
            "“{}” × {times}  {occurrence} ({}): {}",
            count.term,
            where_in(place),
            place.quote
        )
    }

    /// Why, and the numbers in it that stand in nothing that is cited.
    fn rationale(&self, text: &str) -> Vec<Line<'static>> {
        let links = self.desk.links();
        let links = links.iter().map(|view| view.link);
        let mut lines = self.paragraph(Word::Rationale, text);
        let numbers = unfounded(text, self.desk.review.dossier(), links);
        // A number that is still being written is another one in a moment.
        if !numbers.is_empty() && self.state.model.phase != Phase::Scoring {
            let said = self.app.fill(Word::Unfounded, &[("numbers", &numbers.join(" "))]);
            let sign = self.app.settings().theme.glyphs.needs_human;
            lines.extend(self.wrapped(&format!("{sign} {said}"), self.styles().warn, 2));
        }
        lines
    }

    fn paragraph(&self, title: Word, text: &str) -> Vec<Line<'static>> {
        let mut lines = vec![Line::styled(self.app.word(title), self.styles().title)];
        lines.extend(self.wrapped(text, self.styles().text, 2));
        lines
    }

    fn note(&self, n: usize) -> Vec<Line<'static>> {
        let Some(note) = self.state.human.notes.get(n) else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        if n == 0 {
            lines.push(Line::styled(self.app.word(Word::Notes), self.styles().title));
        }
        let place = note
            .place
            .as_ref()
            .map(|p| format!(" ({})", self.app.place_label(p)))
            .unwrap_or_default();
        let text = self.app.labelled(&format!("{}{place}", note.by), &note.text);
        lines.extend(self.wrapped(&text, self.styles().human, 2));
        lines
    }

    fn dropped(&self, n: usize) -> Vec<Line<'static>> {
        let Some((link, reason)) = self.state.dropped().nth(n) else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        if n == 0 {
            lines.push(Line::styled(
                self.app.word(Word::DroppedLinks),
                self.styles().title,
            ));
        }
        let reason = reason
            .as_ref()
            .map(|r| format!("  {}", self.reason(r)))
            .unwrap_or_default();
        let text = format!("{}{reason}", self.app.place_label(&link.place));
        lines.extend(self.wrapped(&text, self.styles().dim, 2));
        lines
    }

    fn anchors(&self) -> Vec<Line<'static>> {
        let language = self.app.settings().language;
        let Some(rubric) = self.desk.review.rubric().dimension(&self.state.id) else {
            return Vec::new();
        };
        let styles = self.styles();
        let hidden = self.desk.review.hidden(self.state);
        let stands = self.state.score().filter(|_| !hidden).map(|s| s.round() as usize);
        let mut lines = vec![Line::styled(self.app.word(Word::LevelAnchor), styles.title)];
        lines.extend(self.wrapped(rubric.definition.get(language), styles.dim, 2));
        for (level, anchor) in (1..).zip(&rubric.anchors) {
            let style = if stands == Some(level) {
                styles.title
            } else {
                styles.dim
            };
            lines.extend(self.hanging(&format!("{level} "), anchor.get(language), style));
        }
        lines
    }

    fn wrapped(&self, text: &str, style: Style, indent: usize) -> Vec<Line<'static>> {
        self.clipped(text, style, indent, usize::MAX)
    }

    /// Text in at most so many rows; an ellipsis says that there is more.
    fn clipped(&self, text: &str, style: Style, indent: usize, rows: usize) -> Vec<Line<'static>> {
        let measure = self.app.settings().measure;
        let columns = self.columns.saturating_sub(indent).max(1);
        let parts = measure.clip(text, columns, rows).into_iter();
        parts
            .map(|part| Line::styled(format!("{:indent$}{part}", ""), style))
            .collect()
    }

    fn hanging(&self, lead: &str, text: &str, style: Style) -> Vec<Line<'static>> {
        let indent = 2 + lead.len();
        let mut lines = self.wrapped(text, style, indent);
        if let Some(first) = lines.first_mut() {
            let words: String = first.spans.iter().map(|s| s.content.trim_start()).collect();
            *first = Line::styled(format!("  {lead}{words}"), style);
        }
        lines
    }
}
