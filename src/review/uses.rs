//! From a place to the scores that rest on it.

use std::ops::Range;

use crate::evidence::{EvidenceLink, Place, Polarity};
use crate::hash::ContentHash;
use crate::review::dimension::Origin;
use crate::review::machine::Review;

/// A link that touches a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Use<'a> {
    /// Which dimension, an index in rubric order.
    pub dimension: usize,
    /// Which of its links, an index into its links.
    pub link: usize,
    /// The place of the link that touches: for counts one of its occurrences.
    pub place: &'a Place,
    /// For or against.
    pub polarity: Polarity,
    /// Who linked it.
    pub origin: Origin,
}

/// Every place a link points at: its own, and all occurrences of a count.
pub fn places(link: &EvidenceLink) -> impl Iterator<Item = &Place> {
    let occurrences = link.count.iter().flat_map(|c| c.occurrences.iter());
    let own = link.count.as_ref().is_none_or(|c| c.occurrences.is_empty());
    own.then_some(&link.place).into_iter().chain(occurrences)
}

impl Review {
    /// All links into one source that may be shown, in rubric order.
    pub fn uses_of(&self, source: ContentHash) -> Vec<Use<'_>> {
        let mut uses = Vec::new();
        for (dimension, state) in self.dimensions().iter().enumerate() {
            let hidden = self.hidden(state);
            for (link, view) in state.links().into_iter().enumerate() {
                if hidden && view.origin == Origin::Model {
                    continue;
                }
                let touching = places(view.link).filter(|p| p.sha256 == source);
                uses.extend(touching.map(|place| Use {
                    dimension,
                    link,
                    place,
                    polarity: view.link.polarity,
                    origin: view.origin,
                }));
            }
        }
        uses
    }

    /// The links that touch a stretch of a source.
    pub fn uses_at(&self, source: ContentHash, span: &Range<usize>) -> Vec<Use<'_>> {
        let mut uses = self.uses_of(source);
        uses.retain(|u| u.place.start < span.end && span.start < u.place.end);
        uses
    }
}
