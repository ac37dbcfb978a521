//! Utterances in which two speak: cut at their pauses before voices are compared, put together again where one speaks.
//!
//! A noisy room has no pauses, and its utterances stay whole. Words go to the piece in which their middle lies, or a cut
//! goes to the end of a sentence or clause that is near it: whisper.cpp's times are not exact, so that a word beside a cut
//! may be on its wrong side.

use super::Turn;
use crate::model::speech::pauses::pauses;
use crate::model::speech::transcript::{Utterance, Word};

/// Seconds of a piece at least: less says too little of a voice to take an utterance apart.
const PIECE_S: f64 = 1.2;
/// A piece less sure of its own speaker stays with the one before it.
const SURE: f32 = 0.2;

/// Seconds between a cut and the end of a clause that it goes to.
const NEAR_S: f64 = 1.0;

/// Where a piece of an utterance begins and ends, in seconds, and who speaks it.
pub type Piece = (f64, f64, Turn);

/// The pieces between the pauses of the utterance that lies at these seconds of `samples`: one after the other, from its
/// start to its end.
pub fn pieces(samples: &[f32], (start, end): (f64, f64)) -> Vec<(f64, f64)> {
    let mut cuts = vec![start];
    for pause in pauses(samples, (start, end)) {
        let middle = f64::midpoint(pause.start, pause.end);
        let long = |since: f64| middle - since >= PIECE_S && end - middle >= PIECE_S;
        if cuts.last().is_some_and(|&since| long(since)) {
            cuts.push(middle);
        }
    }
    cuts.push(end);
    cuts.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// The utterance with its speaker, or one for each that speaks in it.
pub fn apart(mut utterance: Utterance, pieces: &[Piece]) -> Vec<Utterance> {
    let turns = joined(pieces);
    if let [(_, _, turn)] = turns.as_slice() {
        write(&mut utterance, *turn);
        return vec![utterance];
    }
    let last = turns.len().saturating_sub(1);
    let words = std::mem::take(&mut utterance.words);
    let mut parts: Vec<Utterance> = Vec::new();
    let mut from = 0;
    for (i, (start, end, turn)) in turns.into_iter().enumerate() {
        let to = if i == last {
            words.len()
        } else {
            boundary(&words, end).max(from)
        };
        let own = words[from..to].to_vec();
        from = to;
        let text: String = own.iter().map(|word| word.word.as_str()).collect();
        if text.trim().is_empty() {
            continue;
        }
        let mut part = Utterance {
            id: 0,
            start,
            end,
            text: text.trim().to_owned(),
            language: utterance.language,
            speaker: None,
            speaker_confidence: None,
            words: own,
        };
        write(&mut part, turn);
        parts.push(part);
    }
    if parts.is_empty() {
        return vec![utterance];
    }
    parts
}

/// How many of `words` lie before a cut at this second: up to the nearest end of a clause, where one is near.
fn boundary(words: &[Word], cut: f64) -> usize {
    let clause = |&i: &usize| {
        let before = words[i - 1].word.trim_end();
        before.ends_with([
            '.', ',', '?', '!', ';', ':', '。', '，', '？', '！', '；', '：', '、',
        ])
    };
    let away = |i: usize| (words[i].start - cut).abs();
    let ends = (1..words.len()).filter(clause).filter(|&i| away(i) <= NEAR_S);
    ends.min_by(|&a, &b| away(a).total_cmp(&away(b)))
        .unwrap_or_else(|| words.partition_point(|word| f64::midpoint(word.start, word.end) < cut))
}

fn write(utterance: &mut Utterance, turn: Turn) {
    utterance.speaker = turn.speaker.map(|number| format!("Speaker {}", number + 1));
    utterance.speaker_confidence = Some((turn.confidence * 100.0).round() / 100.0);
}

/// Neighbouring pieces of one speaker as one, and unsure ones with those before them. How sure the whole is, is the mean
/// over its time.
fn joined(pieces: &[Piece]) -> Vec<Piece> {
    let mut turns: Vec<Piece> = Vec::new();
    for &(start, end, turn) in pieces {
        let sure = turn.speaker.is_some() && turn.confidence >= SURE;
        match turns.last_mut() {
            Some((since, until, before)) if before.speaker == turn.speaker || !sure => {
                let (old, new) = (*until - *since, end - start);
                let agrees = if before.speaker == turn.speaker {
                    turn.confidence
                } else {
                    0.0
                };
                let mean = f64::from(before.confidence) * old + f64::from(agrees) * new;
                before.confidence = (mean / (old + new).max(1e-9)) as f32;
                *until = end;
            }
            // An unsure beginning goes with what follows.
            Some((_, until, before)) if before.speaker.is_none() || before.confidence < SURE => {
                *before = turn;
                *until = end;
            }
            _ => turns.push((start, end, turn)),
        }
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Language;
    use crate::model::speech::audio::SAMPLE_RATE;

    fn turn(speaker: Option<usize>, confidence: f32) -> Turn {
        Turn { speaker, confidence }
    }

    fn utterance() -> Utterance {
        let word = |(i, word): (usize, &str)| Word {
            word: word.to_owned(),
            start: i as f64,
            end: i as f64 + 1.0,
            probability: 1.0,
        };
        Utterance {
            id: 3,
            start: 0.0,
            end: 4.0,
            text: "Is it done? It is.".to_owned(),
            language: Language::En,
            speaker: None,
            speaker_confidence: None,
            words: [" Is it", " done?", " It", " is."]
                .into_iter()
                .enumerate()
                .map(word)
                .collect(),
        }
    }

    /// Two seconds of sound, so much silence, two seconds of sound; the utterance begins a second into it.
    fn with_pause(seconds: f64) -> Vec<f32> {
        let sound = |n: usize| (0..n).map(|i| if i % 2 == 0 { 0.3 } else { -0.3 });
        let silence = (seconds * SAMPLE_RATE as f64) as usize;
        let mut samples: Vec<f32> = sound(3 * SAMPLE_RATE).collect();
        samples.extend(std::iter::repeat_n(0.001, silence));
        samples.extend(sound(2 * SAMPLE_RATE));
        samples
    }

    #[test]
    fn a_pause_is_cut_in_its_middle_and_a_short_one_is_none() {
        let pieces_of = |pause: f64, end: f64| pieces(&with_pause(pause), (1.0, end));
        assert_eq!(pieces_of(0.1, 5.1), [(1.0, 5.1)]);
        let cut = pieces_of(0.4, 5.4);
        assert_eq!(cut.len(), 2, "{cut:?}");
        assert!(
            (cut[0].1 - 3.2).abs() < 0.011 && (cut[1].1 - 5.4).abs() < 1e-9,
            "{cut:?}"
        );
        assert_eq!(pieces_of(0.4, 4.0).len(), 1, "a second is too little");
        assert_eq!(pieces(&[], (1.0, 2.0)), [(1.0, 2.0)]);
    }

    #[test]
    fn two_that_speak_in_one_utterance_get_their_own_words() {
        let both = [(0.0, 2.1, turn(Some(0), 0.9)), (2.1, 4.0, turn(Some(1), 0.8))];
        let parts = apart(utterance(), &both);
        let said: Vec<_> = parts
            .iter()
            .map(|u| (u.speaker.as_deref(), u.text.as_str(), u.words.len()))
            .collect();
        assert_eq!(
            said,
            [
                (Some("Speaker 1"), "Is it done?", 2),
                (Some("Speaker 2"), "It is.", 2)
            ]
        );
        assert!((parts[0].end - 2.1).abs() < 1e-9 && (parts[1].start - 2.1).abs() < 1e-9);
        // A cut at 1.2 s goes to the end of the question; one at 0.9 s is too far from it.
        let words = utterance().words;
        assert_eq!((boundary(&words, 1.2), boundary(&words, 0.9)), (2, 1));
        assert_eq!((boundary(&words, 9.0), boundary(&[], 1.0)), (4, 0));
    }

    #[test]
    fn one_that_speaks_or_an_unsure_piece_leaves_it_whole() {
        let same = [(0.0, 1.0, turn(Some(0), 0.9)), (1.0, 4.0, turn(Some(0), 0.5))];
        let unsure = [(0.0, 2.0, turn(Some(0), 0.9)), (2.0, 4.0, turn(Some(1), 0.15))];
        let first_unsure = [(0.0, 2.0, turn(None, 0.0)), (2.0, 4.0, turn(Some(0), 0.7))];
        for (pieces, sure) in [(same, 0.6), (unsure, 0.45), (first_unsure, 0.7)] {
            let parts = apart(utterance(), &pieces);
            assert_eq!(parts.len(), 1, "{pieces:?}");
            assert_eq!(parts[0].speaker.as_deref(), Some("Speaker 1"));
            assert_eq!(parts[0].text, "Is it done? It is.");
            assert_eq!(parts[0].speaker_confidence, Some(sure));
        }
        let nobody = apart(utterance(), &[(0.0, 4.0, turn(None, 0.0))]);
        assert_eq!(nobody[0].speaker, None);
    }
}
