//! A recording from its bytes to samples that a speech model hears: one channel, 16,000 a second.
//!
//! Containers and codecs are recognised by their content, the file's name only helps. Whatever a file claims of itself,
//! no more than [`MAX_BYTES`] are read and no more than [`MAX_MINUTES`] are heard.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Cursor, ErrorKind as IoKind};
use std::path::Path;
use std::sync::LazyLock;

use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error as Fault;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::TimeBase;
use symphonia_adapter_libopus::OpusDecoder;

use super::resample::Resampler;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::sanitize::line;
use crate::watch::{self, Watch};

/// Samples a second of what is heard.
pub const SAMPLE_RATE: usize = 16_000;
/// The largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 512 << 20;
/// The longest recording that is heard, in minutes.
pub const MAX_MINUTES: usize = 120;
/// A track's clock is not exact; what is missing for longer, in seconds, is missing.
const HOLE_S: f64 = 0.2;
/// The endings of the files that are read.
pub const EXTENSIONS: [&str; 11] = [
    "wav", "mp3", "m4a", "mp4", "aac", "ogg", "oga", "opus", "flac", "webm", "mka",
];

/// Whether a file's name says that it is a recording.
pub fn is_recording(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str());
    ending.is_some_and(|ending| EXTENSIONS.contains(&ending.to_ascii_lowercase().as_str()))
}

/// A recording: what it is called, and where its bytes are.
#[derive(Debug, Clone)]
pub struct Sound<'a> {
    /// What to call it; its ending helps to recognise what it is.
    pub name: Cow<'a, str>,
    /// Where its bytes are.
    pub bytes: Bytes<'a>,
}

/// Where the bytes of a recording are.
#[derive(Debug, Clone, Copy)]
pub enum Bytes<'a> {
    /// In the file at this path, of which a little is read at a time.
    At(&'a Path),
    /// In memory, as those of a file in an archive.
    Held(&'a [u8]),
}

impl<'a> Sound<'a> {
    /// The recording in the file at `path`, called by its path.
    pub fn at(path: &'a Path) -> Self {
        Self {
            name: path.to_string_lossy(),
            bytes: Bytes::At(path),
        }
    }

    /// An error that says it cannot be read.
    pub(super) fn unread(&self, cause: io::Error) -> Error {
        Error::io("read", Path::new(&*self.name), cause)
    }
}

impl<'a> Bytes<'a> {
    /// How many there are.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn size(self) -> io::Result<u64> {
        match self {
            Self::At(path) => Ok(path.metadata()?.len()),
            Self::Held(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// The hash over all of them: the recording's address.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn hash(self) -> io::Result<ContentHash> {
        match self {
            Self::At(path) => File::open(path).and_then(ContentHash::of_reader),
            Self::Held(bytes) => Ok(ContentHash::of(bytes)),
        }
    }

    fn open(self) -> io::Result<Box<dyn MediaSource + 'a>> {
        Ok(match self {
            Self::At(path) => Box::new(File::open(path)?),
            Self::Held(bytes) => Box::new(Cursor::new(bytes)),
        })
    }
}

/// Decodes a recording: samples between -1 and 1.
///
/// # Errors
/// `Input` when it is no recording, too large, too long, or has no sound in it; `Io` when it cannot be read; `Cancelled`.
pub fn decode(sound: &Sound<'_>, watch: &dyn Watch) -> Result<Vec<f32>> {
    let name = &*sound.name;
    let size = sound.bytes.size().map_err(|e| sound.unread(e))?;
    if size > MAX_BYTES {
        return Err(bad(name, format!("is larger than {} MB", MAX_BYTES >> 20)).hint(SHORTEN));
    }
    let mut hint = Hint::new();
    if let Some(ending) = Path::new(name).extension().and_then(|e| e.to_str()) {
        hint.with_extension(ending);
    }
    let source = sound.bytes.open().map_err(|e| sound.unread(e))?;
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let unreadable = |fault| undecodable(name, &fault);
    let mut format = symphonia::default::get_probe()
        .probe(
            &hint,
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
        .map_err(unreadable)?;
    let silent = || bad(name, "has no sound in it");
    let track = format.default_track(TrackType::Audio).ok_or_else(silent)?;
    let (id, clock, parameters) = (track.id, track.time_base, track.codec_params.clone());
    let mut parameters = parameters.and_then(|p| p.audio().cloned()).ok_or_else(silent)?;
    if parameters.codec == CODEC_ID_OPUS {
        // Whatever rate a container names, Opus is decoded at this one (RFC 7845, 5.1).
        parameters.sample_rate = Some(48_000);
    }
    let mut decoder = codecs()
        .make_audio_decoder(&parameters, &AudioDecoderOptions::default())
        .map_err(unreadable)?;
    let samples = heard(name, &mut *format, &mut *decoder, (id, clock), watch)?;
    if samples.is_empty() {
        return Err(silent());
    }
    Ok(samples)
}

/// What decodes: symphonia's own decoders, and libopus for the one codec that it has none for.
fn codecs() -> &'static CodecRegistry {
    static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
        let mut codecs = CodecRegistry::new();
        symphonia::default::register_enabled_codecs(&mut codecs);
        codecs.register_audio_decoder::<OpusDecoder>();
        codecs
    });
    &CODECS
}

