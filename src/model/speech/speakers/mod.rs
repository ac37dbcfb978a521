//! Who speaks: the utterances of a recording, each with the number of its speaker and how sure that is.
//!
//! The [`encoder`] makes a vector of each utterance's sound, [`cluster`] puts together what sounds alike. Voices are told
//! apart within one recording and nothing else is concluded from them: no name, no mood, no health. A model that hears
//! words puts two speakers into one utterance now and then: [`cut`] takes it apart at a pause behind which somebody else
//! speaks. Where two speak at once or without a pause, the louder or longer one counts.

use std::ops::Range;

use super::audio::SAMPLE_RATE;
use super::transcript::Utterance;
use crate::error::Result;
use crate::watch::{self, Watch};

pub mod cluster;
pub mod cut;
pub mod encoder;

use cluster::cosine;
use encoder::{Encoder, unit};

/// Counts up when the same utterances would get other speakers.
pub const VERSION: u32 = 1;

/// Clusters whose voices are so alike on the mean are one speaker's.
const ALIKE: f32 = 0.72;
/// Speech that makes clusters, in samples. Shorter speech joins the nearest.
const FULL: usize = SAMPLE_RATE;
/// Speech of an utterance that is its speaker's only one, in samples: what the encoder hears at once.
const LONE: usize = SAMPLE_RATE * 16 / 10;
/// The same of a piece of an utterance.
const LONE_PIECE: usize = SAMPLE_RATE * 24 / 10;
/// Shorter speech says too little of a voice.
const SHORTEST: usize = SAMPLE_RATE * 6 / 10;
/// So many utterances make clusters, the longest of them; the others join.
const MOST: usize = 3000;
/// How alike two utterances of one speaker typically are, for an utterance that is alone in its cluster.
const SAME: f32 = 0.80;
/// How alike two speakers typically are, for a recording with one.
const STRANGERS: f32 = 0.60;
/// So much nearer to its own speaker than to the next is certain.
const CERTAIN: f32 = 0.25;
/// Less sure than this is left without a speaker.
const UNSURE: f32 = 0.1;
/// How sure an utterance is that has its speaker from those around it.
const NEIGHBOURS: f32 = 0.2;
/// Silence up to which utterances are around each other, in seconds.
const AROUND_S: f64 = 1.5;

/// Who speaks an utterance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// From 0, in the order in which speakers are first heard; none where that cannot be told.
    pub speaker: Option<usize>,
    /// 0 to 1: how much nearer the voice is to this speaker than to the next.
    pub confidence: f32,
}

/// What is known of an utterance's sound.
struct Sound {
    voice: Vec<f32>,
    /// Samples of speech.
    length: usize,
    /// Whether it is a whole utterance, and no piece of one.
    whole: bool,
}

impl Sound {
    /// Whether it is enough to be all that a speaker says.
    fn stands_alone(&self) -> bool {
        self.length >= if self.whole { LONE } else { LONE_PIECE }
    }
}

/// Writes who speaks into `utterances` of the recording `samples`: `Speaker 1`, `Speaker 2` … in the order in which they
/// are first heard. `speech` are the stretches of samples in which somebody speaks.
///
/// # Errors
/// `Cancelled`, or `Engine` when the encoder's arithmetic fails.
pub fn tell(
    encoder: &Encoder,
    samples: &[f32],
    speech: &[Range<usize>],
    utterances: &mut Vec<Utterance>,
    watch: &dyn Watch,
) -> Result<()> {
    let (mut sounds, mut times, mut owners) = (Vec::new(), Vec::new(), Vec::new());
    for (owner, utterance) in utterances.iter().enumerate() {
        watch::check(watch, "the words are kept, who speaks is not known yet")?;
        watch.tell(
            "telling speakers apart",
            utterance.start as usize,
            samples.len() / SAMPLE_RATE,
        );
        let pieces = cut::pieces(samples, (utterance.start, utterance.end));
        let whole = pieces.len() == 1;
        for (start, end) in pieces {
            let sound = sound(samples, speech, (start, end));
            let voice = if sound.len() < SHORTEST {
                None
            } else {
                encoder.voice(&sound)?
            };
            sounds.push(voice.map(|voice| Sound {
                voice,
                length: sound.len(),
                whole,
            }));
            times.push((start, end));
            owners.push(owner);
        }
    }
    let turns = turns(&sounds, &times);
    let mut pieces = owners.iter().zip(times.iter().zip(&turns)).peekable();
    let mut told = Vec::with_capacity(utterances.len());
    for (owner, utterance) in std::mem::take(utterances).into_iter().enumerate() {
        let own = std::iter::from_fn(|| pieces.next_if(|(of, _)| **of == owner));
        let own: Vec<cut::Piece> = own
            .map(|(_, (&(start, end), &turn))| (start, end, turn))
            .collect();
        told.extend(cut::apart(utterance, &own));
    }
    for (id, utterance) in told.iter_mut().enumerate() {
        utterance.id = id;
    }
    *utterances = told;
    Ok(())
}

/// The speech between two times in seconds: silence is nobody's voice.
fn sound(samples: &[f32], speech: &[Range<usize>], (start, end): (f64, f64)) -> Vec<f32> {
    let at = |seconds: f64| ((seconds.max(0.0) * SAMPLE_RATE as f64) as usize).min(samples.len());
    let (start, end) = (at(start), at(end));
    let inside = speech
        .iter()
        .map(|stretch| stretch.start.max(start)..stretch.end.min(end));
    inside
        .filter(|stretch| stretch.start < stretch.end)
        .flat_map(|stretch| &samples[stretch])
        .copied()
        .collect()
}

