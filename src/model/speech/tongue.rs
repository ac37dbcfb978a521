//! Which language is spoken where: people begin in one and go on in another, and a model that is told the wrong one
//! translates, or makes words up.
//!
//! The stretches of a window are asked one by one, and the window becomes parts of one language each. Asking a window as a
//! whole would be cheaper, but a sentence among others in the other language does not show in it. A change within a
//! stretch, without a pause, is not seen.

use std::ops::Range;

use super::audio::SAMPLE_RATE;
use crate::error::Result;
use crate::id::Language;

/// Detection is only believed when it is this sure; below, what was spoken next to it is the better guess. With whisper-base
/// both languages read aloud have 0.97 and more, Chinese people's English mostly more than this, but once only 0.42.
const SURE: f32 = 0.9;
/// Stretches are asked together until they are this long: of a single word the language is hardly heard.
const SHORTEST: usize = 3 * SAMPLE_RATE / 2;

/// Tells how likely it is that Chinese and not English is spoken in these samples, 0 to 1.
pub type Ask<'a> = &'a mut dyn FnMut(&Range<usize>) -> Result<f32>;

/// The parts of a `window` that lie in one language each, in order; `before` was spoken in front of it.
///
/// # Errors
/// Those of `ask`.
pub fn parts(
    window: &Range<usize>,
    stretches: &[Range<usize>],
    before: Option<Language>,
    ask: Ask<'_>,
) -> Result<Vec<(Range<usize>, Language)>> {
    let groups = groups(window, stretches);
    let shares: Vec<f32> = groups.iter().map(ask).collect::<Result<_>>()?;
    let first = shares.iter().find_map(|share| sure(*share));
    let likelier = if shares.iter().sum::<f32>() > shares.len() as f32 / 2.0 {
        Language::Zh
    } else {
        Language::En
    };
    let mut language = before.or(first).unwrap_or(likelier);
    let mut parts: Vec<(Range<usize>, Language)> = Vec::new();
    for (group, share) in groups.into_iter().zip(shares) {
        language = sure(share).unwrap_or(language);
        match parts.last_mut() {
            Some((last, same)) if *same == language => last.end = group.end,
            _ => parts.push((group, language)),
        }
    }
    Ok(parts)
}

/// The language, where it is clear.
fn sure(chinese: f32) -> Option<Language> {
    match chinese {
        c if c >= SURE => Some(Language::Zh),
        c if 1.0 - c >= SURE => Some(Language::En),
        _ => None,
    }
}

/// The stretches of a window, short ones together with what follows.
fn groups(window: &Range<usize>, stretches: &[Range<usize>]) -> Vec<Range<usize>> {
    let inside = stretches
        .iter()
        .map(|s| s.start.max(window.start)..s.end.min(window.end));
    let mut groups: Vec<Range<usize>> = Vec::new();
    for stretch in inside.filter(|s| !s.is_empty()) {
        match groups.last_mut() {
            Some(last) if last.len() < SHORTEST => last.end = stretch.end,
            _ => groups.push(stretch),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: usize = SAMPLE_RATE;

    /// What becomes of a window with these stretches, in seconds, and the share of Chinese heard in each when it is asked
    /// with those behind it; and how often it was asked.
    fn parted(
        stretches: &[(usize, usize, f32)],
        before: Option<Language>,
    ) -> Result<(Vec<(usize, usize, Language)>, usize)> {
        let spans: Vec<Range<usize>> = stretches.iter().map(|(a, b, _)| a * S..b * S).collect();
        let window = spans[0].start..spans[spans.len() - 1].end;
        let mut asked = 0;
        let mut ask = |range: &Range<usize>| {
            asked += 1;
            let own = stretches.iter().find(|(a, ..)| a * S == range.start);
            Ok(own.map_or(0.5, |(.., share)| *share))
        };
        let parts = parts(&window, &spans, before, &mut ask)?;
        let seconds =
            |(range, language): (Range<usize>, Language)| (range.start / S, range.end / S, language);
        Ok((parts.into_iter().map(seconds).collect(), asked))
    }

    #[test]
    fn a_window_of_one_language_is_one_part() -> Result<()> {
        let stretches = [(0, 5, 0.0), (6, 11, 0.02)];
        assert_eq!(parted(&stretches, Some(Language::Zh))?.0, [(0, 11, Language::En)]);
        Ok(())
    }

    /// The shares that whisper-base gives English, Chinese and English again; of the whole it says 0.986.
    #[test]
    fn english_then_chinese_then_english_are_three_parts() -> Result<()> {
        let stretches = [
            (0, 3, 0.0006),
            (3, 8, 0.003),
            (12, 17, 0.9993),
            (18, 21, 0.0006),
            (26, 29, 0.002),
        ];
        let wanted = [
            (0, 8, Language::En),
            (12, 17, Language::Zh),
            (18, 29, Language::En),
        ];
        assert_eq!(parted(&stretches, None)?.0, wanted);
        Ok(())
    }

    #[test]
    fn what_is_not_clear_is_what_was_spoken_next_to_it() -> Result<()> {
        use Language::{En, Zh};
        let alone = [(0, 1, 0.6)];
        assert_eq!(parted(&alone, Some(En))?.0, [(0, 1, En)]);
        assert_eq!(
            parted(&alone, None)?.0,
            [(0, 1, Zh)],
            "there is nothing next to it"
        );
        let unclear = [(0, 4, 0.6), (5, 9, 0.02), (10, 14, 0.7)];
        assert_eq!(parted(&unclear, None)?.0, [(0, 14, En)]);
        assert_eq!(
            parted(&unclear, Some(Zh))?.0,
            [(0, 4, Zh), (5, 14, En)],
            "what went before is nearer"
        );
        Ok(())
    }

    #[test]
    fn a_word_is_not_asked_alone() -> Result<()> {
        use Language::{En, Zh};
        let stretches = [(0, 5, 0.0), (6, 7, 0.95), (8, 12, 0.0), (13, 14, 0.0)];
        let (parts, asked) = parted(&stretches, None)?;
        assert_eq!((parts, asked), (vec![(0, 5, En), (6, 12, Zh), (13, 14, En)], 3));
        Ok(())
    }

    #[test]
    fn only_the_stretches_of_the_window_are_asked() -> Result<()> {
        let mut asked = Vec::new();
        let mut ask = |range: &Range<usize>| {
            asked.push((range.start / S, range.end / S));
            Ok(0.0)
        };
        let stretches = [0..9 * S, 10 * S..80 * S, 85 * S..89 * S];
        parts(&(40 * S..70 * S), &stretches, None, &mut ask)?;
        assert_eq!(asked, [(40, 70)]);
        Ok(())
    }
}
