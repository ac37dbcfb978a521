//! The list of dossiers: how far each is, which are shown, and in what order.

use std::path::PathBuf;

use crate::dossier::DossierMeta;
use crate::review::Summary;
use crate::tui::words::Word;

/// One dossier in the list.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueRow {
    /// Its folder.
    pub path: PathBuf,
    /// What its `dossier.toml` says, or why it cannot be read, in one line.
    pub meta: Result<DossierMeta, String>,
    /// How far it is.
    pub summary: Summary,
}

impl QueueRow {
    /// Who is reviewed; the folder's name when that is not known.
    pub fn name(&self) -> String {
        if let Ok(meta) = &self.meta {
            meta.subject.name.clone()
        } else {
            let folder = self.path.file_name().unwrap_or_default();
            crate::sanitize::line(&folder.to_string_lossy()).into_owned()
        }
    }

    fn mentions(&self, wanted: &str) -> bool {
        let Ok(meta) = &self.meta else {
            return self.name().to_lowercase().contains(wanted);
        };
        let fields = [
            meta.subject.name.as_str(),
            meta.subject.id.as_str(),
            meta.role.as_str(),
            meta.cycle.as_str(),
            meta.id.as_str(),
        ];
        fields.iter().any(|f| f.to_lowercase().contains(wanted))
    }
}

/// In what order the dossiers stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// Doubts first, then disagreement, then spread; closed ones last.
    #[default]
    Urgency,
    /// By the employee's name.
    Name,
    /// The least decided first.
    Progress,
    /// The largest difference between person and model first.
    Disagreement,
}

impl Sort {
    /// What to call it.
    pub fn word(self) -> Word {
        match self {
            Self::Urgency => Word::SortByUrgency,
            Self::Name => Word::SortByName,
            Self::Progress => Word::SortByProgress,
            Self::Disagreement => Word::SortByDisagreement,
        }
    }

    /// The one after it.
    pub fn next(self) -> Self {
        match self {
            Self::Urgency => Self::Name,
            Self::Name => Self::Progress,
            Self::Progress => Self::Disagreement,
            Self::Disagreement => Self::Urgency,
        }
    }
}

/// Which dossiers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filter {
    /// Every one.
    #[default]
    All,
    /// Those not signed off.
    Open,
    /// Those with a score in doubt.
    NeedsHuman,
    /// Those signed off.
    SignedOff,
}

impl Filter {
    /// What to call it.
    pub fn word(self) -> Word {
        match self {
            Self::All => Word::FilterAll,
            Self::Open => Word::FilterOpen,
            Self::NeedsHuman => Word::FilterNeedsHuman,
            Self::SignedOff => Word::FilterSignedOff,
        }
    }

    /// The one after it.
    pub fn next(self) -> Self {
        match self {
            Self::All => Self::Open,
            Self::Open => Self::NeedsHuman,
            Self::NeedsHuman => Self::SignedOff,
            Self::SignedOff => Self::All,
        }
    }

    fn keeps(self, summary: &Summary) -> bool {
        match self {
            Self::All => true,
            Self::Open => !summary.signed_off,
            Self::NeedsHuman => summary.in_doubt > 0 && !summary.signed_off,
            Self::SignedOff => summary.signed_off,
        }
    }
}

/// The list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Queue {
    rows: Vec<QueueRow>,
    /// In what order.
    pub sort: Sort,
    /// Which ones.
    pub filter: Filter,
    /// Only those that mention this.
    pub search: String,
    cursor: usize,
}

impl Queue {
    /// The list of these dossiers.
    pub fn new(rows: Vec<QueueRow>) -> Self {
        Self {
            rows,
            ..Self::default()
        }
    }

    /// Every dossier, in the order they were found.
    pub fn rows(&self) -> &[QueueRow] {
        &self.rows
    }

    /// The dossiers shown, as positions in [`Queue::rows`].
    pub fn visible(&self) -> Vec<usize> {
        let wanted = self.search.to_lowercase();
        let mut visible: Vec<usize> = (0..self.rows.len())
            .filter(|i| self.filter.keeps(&self.rows[*i].summary) && self.rows[*i].mentions(&wanted))
            .collect();
        match self.sort {
            Sort::Urgency => visible.sort_by(|a, b| self.by_urgency(*a, *b)),
            Sort::Name => visible.sort_by_key(|i| self.rows[*i].name()),
            Sort::Progress => visible.sort_by_key(|i| self.rows[*i].summary.decided),
            Sort::Disagreement => visible.sort_by(|a, b| {
                let of = |i: &usize| self.rows[*i].summary.disagreement.unwrap_or(-1.0);
                of(b).total_cmp(&of(a))
            }),
        }
        visible
    }