/// Who speaks utterances with these sounds, where they say enough, and these times in seconds.
fn turns(sounds: &[Option<Sound>], times: &[(f64, f64)]) -> Vec<Turn> {
    let known: Vec<usize> = (0..sounds.len()).filter(|&i| sounds[i].is_some()).collect();
    let sound = |i: &usize| sounds[*i].as_ref();
    let mut long = leading(&known, |i| sound(&i).map_or(0, |s| s.length));
    let voices =
        |of: &[usize]| -> Vec<Vec<f32>> { of.iter().filter_map(sound).map(|s| s.voice.clone()).collect() };
    let mut clusters = cluster::clusters(&voices(&long), ALIKE);
    let established = established(&clusters, |at| sound(&long[at]).is_some_and(Sound::stands_alone));
    if established.iter().any(|kept| *kept) {
        let mut kept = established.iter();
        long.retain(|_| kept.next().is_some_and(|kept| *kept));
        clusters = cluster::clusters(&voices(&long), ALIKE);
    }
    let voices = voices(&long);
    let means = Means::of(&voices, &clusters);
    let mut found: Vec<Option<(usize, f32)>> = vec![None; sounds.len()];
    for i in known {
        let Some(Sound { voice, .. }) = sound(&i) else {
            continue;
        };
        let own = long.binary_search(&i).ok().map(|at| clusters[at]);
        found[i] = means.judge(voice, own).filter(|(_, sure)| *sure >= UNSURE);
    }
    let heard: Vec<usize> = found.iter().flatten().map(|(cluster, _)| *cluster).collect();
    let mut numbers = cluster::in_order(&heard).into_iter();
    let turn = |found: &Option<(usize, f32)>| match found {
        Some((_, confidence)) => Turn {
            speaker: numbers.next(),
            confidence: *confidence,
        },
        None => Turn {
            speaker: None,
            confidence: 0.0,
        },
    };
    let told: Vec<Turn> = found.iter().map(turn).collect();
    with_neighbours(&told, times)
}

/// Which of the clustered make a speaker: what is alone in its cluster does where it is `long`.
/// Somebody who is loud or moved for a moment sounds like somebody else.
fn established(clusters: &[usize], long: impl Fn(usize) -> bool) -> Vec<bool> {
    let alone = |cluster: usize| clusters.iter().filter(|&&other| other == cluster).count() == 1;
    let kept = |(at, &cluster): (usize, &usize)| long(at) || !alone(cluster);
    clusters.iter().enumerate().map(kept).collect()
}

/// Those of `known` that make clusters, in order: with a full stretch of speech each, or all where none has one.
fn leading(known: &[usize], length: impl Fn(usize) -> usize) -> Vec<usize> {
    let mut long: Vec<usize> = known.iter().copied().filter(|&i| length(i) >= FULL).collect();
    if long.is_empty() {
        long = known.to_vec();
    }
    long.sort_by_key(|&i| std::cmp::Reverse(length(i)));
    long.truncate(MOST);
    long.sort_unstable();
    long
}

/// What could not be told has the speaker before and behind it, where they are one and near.
fn with_neighbours(told: &[Turn], times: &[(f64, f64)]) -> Vec<Turn> {
    let neighbour = |i: usize| -> Option<usize> {
        let before = (0..i).rev().find(|&j| told[j].speaker.is_some())?;
        let behind = (i + 1..told.len()).find(|&j| told[j].speaker.is_some())?;
        let near = times[i].0 - times[before].1 <= AROUND_S && times[behind].0 - times[i].1 <= AROUND_S;
        let speaker = told[before].speaker;
        speaker.filter(|_| near && speaker == told[behind].speaker)
    };
    let turn = |(i, turn): (usize, &Turn)| match (turn.speaker, neighbour(i)) {
        (None, Some(speaker)) => Turn {
            speaker: Some(speaker),
            confidence: NEIGHBOURS,
        },
        _ => *turn,
    };
    told.iter().enumerate().map(turn).collect()
}

/// The middle of every cluster, as the sum of its vectors.
struct Means(Vec<(Vec<f32>, usize)>);

impl Means {
    fn of(voices: &[Vec<f32>], clusters: &[usize]) -> Self {
        let count = clusters.iter().max().map_or(0, |last| last + 1);
        let mut means = vec![(vec![0.0; encoder::SIZE], 0); count];
        for (voice, &cluster) in voices.iter().zip(clusters) {
            let (sum, members) = &mut means[cluster];
            sum.iter_mut().zip(voice).for_each(|(sum, x)| *sum += x);
            *members += 1;
        }
        Self(means)
    }

    /// The cluster of `voice`, which is its `own` or the nearest, and how sure that is. A voice is not compared with itself.
    fn judge(&self, voice: &[f32], own: Option<usize>) -> Option<(usize, f32)> {
        let likeness = |cluster: usize| {
            let (sum, members) = &self.0[cluster];
            let others: Vec<f32> = match own {
                Some(own) if own == cluster && *members == 1 => return SAME,
                Some(own) if own == cluster => sum.iter().zip(voice).map(|(sum, x)| sum - x).collect(),
                _ => sum.clone(),
            };
            unit(others).map_or(0.0, |mean| cosine(&mean, voice))
        };
        let mut all: Vec<(usize, f32)> = (0..self.0.len()).map(|c| (c, likeness(c))).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        let chosen = own.or(all.first().map(|(cluster, _)| *cluster))?;
        let of = |wanted: bool| all.iter().find(|(cluster, _)| (*cluster == chosen) == wanted);
        let next = of(false).map_or(STRANGERS, |(_, likeness)| *likeness);
        let margin = of(true).map_or(0.0, |(_, likeness)| likeness - next);
        Some((chosen, (margin / CERTAIN).clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests;
