//! A Whisper model that hears windows of speech, run by whisper.cpp.
//!
//! Words get the times of whisper.cpp's token timestamps (from the probabilities of its time tokens and the loudness of
//! the sound, not from cross-attention) and the mean probability of their tokens.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use whisper_rs::{
    FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperSegment, WhisperState,
    get_lang_id,
};

use super::audio::SAMPLE_RATE;
use super::transcript::{Utterance, Word};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Language;
use crate::sanitize::line;
use crate::watch::Watch;

/// How often the watcher of a window is asked whether to go on.
const LOOK: Duration = Duration::from_millis(50);
/// Shorter windows are filled up with silence: whisper.cpp refuses them.
const SHORTEST: usize = SAMPLE_RATE + SAMPLE_RATE / 10;
/// What is heard of a stretch to tell its language.
const TELLING: usize = 10 * SAMPLE_RATE;
/// Samples that become one place of the encoder: 1,500 are 30 s.
const SAMPLES_A_PLACE: usize = 30 * SAMPLE_RATE / 1_500;
/// Written in front of Chinese: the models then write simplified characters, with punctuation.
const CHINESE: &str = "以下是普通话的句子。";

/// A loaded model.
pub struct Whisper {
    context: WhisperContext,
    state: WhisperState,
    /// Tells languages apart.
    linguist: Option<WhisperState>,
    threads: usize,
}

/// Keeps whisper.cpp from writing to the screen.
pub(super) fn quiet() {
    whisper_rs::install_logging_hooks();
}

/// A model file that whisper.cpp does not take.
pub(super) fn broken(path: &Path, why: impl std::fmt::Display) -> Error {
    let message = format!("{} cannot be used: {why}", line(&path.display().to_string()));
    Error::new(ErrorKind::Model, message).hint("`plumb models verify` says whether the file is right")
}