const SHORTEN: &str = "cut it into shorter recordings, or export it as mp3 or m4a";

/// All packets of one track, mixed down and resampled as they come. Where the track's clock jumps ahead there is silence: the
/// recorder was paused, left silence out, or a packet is damaged. Without it all that follows would be cited too early.
fn heard(
    name: &str,
    format: &mut dyn FormatReader,
    decoder: &mut dyn AudioDecoder,
    (track, clock): (u32, Option<TimeBase>),
    watch: &dyn Watch,
) -> Result<Vec<f32>> {
    let mut resampler: Option<Resampler> = None;
    let (mut out, mut interleaved, mut mono) = (Vec::new(), Vec::<f32>::new(), Vec::new());
    let mut ended: Option<f64> = None;
    loop {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) | Err(Fault::ResetRequired) => break,
            // A recorder that was switched off leaves a file that breaks off.
            Err(Fault::IoError(e)) if e.kind() == IoKind::UnexpectedEof => break,
            // What was heard before a damaged place is not thrown away.
            Err(Fault::DecodeError(_)) if !out.is_empty() => break,
            Err(fault) => return Err(undecodable(name, &fault)),
        };
        if packet.track_id != track {
            continue;
        }
        let decoded = match decoder.decode(&packet) {
            Ok(decoded) => decoded,
            Err(Fault::DecodeError(_)) => continue,
            Err(fault) => return Err(undecodable(name, &fault)),
        };
        let (rate, channels) = (decoded.spec().rate() as usize, decoded.num_planes());
        decoded.copy_to_vec_interleaved(&mut interleaved);
        mix_down(&interleaved, channels, &mut mono);
        let resampler = match &mut resampler {
            Some(same) if same.rate() == rate => same,
            // Some streams change their rate on the way.
            other => {
                let before = other.replace(Resampler::new(rate).map_err(|why| bad(name, why))?);
                before.into_iter().for_each(|before| before.finish(&mut out));
                match other {
                    Some(new) => new,
                    None => continue,
                }
            }
        };
        let begins = clock.and_then(|clock| Some(clock.calc_time(packet.pts)?.as_secs_f64()));
        let mut hole = begins.zip(ended).map_or(0.0, |(begins, ended)| begins - ended);
        // Second by second: a clock may jump by years.
        while hole > HOLE_S && out.len() <= MAX_MINUTES * 60 * SAMPLE_RATE {
            let silent = hole.min(1.0);
            resampler.push(&vec![0.0; (silent * rate as f64) as usize], &mut out);
            hole -= silent;
        }
        ended = begins.map(|begins| begins + mono.len() as f64 / rate as f64);
        resampler.push(&mono, &mut out);
        if out.len() > MAX_MINUTES * 60 * SAMPLE_RATE {
            return Err(bad(name, format!("is longer than {MAX_MINUTES} minutes")).hint(SHORTEN));
        }
        watch::check(watch, "nothing of it was heard yet")?;
    }
    resampler.into_iter().for_each(|last| last.finish(&mut out));
    Ok(out)
}

