//! PDFs: the page is drawn onto a device that keeps letters instead of ink, so that what would not be seen (invisible,
//! white on nothing, tiny, off the page) is known as such.
//!
//! A scanned page without a text layer is drawn as a picture, for the reader of pictures; one with a text layer gives it,
//! marked as lying under a picture.

use std::io::Cursor;
use std::sync::Arc;

use hayro::vello_cpu::color::{AlphaColor, Srgb};
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::{BfString, WritingMode};
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, String as PdfString};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::kurbo::{BezPath, Point, Rect, Shape as _, Vec2};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, Paint, SoftMask, TransformExt as _, interpret_page,
};

use image::{ImageFormat, RgbImage};

use super::docx::by;
use super::inline::marked;
use super::page::{self, Letter, Line, body_size, lines};
use super::rendition::{Rendition, Writer};
use crate::dossier::spot::At;

/// More pages than this are not read.
const MAX_PAGES: usize = 2_000;
/// More letters than this are not read.
const MAX_LETTERS: usize = 4_000_000;
/// Fewer shapes than this are remembered as grounds that white letters may stand on.
const MAX_GROUNDS: usize = 4_000;
/// Letters of fewer points cannot be read.
const TINY: f64 = 2.0;
/// Units of a font's own grid in the height of its letters.
const UNITS: f64 = 1_000.0;
/// Pages without text are drawn with so many pixels an inch, as scans for text recognition are made.
const DOTS: f32 = 300.0;
/// Points in an inch.
const POINTS: f32 = 72.0;
/// No side of a drawn page has more pixels.
const MOST_PIXELS: f32 = 4_000.0;
/// Sides of a page, in points, that are drawn: the most is what the format allows.
const LEAST_SIDE: f32 = 8.0;
const MOST_SIDE: f32 = 14_400.0;
const WHITE_GROUND: AlphaColor<Srgb> = AlphaColor::WHITE;
/// What is as light as this is white, of 255.
const WHITE: u8 = 250;
/// The notes that people attach to a place; what others say is drawn on the page.
const COMMENTS: [&str; 6] = ["Text", "Highlight", "Underline", "StrikeOut", "Squiggly", "Caret"];

/// Renders a PDF.
pub(super) fn render(bytes: &[u8]) -> Result<Rendition, String> {
    let pdf = open(bytes)?;
    let mut out = Writer::default();
    let (mut read, mut letters, mut unnamed) = (Vec::new(), 0, 0);
    let cache = InterpreterCache::new();
    let pages = pdf.pages();
    for page in pages.iter().take(MAX_PAGES) {
        let sheet = draw(&pdf, page, &cache);
        letters += sheet.letters.len();
        unnamed += sheet.letters.iter().filter(|l| l.words == "\u{fffd}").count();
        read.push((lines(&sheet.letters), comments(page), sheet.inked));
        if letters > MAX_LETTERS {
            break;
        }
    }
    if read.len() < pages.len() {
        out.note(format!(
            "longer than a person can read: the pages behind {} were left out",
            read.len()
        ));
    }
    if unnamed > 0 {
        out.note(format!(
            "letters that the file does not name, shown as \u{fffd}: {unnamed}"
        ));
    }
    let body = body_size(read.iter().flat_map(|(lines, ..): &(Vec<Line>, _, _)| lines));
    for (number, (lines, comments, inked)) in (1..).zip(&read) {
        out.rule(&format!("[p. {number}]"));
        out.at(At::Page(number));
        if lines.is_empty() && *inked {
            out.scan(number);
        }
        page::write(&mut out, lines, body);
        for (author, words) in comments {
            out.prose("  ", &marked(&by("comment", author), words));
        }
        if out.is_full() {
            break;
        }
    }
    Ok(out.finish())
}

