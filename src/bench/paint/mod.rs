//! What the screen costs: colouring and wrapping a source of 5,000 lines, drawing one page of it, whole screens of the
//! review, and the last gate.

mod desk;

use std::hint::black_box;
use std::time::Instant;

use serde_json::json;

use super::figures::{Figure, Rows, Sample};
use super::{Outcome, Session, milliseconds};
use crate::dossier::SourceFormat;
use crate::error::Result;
use crate::tui::highlight::{self, Highlights, Mark};
use crate::tui::theme::{Theme, ThemeName};
use crate::tui::width::{Ambiguous, Measure};

use desk::Desk;

/// Lines of each source.
const LINES: usize = 5_000;
/// Columns in which a source is wrapped.
const COLUMNS: usize = 60;

/// Measures. The grammars are loaded once a process: that figure has one run.
///
/// # Errors
/// The folder for the dossier on the screen cannot be written; `Cancelled`.
pub fn run(session: &Session) -> Result<Outcome> {
    let grammars = clock(highlight::warm);
    let sources = sources();
    let markdown = &sources[0].1;
    let highlights = Highlights::of(markdown, SourceFormat::Markdown);
    let mut desks = [Desk::open(markdown, (140, 40))?, Desk::open(markdown, (80, 24))?];
    let measured = session.measure(|| {
        let mut sample = texts(session, &sources)?;
        sample.extend([("draw_page_ms", clock(|| page(markdown, &highlights)))]);
        for desk in &mut desks {
            desk.measure(&mut sample)?;
        }
        Ok(sample)
    })?;
    let mut measures = Rows::from_iter(Figure::of(&[grammars]).map(|f| ("load_grammars_ms", f)));
    measures.extend(measured.iter().map(|(name, figure)| (name, *figure)));
    let facts = [("lines", json!(LINES)), ("columns", json!(COLUMNS))];
    Ok(Outcome {
        facts: facts.into_iter().collect(),
        measures,
    })
}

/// Milliseconds that `work` takes.
fn clock(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    milliseconds(start, Instant::now())
}

/// Colouring each source, and wrapping the first.
fn texts(session: &Session, sources: &[(&str, String, SourceFormat)]) -> Result<Sample> {
    let mut sample = Sample::from_iter::<[(&str, f64); 0]>([]);
    for (name, text, format) in sources {
        session.check()?;
        let ms = clock(|| drop(black_box(Highlights::of(text, *format))));
        sample.extend([(format!("colour_{name}_ms"), ms)]);
    }
    let text = &sources[0].1;
    let ms = clock(|| drop(black_box(Measure::default().wrap(text, COLUMNS))));
    sample.extend([("wrap_ms", ms)]);
    Ok(sample)
}

/// [`LINES`] lines each.
fn sources() -> [(&'static str, String, SourceFormat); 4] {
    let report = "## 第 23 周\n- 牵头 **三次** 跨组对齐，首屏 3.2s -> 1.1s，见 [纪要](http://a.b)\n\n\
                  六个里程碑全部按时或提前，逐档灰度；`rollback` 演练两次。\n";
    let chat =
        "{\"time\":\"2026-03-12T10:21:00+08:00\",\"from\":\"李雷\",\"text\":\"接口改完了，大家看一眼\"}\n";
    let table = "提升首屏速度,KR1: 首屏 < 1.5s,62%,\"按期, 无延误\"\n";
    let captions = "00:14:05.000 --> 00:14:09.500\n<v 李雷>我们先同步进展\n\n";
    [
        ("markdown", report.repeat(LINES / 4), SourceFormat::Markdown),
        ("jsonl", chat.repeat(LINES), SourceFormat::Jsonl),
        ("csv", table.repeat(LINES), SourceFormat::Csv),
        ("vtt", captions.repeat(LINES / 3 + 1), SourceFormat::Vtt),
    ]
}

/// 50 rows, with a mark on every 25th line of the source.
fn page(text: &str, highlights: &Highlights) {
    let theme = Theme::new(ThemeName::Dark, Ambiguous::Narrow);
    let marks: Vec<Mark<'_>> = highlights
        .lines()
        .iter()
        .step_by(25)
        .map(|span| Mark {
            span: span.clone(),
            style: theme.styles.evidence,
            badge: Some("E1"),
        })
        .collect();
    for line in highlights.lines().iter().skip(LINES / 2).take(50) {
        black_box(highlight::row(text, line.clone(), highlights, &marks, &theme));
    }
}
