//! The text of a picture and where it stands: PP-OCRv5 (Apache-2.0), run in this process by `rten`.
//!
//! A first network marks the pixels that belong to text ([`detect`]), whose patches become slanted rectangles
//! ([`geometry`]); a second one reads each rectangle as one line ([`recognise`]), a character or nothing for every step
//! from left to right ([`ctc`]). Digits that stand alone are looked for besides ([`alone`]). Standing text is read both ways, the surer one counts. Text that stands on its head is
//! not read.

use std::path::Path;
use std::sync::Arc;

use image::RgbImage;
use rten::{Model, RunOptions, ThreadPool};
use rten_tensor::NdTensor;

use crate::error::{Error, ErrorKind, Result};
use crate::model::local::LocalModel;

mod alone;
mod ctc;
mod detect;
mod geometry;
mod recognise;

pub use ctc::Glyph;
pub use geometry::Slanted;

/// The names of the files in the model's folder.
const DETECTOR: &str = "ppocrv5_det.onnx";
const RECOGNISER: &str = "ppocrv5_rec.onnx";
const KEYS: &str = "ppocr_keys_v5.txt";

/// A line of text in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it says. Untrusted: never show it as it is.
    pub text: String,
    /// Every character of the text with its place along the line.
    pub glyphs: Vec<Glyph>,
    /// Where it stands, in pixels.
    pub place: Slanted,
    /// How sure the reader is of its characters on average, 0 to 1.
    pub confidence: f32,
}

/// The networks, ready to read.
pub struct Ocr {
    detector: Network,
    recogniser: Network,
    /// The characters by class; the first stands for none.
    keys: Vec<String>,
}

/// One network and the threads it runs on.
struct Network {
    model: Model,
    threads: Arc<ThreadPool>,
}

impl Ocr {
    /// Loads the networks of `model`; they run on so many threads.
    ///
    /// # Errors
    /// `Model` when a file is not what it should be, `Io` when one cannot be read.
    pub fn load(model: &LocalModel, threads: usize) -> Result<Self> {
        let folder = model.path.parent().unwrap_or(Path::new("."));
        let threads = Arc::new(ThreadPool::with_num_threads(threads));
        let path = folder.join(KEYS);
        let keys = std::fs::read_to_string(&path).map_err(|e| Error::io("read", &path, e))?;
        Ok(Self {
            detector: Network::load(&folder.join(DETECTOR), &threads)?,
            recogniser: Network::load(&folder.join(RECOGNISER), &threads)?,
            keys: keys.lines().map(str::to_owned).collect(),
        })
    }

    /// The lines of text in a picture, from top to bottom.
    ///
    /// # Errors
    /// `Model` when a network fails or gives what it should not.
    pub fn read(&self, picture: &RgbImage) -> Result<Vec<Line>> {
        let places = detect::places(&self.detector, picture)?;
        let read = |places: &[Slanted]| recognise::lines(&self.recogniser, &self.keys, picture, places);
        let mut lines = read(&places)?;
        lines.extend(
            read(&alone::places(picture, &places))?
                .into_iter()
                .filter(alone::counts),
        );
        lines.sort_by(|a, b| {
            let (a, b) = (a.place.bounds(), b.place.bounds());
            a[1].total_cmp(&b[1]).then(a[0].total_cmp(&b[0]))
        });
        Ok(lines)
    }
}

impl Network {
    fn load(path: &Path, threads: &Arc<ThreadPool>) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
        let broken = |e| {
            let what = format!("{} is no network this program can run", path.display());
            Error::new(ErrorKind::Model, what).because(e)
        };
        Ok(Self {
            model: Model::load(bytes).map_err(broken)?,
            threads: Arc::clone(threads),
        })
    }

    /// What the network makes of a batch: as many axes as asked for.
    fn run<const N: usize>(&self, input: NdTensor<f32, 4>) -> Result<NdTensor<f32, N>> {
        let options = RunOptions::default().with_thread_pool(Some(Arc::clone(&self.threads)));
        let output = self.model.run_one(input.into(), Some(options));
        let output = output.map_err(|e| failed("failed").because(e))?;
        NdTensor::try_from(output).map_err(|e| failed("gave numbers of another shape").because(e))
    }
}

fn failed(how: &str) -> Error {
    Error::new(ErrorKind::Model, format!("the reader of pictures {how}")).hint("plumb models verify pp-ocrv5")
}
