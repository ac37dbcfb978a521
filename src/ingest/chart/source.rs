//! A picture as a source: its address is the hash of its bytes, its text what was read in it.

use std::path::Path;
use std::sync::Arc;

use super::{decode, rendition};
use crate::dossier::manifest::SourceEntry;
use crate::dossier::{Preview, Source, SourceFormat, Spots};
use crate::hash::ContentHash;
use crate::ingest::file::{Eyes, FileRead, anchored, title};
use crate::ingest::witness::Seen;
use crate::sanitize::Visible;

/// The longer side of what is held to be drawn, in pixels.
const HELD: u32 = 640;

/// The extensions of pictures that are read.
pub(in crate::ingest) const EXTENSIONS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

/// Whether the file at `path` is a picture, by its name.
pub(in crate::ingest) fn is_picture(path: &str) -> bool {
    let extension = Path::new(path).extension().and_then(|e| e.to_str());
    extension.is_some_and(|e| EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(e)))
}

/// Reads the picture of `entry` from its bytes.
pub(in crate::ingest) fn source(
    entry: &SourceEntry,
    bytes: &[u8],
    eyes: Eyes<'_>,
) -> Result<FileRead, String> {
    let _seen = Seen::begin(eyes.witness, &entry.path)?;
    let chart = eyes.sight.look(bytes)?;
    let (raw, mut reading) = rendition::of(&chart);
    reading.notes.extend(chart.note);
    if reading.segments.is_empty() {
        return Err("no text was found in it".to_owned());
    }
    let source = Source {
        path: entry.path.clone(),
        title: title(entry),
        kind: entry.kind,
        format: SourceFormat::Picture,
        date: entry.date,
        hash: ContentHash::of(bytes),
        bytes: bytes.len() as u64,
        encoding: eyes.sight.version(),
        segments: anchored(&raw, &Spots::default(), reading.segments),
        spots: Spots::default(),
        shown: Visible::of_file(&raw),
        raw,
        unsure: Vec::new(),
        picture: preview(bytes),
    };
    Ok(FileRead {
        source,
        notes: reading.notes,
    })
}

/// The picture as it is drawn; none where it cannot be decoded, though it was once.
fn preview(bytes: &[u8]) -> Option<Arc<Preview>> {
    let picture = decode(bytes).ok()?;
    let (width, height) = picture.dimensions();
    let longer = width.max(height).max(1);
    let held = |side: u32| (u64::from(side) * u64::from(HELD.min(longer)) / u64::from(longer)).max(1) as u32;
    let small = image::imageops::thumbnail(&picture, held(width), held(height));
    let pixels = small.pixels().map(|p| p.0).collect();
    Preview::new([width, height], small.width() as usize, pixels).map(Arc::new)
}
