//! The dossier on the desk: its review, and where the person is in it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::document::Document;
use super::find::Find;
use super::hearing::Hearing;
use crate::dossier::Dossier;
use crate::evidence::{End, EvidenceLink, Place, checks};
use crate::hash::ContentHash;
use crate::id::{DimensionId, SegmentNo};
use crate::review::dimension::{DimensionState, LinkView};
use crate::review::{OnScreen, Review};
use crate::tui::highlight::Highlights;
use crate::tui::width::Measure;

/// The panes of the review screen, in the order of their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The list of sources.
    Sources,
    /// One source.
    Document,
    /// The dimensions with their scores.
    Dimensions,
    /// What the selected dimension's score rests on.
    Evidence,
}

impl Pane {
    /// All of them, left to right.
    pub const ALL: [Self; 4] = [Self::Sources, Self::Document, Self::Dimensions, Self::Evidence];

    /// The pane `by` places further, around the end.
    pub fn step(self, by: isize) -> Self {
        let at = Self::ALL.iter().position(|p| *p == self).unwrap_or(0);
        let to = (at as isize + by).rem_euclid(Self::ALL.len() as isize);
        Self::ALL[to as usize]
    }
}

/// A thing in the evidence pane that the cursor can stand on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// The so-many-th link that stands.
    Link(usize),
    /// The model's reasons.
    Rationale,
    /// The model's suggestion.
    Suggestion,
    /// The so-many-th note.
    Note(usize),
    /// The so-many-th link that was dropped.
    Dropped(usize),
    /// What the rubric says.
    Anchors,
}

/// The dossier on the desk.
#[derive(Debug)]
pub struct Desk {
    /// Its review.
    pub review: Review,
    /// Which row of the queue it is.
    pub row: usize,
    /// The pane that has the keys.
    pub focus: Pane,
    /// The source in the document pane.
    pub document: Document,
    /// The search, once there was one.
    pub find: Option<Find>,
    /// Its recordings that are being heard.
    pub hearing: Option<Hearing>,
    measure: Measure,
    dimension: usize,
    item: usize,
    occurrence: usize,
    coloured: HashMap<usize, Arc<Highlights>>,
    asked_colour: HashSet<usize>,
    asked_layout: Option<(usize, usize)>,
    citation: usize,
}

impl Desk {
    /// Lays a dossier on the desk.
    pub fn new(review: Review, row: usize, measure: Measure) -> Self {
        Self {
            document: Document::new(Arc::clone(review.dossier()), 0, measure),
            review,
            row,
            focus: Pane::Dimensions,
            find: None,
            hearing: None,
            measure,
            dimension: 0,
            item: 0,
            occurrence: 0,
            coloured: HashMap::new(),
            asked_colour: HashSet::new(),
            asked_layout: None,
            citation: 0,
        }
    }

    /// Lays what the dossier has become over what it was: the person stays where they are. To be called before the review
    /// goes on with it.
    pub fn reread(&mut self, dossier: &Arc<Dossier>) {
        let before = Arc::clone(self.review.dossier());
        let now = |index: usize| {
            let hash = before.sources.get(index)?.hash;
            dossier.sources.iter().position(|s| s.hash == hash)
        };
        match now(self.document.index()) {
            Some(index) => self.document.reread(Arc::clone(dossier), index),
            None => self.document = Document::new(Arc::clone(dossier), 0, self.measure),
        }
        let coloured = std::mem::take(&mut self.coloured).into_iter();
        self.coloured = coloured.filter_map(|(at, runs)| Some((now(at)?, runs))).collect();
        // Whoever is at work on the old dossier is not heard any more.
        self.asked_colour = self.coloured.keys().copied().collect();
        self.asked_layout = None;
        if let Some(find) = &mut self.find {
            find.reread(dossier, now);
        }
    }

    /// The selected dimension, an index in rubric order.
    pub fn dimension_index(&self) -> usize {
        self.dimension
    }

    /// The selected dimension.
    pub fn dimension(&self) -> Option<&DimensionState> {
        self.review.dimensions().get(self.dimension)
    }

    /// Its name in records.
    pub fn dimension_id(&self) -> Option<DimensionId> {
        self.dimension().map(|d| d.id.clone())
    }

