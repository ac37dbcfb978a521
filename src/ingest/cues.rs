//! Transcripts in `WebVTT` and `SubRip`: a cue is a segment, with who speaks and when.
//!
//! The span is what is said: behind the voice tag `<v Name>` or the prefix `Name: `, up to the end of the cue. A cue in
//! which several voices are tagged gives a segment for each, a long one is cut as prose is. Other tags stay in the words.

use std::ops::Range;

use super::segment::{RawSegment, Reading, lines, name};
use crate::dossier::{SegmentKind, TimeSpan};
use crate::sentence;

const ARROW: &str = "-->";
/// Longer tags are not names.
const MAX_TAG_CHARACTERS: usize = 200;
/// Longer prefixes are not names.
const MAX_NAME_CHARACTERS: usize = 30;

/// Reads `WebVTT` or `SubRip`; they differ in what a cue may look like, and no cue looks like both.
pub(super) fn read(text: &str) -> Reading {
    cues(text, prefix)
}

/// The captions of a `WebVTT` or `SubRip` text: the first millisecond of each, and what is said (sanitised).
pub fn captions(text: &str) -> Vec<(u64, String)> {
    let said = |segment: RawSegment| Some((segment.time?.start_ms, segment.text));
    read(text).segments.into_iter().filter_map(said).collect()
}

/// Reads `WebVTT` that a recording became: a colon in what was said is no name's.
pub(super) fn read_heard(text: &str) -> Reading {
    cues(text, |_| None)
}

/// The name in front of what is said, and where the words begin.
type Name = fn(&str) -> Option<(&str, usize)>;

fn cues(text: &str, name: Name) -> Reading {
    let lines: Vec<Range<usize>> = lines(text).collect();
    let mut reading = Reading::default();
    let mut unreadable = Vec::new();
    let mut at = 0;
    while let Some(span) = lines.get(at) {
        at += 1;
        let line = &text[span.clone()];
        if !line.contains(ARROW) || line.trim_start().starts_with("NOTE") {
            continue;
        }
        let from = at;
        while lines.get(at).is_some_and(|l| !text[l.clone()].trim().is_empty()) {
            at += 1;
        }
        match (timing(line), lines.get(from..at)) {
            (Some(time), Some([first, .., last])) => {
                cue(text, first.start..last.end, (time, name), &mut reading.segments);
            }
            (Some(time), Some([only])) => cue(text, only.clone(), (time, name), &mut reading.segments),
            (Some(_), _) => {}
            (None, _) => unreadable.push(from),
        }
    }
    if let Some(first) = unreadable.first() {
        let n = unreadable.len();
        reading.notes.push(format!(
            "cues with unreadable times, left out: {n}, the first at line {first}"
        ));
    }
    reading
}

fn cue(text: &str, payload: Range<usize>, of: (TimeSpan, Name), out: &mut Vec<RawSegment>) {
    let slice = &text[payload.clone()];
    let mut voices: Vec<usize> = slice
        .match_indices("<v")
        .filter(|(at, _)| voice(&slice[*at..]).is_some())
        .map(|(at, _)| at)
        .collect();
    if voices.first() != Some(&0) {
        voices.insert(0, 0);
    }
    for (i, from) in voices.iter().enumerate() {
        let to = voices.get(i + 1).copied().unwrap_or(slice.len());
        utterance(text, payload.start + from..payload.start + to, of, out);
    }
}

fn utterance(text: &str, span: Range<usize>, (time, named): (TimeSpan, Name), out: &mut Vec<RawSegment>) {
    let slice = &text[span.clone()];
    let (speaker, offset) = voice(slice).or_else(|| named(slice)).unwrap_or(("", 0));
    let said = slice[offset..].trim_end();
    let end = span.start + offset + said.strip_suffix("</v>").unwrap_or(said).len();
    sentence::pieces(text, span.start + offset..end, &mut |piece| {
        out.push(RawSegment {
            speaker: name(speaker),
            time: Some(time),
            ..RawSegment::words(SegmentKind::Utterance, text, piece)
        });
    });
}

/// The name in a voice tag at the start of `text`, and the tag's length.
fn voice(text: &str) -> Option<(&str, usize)> {
    let mut inside = text.strip_prefix("<v")?.char_indices().take(MAX_TAG_CHARACTERS);
    let close = "<v".len() + inside.find(|(_, c)| *c == '>')?.0;
    let tag = &text["<v".len()..close];
    let classes = tag.find(char::is_whitespace)?;
    (classes == 0 || tag.starts_with('.')).then(|| (&tag[classes..], close + 1))
}

/// The name in front of a colon at the start of `text`, and where the words begin.
fn prefix(text: &str) -> Option<(&str, usize)> {
    let (at, colon) = text
        .char_indices()
        .take(MAX_NAME_CHARACTERS)
        .find(|(_, c)| matches!(c, ':' | '：' | '\n'))?;
    let (speaker, after) = (&text[..at], &text[at + colon.len_utf8()..]);
    let plausible = speaker.contains(char::is_alphabetic)
        && !speaker.contains(|c: char| "。，！？,.!?;；<".contains(c) && c != '.');
    let separated = colon == '：' || after.starts_with(char::is_whitespace);
    (colon != '\n' && plausible && separated).then_some((speaker, at + colon.len_utf8()))
}

/// `00:14:05.000 --> 00:14:09,500 align:start`.
fn timing(line: &str) -> Option<TimeSpan> {
    let (start, rest) = line.split_once(ARROW)?;
    let (start_ms, end_ms) = (clock(start.trim())?, clock(rest.split_whitespace().next()?)?);
    (start_ms <= end_ms).then_some(TimeSpan { start_ms, end_ms })
}

/// `1:02:03.500`, `02:03,5` or `02:03` in milliseconds.
fn clock(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let digits = |t: &str| (1..=9).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
    let mut seconds = 0_u64;
    for part in whole.split(':') {
        let number: u64 = digits(part).then(|| part.parse().ok())??;
        seconds = seconds.checked_mul(60)?.checked_add(number)?;
    }
    if !digits(fraction) || !(1..=3).contains(&whole.split(':').count()) {
        return None;
    }
    let milliseconds: u64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    seconds.checked_mul(1000)?.checked_add(milliseconds)
}
