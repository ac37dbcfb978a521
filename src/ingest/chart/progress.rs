//! Progress lists: rows of a name, a track that is filled so far, and a percentage.

use super::patch::{Patch, alike, apart, vivid};
use super::rect::Rect;
use super::scene::{Found, Read};
use super::word::Word;

/// The parts of a track meet within so many pixels.
const MEETS: f32 = 3.0;
/// What is left of a track is at least so wide: narrower things are soft edges.
const LEFT: f32 = 3.0;
/// Tracks are so many times as long as they are high.
const LONG: f32 = 5.0;
/// A track is pale: so far from grey at most, and so light at least.
const PALE: u8 = 60;
const LIGHT: u8 = 170;

/// One track, and how far it is filled.
struct Track {
    at: Rect,
    /// 0 to 1.
    filled: f32,
}

/// Reads a progress list. None where there are not two tracks.
pub(super) fn read(words: &[Word], patches: &[Patch]) -> Option<Found> {
    let tracks = tracks(patches)?;
    let mut found = Found::default();
    for track in &tracks {
        let (label, name) = (label(track, words), name(track, words));
        let percent = f64::from((track.filled * 100.0).round());
        let measured = || Read {
            text: format!("{percent}%"),
            ..Read::measured(percent, track.at)
        };
        let printed = |label: usize| Read::printed(&words[label], track.at.with(&words[label].at));
        let read = label.map_or_else(measured, printed);
        let parts: Vec<&str> = name.iter().map(|i| words[*i].text.as_str()).collect();
        found.values.push(Read {
            category: parts.join(" "),
            ..read
        });
        found.used.extend(label.into_iter().chain(name));
    }
    Some(found)
}

/// The tracks from top to bottom: the partly filled ones, and those of the same extent that are full or empty.
fn tracks(patches: &[Patch]) -> Option<Vec<Track>> {
    let long: Vec<&Patch> = patches
        .iter()
        .filter(|p| p.is_rectangle() && p.at.height() >= 4.0)
        .collect();
    let mut tracks = Vec::new();
    let mut fills: Vec<[u8; 3]> = Vec::new();
    for fill in &long {
        for rest in &long {
            let whole = fill.at.with(&rest.at);
            if meet(fill, rest) && whole.width() >= LONG * whole.height() {
                let filled = fill.at.width() / whole.width();
                tracks.push(Track { at: whole, filled });
                fills.push(fill.colour);
            }
        }
    }
    let whole = commonest(&tracks)?;
    let agrees = |at: &Rect| (at.left - whole.left).abs() <= MEETS && (at.right - whole.right).abs() <= MEETS;
    tracks.retain(|track| agrees(&track.at));
    for patch in &long {
        let at = &patch.at;
        let height = (at.height() - whole.height()).abs() <= MEETS;
        let known = tracks.iter().any(|t| t.at.holds(at));
        if agrees(at) && height && !known {
            let full = fills.iter().any(|fill| alike(*fill, patch.colour));
            let filled = if full { 1.0 } else { 0.0 };
            tracks.push(Track { at: *at, filled });
        }
    }
    tracks.sort_by(|a, b| a.at.top.total_cmp(&b.at.top));
    (tracks.len() >= 2).then_some(tracks)
}

/// The extent that most tracks have.
fn commonest(tracks: &[Track]) -> Option<Rect> {
    let like = |a: &Rect| {
        let same = |b: &Rect| (a.left - b.left).abs() <= MEETS && (a.right - b.right).abs() <= MEETS;
        tracks.iter().filter(|track| same(&track.at)).count()
    };
    tracks.iter().map(|track| track.at).max_by_key(like)
}

/// Whether `rest` is what is left of the track that `fill` fills.
fn meet(fill: &Patch, rest: &Patch) -> bool {
    let (a, b) = (&fill.at, &rest.at);
    let light = rest.colour.into_iter().min().unwrap_or(0) >= LIGHT;
    (a.right - b.left).abs() <= MEETS
        && (a.top - b.top).abs() <= MEETS
        && (a.bottom - b.bottom).abs() <= MEETS
        && light
        && b.width() >= LEFT
        && vivid(rest.colour) <= PALE
        && apart(fill.colour, rest.colour) > PALE
}

/// Whether a word stands on the level of a track.
fn level(track: &Track, word: &Word) -> bool {
    (word.at.y() - track.at.y()).abs() <= (0.5 * track.at.height()).max(0.6 * word.letter)
}

/// The percentage: printed in the track or nearest to its right.
fn label(track: &Track, words: &[Word]) -> Option<usize> {
    let right = |(_, word): &(usize, &Word)| {
        level(track, word) && word.at.x() > track.at.left && word.number().is_some()
    };
    let nearest = words
        .iter()
        .enumerate()
        .filter(right)
        .min_by(|a, b| a.1.at.left.total_cmp(&b.1.at.left));
    nearest.map(|(i, _)| i)
}

/// The words that name a track: left of it, else right above it.
fn name(track: &Track, words: &[Word]) -> Vec<usize> {
    let of = |wanted: &dyn Fn(&Word) -> bool| -> Vec<usize> {
        let fits = |(_, word): &(usize, &Word)| wanted(word);
        let mut found: Vec<_> = words.iter().enumerate().filter(fits).collect();
        found.sort_by(|a, b| a.1.at.left.total_cmp(&b.1.at.left));
        found.into_iter().map(|(i, _)| i).collect()
    };
    let beside = of(&|w| level(track, w) && w.at.right <= track.at.left + w.letter && w.number().is_none());
    if !beside.is_empty() {
        return beside;
    }
    let over = of(&|w| {
        let gap = track.at.top - w.at.bottom;
        let near = (-0.5 * w.letter..1.2 * w.letter).contains(&gap);
        near && w.at.left < track.at.right && w.at.right > track.at.left && w.number().is_none()
    });
    let lowest = over.iter().map(|i| words[*i].at.y()).fold(f32::MIN, f32::max);
    let last_line = |i: &usize| lowest - words[*i].at.y() <= 0.6 * words[*i].letter;
    over.into_iter().filter(last_line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::chart::testing::{filled, word};

    const GREEN: [u8; 3] = [40, 160, 80];
    const PALE_GREY: [u8; 3] = [225, 225, 225];

    #[test]
    fn tracks_are_read_or_measured() {
        let words = [
            word("Search", 40.0, 30.0),
            word("60%", 230.0, 30.0),
            word("Billing", 40.0, 60.0),
            word("Docs", 40.0, 90.0),
            word("100%", 230.0, 90.0),
        ];
        let patches = [
            filled([100.0, 22.0, 160.0, 38.0], GREEN),
            filled([160.0, 22.0, 200.0, 38.0], PALE_GREY),
            filled([100.0, 52.0, 125.0, 68.0], GREEN),
            filled([125.0, 52.0, 200.0, 68.0], PALE_GREY),
            filled([100.0, 82.0, 200.0, 98.0], GREEN),
        ];
        let found = read(&words, &patches).map(|f| f.values).unwrap_or_default();
        let found: Vec<_> = found
            .iter()
            .map(|v| (v.category.as_str(), v.number, v.measured))
            .collect();
        let expected = [
            ("Search", Some(60.0), false),
            ("Billing", Some(25.0), true),
            ("Docs", Some(100.0), false),
        ];
        assert_eq!(found, expected);
        assert!(read(&words, &patches[..2]).is_none(), "one track is no list");
    }
}
