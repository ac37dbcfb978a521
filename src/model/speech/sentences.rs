//! Utterances as sentences: what is cited begins where it is said, and is said as a whole.
//!
//! whisper.cpp ends an utterance behind some sentences or in the middle of one, as its windows have it. Here one ends
//! where a sentence does, by the same rules as in a document and the times of its words; where nobody speaks between
//! two sentences, the one ends and the other begins there. What a window cuts apart stays apart.

use std::ops::Range;

use super::pauses::pauses;
use super::transcript::{Utterance, Word};
use crate::sentence;

/// Seconds of a sentence at least; a shorter one ("None.") goes with the next, at the end with the one before.
const SHORTEST_S: f64 = 1.0;
/// Seconds for which nobody speaks behind a comma of one sentence at most, unless it goes on with a small letter.
const GAP_S: f64 = 0.5;
/// The same where it does: then the model heard one sentence.
const LONG_GAP_S: f64 = 1.5;
/// Marks behind which a sentence goes on.
const CLAUSE_ENDS: [char; 8] = [',', ';', ':', '，', '、', '；', '：', '—'];

/// The sentences of `utterances`, which were heard one behind the other in `samples`.
pub fn sentences(utterances: Vec<Utterance>, samples: &[f32]) -> Vec<Utterance> {
    let whole = joined(utterances, samples);
    whole.into_iter().flat_map(|u| cut(u, samples)).collect()
}

/// Utterances that go on in the next one, with that.
fn joined(utterances: Vec<Utterance>, samples: &[f32]) -> Vec<Utterance> {
    let mut whole: Vec<Utterance> = Vec::new();
    for mut next in utterances {
        match whole.last_mut() {
            Some(last) if goes_on(last, &next, samples) => {
                if let Some(first) = next.words.first_mut().filter(|w| needs_space(last, w)) {
                    first.word.insert(0, ' ');
                }
                last.words.append(&mut next.words);
                last.text = text(&last.words);
                last.end = last.end.max(next.end);
            }
            _ => whole.push(next),
        }
    }
    whole
}

/// Whether `next` is the rest of the sentence in which `last` ends: by its comma, or the small letter behind it.
fn goes_on(last: &Utterance, next: &Utterance, samples: &[f32]) -> bool {
    let (Some(before), Some(behind)) = (last.words.last(), next.words.first()) else {
        return false;
    };
    let open = last.text.ends_with(CLAUSE_ENDS)
        || (last.text.ends_with(char::is_alphanumeric) && next.text.starts_with(char::is_lowercase));
    let silent = between(&pauses(samples, (last.start, next.end)), before, behind)
        .map_or(behind.start - before.end, |pause| pause.end - pause.start);
    let most = if next.text.starts_with(char::is_lowercase) {
        LONG_GAP_S
    } else {
        GAP_S
    };
    open && last.language == next.language && next.start >= last.start && silent <= most
}

/// Whether a word of a language with spaces would stick to the one before it.
fn needs_space(last: &Utterance, next: &Word) -> bool {
    let spaced = |c: char| c.is_ascii_alphanumeric() || c.is_ascii_punctuation();
    last.text.ends_with(spaced) && next.word.starts_with(spaced)
}

fn text(words: &[Word]) -> String {
    let text: String = words.iter().map(|word| word.word.as_str()).collect();
    text.trim().to_owned()
}

/// The pause that lies between two words, whose times are not exact: behind the middle of the one and before that of the
/// other. The longest where there are several.
fn between<'a>(pauses: &'a [Range<f64>], before: &Word, behind: &Word) -> Option<&'a Range<f64>> {
    let middle = |word: &Word| f64::midpoint(word.start, word.end);
    let (from, to) = (middle(before), middle(behind));
    let length = |pause: &&Range<f64>| pause.end - pause.start;
    let found = pauses.iter().filter(|p| p.end > from && p.start < to);
    found.max_by(|a, b| length(a).total_cmp(&length(b)))
}

