//! The legend: small patches of colour with a name to the right.

use super::patch::{Patch, alike, apart};
use super::word::Word;

/// A swatch is at most so many letters wide and high.
const WIDE: f32 = 3.5;
const HIGH: f32 = 1.5;
/// Its name begins at most so many letters to the right of it.
const BESIDE: f32 = 1.4;
/// Colours within this are one series: edges of lines are paler than their middle.
const SAME: u8 = 48;

/// Which colour stands for which series.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Legend {
    pub(super) entries: Vec<Entry>,
}

/// A series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    /// The word that names it.
    pub(super) word: usize,
    pub(super) swatch: Patch,
}

impl Legend {
    /// Finds the entries: swatches of one size and different colours, in a row or a column.
    pub(super) fn of(words: &[Word], patches: &[Patch]) -> Self {
        let named = patches.iter().filter_map(|patch| entry(patch, words));
        let mut entries: Vec<Entry> = Vec::new();
        for entry in named {
            // A marker on a line's swatch is a patch of its own.
            if !entries.iter().any(|e| e.word == entry.word) {
                entries.push(entry);
            }
        }
        let best = entries
            .iter()
            .map(|first| {
                entries
                    .iter()
                    .filter(|e| agree(first, e))
                    .cloned()
                    .collect::<Vec<_>>()
            })
            .max_by_key(Vec::len);
        Self {
            entries: best.unwrap_or_default(),
        }
    }

    /// The series of a colour.
    pub(super) fn name(&self, colour: [u8; 3]) -> Option<&str> {
        let near = |entry: &&Entry| apart(entry.swatch.colour, colour);
        let nearest = self.entries.iter().min_by_key(near)?;
        (near(&nearest) <= SAME).then_some(nearest.name.as_str())
    }

    /// The place of a colour's series in the legend; what is not in it comes last.
    pub(super) fn place(&self, colour: [u8; 3]) -> usize {
        let name = self.name(colour);
        let place = self.entries.iter().position(|e| Some(e.name.as_str()) == name);
        place.unwrap_or(self.entries.len())
    }

    /// Whether a patch, in the picture as it stands, is a swatch.
    pub(super) fn has(&self, patch: &Patch) -> bool {
        self.entries.iter().any(|entry| entry.swatch == *patch)
    }

    /// The words that name series.
    pub(super) fn words(&self) -> impl Iterator<Item = usize> {
        self.entries.iter().map(|entry| entry.word)
    }
}

fn entry(patch: &Patch, words: &[Word]) -> Option<Entry> {
    let at = &patch.at;
    let beside = |(_, word): &(usize, &Word)| {
        let gap = word.at.left - at.right;
        let small = at.width() <= WIDE * word.letter && at.height() <= HIGH * word.letter;
        let level = (word.at.y() - at.y()).abs() <= 0.45 * word.letter;
        // A swatch is wider than it is high, or as wide.
        let lies = at.width() >= 0.8 * at.height() && at.width() >= 0.3 * word.letter;
        // A stroke of the name itself is no swatch.
        let outside = word.at.left - at.left >= 0.5 * at.width();
        small
            && level
            && lies
            && outside
            && word.number().is_none()
            && (-0.4..BESIDE).contains(&(gap / word.letter))
    };
    let gap = |(_, word): &(usize, &Word)| word.at.left - at.right;
    let (word, name) = words
        .iter()
        .enumerate()
        .filter(beside)
        .min_by(|a, b| gap(a).total_cmp(&gap(b)))?;
    let name = name.text.clone();
    Some(Entry {
        name,
        word,
        swatch: *patch,
    })
}

/// Whether two swatches are of one legend: of one size, in one row or one column, of two colours.
fn agree(a: &Entry, b: &Entry) -> bool {
    let (p, q) = (&a.swatch.at, &b.swatch.at);
    let size = (p.width() - q.width()).abs() <= 3.0 && (p.height() - q.height()).abs() <= 4.0;
    let line = (p.left - q.left).abs() <= 3.0 || (p.y() - q.y()).abs() <= 3.0;
    a.word == b.word || (size && line && !alike(a.swatch.colour, b.swatch.colour))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::chart::testing::{filled, word};

    #[test]
    fn swatches_of_one_size_name_the_series() {
        let words = [
            word("Alice", 60.0, 20.0),
            word("Bob", 60.0, 40.0),
            word("Q1", 200.0, 300.0),
        ];
        let patches = [
            filled([20.0, 15.0, 38.0, 25.0], [200, 30, 30]),
            filled([20.0, 35.0, 38.0, 45.0], [30, 30, 200]),
            filled([180.0, 100.0, 220.0, 290.0], [200, 30, 30]),
        ];
        let legend = Legend::of(&words, &patches);
        assert_eq!(legend.name([205, 35, 30]), Some("Alice"));
        assert_eq!(legend.name([30, 30, 200]), Some("Bob"));
        assert_eq!(legend.name([30, 200, 30]), None);
        assert_eq!(legend.place([30, 30, 200]), 1);
        assert!(legend.has(&patches[0]) && !legend.has(&patches[2]));
    }
}