/// whisper.cpp is compiled for processors with AVX2; on another one it would end the program.
fn check_processor() -> Result<()> {
    #[cfg(target_arch = "x86_64")]
    if !(is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c"))
    {
        let message = "recordings cannot be heard on this processor: it has no AVX2";
        return Err(Error::new(ErrorKind::Model, message).hint("bring a transcript (vtt, srt) instead"));
    }
    Ok(())
}

impl Whisper {
    /// Loads the model at `path`, which was verified.
    ///
    /// # Errors
    /// `Model` when whisper.cpp does not take it.
    pub fn load(path: &Path, threads: usize) -> Result<Self> {
        check_processor()?;
        quiet();
        let context = WhisperContext::new_with_params(path, WhisperContextParameters::default())
            .map_err(|e| broken(path, e))?;
        let state = context.create_state().map_err(|e| broken(path, e))?;
        Ok(Self {
            context,
            state,
            linguist: None,
            threads,
        })
    }

    /// Whether it hears more than English.
    pub fn is_multilingual(&self) -> bool {
        self.context.is_multilingual()
    }

    /// How likely it is that Chinese and not English is spoken in `samples`, 0 to 1: dossiers come in these two. Only
    /// the first ten seconds are heard.
    ///
    /// # Errors
    /// `Model` when whisper.cpp fails.
    pub fn chinese(&mut self, samples: &[f32]) -> Result<f32> {
        let state = match &mut self.linguist {
            Some(state) => state,
            none => none.insert(linguist(&self.context, self.threads)?),
        };
        let samples = filled_up(&samples[..samples.len().min(TELLING)]);
        state.pcm_to_mel(&samples, self.threads).map_err(failed)?;
        let (_, likely) = state.lang_detect(0, self.threads).map_err(failed)?;
        let how_likely = |code| {
            get_lang_id(code)
                .and_then(|id| likely.get(id as usize))
                .copied()
                .unwrap_or(0.0)
        };
        let (zh, en) = (how_likely("zh"), how_likely("en"));
        Ok(zh / (zh + en).max(f32::MIN_POSITIVE))
    }

    /// What is said in a window of at most 30 s that begins `offset` samples into the recording.
    ///
    /// # Errors
    /// `Cancelled` when the watcher stopped it, `Model` when whisper.cpp fails.
    pub fn hear(
        &mut self,
        samples: &[f32],
        offset: usize,
        language: Language,
        watch: &dyn Watch,
    ) -> Result<Vec<Utterance>> {
        let stop = Arc::new(AtomicBool::new(false));
        let parameters = self.parameters(language, Arc::clone(&stop));
        let (samples, state) = (filled_up(samples), &mut self.state);
        // The callback must outlive this call, the watcher need not: a flag stands between them.
        let heard = std::thread::scope(|scope| {
            let work = scope.spawn(|| state.full(parameters, &samples));
            while !work.is_finished() {
                if watch.stopped() {
                    stop.store(true, Ordering::Relaxed);
                }
                std::thread::park_timeout(LOOK);
            }
            work.join()
        });
        if stop.load(Ordering::Relaxed) {
            return Err(Error::new(
                ErrorKind::Cancelled,
                "stopped before the end of the recording",
            ));
        }
        match heard {
            Ok(heard) => heard.map_err(failed)?,
            Err(_) => return Err(Error::new(ErrorKind::Internal, "the speech model's thread ended")),
        }
        let last = self.context.token_eot();
        let utterances = self
            .state
            .as_iter()
            .map(|segment| utterance(&segment, (offset, language), last));
        Ok(utterances
            .filter(|u| u.text.chars().any(char::is_alphanumeric))
            .collect())
    }

    fn parameters(&self, language: Language, stop: Arc<AtomicBool>) -> FullParams<'static, 'static> {
        let mut parameters = FullParams::new(SamplingStrategy::BeamSearch {
            beam_size: 5,
            patience: -1.0,
        });
        parameters.set_n_threads(self.threads as i32);
        parameters.set_language(Some(if self.is_multilingual() {
            language.code()
        } else {
            "en"
        }));
        // A window stands for itself: what was misheard does not spread, and windows can be kept.
        parameters.set_no_context(true);
        parameters.set_suppress_nst(true);
        parameters.set_token_timestamps(true);
        parameters.set_print_progress(false);
        parameters.set_print_realtime(false);
        parameters.set_print_timestamps(false);
        parameters.set_print_special(false);
        if self.is_multilingual() && language == Language::Zh {
            parameters.set_initial_prompt(CHINESE);
        }
        // The crate keeps a boxed `dyn FnMut` and calls it as the closure's own type: right only where the two are one.
        let ask: Box<dyn FnMut() -> bool> = Box::new(move || stop.load(Ordering::Relaxed));
        parameters.set_abort_callback_safe::<_, Box<dyn FnMut() -> bool>>(ask);
        parameters
    }
}

/// A state whose encoder looks at [`TELLING`] and not at 30 s, filled up with silence: a third of the work. whisper.cpp
/// takes that length from the last window that the state heard, here a second of silence.
fn linguist(context: &WhisperContext, threads: usize) -> Result<WhisperState> {
    let mut state = context.create_state().map_err(failed)?;
    let mut parameters = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
    parameters.set_n_threads(threads as i32);
    parameters.set_audio_ctx((TELLING / SAMPLES_A_PLACE) as i32);
    parameters.set_language(Some("en"));
    parameters.set_max_tokens(1);
    parameters.set_temperature_inc(0.0);
    parameters.set_print_progress(false);
    parameters.set_print_realtime(false);
    parameters.set_print_timestamps(false);
    state.full(parameters, &filled_up(&[])).map_err(failed)?;
    Ok(state)
}

fn failed(cause: whisper_rs::WhisperError) -> Error {
    Error::new(ErrorKind::Model, "the speech model failed").because(cause)
}

fn filled_up(samples: &[f32]) -> Vec<f32> {
    let mut samples = samples.to_vec();
    samples.resize(samples.len().max(SHORTEST), 0.0);
    samples
}

/// Times of whisper.cpp are hundredths of a second from the window's start.
fn seconds(centiseconds: i64, offset: usize) -> f64 {
    let at = centiseconds.max(0) as f64 / 100.0 + offset as f64 / SAMPLE_RATE as f64;
    (at * 1000.0).round() / 1000.0
}

fn utterance(
    segment: &WhisperSegment<'_>,
    (offset, language): (usize, Language),
    end_of_text: i32,
) -> Utterance {
    let mut words = Words::default();
    for token in (0..segment.n_tokens()).filter_map(|i| segment.get_token(i)) {
        // Above it are languages, tasks and times.
        if token.token_id() >= end_of_text {
            continue;
        }
        let data = token.token_data();
        let (start, end) = (seconds(data.t0, offset), seconds(data.t1, offset));
        words.push(token.to_bytes().unwrap_or_default(), start, end, data.p);
    }
    let text = segment.to_str_lossy().unwrap_or_default();
    Utterance {
        id: 0,
        start: seconds(segment.start_timestamp(), offset),
        end: seconds(segment.end_timestamp(), offset),
        text: text.trim().to_owned(),
        language,
        speaker: None,
        speaker_confidence: None,
        words: words.finish(),
    }
}

/// Marks of Chinese that end a sentence or a clause.
const WIDE_MARKS: [char; 7] = ['。', '，', '？', '！', '；', '：', '、'];

/// Tokens become words: one begins with a space, with an ideograph, or behind a Chinese mark.
#[derive(Default)]
struct Words {
    done: Vec<Word>,
    /// Bytes of a character that is not whole yet, and when and how surely its first token came.
    part: Option<(Vec<u8>, f64, Vec<f32>)>,
    /// The probabilities of the last word's tokens.
    sure: Vec<f32>,
}

impl Words {
    fn push(&mut self, bytes: &[u8], start: f64, end: f64, probability: f32) {
        let (mut piece, start, mut sure) = self.part.take().unwrap_or((Vec::new(), start, Vec::new()));
        piece.extend_from_slice(bytes);
        sure.push(probability);
        match std::str::from_utf8(&piece) {
            Ok(text) => self.add(text, start, end, sure),
            Err(e) if e.error_len().is_none() => self.part = Some((piece, start, sure)),
            Err(_) => self.add(&String::from_utf8_lossy(&piece), start, end, sure),
        }
    }

    fn add(&mut self, text: &str, start: f64, end: f64, sure: Vec<f32>) {
        let first = text.trim_start().chars().next();
        let behind_mark = self
            .done
            .last()
            .is_some_and(|word| word.word.ends_with(WIDE_MARKS));
        let begins = text.starts_with(' ') || behind_mark || first.is_some_and(is_ideograph);
        let spoken = first.is_some_and(char::is_alphanumeric);
        match self.done.last_mut() {
            Some(word) if !(begins && spoken) => {
                word.word.push_str(text);
                word.end = word.end.max(end);
                self.sure.extend(sure);
            }
            _ => {
                self.settle();
                self.sure = sure;
                self.done.push(Word {
                    word: text.to_owned(),
                    start,
                    end: end.max(start),
                    probability: 0.0,
                });
            }
        }
    }

    /// The last word's probability is the mean of its tokens'.
    fn settle(&mut self) {
        if let Some(word) = self.done.last_mut() {
            let mean = self.sure.iter().sum::<f32>() / self.sure.len().max(1) as f32;
            word.probability = (mean * 1000.0).round() / 1000.0;
        }
    }

    fn finish(mut self) -> Vec<Word> {
        if let Some((piece, start, sure)) = self.part.take() {
            self.add(&String::from_utf8_lossy(&piece), start, start, sure);
        }
        self.settle();
        self.done
    }
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(tokens: &[(&[u8], f32)]) -> Vec<(String, f64, f64, f32)> {
        let mut words = Words::default();
        for (i, (bytes, p)) in tokens.iter().enumerate() {
            words.push(bytes, i as f64, i as f64 + 1.0, *p);
        }
        let done = words.finish().into_iter();
        done.map(|w| (w.word, w.start, w.end, w.probability)).collect()
    }

    #[test]
    fn a_word_is_its_tokens_and_the_punctuation_behind_it() {
        let found = words(&[(b" Am", 0.9), (b"ericans", 0.7), (b",", 0.5), (b" ask", 1.0)]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].0, " Americans,");
        assert_eq!((found[0].1, found[0].2), (0.0, 3.0));
        assert!((found[0].3 - 0.7).abs() < 1e-6);
        assert_eq!(found[1].0, " ask");
    }

    #[test]
    fn a_character_in_two_tokens_is_one_word() {
        let whole = "语音".as_bytes();
        let found = words(&[
            (&whole[..3], 1.0),
            (&whole[3..4], 0.5),
            (&whole[4..], 0.25),
            ("。".as_bytes(), 1.0),
        ]);
        let texts: Vec<&str> = found.iter().map(|w| w.0.as_str()).collect();
        assert_eq!(texts, ["语", "音。"]);
        assert_eq!((found[1].1, found[1].2), (1.0, 4.0));
    }
}