/// The mean of all channels; what is not a number is silence.
fn mix_down(interleaved: &[f32], channels: usize, mono: &mut Vec<f32>) {
    mono.clear();
    let mean = |frame: &[f32]| frame.iter().sum::<f32>() / frame.len() as f32;
    let frames = interleaved.chunks_exact(channels.max(1));
    mono.extend(
        frames
            .map(mean)
            .map(|s| if s.is_finite() { s.clamp(-1.0, 1.0) } else { 0.0 }),
    );
}

/// A fault of the recording called `name`, in one line.
fn bad(name: &str, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Input, format!("{} {why}", line(name)))
}

fn undecodable(name: &str, fault: &Fault) -> Error {
    let why = match fault {
        Fault::IoError(e) if e.kind() != IoKind::UnexpectedEof => format!("cannot be read: {e}"),
        Fault::Unsupported(why) => format!("is no recording that can be read here: {why}"),
        Fault::IoError(_) => "is no recording that can be read here".to_owned(),
        other => format!("is a damaged recording: {other}"),
    };
    bad(name, why).hint(format!("these are heard: {}", EXTENSIONS.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::damage;
    use crate::watch::Nobody;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    /// A wave file as its specification lays it out: 16 bits a sample.
    fn wave(rate: u32, channels: u16, samples: &[i16]) -> Vec<u8> {
        let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut file = b"RIFF".to_vec();
        file.extend((36 + data.len() as u32).to_le_bytes());
        file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
        file.extend(channels.to_le_bytes());
        file.extend(rate.to_le_bytes());
        file.extend((rate * u32::from(channels) * 2).to_le_bytes());
        file.extend((channels * 2).to_le_bytes());
        file.extend(b"\x10\0data");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
        file
    }

    #[test]
    fn two_channels_become_their_mean_at_the_model_s_rate() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.wav");
        let samples: Vec<i16> = (0..48_000).flat_map(|_| [8192, 16384]).collect();
        std::fs::write(&path, wave(48_000, 2, &samples))?;
        let heard = decode(&Sound::at(&path), &Nobody)?;
        assert_eq!(heard.len(), SAMPLE_RATE);
        assert!((heard[8000] - 0.375).abs() < 1e-3, "{}", heard[8000]);
        Ok(())
    }

    /// The loudness of every 20 ms: what a lossy codec keeps.
    fn loudness(samples: &[f32]) -> Vec<f64> {
        let power = |step: &[f32]| step.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>();
        samples
            .chunks_exact(SAMPLE_RATE / 50)
            .map(power)
            .map(f64::sqrt)
            .collect()
    }

    #[test]
    fn opus_in_ogg_and_in_webm_is_the_sound_that_it_was_made_of() -> Outcome {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let original = loudness(&decode(&Sound::at(&data.join("jfk.flac")), &Nobody)?);
        for name in ["jfk.opus", "jfk.webm"] {
            let heard = loudness(&decode(&Sound::at(&data.join(name)), &Nobody)?);
            assert!(
                heard.len().abs_diff(original.len()) <= 2,
                "{name}: {}",
                heard.len()
            );
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let alike = dot(&heard, &original) / (dot(&heard, &heard) * dot(&original, &original)).sqrt();
            assert!(alike > 0.98, "{name}: {alike}");
        }
        Ok(())
    }

    /// The recorder was paused for two seconds behind the fifth.
    #[test]
    fn what_a_recorder_left_out_is_silence() -> Outcome {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let heard = decode(&Sound::at(&data.join("jfk-paused.webm")), &Nobody)?;
        let seconds = heard.len() as f64 / SAMPLE_RATE as f64;
        assert!((seconds - 13.0).abs() < 0.1, "{seconds}");
        let loud = loudness(&heard);
        let silent = loud.iter().filter(|step| **step == 0.0).count();
        assert!((96..=101).contains(&silent), "{silent} steps of 20 ms");
        assert!(loud[252..345].iter().all(|step| *step == 0.0));
        Ok(())
    }

    #[test]
    fn bytes_that_are_held_are_heard_like_those_of_a_file() -> Outcome {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/jfk.webm");
        let bytes = std::fs::read(&path)?;
        let (file, held) = (Sound::at(&path), Bytes::Held(&bytes));
        let sound = Sound {
            name: "talks.zip/a.mp3".into(),
            bytes: held,
        };
        assert!(decode(&sound, &Nobody)? == decode(&file, &Nobody)?);
        assert_eq!(held.size()?, file.bytes.size()?);
        assert_eq!(held.hash()?, file.bytes.hash()?);
        let words = b"These are words and no sound. ".repeat(99);
        let broken = Sound {
            bytes: Bytes::Held(&words),
            ..sound
        };
        let said = decode(&broken, &Nobody).err().map(|e| e.to_string());
        assert!(said.is_some_and(|said| said.starts_with("talks.zip/a.mp3 is ")));
        Ok(())
    }

    #[test]
    fn what_is_no_recording_is_one_clear_line() -> Outcome {
        let folder = tempfile::tempdir()?;
        let cases = [
            (
                "text.mp3",
                b"These are words and no sound. ".repeat(99),
                "no recording",
            ),
            ("empty.wav", wave(16_000, 1, &[]), "no sound"),
            ("nothing.flac", Vec::new(), "no recording"),
        ];
        for (name, bytes, wanted) in cases {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes)?;
            let error = decode(&Sound::at(&path), &Nobody).err().ok_or(name)?;
            assert_eq!(error.kind(), ErrorKind::Input, "{error}");
            assert!(error.to_string().contains(wanted), "{error}");
        }
        Ok(())
    }

    #[test]
    fn a_wrong_ending_does_not_matter_and_a_cut_file_is_heard_to_its_end() -> Outcome {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.mp3");
        let whole = wave(16_000, 1, &vec![1000; 16_000]);
        std::fs::write(&path, &whole[..whole.len() / 2])?;
        let heard = decode(&Sound::at(&path), &Nobody)?;
        assert!((7_000..=8_000).contains(&heard.len()), "{}", heard.len());
        Ok(())
    }

    /// A damaged recording is heard as far as it goes, or refused in one line; whatever its header says, it is not heard for
    /// longer than anything may be.
    #[test]
    fn no_damage_makes_a_decoder_panic() -> Outcome {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut panicked = Vec::new();
        for file in [
            "tests/data/speechbrain-spk1-snt4.wav",
            "tests/data/jfk.flac",
            "tests/data/jfk.opus",
            "tests/data/jfk.webm",
            "samples/recordings/en-helen-moss-2026h1/one-to-one.m4a",
            "samples/recordings/zh-wangfang-2026h1/incident.mp3",
            "samples/recordings/zh-wangfang-2026h1/one-to-one.ogg",
        ] {
            let whole = std::fs::read(root.join(file))?;
            let mut heard = 0;
            for copy in 0..damage::copies(8) {
                let mut bytes = whole.clone();
                damage::damage(&mut bytes, &mut damage::dice(file, copy));
                let sound = Sound {
                    name: file.into(),
                    bytes: Bytes::Held(&bytes),
                };
                match std::panic::catch_unwind(|| decode(&sound, &Nobody)) {
                    Ok(Ok(samples)) => {
                        assert!(samples.iter().all(|s| s.is_finite()), "{file} {copy}");
                        heard += 1;
                    }
                    Ok(Err(error)) => assert!(!error.to_string().contains('\n'), "{error}"),
                    Err(_) => panicked.push((file, copy)),
                }
            }
            assert!(heard > 0, "no copy of {file} was heard at all");
        }
        assert!(panicked.is_empty(), "{panicked:?}");
        Ok(())
    }
}
