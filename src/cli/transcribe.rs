//! `plumb transcribe`: what is said in a recording, as text while it is heard, or as JSON or captions.

use std::io::Write as _;
use std::path::PathBuf;

use super::out;
use super::speech::{Onlooker, advise, clock, listener};
use crate::config::Config;
use crate::dossier::Language;
use crate::error::{Error, ErrorKind, Result};
use crate::model::speech::audio::Sound;
use crate::model::speech::transcript::Utterance;
use crate::sanitize::line;

/// Write down what is said in a recording, and who says it
///
/// Speakers are told apart by their voices where the model `resemblyzer` is on this machine, and are called Speaker 1,
/// Speaker 2 … in the order in which they are first heard. In a dossier, dossier.toml says who they are:
///
///   [speakers]
///   "talk.m4a" = { "Speaker 1" = "Li Lei", "Speaker 2" = "Han Mei" }
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recording: wav, mp3, m4a, aac, ogg, opus, flac or webm
    pub file: PathBuf,
    /// Which model hears
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
    /// What is spoken: zh, en, or auto for both
    #[arg(long, value_name = "LANG", default_value = "auto", value_parser = spoken)]
    pub language: Spoken,
    /// How it is written down; else as text
    #[command(flatten)]
    pub form: Form,
}

/// How it is written down.
#[derive(Debug, Clone, Copy, clap::Args)]
#[group(multiple = false)]
pub struct Form {
    /// Print JSON with the time and the certainty of every word
    #[arg(long)]
    json: bool,
    /// Print `WebVTT` captions
    #[arg(long)]
    vtt: bool,
    /// Print `SubRip` captions
    #[arg(long)]
    srt: bool,
}

/// What is spoken, where it is known.
#[derive(Debug, Clone, Copy)]
pub struct Spoken(Option<Language>);

fn spoken(text: &str) -> std::result::Result<Spoken, String> {
    match text {
        "auto" => Ok(Spoken(None)),
        "zh" => Ok(Spoken(Some(Language::Zh))),
        "en" => Ok(Spoken(Some(Language::En))),
        other => Err(format!("{other:?} is not one of auto, zh, en")),
    }
}

impl Args {
    /// The settings that the command's own flags give.
    pub fn settings(&self) -> Vec<(&'static str, Option<String>, &'static str)> {
        vec![("speech_model", self.model.clone(), "--model")]
    }
}

/// Runs the command.
///
/// # Errors
/// The model is not here, or the file is no recording that can be heard; what was heard until Ctrl-c is kept.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    let Form { json, vtt, srt } = args.form;
    let text = !(json || vtt || srt);
    let listener = listener(config, args.language.0)?;
    let onlooker = Onlooker::new();
    onlooker.begin(&args.file.file_name().unwrap_or_default().to_string_lossy());
    // Who speaks is known when all is heard, and stands in front of the words.
    let at_once = text && !listener.tells_speakers();
    let mut said = |utterance: &Utterance| {
        if at_once {
            onlooker.beside(|| print(utterance))
        } else {
            onlooker.heard(&utterance.text);
            Ok(())
        }
    };
    let heard = listener.transcribe(&Sound::at(&args.file), &onlooker, &mut said);
    onlooker.end();
    let transcript = heard.map_err(resumable)?;
    advise(&listener);
    match args.form {
        Form { json: true, .. } => out::json(&transcript),
        Form { vtt: true, .. } => out::print(|out| out.write_all(transcript.vtt().as_bytes())),
        Form { srt: true, .. } => out::print(|out| out.write_all(transcript.srt().as_bytes())),
        Form { .. } if at_once => Ok(()),
        Form { .. } => transcript.segments.iter().try_for_each(print),
    }
}

/// `[01:02] Speaker 1: words`, at once.
fn print(utterance: &Utterance) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let at = clock(utterance.start as usize);
    writeln!(out, "[{at}] {}{}", utterance.prefix(), line(&utterance.text))
        .and_then(|()| out.flush())
        .map_err(out::failed)
}

fn resumable(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Cancelled => error.hint("what was heard is kept: the same command goes on with it"),
        _ => error,
    }
}
