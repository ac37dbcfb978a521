//! `WebVTT` and `SubRip` captions: times, cue numbers and who speaks.

use super::{Reader, Run, Token};

/// Longer than any name: what stands before a colon further on is speech.
const MAX_SPEAKER: usize = 60;

/// Captions at work.
pub(super) struct Captions {
    /// How a line of speech names its speaker.
    speaker: fn(&str) -> Option<usize>,
}

impl Captions {
    pub(super) fn vtt() -> Self {
        Self { speaker: voice_tag }
    }

    pub(super) fn srt() -> Self {
        Self {
            speaker: name_and_colon,
        }
    }
}

/// `<v Name>` at the start of a cue's line: where it ends.
fn voice_tag(line: &str) -> Option<usize> {
    line.starts_with("<v").then(|| line.find('>').map(|i| i + 1))?
}

/// `Name: ` or `姓名：`: where the colon ends.
fn name_and_colon(line: &str) -> Option<usize> {
    let (at, colon) = line.char_indices().find(|(_, c)| matches!(c, ':' | '：'))?;
    (at > 0 && at <= MAX_SPEAKER).then_some(at + colon.len_utf8())
}

impl Reader for Captions {
    fn read(&mut self, line: &str, start: usize, runs: &mut Vec<Run>) {
        let line = line.trim_end();
        let whole = line.len();
        let found = if line.contains("-->") {
            Some((whole, Token::Number))
        } else if line.starts_with("WEBVTT") {
            Some((whole, Token::Keyword))
        } else if line.starts_with("NOTE") {
            Some((whole, Token::Comment))
        } else if !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit()) {
            Some((whole, Token::Punctuation))
        } else {
            (self.speaker)(line).map(|end| (end, Token::Speaker))
        };
        if let Some((end, token)) = found {
            runs.push(Run {
                span: start..start + end,
                token,
            });
        }
    }
}