/// An utterance, cut where sentences end in it.
fn cut(mut utterance: Utterance, samples: &[f32]) -> Vec<Utterance> {
    let pauses = pauses(samples, (utterance.start, utterance.end));
    trim_start(&mut utterance, &pauses);
    let (mut parts, mut rest) = (Vec::new(), utterance);
    // From the last one on: what is split off is then whole.
    for at in firsts(&rest.words).into_iter().rev() {
        let begins = rest.words[at].start;
        if begins - rest.start < SHORTEST_S || rest.end - begins < SHORTEST_S {
            continue;
        }
        let mut behind = rest.words.split_off(at);
        let (last, first) = (&mut rest.words[at - 1], &mut behind[0]);
        let (until, from) = match between(&pauses, last, first) {
            Some(pause) => (pause.start.max(last.start), pause.end.min(first.end)),
            None => (begins.max(last.start), begins),
        };
        (last.end, first.start) = (until, from.max(until));
        first.end = first.end.max(first.start);
        parts.push(Utterance {
            id: 0,
            start: behind[0].start,
            end: rest.end,
            text: text(&behind),
            language: rest.language,
            speaker: rest.speaker.clone(),
            speaker_confidence: rest.speaker_confidence,
            words: behind,
        });
        rest.end = until;
        rest.text = text(&rest.words);
    }
    parts.push(rest);
    parts.reverse();
    parts
}

/// Lets an utterance begin where somebody speaks.
fn trim_start(utterance: &mut Utterance, pauses: &[Range<f64>]) {
    let Some(first) = utterance.words.first_mut() else {
        return;
    };
    let leading = pauses
        .first()
        .filter(|p| p.start <= utterance.start && p.end < first.end);
    if let Some(pause) = leading {
        utterance.start = pause.end;
        first.start = first.start.max(pause.end);
    }
}