fn open(bytes: &[u8]) -> Result<Pdf, &'static str> {
    Pdf::new(bytes.to_vec()).map_err(|e| match e {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            "is encrypted; save it without a password"
        }
        LoadPdfError::Decryption(_) => "is encrypted in a way that is not known; save it without a password",
        LoadPdfError::Invalid => "is damaged: no PDF can be made out in it",
    })
}

fn quiet() -> InterpreterSettings {
    InterpreterSettings {
        warning_sink: Arc::new(|_| {}),
        ..InterpreterSettings::default()
    }
}

/// A page, by its number from 1, as a PNG picture.
pub(super) fn picture(bytes: &[u8], number: u32) -> Result<Vec<u8>, String> {
    let pdf = open(bytes)?;
    let page = number
        .checked_sub(1)
        .and_then(|at| pdf.pages().get(at as usize))
        .ok_or("is not there")?;
    let (width, height) = page.render_dimensions();
    // Written so that a size that is no number is refused too.
    if !(width.min(height) >= LEAST_SIDE && width.max(height) <= MOST_SIDE) {
        return Err(format!("is {width:.0} x {height:.0} points; not drawn"));
    }
    let scale = (DOTS / POINTS).min(MOST_PIXELS / width.max(height));
    let settings = PixmapSettings {
        x_scale: scale,
        y_scale: scale,
        bg_color: WHITE_GROUND,
    };
    let drawn = hayro::render(
        page,
        &RenderCache::new(),
        &quiet(),
        &RenderSettings::default(),
        &settings,
    );
    let (width, height) = (u32::from(drawn.width()), u32::from(drawn.height()));
    let pixels = drawn.data().iter().flat_map(|p| [p.r, p.g, p.b]).collect();
    let mut png = Cursor::new(Vec::new());
    let picture = RgbImage::from_raw(width, height, pixels).ok_or("cannot be drawn")?;
    picture
        .write_to(&mut png, ImageFormat::Png)
        .map_err(|e| format!("cannot be drawn: {e}"))?;
    Ok(png.into_inner())
}

/// What is drawn on a page.
fn draw<'a>(pdf: &'a Pdf, page: &Page<'a>, cache: &InterpreterCache<'a>) -> Sheet {
    let (width, height) = page.render_dimensions();
    let visible = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let settings = quiet();
    let transform = page.initial_transform(true).to_kurbo();
    let mut context = Context::new(transform, visible, cache, pdf.xref(), settings);
    let mut sheet = Sheet {
        visible,
        ..Sheet::default()
    };
    interpret_page(page, &mut context, &mut sheet);
    sheet
}

/// What people attached to a page: who, and the words.
fn comments(page: &Page<'_>) -> Vec<(String, String)> {
    let Some(notes) = page.raw().get::<Array<'_>>("Annots") else {
        return Vec::new();
    };
    let comment = |note: Dict<'_>| {
        let kind = note.get::<Name<'_>>("Subtype")?;
        let words = text_of(note.get::<PdfString<'_>>("Contents")?.as_bytes());
        let author = note
            .get::<PdfString<'_>>("T")
            .map(|name| text_of(name.as_bytes()));
        let said = COMMENTS.contains(&kind.as_str()) && !words.trim().is_empty();
        said.then(|| (author.unwrap_or_default(), words))
    };
    notes
        .iter::<Dict<'_>>()
        .take(MAX_PAGES)
        .filter_map(comment)
        .collect()
}

/// A text string of a PDF: UTF-16 or UTF-8 where it begins with their mark, else near enough Latin-1.
fn text_of(bytes: &[u8]) -> String {
    match encoding_rs::Encoding::for_bom(bytes) {
        Some((encoding, _)) => encoding.decode(bytes).0.into_owned(),
        None => encoding_rs::WINDOWS_1252
            .decode_without_bom_handling(bytes)
            .0
            .into_owned(),
    }
}

/// The device: letters, and the grounds that they stand on.
#[derive(Default)]
struct Sheet {
    visible: Rect,
    letters: Vec<Letter>,
    /// Where something that is not white was painted.
    grounds: Vec<Rect>,
    pictures: Vec<Rect>,
    /// Whether anything but letters was drawn.
    inked: bool,
}

