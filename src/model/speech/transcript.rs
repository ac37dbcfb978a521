//! What was heard: utterances with their times and words, and how it is written down.
//!
//! The JSON is that of Whisper's own tools (`language`, `segments`, `words`), so that what reads theirs reads ours;
//! that of each segment is added.

use std::fmt::Write as _;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::id::Language;
use crate::sanitize::line;

/// Words of less probability may have been misheard. With whisper-base six of ten below it were wrong, and one of nine above
/// it (99 words of Chinese people's English); of 315 words read aloud clearly four lay below.
pub const UNSURE: f32 = 0.4;

/// A whole recording in words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The code of the language most of it was heard in: `en`, `zh`.
    pub language: String,
    /// Length of the recording, in seconds.
    pub duration: f64,
    /// The model that heard it.
    pub model: String,
    /// What was said, in order.
    pub segments: Vec<Utterance>,
}

/// One utterance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Utterance {
    /// From 0, in order.
    pub id: usize,
    /// Seconds from the start of the recording.
    pub start: f64,
    /// Seconds from the start of the recording.
    pub end: f64,
    /// The words, without white space around them. As heard: untrusted.
    pub text: String,
    /// The language it was heard in.
    pub language: Language,
    /// Who speaks, where that is known.
    pub speaker: Option<String>,
    /// How sure that is, 0 to 1, where speakers were told apart by their voices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speaker_confidence: Option<f32>,
    /// The words one by one; of Chinese, the characters.
    pub words: Vec<Word>,
}

/// One word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The word, with the punctuation behind it and a space in front where there is one.
    pub word: String,
    /// Seconds from the start of the recording.
    pub start: f64,
    /// Seconds from the start of the recording.
    pub end: f64,
    /// How sure the model was, 0 to 1.
    pub probability: f32,
}

impl Transcript {
    /// As `WebVTT`: what is read back from it is this transcript without its words' times.
    pub fn vtt(&self) -> String {
        self.captions().0
    }

    /// As `WebVTT`, and the bytes of it that hold words whose probability is below [`UNSURE`].
    pub fn captions(&self) -> (String, Vec<Range<usize>>) {
        let (mut out, mut unsure) = (String::from("WEBVTT\n"), Vec::new());
        for utterance in &self.segments {
            let _ = write!(out, "\n{}\n{}", utterance.cue('.'), utterance.voice_tag());
            let spoken = utterance.spoken();
            let found = utterance.unsure_in(&spoken);
            unsure.extend(found.into_iter().map(|s| s.start + out.len()..s.end + out.len()));
            out.push_str(&spoken);
            out.push('\n');
        }
        (out, unsure)
    }

    /// As `SubRip`.
    pub fn srt(&self) -> String {
        let mut out = String::new();
        for (number, utterance) in self.segments.iter().enumerate() {
            let gap = if number == 0 { "" } else { "\n" };
            let _ = write!(
                out,
                "{gap}{}\n{}\n{}{}\n",
                number + 1,
                utterance.cue(','),
                utterance.prefix(),
                utterance.spoken()
            );
        }
        out
    }
}

impl Utterance {
    /// `00:01:02.500 --> 00:01:04.000`.
    fn cue(&self, point: char) -> String {
        format!(
            "{} --> {}",
            clock(self.start, point),
            clock(self.end.max(self.start), point)
        )
    }

    /// The words on one line that nothing in them can end.
    fn spoken(&self) -> String {
        harmless(&self.text)
    }

    /// Where the words lie in what was [`spoken`](Self::spoken) that may have been misheard.
    fn unsure_in(&self, spoken: &str) -> Vec<Range<usize>> {
        let (mut from, mut unsure) = (0, Vec::new());
        for word in &self.words {
            let text = harmless(word.word.trim());
            let Some(at) = spoken[from..].find(&text).filter(|_| !text.is_empty()) else {
                continue;
            };
            let span = from + at..from + at + text.len();
            from = span.end;
            if word.probability < UNSURE {
                unsure.push(span);
            }
        }
        unsure
    }

    /// `<v Name>` where the speaker is known.
    fn voice_tag(&self) -> String {
        let tag = |speaker: &String| format!("<v {}>", line(speaker).replace(['<', '>'], " "));
        self.speaker.as_ref().map(tag).unwrap_or_default()
    }