/// The words with which sentences begin, but for the first sentence.
fn firsts(words: &[Word]) -> Vec<usize> {
    let text: String = words.iter().map(|word| word.word.as_str()).collect();
    let mut starts = Vec::new();
    sentence::split(&text, 0..text.len(), &mut |span| starts.push(span.start));
    let mut at = 0;
    let mut firsts = Vec::new();
    for (i, word) in words.iter().enumerate() {
        let begins = at + word.word.len() - word.word.trim_start().len();
        at += word.word.len();
        if starts.iter().skip(1).any(|&start| start == begins) {
            firsts.push(i);
        }
    }
    firsts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Language;
    use crate::model::speech::audio::SAMPLE_RATE;

    /// An utterance of these words, half a second each.
    fn utterance(start: f64, words: &[&str]) -> Utterance {
        let word = |(i, word): (usize, &&str)| Word {
            word: (*word).to_owned(),
            start: start + i as f64 / 2.0,
            end: start + (i + 1) as f64 / 2.0,
            probability: 1.0,
        };
        let words: Vec<Word> = words.iter().enumerate().map(word).collect();
        Utterance {
            id: 0,
            start,
            end: start + words.len() as f64 / 2.0,
            text: text(&words),
            language: Language::En,
            speaker: None,
            speaker_confidence: None,
            words,
        }
    }

    /// Sound with silence at these seconds.
    fn sound(seconds: f64, silent: &[Range<f64>]) -> Vec<f32> {
        let count = (seconds * SAMPLE_RATE as f64) as usize;
        let is_silent = |i: usize| {
            let at = i as f64 / SAMPLE_RATE as f64;
            silent.iter().any(|s| s.contains(&at))
        };
        let sample = |i| {
            if is_silent(i) {
                0.0
            } else {
                0.3 - 0.6 * (i % 2) as f32
            }
        };
        (0..count).map(sample).collect()
    }

    fn said(utterances: &[Utterance]) -> Vec<(f64, f64, &str)> {
        let hundredths = |x: f64| (x * 100.0).round() / 100.0;
        let said = utterances
            .iter()
            .map(|u| (hundredths(u.start), hundredths(u.end), u.text.as_str()));
        said.collect()
    }

    const GO: [&str; 8] = [
        " Helen,", " start.", " How", " did", " it", " go?", " Well", " enough.",
    ];

    #[test]
    fn an_utterance_ends_where_a_sentence_does() {
        // The pause is where the first sentence ends; behind the second there is none.
        let parts = sentences(vec![utterance(1.0, &GO)], &sound(6.0, &[1.8..2.1]));
        let expected = [
            (1.0, 1.8, "Helen, start."),
            (2.1, 4.0, "How did it go?"),
            (4.0, 5.0, "Well enough."),
        ];
        assert_eq!(said(&parts), expected);
        assert_eq!(parts[1].words.len(), 4);
    }

    /// Pauses that touch the words' times in every way: no part is without time, and no word outside its part.
    #[test]
    fn times_go_forward_whatever_the_pauses_are() {
        let cases = [
            vec![],
            vec![0.9..1.4],
            vec![1.0..2.4],
            vec![1.6..3.4],
            vec![2.2..2.4],
            vec![0.9..1.2, 1.7..2.3, 3.6..4.4],
        ];
        for silent in cases {
            let parts = sentences(vec![utterance(1.0, &GO)], &sound(6.0, &silent));
            let words: usize = parts.iter().map(|part| part.words.len()).sum();
            assert_eq!(words, GO.len(), "{silent:?}");
            assert!(parts.len() >= 2, "{silent:?}");
            let mut before = 0.0;
            for part in &parts {
                let (first, last) = (&part.words[0], &part.words[part.words.len() - 1]);
                assert!(
                    before <= part.start && part.start < part.end,
                    "{silent:?}: {part:?}"
                );
                assert!(
                    part.start <= first.start && last.end <= part.end,
                    "{silent:?}: {part:?}"
                );
                before = part.end;
            }
        }
        // What is silent before the first word is not the utterance's.
        let parts = sentences(vec![utterance(1.0, &GO)], &sound(6.0, &[0.9..1.4]));
        assert!((parts[0].start - 1.4).abs() < 0.02, "{}", parts[0].start);
    }

    /// `|` marks where utterances part; every word has half a second.
    #[test]
    fn sentences_end_as_they_do_in_documents() {
        let cases = [
            " We held 2 of 6.| The other 4 are planned.",
            " Ask Mr. Smith at once.",
            " The U.S. team lost not one.",
            " He said no twice today.| Then he went home.",
            " It cost 3.5 million in all.| Nobody minded that.",
            " None. We lost not one.",
            " Stop there now.| Thank you all. Bye.",
            " ... And so it goes on.",
        ];
        for case in cases {
            let plain = case.replace('|', "");
            let words: Vec<String> = plain.split_whitespace().map(|w| format!(" {w}")).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let parts = sentences(vec![utterance(0.0, &words)], &sound(9.0, &[]));
            let expected: Vec<&str> = case.split('|').map(str::trim).collect();
            let texts: Vec<&str> = parts.iter().map(|u| u.text.as_str()).collect();
            assert_eq!(texts, expected);
        }
        let chinese = ["今天", "开会，", "讨论。", "2400", "单", "没", "发。"];
        let parts = sentences(vec![utterance(0.0, &chinese)], &sound(4.0, &[]));
        assert_eq!(
            said(&parts),
            [(0.0, 1.5, "今天开会，讨论。"), (1.5, 3.5, "2400单没发。")]
        );
    }

    #[test]
    fn a_sentence_that_goes_on_is_put_together() {
        let said_of = |first: &[&str], second: &[&str], silent: &[Range<f64>]| {
            let one = utterance(0.0, first);
            let two = utterance(one.end, second);
            let parts = sentences(vec![one, two], &sound(9.0, silent));
            parts.into_iter().map(|u| u.text).collect::<Vec<_>>()
        };
        let long = [0.8..1.6];
        assert_eq!(
            said_of(&[" I", " wrote,"], &["And", " called."], &[]),
            ["I wrote, And called."]
        );
        assert_eq!(
            said_of(&[" answered", " by"], &[" the", " evening."], &[]),
            ["answered by the evening."]
        );
        assert_eq!(
            said_of(&[" answered", " by"], &[" The", " evening."], &[]).len(),
            2
        );
        assert_eq!(
            said_of(&[" I", " wrote,"], &[" And", " called."], &long).len(),
            2,
            "silence"
        );
        assert_eq!(
            said_of(&[" I", " wrote,"], &[" and", " called."], &long),
            ["I wrote, and called."]
        );
        assert_eq!(said_of(&[" I", " wrote."], &[" and", " called."], &[]).len(), 2);
        assert_eq!(
            said_of(&["我", "写了，"], &["也", "打了。"], &[]),
            ["我写了，也打了。"]
        );
    }

    #[test]
    fn what_has_no_words_stays_as_it_is() {
        let mut one = utterance(0.0, &[" A.", " B."]);
        one.words.clear();
        assert_eq!(sentences(vec![one.clone()], &[]), [one]);
    }
}
