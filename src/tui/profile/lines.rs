//! The profile as lines of characters, for the screen and for a pipe.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Dimension, Evidence, Profile, bar, both_ends, change, level};
use crate::dossier::Language;
use crate::sanitize;
use crate::tui::theme::{Glyphs, Theme, ThemeName};
use crate::tui::width::{Align, Ambiguous, Measure};
use crate::tui::words::Word;

/// The widest bar; longer ones are harder to compare, not easier.
const MAX_BAR: usize = 41;

/// Columns after the bar: `4.0  4.2 ±0.5`.
const FIGURES: usize = 15;

/// The profile in at most `columns` of a terminal with this measure.
pub fn lines(
    profile: &Profile,
    language: Language,
    theme: &Theme,
    measure: Measure,
    columns: usize,
) -> Vec<Line<'static>> {
    let mut page = Page {
        language,
        theme,
        measure,
        columns: columns.max(20),
        lines: Vec::new(),
    };
    page.head(profile);
    page.scores(profile);
    page.sources(profile);
    page.checks(profile);
    page.plan(profile);
    page.course(profile);
    page.lines
}

/// The profile as text without any styling.
pub fn text(profile: &Profile, language: Language, glyphs: Glyphs, columns: usize) -> String {
    let theme = Theme {
        glyphs,
        ..Theme::new(ThemeName::Mono, Ambiguous::Narrow)
    };
    let mut text = String::new();
    for line in lines(profile, language, &theme, Measure::default(), columns) {
        let line: String = line.spans.iter().map(|s| s.content.as_ref()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Lines being written.
struct Page<'t> {
    language: Language,
    theme: &'t Theme,
    measure: Measure,
    columns: usize,
    lines: Vec<Line<'static>>,
}

impl Page<'_> {
    fn say(&self, word: Word) -> &'static str {
        word.text(self.language)
    }

    fn push(&mut self, text: impl Into<String>, style: Style) {
        self.lines.push(Line::from(Span::styled(text.into(), style)));
    }

    fn section(&mut self, word: Word) {
        self.lines.push(Line::default());
        self.push(self.say(word), self.theme.styles.title);
    }

    /// A text wrapped behind `lead`, the rows after the first indented as far.
    fn paragraph(&mut self, lead: &str, text: &str, style: Style) {
        let indent = self.measure.text(lead);
        let text = sanitize::line(text);
        let rows = self.measure.wrap(&text, self.columns.saturating_sub(indent));
        for (i, row) in rows.into_iter().enumerate() {
            let lead = if i == 0 {
                lead.to_owned()
            } else {
                " ".repeat(indent)
            };
            let spans = vec![Span::raw(lead), Span::styled(text[row].to_owned(), style)];
            self.lines.push(Line::from(spans));
        }
    }

    /// Short texts side by side, as many a row as fit.
    fn flow(&mut self, indent: &str, items: &[String], style: Style) {
        const GAP: usize = 3;
        let mut row = String::new();
        for item in items {
            let item = sanitize::line(item);
            let used = self.measure.text(&row);
            if used > 0 && indent.len() + used + GAP + self.measure.text(&item) > self.columns {
                self.paragraph(indent, &std::mem::take(&mut row), style);
            } else if used > 0 {
                row.push_str(&" ".repeat(GAP));
            }
            row.push_str(&item);
        }
        self.paragraph(indent, &row, style);
    }

    /// A dimension's name in a third of the page at most, padded to `columns`.
    fn name(&self, dimension: &Dimension, columns: usize) -> String {
        let name = sanitize::line(&dimension.name);
        let columns = columns.clamp(self.measure.text(&name).min(self.columns / 3), self.columns / 3);
        self.measure.pad(&name, columns, Align::Left)
    }

    /// Columns of the longest name.
    fn names(&self, profile: &Profile) -> usize {
        let widths = profile.dimensions.iter().map(|d| self.measure.text(&d.name));
        widths.max().unwrap_or(0).min(self.columns / 3)
    }

    fn head(&mut self, profile: &Profile) {
        let name = match profile.id.as_str() {
            "" => profile.name.clone(),
            id => format!("{} ({id})", profile.name),
        };
        let title = Word::ProfileTitle.fill(self.language, &[("name", &name)]);
        self.paragraph("", &title, self.theme.styles.title);
        let facts: Vec<String> = profile
            .facts()
            .into_iter()
            .map(|(word, value)| format!("{} {value}", self.say(word)))
            .collect();
        self.flow("", &facts, self.theme.styles.dim);
    }

    fn scores(&mut self, profile: &Profile) {
        self.section(Word::ProfileScores);
        let names = self.names(profile);
        let bar = self
            .columns
            .saturating_sub(names + 2 + 2 + FIGURES)
            .clamp(9, MAX_BAR);
        for dimension in &profile.dimensions {
            let line = self.score(dimension, names, bar);
            self.lines.push(line);
        }
        let glyphs = &self.theme.glyphs;
        let legend = [
            (glyphs.human, Word::ProfileHuman),
            (glyphs.model, Word::ProfileModel),
            (glyphs.both, Word::ProfileBoth),
            (glyphs.spread, Word::ProfileSpread),
        ]
        .map(|(glyph, word)| format!("{glyph} {}", self.say(word)));
        self.flow(&" ".repeat(names + 2), &legend, self.theme.styles.dim);
    }

    fn score(&self, dimension: &Dimension, names: usize, columns: usize) -> Line<'static> {
        let styles = &self.theme.styles;
        let mut spans = vec![
            Span::styled(self.name(dimension, names), styles.text),
            Span::raw("  "),
        ];
        spans.extend(self.bar(dimension, columns));
        let human = match (dimension.human, dimension.model) {
            (Some(score), _) => Span::styled(format!("  {}", level(score)), styles.human),
            (None, Some(_)) => Span::styled(format!("  {:<3}", self.theme.glyphs.needs_human), styles.warn),
            (None, None) => Span::styled(format!("  {}", self.say(Word::ProfileNotScored)), styles.dim),
        };
        spans.push(human);
        if let Some(model) = dimension.model {
            let spread = format!(
                "  {} {}{}",
                level(model.score),
                self.theme.glyphs.plus_minus,
                level(model.sd)
            );
            spans.push(Span::styled(spread, styles.model));
        }
        Line::from(spans)
    }

    fn bar(&self, dimension: &Dimension, columns: usize) -> Vec<Span<'static>> {
        let styles = &self.theme.styles;
        let parts = bar::parts(dimension, columns);
        let runs = parts.chunk_by(|a, b| a == b);
        let style = |part| match part {
            bar::Part::Full | bar::Part::Spread => styles.bar_full,
            bar::Part::Empty => styles.bar_empty,
            bar::Part::Model => styles.model,
            bar::Part::Human | bar::Part::Both => styles.human,
        };
        runs.map(|run| {
            let part = run[0];
            Span::styled(part.glyph(&self.theme.glyphs).repeat(run.len()), style(part))
        })
        .collect()
    }

    /// `Collaboration 4.2 <- weekly report, line 12: "led 5 meetings"`, one place a line.
    fn sources(&mut self, profile: &Profile) {
        self.section(Word::ProfileWhere);
        for dimension in &profile.dimensions {
            let score = dimension
                .standing()
                .map_or(self.say(Word::ProfileNotScored).to_owned(), level);
            let name = self.name(dimension, 0);
            let lead = format!("{name} {score} {} ", self.theme.glyphs.refers);
            if dimension.evidence.is_empty() {
                self.paragraph(&lead, self.say(Word::NoEvidence), self.theme.styles.dim);
            }
            let rest = " ".repeat(self.measure.text(&lead));
            for (i, evidence) in dimension.evidence.iter().enumerate() {
                let lead = if i == 0 { &lead } else { &rest };
                self.evidence(lead, evidence);
            }
        }
    }

    fn evidence(&mut self, lead: &str, evidence: &Evidence) {
        let sign = self.theme.glyphs.polarity(evidence.supports);
        let style = if evidence.supports {
            self.theme.styles.text
        } else {
            self.theme.styles.warn
        };
        let text = evidence.origin(self.language);
        self.paragraph(&format!("{lead}{sign} "), &text, style);
    }

    /// What the claims met, and both ends of every contradiction.
    fn checks(&mut self, profile: &Profile) {
        let checks = &profile.checks;
        if checks.n == 0 {
            return;
        }
        self.section(Word::ProfileChecks);
        self.paragraph("", &checks.sum(self.language), self.theme.styles.text);
        let lead = format!("{} ", self.theme.glyphs.polarity(false));
        for ends in &checks.against {
            let text = both_ends(ends, self.language);
            self.paragraph(&lead, &text, self.theme.styles.warn);
        }
    }

    fn plan(&mut self, profile: &Profile) {
        self.section(Word::ProfilePlan);
        let weak = profile.weak();
        if weak.is_empty() {
            self.paragraph("", self.say(profile.without_points()), self.theme.styles.ok);
        }
        for dimension in weak {
            let score = dimension.standing().map_or(String::new(), level);
            let name = self.name(dimension, 0);
            self.push(format!("{name} {score}"), self.theme.styles.title);
            let now = Word::ProfilePlanNow.fill(self.language, &[("anchor", &dimension.anchor)]);
            self.paragraph("  ", &now, self.theme.styles.dim);
            if let Some((next, anchor)) = &dimension.next {
                let values = [("level", next.to_string()), ("anchor", anchor.clone())];
                let values = values.each_ref().map(|(n, v)| (*n, v.as_str()));
                let next = Word::ProfilePlanNext.fill(self.language, &values);
                self.paragraph("  ", &next, self.theme.styles.text);
            }
            if let Some(step) = &dimension.suggestion {
                let lead = format!("  {} ", self.theme.glyphs.arrow);
                self.paragraph(&lead, step, self.theme.styles.ok);
            }
        }
    }

    /// `Collaboration  2025H2 3.0 -> 2026H1 3.5  +0.5`.
    fn course(&mut self, profile: &Profile) {
        if profile.earlier.is_empty() {
            return;
        }
        self.section(Word::ProfileTrend);
        let names = self.names(profile);
        let arrow = format!(" {} ", self.theme.glyphs.arrow);
        for (index, dimension) in profile.dimensions.iter().enumerate() {
            let course = profile.course(index);
            if course.is_empty() {
                continue;
            }
            let steps: Vec<String> = course
                .iter()
                .map(|(cycle, score)| format!("{cycle} {}", level(*score)))
                .collect();
            let change = change(&course).map_or(String::new(), |c| format!("  {c}"));
            let lead = format!("{}  ", self.name(dimension, names));
            self.paragraph(
                &lead,
                &format!("{}{change}", steps.join(&arrow)),
                self.theme.styles.text,
            );
        }
    }
}