    /// The links of the selected dimension that may be shown.
    pub fn links(&self) -> Vec<LinkView<'_>> {
        self.dimension().map_or_else(Vec::new, |d| self.review.links(d))
    }

    /// What the evidence pane shows, top to bottom.
    pub fn items(&self) -> Vec<Item> {
        let Some(dimension) = self.dimension() else {
            return Vec::new();
        };
        let hidden = self.review.hidden(dimension);
        let mut items: Vec<Item> = (0..self.links().len()).map(Item::Link).collect();
        if !hidden && !dimension.model.rationale.is_empty() {
            items.push(Item::Rationale);
        }
        if !hidden && !dimension.model.suggestion.is_empty() {
            items.push(Item::Suggestion);
        }
        items.extend((0..dimension.human.notes.len()).map(Item::Note));
        items.extend((0..dimension.dropped().count()).map(Item::Dropped));
        items.push(Item::Anchors);
        items
    }

    /// Where the cursor is among [`Desk::items`].
    pub fn item_index(&self) -> usize {
        self.item.min(self.items().len().saturating_sub(1))
    }

    /// The thing under the cursor.
    pub fn item(&self) -> Option<Item> {
        self.items().get(self.item_index()).copied()
    }

    /// The link under the cursor.
    pub fn link(&self) -> Option<EvidenceLink> {
        match self.item()? {
            Item::Link(n) => self.links().get(n).map(|l| l.link.clone()),
            _ => None,
        }
    }

    /// What the person is looking at, for the record.
    pub fn on_screen(&self) -> OnScreen {
        OnScreen {
            source: self.document.source().map(|s| s.path.clone()),
            segment: self.document.segment().map(|s| s.no),
        }
    }

    /// Selects a dimension.
    pub fn select_dimension(&mut self, index: usize) {
        let last = self.review.dimensions().len().saturating_sub(1);
        let index = index.min(last);
        if index != self.dimension {
            self.dimension = index;
            self.item = 0;
            self.occurrence = 0;
        }
    }

    /// Selects the dimension `by` places further.
    pub fn step_dimension(&mut self, by: isize) {
        self.select_dimension(self.dimension.saturating_add_signed(by));
    }

    /// Selects the next dimension that nobody has decided; false when there is none.
    pub fn next_undecided(&mut self) -> bool {
        let dimensions = self.review.dimensions();
        let after = (self.dimension + 1..dimensions.len()).chain(0..=self.dimension);
        let found = after
            .into_iter()
            .find(|i| dimensions.get(*i).is_some_and(|d| d.human.verdict.is_none()));
        if let Some(index) = found {
            self.select_dimension(index);
        }
        found.is_some()
    }

    /// Moves the cursor of the evidence pane.
    pub fn step_item(&mut self, by: isize) {
        let last = self.items().len().saturating_sub(1);
        self.item = self.item_index().saturating_add_signed(by).min(last);
        self.occurrence = 0;
    }

    /// Puts the cursor of the evidence pane on a thing.
    pub fn select_item(&mut self, index: usize) {
        self.item = index;
        self.occurrence = 0;
    }

    /// Shows a source.
    pub fn show_source(&mut self, index: usize) {
        if index >= self.review.dossier().sources.len() || index == self.document.index() {
            return;
        }
        self.document = Document::new(Arc::clone(self.review.dossier()), index, self.measure);
        self.asked_layout = None;
        if let Some(highlights) = self.coloured.get(&index) {
            self.document.colour(Arc::clone(highlights));
        }
    }

    /// Takes the tokens of a source that a worker found.
    pub fn colour(&mut self, source: usize, highlights: Arc<Highlights>) {
        if source == self.document.index() {
            self.document.colour(Arc::clone(&highlights));
        }
        self.coloured.insert(source, highlights);
    }

    /// The source in the pane, when nobody has been asked for its tokens yet.
    pub fn ask_colour(&mut self) -> Option<usize> {
        let index = self.document.index();
        self.asked_colour.insert(index).then_some(index)
    }

    /// The source in the pane and its columns, when nobody has been asked to lay its rest out for them yet.
    pub fn ask_layout(&mut self) -> Option<(usize, usize)> {
        let wanted = (self.document.index(), self.document.wants_layout()?);
        (self.asked_layout.replace(wanted) != Some(wanted)).then_some(wanted)
    }

    /// Whether the cursor of the document stands where the selected link's occurrence shows.
    pub fn is_at_link(&self) -> bool {
        let (Some(place), Some(segment)) = (self.linked_place(), self.document.segment()) else {
            return false;
        };
        let same = self.document.source().is_some_and(|s| s.hash == place.sha256);
        same && segment.anchor.span.start <= place.start && place.start < segment.anchor.span.end
    }

    /// Which occurrence of the selected link is shown, and of how many.
    pub fn link_occurrence(&self) -> (usize, usize) {
        let places = self.link().map_or(1, |link| self.places_of(&link).len());
        (self.occurrence, places)
    }

    fn linked_place(&self) -> Option<Place> {
        let link = self.link()?;
        let places = self.places_of(&link);
        places.into_iter().nth(self.occurrence)
    }

    /// The occurrences of a count; of a quotation its place and the other ends of the checks that touch it.
    fn places_of(&self, link: &EvidenceLink) -> Vec<Place> {
        match &link.count {
            Some(count) if !count.occurrences.is_empty() => count.occurrences.clone(),
            _ => {
                let ends = self.ends(link).into_iter().map(|end| end.place.clone());
                std::iter::once(link.place.clone()).chain(ends).collect()
            }
        }
    }

    /// What else speaks of what a quotation says, from the cross-checks.
    pub fn ends(&self, link: &EvidenceLink) -> Vec<End<'_>> {
        if link.count.is_some() {
            return Vec::new();
        }
        checks::ends(self.review.checks(), self.number_of(&link.place))
    }

    /// The number that a place's segment has now: one that was cited before recordings were heard had another.
    fn number_of(&self, place: &Place) -> SegmentNo {
        let segment = self.review.dossier().segment_at(&place.sha256, place.start);
        segment.map_or(place.segment, |s| s.no)
    }

    /// Shows the place that the selected link points at; `again` goes on to the next occurrence of a count, or to
    /// the other end of a check. False when
    /// the dossier no longer has it.
    pub fn jump_to_link(&mut self, again: bool) -> bool {
        let (at, n) = self.link_occurrence();
        if again {
            self.occurrence = (at + 1) % n.max(1);
        }
        self.linked_place().is_some_and(|p| self.jump_to(&p))
    }

    /// Shows a place.
    pub fn jump_to(&mut self, place: &Place) -> bool {
        let Some(source) = self.source_of(&place.sha256) else {
            return false;
        };
        self.show_source(source);
        let Some(shown) = self.document.source().map(|s| s.shown.to_shown(place.span())) else {
            return false;
        };
        self.document.end_selection();
        self.document.go_to_byte(shown.start);
        if let Some(no) = self.document.segment().map(|s| s.no) {
            self.document.go_to(no);
        }
        true
    }

    /// Goes from the cursor's place to a link that cites it, the next one each time; false when nothing does.
    pub fn jump_to_score(&mut self) -> bool {
        let cited = self.cited_here();
        if cited.is_empty() {
            return false;
        }
        self.citation %= cited.len();
        let (dimension, link) = cited[self.citation];
        self.citation += 1;
        self.select_dimension(dimension);
        self.select_item(link);
        true
    }

    /// The links that cite the cursor's segment: dimension and link, in rubric order.
    pub fn cited_here(&self) -> Vec<(usize, usize)> {
        let (Some(source), Some(segment)) = (self.document.source(), self.document.segment()) else {
            return Vec::new();
        };
        self.cited(source.hash, segment.anchor.span.clone())
    }

    /// The links that cite a stretch of a source: dimension and link, in rubric order.
    pub fn cited(&self, source: ContentHash, span: Range<usize>) -> Vec<(usize, usize)> {
        let dimensions = self.review.dimensions();
        let mut cited: Vec<(usize, usize)> = self
            .review
            .citing(&source, span)
            .filter_map(|c| Some((dimensions.iter().position(|d| d.id == c.dimension)?, c.link)))
            .collect();
        cited.sort_unstable();
        cited.dedup();
        cited
    }

    /// The cursor moved: the round through what cites it begins anew.
    pub fn moved(&mut self) {
        self.citation = 0;
    }

    fn source_of(&self, hash: &ContentHash) -> Option<usize> {
        let sources = &self.review.dossier().sources;
        sources.iter().position(|s| &s.hash == hash)
    }
}