    fn by_urgency(&self, a: usize, b: usize) -> std::cmp::Ordering {
        let (a, b) = (self.rows[a].summary.urgency(), self.rows[b].summary.urgency());
        b.0.cmp(&a.0)
            .then(b.1.cmp(&a.1))
            .then(b.2.total_cmp(&a.2))
            .then(b.3.total_cmp(&a.3))
    }

    /// Where the cursor is among the visible ones.
    pub fn cursor(&self) -> usize {
        self.cursor.min(self.visible().len().saturating_sub(1))
    }

    /// The dossier under the cursor, a position in [`Queue::rows`].
    pub fn current(&self) -> Option<usize> {
        self.visible().get(self.cursor()).copied()
    }

    /// Moves the cursor.
    pub fn step(&mut self, by: isize) {
        let last = self.visible().len().saturating_sub(1);
        self.cursor = self.cursor().saturating_add_signed(by).min(last);
    }

    /// Puts the cursor on a visible row.
    pub fn go(&mut self, to: usize) {
        self.cursor = to;
        self.step(0);
    }

    /// Puts the cursor on a dossier, if it is visible.
    pub fn select(&mut self, row: usize) {
        if let Some(at) = self.visible().iter().position(|i| *i == row) {
            self.cursor = at;
        }
    }

    /// The dossier `by` places after `row` in the visible order.
    pub fn beside(&self, row: usize, by: isize) -> Option<usize> {
        let visible = self.visible();
        let at = visible.iter().position(|i| *i == row)?;
        visible.get(at.checked_add_signed(by)?).copied()
    }

    /// Notes how far a dossier is now.
    pub fn update(&mut self, row: usize, summary: Summary) {
        if let Some(row) = self.rows.get_mut(row) {
            row.summary = summary;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, decided: usize, in_doubt: usize, signed_off: bool) -> QueueRow {
        QueueRow {
            path: PathBuf::from(name),
            meta: Err("unreadable".to_owned()),
            summary: Summary {
                total: 8,
                decided,
                in_doubt,
                signed_off,
                disagreement: (decided > 0).then_some(1.0),
                ..Summary::default()
            },
        }
    }

    fn names(queue: &Queue) -> Vec<String> {
        queue
            .visible()
            .into_iter()
            .map(|i| queue.rows[i].name())
            .collect()
    }

    fn queue() -> Queue {
        Queue::new(vec![
            row("b-closed", 8, 2, true),
            row("d-plain", 0, 0, false),
            row("a-doubtful", 1, 3, false),
            row("c-disputed", 4, 0, false),
        ])
    }

    #[test]
    fn doubt_comes_first_and_closed_dossiers_last() {
        let queue = queue();
        assert_eq!(names(&queue), ["a-doubtful", "c-disputed", "d-plain", "b-closed"]);
    }

    #[test]
    fn sorts_and_filters() {
        let mut queue = queue();
        queue.sort = Sort::Name;
        assert_eq!(names(&queue)[0], "a-doubtful");
        queue.sort = Sort::Progress;
        assert_eq!(names(&queue)[0], "d-plain");
        queue.filter = Filter::SignedOff;
        assert_eq!(names(&queue), ["b-closed"]);
        queue.filter = Filter::NeedsHuman;
        assert_eq!(names(&queue), ["a-doubtful"]);
        queue.filter = Filter::All;
        queue.search = "DISP".to_owned();
        assert_eq!(names(&queue), ["c-disputed"]);
    }

    #[test]
    fn the_cursor_stays_in_the_list() {
        let mut queue = queue();
        queue.step(99);
        assert_eq!(queue.cursor(), 3);
        queue.filter = Filter::NeedsHuman;
        assert_eq!(queue.current(), Some(2));
        queue.search = "nobody".to_owned();
        assert_eq!(queue.current(), None);
        queue.step(1);
    }
}
