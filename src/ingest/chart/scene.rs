//! The words and patches of a picture, and which rule fits them.

use image::RgbImage;

use super::legend::Legend;
use super::number::number;
use super::patch::Patch;
use super::rect::Rect;
use super::word::Word;
use super::{Chart, Kind, Text, Value, bars, lines, progress, rounded, table};
use crate::sanitize::line;

/// How sure a measured value is at best.
const MEASURED: f32 = 0.6;

/// What the rules look at.
pub(super) struct Scene<'a> {
    pub(super) picture: &'a RgbImage,
    /// From top to bottom.
    pub(super) words: Vec<Word>,
    pub(super) patches: Vec<Patch>,
}

/// What a rule found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) values: Vec<Read>,
    /// The words that belong to the chart: labels, ticks, categories, legend.
    pub(super) used: Vec<usize>,
}

/// A value, before it is worded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Read {
    pub(super) series: String,
    pub(super) category: String,
    pub(super) number: Option<f64>,
    pub(super) text: String,
    pub(super) at: Rect,
    pub(super) confidence: f32,
    pub(super) measured: bool,
}

impl Read {
    /// A printed value.
    pub(super) fn printed(label: &Word, at: Rect) -> Self {
        Self {
            series: String::new(),
            category: String::new(),
            number: label.number(),
            text: label.text.clone(),
            at,
            confidence: label.confidence,
            measured: false,
        }
    }

    /// A value told by the axis.
    pub(super) fn measured(value: f64, at: Rect) -> Self {
        Self {
            series: String::new(),
            category: String::new(),
            number: Some(value),
            text: value.to_string(),
            at,
            confidence: MEASURED,
            measured: true,
        }
    }
}

impl<'a> Scene<'a> {
    pub(super) fn new(picture: &'a RgbImage, mut words: Vec<Word>, patches: Vec<Patch>) -> Self {
        words.sort_by(|a, b| {
            a.at.y()
                .total_cmp(&b.at.y())
                .then(a.at.left.total_cmp(&b.at.left))
        });
        Self {
            picture,
            words,
            patches,
        }
    }

    /// Tries the rules, the one that asks for most first.
    pub(super) fn chart(&self) -> Chart {
        let legend = Legend::of(&self.words, &self.patches);
        let lying: Vec<Word> = self.words.iter().map(Word::flipped).collect();
        let solid: Vec<Patch> = self.patches.iter().filter(|p| !legend.has(p)).copied().collect();
        let flipped: Vec<Patch> = solid.iter().map(Patch::flipped).collect();
        let standing = || bars::read(&self.words, &solid, &legend);
        let lie = || bars::read(&lying, &flipped, &legend).map(Found::unflipped);
        let (kind, found) = table::read(&self.words, 3)
            .map(|found| (Kind::Table, found))
            .or_else(|| progress::read(&self.words, &self.patches).map(|f| (Kind::Progress, f)))
            .or_else(|| more(standing(), lie()).map(|f| (Kind::Bar, f)))
            .or_else(|| lines::read(self, &legend).map(|f| (Kind::Line, f)))
            .or_else(|| table::read(&self.words, 2).map(|f| (Kind::Table, f)))
            .unwrap_or((Kind::Text, Found::default()));
        self.worded(kind, &found)
    }

    fn worded(&self, kind: Kind, found: &Found) -> Chart {
        let title = self.title(kind, found);
        let texts = self.words.iter().enumerate().map(|(i, word)| Text {
            text: line(&word.text).into_owned(),
            region: word.at.region(),
            confidence: rounded(word.confidence),
            apart: !found.used.contains(&i) && !title.contains(&i),
        });
        let said: Vec<&str> = title.iter().map(|i| self.words[*i].text.as_str()).collect();
        let values = found.values.iter().map(|read| Value {
            series: line(&read.series).into_owned(),
            category: line(&read.category).into_owned(),
            value: read.number,
            text: line(&read.text).into_owned(),
            region: read.at.region(),
            confidence: rounded(read.confidence),
            measured: read.measured,
        });
        Chart {
            kind,
            title: line(&said.join(" ")).into_owned(),
            values: values.collect(),
            text: texts.collect(),
            note: None,
        }
    }

    /// The words of the title: the topmost line that is no part of the chart and stands above all its values.
    fn title(&self, kind: Kind, found: &Found) -> Vec<usize> {
        let top = found.values.iter().map(|v| v.at.top).fold(f32::MAX, f32::min);
        let free = |(i, word): &(usize, &Word)| {
            !found.used.contains(i) && !word.standing && word.at.y() < top && number(&word.text).is_none()
        };
        let mut above = self.words.iter().enumerate().filter(free);
        let Some((first, topmost)) = above.next().filter(|_| kind != Kind::Text) else {
            return Vec::new();
        };
        let beside =
            above.take_while(|(_, word)| (word.at.y() - topmost.at.y()).abs() < 0.5 * topmost.letter);
        std::iter::once(first).chain(beside.map(|(i, _)| i)).collect()
    }
}

impl Found {
    fn unflipped(mut self) -> Self {
        self.values.iter_mut().for_each(|v| v.at = v.at.unflipped());
        self
    }
}

/// What found more values.
fn more(a: Option<Found>, b: Option<Found>) -> Option<Found> {
    let count = |found: &Option<Found>| found.as_ref().map_or(0, |f| f.values.len());
    if count(&b) > count(&a) { b } else { a }
}
