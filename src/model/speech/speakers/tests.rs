use super::*;

/// A voice in the plane of two axes, turned so many degrees.
fn voice(axis: usize, degrees: f32, seconds: f32) -> Option<Sound> {
    let mut voice = vec![0.0; encoder::SIZE];
    voice[axis] = degrees.to_radians().cos();
    voice[axis + 1] = degrees.to_radians().sin();
    Some(Sound {
        voice,
        length: (seconds * SAMPLE_RATE as f32) as usize,
        whole: true,
    })
}

fn told(sounds: &[Option<Sound>], times: &[(f64, f64)]) -> Vec<Option<usize>> {
    turns(sounds, times).iter().map(|turn| turn.speaker).collect()
}

/// One second each, half a second apart.
fn times(n: usize) -> Vec<(f64, f64)> {
    (0..n).map(|i| (i as f64 * 1.5, i as f64 * 1.5 + 1.0)).collect()
}

#[test]
fn speakers_are_numbered_as_they_are_first_heard_and_short_speech_joins_the_nearest() {
    let sounds = [
        voice(4, 50.0, 0.9),
        voice(0, 0.0, 2.0),
        voice(4, 5.0, 3.0),
        voice(0, 10.0, 1.7),
        voice(4, 0.0, 2.5),
        voice(0, 40.0, 0.7),
    ];
    assert_eq!(
        told(&sounds, &times(6)),
        [Some(0), Some(1), Some(0), Some(1), Some(0), Some(1)]
    );
    let sure: Vec<f32> = turns(&sounds, &times(6)).iter().map(|t| t.confidence).collect();
    assert!(sure.iter().all(|&c| c > 0.9), "nobody else is near: {sure:?}");
}

#[test]
fn short_speech_between_two_voices_is_nobody_s() {
    let mut between = voice(0, 45.0, 0.8);
    between.iter_mut().for_each(|s| s.voice[2] = 0.0);
    let sounds = [voice(0, 0.0, 2.0), voice(1, 0.0, 2.0), between];
    let turns = turns(&sounds, &times(3));
    assert_eq!(turns[2].speaker, None);
    assert!(turns[2].confidence.abs() < 1e-6);
}

#[test]
fn what_is_too_short_has_its_neighbours_speaker_where_they_are_one_and_near() {
    let sounds = [
        None,
        voice(0, 0.0, 2.0),
        None,
        voice(0, 1.0, 2.0),
        None,
        voice(4, 0.0, 2.0),
        None,
        voice(4, 1.0, 2.0),
    ];
    let mut at = times(8);
    at[7] = (90.0, 92.0);
    let turns = turns(&sounds, &at);
    let speakers: Vec<Option<usize>> = turns.iter().map(|t| t.speaker).collect();
    assert_eq!(
        speakers,
        [None, Some(0), Some(0), Some(0), None, Some(1), None, Some(1)],
        "at the edge, between one speaker, between two, far from the next"
    );
    assert!((turns[2].confidence - NEIGHBOURS).abs() < 1e-6);
}

#[test]
fn a_piece_that_is_like_nobody_is_no_speaker_and_a_whole_utterance_is() {
    let sounds = |whole: bool| {
        let mut odd = voice(0, 50.0, 2.0);
        odd.iter_mut().for_each(|s| s.whole = whole);
        [voice(0, 0.0, 2.0), odd, voice(0, 1.0, 2.0), voice(4, 0.0, 2.0)]
    };
    assert_eq!(
        told(&sounds(false), &times(4)),
        [Some(0), Some(0), Some(0), Some(1)]
    );
    assert_eq!(
        told(&sounds(true), &times(4)),
        [Some(0), Some(1), Some(0), Some(2)]
    );
    let mut short = sounds(true);
    short[1].iter_mut().for_each(|s| s.length = SAMPLE_RATE * 12 / 10);
    assert_eq!(told(&short, &times(4)), [Some(0), Some(0), Some(0), Some(1)]);
}

#[test]
fn one_voice_is_one_speaker_and_no_sound_is_none() {
    let sounds = [voice(0, 0.0, 0.7), voice(0, 20.0, 0.9)];
    assert_eq!(told(&sounds, &times(2)), [Some(0), Some(0)]);
    assert_eq!(told(&[None, None], &times(2)), [None, None]);
    assert!(told(&[], &[]).is_empty());
}

#[test]
fn only_speech_is_heard() {
    let samples: Vec<f32> = (0..SAMPLE_RATE * 4).map(|i| i as f32).collect();
    let s = SAMPLE_RATE;
    let heard = sound(&samples, &[0..s + 10, 2 * s..2 * s + 5, 3 * s..4 * s], (1.0, 3.0));
    assert_eq!(heard.len(), 15);
    assert!((heard[0] - s as f32).abs() < 0.5 && (heard[10] - 2.0 * s as f32).abs() < 0.5);
}