    /// `Name: ` where the speaker is known.
    pub fn prefix(&self) -> String {
        let prefix = |speaker: &String| format!("{}: ", line(speaker).replace(['<', '>', ':'], " "));
        self.speaker.as_ref().map(prefix).unwrap_or_default()
    }
}

/// One line. An arrow would make a cue of what was said, and a tag a speaker.
fn harmless(text: &str) -> String {
    let text = line(text).replace("-->", "\u{2192}");
    text.replace("<v", "\u{2039}v")
}

/// `01:02:03.500`.
fn clock(seconds: f64, point: char) -> String {
    let ms = (seconds.max(0.0) * 1000.0).round() as u64;
    let (s, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}{point}{ms:03}", s / 3600, s / 60 % 60, s % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transcript() -> Transcript {
        let utterance = |id, start, end, text: &str, speaker: Option<&str>| Utterance {
            id,
            start,
            end,
            text: text.to_owned(),
            language: Language::En,
            speaker: speaker.map(str::to_owned),
            speaker_confidence: None,
            words: Vec::new(),
        };
        Transcript {
            language: "en".to_owned(),
            duration: 3723.5,
            model: "m".to_owned(),
            segments: vec![
                utterance(0, 0.0, 1.25, "It was ready.", None),
                utterance(1, 3722.0, 3723.4996, "a --> b\n\u{202e}c", Some("A <b>")),
            ],
        }
    }

    #[test]
    fn captions_have_hours_and_nothing_said_ends_a_cue() {
        assert_eq!(
            transcript().vtt(),
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nIt was ready.\n\n\
             01:02:02.000 --> 01:02:03.500\n<v A  b >a \u{2192} b \u{27e6}U+202E\u{27e7}c\n"
        );
        assert_eq!(
            transcript().srt().lines().take(7).collect::<Vec<_>>(),
            [
                "1",
                "00:00:00,000 --> 00:00:01,250",
                "It was ready.",
                "",
                "2",
                "01:02:02,000 --> 01:02:03,500",
                "A  b : a \u{2192} b \u{27e6}U+202E\u{27e7}c"
            ]
        );
    }

    #[test]
    fn words_that_may_be_others_are_found_behind_who_says_them() {
        let mut transcript = transcript();
        let utterance = &mut transcript.segments[1];
        utterance.text = "It is, is <v it> done".to_owned();
        let words = [
            (" It", 0.9),
            (" is,", 0.3),
            (" is", 0.8),
            (" <v", 0.1),
            (" it>", 0.4),
            (" dun", 0.1),
        ];
        utterance.words = words
            .into_iter()
            .map(|(word, probability)| Word {
                word: word.to_owned(),
                start: 0.0,
                end: 0.0,
                probability,
            })
            .collect();
        let (vtt, unsure) = transcript.captions();
        assert_eq!(vtt, transcript.vtt());
        let unsure: Vec<&str> = unsure.into_iter().map(|span| &vtt[span]).collect();
        assert_eq!(
            unsure,
            ["is,", "\u{2039}v"],
            "what is written otherwise is left alone"
        );
        let at = vtt.find("It is, is").unwrap_or_default();
        assert_eq!(transcript.captions().1[0], at + 3..at + 6, "the first of two");
    }

    #[test]
    fn the_json_has_whisper_s_own_layout() -> Result<(), serde_json::Error> {
        let mut transcript = transcript();
        transcript.segments[0].words.push(Word {
            word: " It".to_owned(),
            start: 0.0,
            end: 0.5,
            probability: 0.75,
        });
        let json = serde_json::to_value(&transcript)?;
        assert_eq!(json["language"], "en");
        assert_eq!(json["segments"][0]["language"], "en");
        assert_eq!(json["segments"][0]["speaker"], serde_json::Value::Null);
        assert!(json["segments"][0].get("speaker_confidence").is_none());
        assert_eq!(json["segments"][0]["words"][0]["probability"], 0.75);
        assert_eq!(serde_json::from_value::<Transcript>(json)?, transcript);
        Ok(())
    }
}
