//! `plumb chart`: the values in a picture, each with where it was read and how sure it is.

use std::path::PathBuf;

use super::out;
use crate::config::Config;
use crate::dossier::Region;
use crate::engine::worker::set_threads;
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::Limits;
use crate::ingest::chart::{Chart, Sight};
use crate::sanitize::line;

/// Read the values in a picture of a chart, a table or a progress list
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A PNG, JPEG or WebP picture
    pub file: PathBuf,
    /// Which model reads: auto, or its name
    #[arg(long, value_name = "ID")]
    pub model: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// The settings that the command's own flags give.
    pub fn settings(&self) -> Vec<(&'static str, Option<String>, &'static str)> {
        vec![("picture_model", self.model.clone(), "--model")]
    }
}

/// Runs the command.
///
/// # Errors
/// The file is no picture that can be read, or the model that reads pictures is not here.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    let size = std::fs::metadata(&args.file)
        .map_err(|e| Error::io("read", &args.file, e))?
        .len();
    let name = line(&args.file.display().to_string()).into_owned();
    let limit = Limits::default().max_bytes;
    if size > limit {
        let message = format!("{name} is larger than {} MB; not read", limit >> 20);
        return Err(Error::new(ErrorKind::Input, message));
    }
    let bytes = std::fs::read(&args.file).map_err(|e| Error::io("read", &args.file, e))?;
    let unread = |why| Error::new(ErrorKind::Input, format!("{name}: {why}"));
    set_threads(config.engine.threads);
    let chart = Sight::of(config).look(&bytes).map_err(unread)?;
    if args.json {
        return out::json(&chart);
    }
    out::lines(&listing(&chart))?;
    chart.note.iter().for_each(|note| out::note(note));
    Ok(())
}

/// The title, then a line a value; of what is no chart, its text.
fn listing(chart: &Chart) -> Vec<String> {
    let first = match chart.title.as_str() {
        "" => format!("({})", word(chart)),
        title => format!("{title} ({})", word(chart)),
    };
    let value = |value: &crate::ingest::chart::Value| {
        let name = [value.series.as_str(), value.category.as_str()]
            .into_iter()
            .filter(|n| !n.is_empty());
        vec![
            name.collect::<Vec<_>>().join(": "),
            value.text.clone(),
            sureness(value.confidence, value.measured),
            place(value.region),
        ]
    };
    let values: Vec<Vec<String>> = chart.values.iter().map(value).collect();
    let apart = chart.text.iter().filter(|text| text.apart);
    let texts = apart.map(|text| format!("{}  {}", text.text, place(text.region)));
    std::iter::once(first)
        .chain(
            out::table(&values, 1..1)
                .into_iter()
                .map(|row| format!("  {row}")),
        )
        .chain(texts.map(|text| format!("  {text}")))
        .collect()
}

/// The word that JSON uses for the kind.
fn word(chart: &Chart) -> String {
    let value = serde_json::to_value(chart.kind).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

fn sureness(confidence: f32, measured: bool) -> String {
    let measured = if measured { " measured" } else { "" };
    format!("{:.0} %{measured}", confidence * 100.0)
}

/// Left, top, right, bottom, in pixels.
fn place(Region([left, top, right, bottom]): Region) -> String {
    format!("[{left} {top} {right} {bottom}]")
}