impl Sheet {
    /// The mark of a letter that a reader would not see.
    fn mark(&self, at: Point, size: f64, paint: &Paint<'_>, mode: &DrawMode) -> Option<&'static str> {
        let on = |grounds: &[Rect]| grounds.iter().any(|ground| ground.contains(at));
        let middle = Point::new(at.x, at.y - size / 4.0);
        let outside = !self.visible.inflate(1.0, 1.0).contains(middle);
        let pictured = on(&self.pictures);
        let invisible = matches!(mode, DrawMode::Invisible) || transparent(paint);
        if outside || size < TINY {
            Some("hidden")
        } else if invisible {
            Some(if pictured { "under a picture" } else { "hidden" })
        } else {
            (white(paint) && !pictured && !on(&self.grounds)).then_some("hidden")
        }
    }
}

fn white(paint: &Paint<'_>) -> bool {
    match paint {
        Paint::Color(color) => color.to_rgba().to_rgba8()[..3].iter().all(|c| *c >= WHITE),
        Paint::Pattern(_) => false,
    }
}

fn transparent(paint: &Paint<'_>) -> bool {
    match paint {
        Paint::Color(color) => color.to_rgba().to_rgba8()[3] < 8,
        Paint::Pattern(_) => false,
    }
}

/// The words that a glyph stands for.
fn words_of(glyph: &Glyph<'_>) -> String {
    match glyph.as_unicode() {
        Some(BfString::Char(c)) => c.to_string(),
        Some(BfString::String(text)) => text,
        None => char::REPLACEMENT_CHARACTER.to_string(),
    }
}

impl<'a> Device<'a> for Sheet {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.inked = true;
        let filled = matches!(mode, DrawMode::Fill(_) | DrawMode::FillAndStroke(..));
        if filled && self.grounds.len() < MAX_GROUNDS && !white(&props.paint) && !transparent(&props.paint) {
            let ground = props.transform.transform_rect_bbox(path.bounding_box());
            self.grounds.push(ground);
        }
    }

    fn push_clip_path(&mut self, _: &ClipPath) {}

    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        let first = self.letters.len();
        for glyph in run.glyphs() {
            if self.letters.len() > MAX_LETTERS {
                return;
            }
            let to_page = props.transform * glyph.transform();
            let advance = match &**glyph {
                Glyph::Outline(outline) => outline.advance_width().map_or(UNITS / 2.0, f64::from),
                Glyph::Type3(_) => UNITS / 2.0,
            };
            let vertical = run.writing_mode() == WritingMode::Vertical;
            let along = if vertical {
                Vec2::new(0.0, -UNITS)
            } else {
                Vec2::new(advance, 0.0)
            };
            let across = if vertical {
                Vec2::new(UNITS, 0.0)
            } else {
                Vec2::new(0.0, UNITS)
            };
            let start = to_page * Point::ZERO;
            let size = (to_page * across.to_point() - start).hypot();
            self.letters.push(Letter {
                start,
                end: to_page * along.to_point(),
                size,
                mark: self.mark(start, size, &props.paint, mode),
                words: words_of(glyph),
            });
        }
        // Outlined and bold letters are drawn twice at one place.
        let again = self.letters.len() - first;
        if first >= again
            && (0..again).all(|i| self.letters[first - again + i].repeats(&self.letters[first + i]))
        {
            self.letters.truncate(first);
        }
    }

    fn draw_image(&mut self, _: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.inked = true;
        if self.pictures.len() < MAX_GROUNDS {
            let unit = Rect::new(0.0, 0.0, 1.0, 1.0);
            self.pictures.push(props.transform.transform_rect_bbox(unit));
        }
    }

    fn pop_clip(&mut self) {}

    fn pop_transparency_group(&mut self) {}
}
