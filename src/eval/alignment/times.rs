//! Whether what is said in a recording is cited where it is spoken.
//!
//! `NAME.expected.vtt` beside a recording holds what is said with its times, as a person wrote it down. Each of its cues is
//! looked for in what was heard: the utterance with most of its words, at least half. It is well placed where that
//! utterance begins within two seconds of the cue; a cue that no utterance holds is not. An utterance is a
//! sentence and begins with its first word, so the distance is mostly how far that word's time is off.

use std::collections::BTreeSet;

use crate::dossier::Source;
use crate::evidence::words;

/// What stands behind the name of a recording.
pub const SUFFIX: &str = ".expected.vtt";
/// How far a citation may be off, in milliseconds.
const NEAR_MS: u64 = 2_000;

/// What is said, and from when on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// First millisecond.
    pub start_ms: u64,
    /// The words.
    pub text: String,
}

/// A recording as it was heard, and as a person heard it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What was heard.
    pub heard: Vec<Cue>,
    /// What is said.
    pub said: Vec<Cue>,
}

/// The utterances of a source that have times.
pub fn cues(source: &Source) -> Vec<Cue> {
    let timed = source.segments.iter().filter_map(|s| Some((s.anchor.time?, s)));
    timed
        .map(|(time, segment)| Cue {
            start_ms: time.start_ms,
            text: segment.text.clone(),
        })
        .collect()
}

impl Heard {
    /// Of every cue, how far from where it is spoken it was heard, in milliseconds; none where no utterance holds it.
    pub fn distances(&self) -> Vec<Option<u64>> {
        let heard: Vec<(u64, BTreeSet<String>)> =
            self.heard.iter().map(|c| (c.start_ms, terms(&c.text))).collect();
        let distance = |cue: &Cue| {
            let wanted = terms(&cue.text);
            if wanted.is_empty() {
                return None;
            }
            let shared = |held: &BTreeSet<String>| wanted.intersection(held).count();
            let (start, held) = heard.iter().max_by_key(|(start, held)| {
                (shared(held), std::cmp::Reverse(start.abs_diff(cue.start_ms)))
            })?;
            (2 * shared(held) >= wanted.len()).then(|| start.abs_diff(cue.start_ms))
        };
        self.said.iter().map(distance).collect()
    }
}

/// Whether a cue that was heard so far away is cited where it is spoken.
pub fn is_near(distance: Option<u64>) -> bool {
    distance.is_some_and(|ms| ms <= NEAR_MS)
}

fn terms(text: &str) -> BTreeSet<String> {
    words::terms(text).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cue(start_ms: u64, text: &str) -> Cue {
        Cue {
            start_ms,
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_cue_is_near_where_its_words_begin_within_two_seconds() {
        let heard = Heard {
            heard: vec![
                cue(0, "Good morning all"),
                cue(9_000, "the drill took fourteen minutes"),
            ],
            said: vec![
                cue(500, "Good morning, all."),
                cue(7_000, "The drill took 14 minutes."),
                cue(6_900, "The drill took fourteen minutes."),
                cue(12_000, "Thank you"),
            ],
        };
        let distances = heard.distances();
        assert_eq!(distances, [Some(500), Some(2_000), Some(2_100), None]);
        let near: Vec<bool> = distances.into_iter().map(is_near).collect();
        assert_eq!(near, [true, true, false, false]);
    }
}
