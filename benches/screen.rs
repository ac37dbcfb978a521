//! What the screen costs: colouring and wrapping a source of 5,000 lines, drawing one page of it, and the last gate.
//!
//! Each figure is the median of several runs, in milliseconds.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use plumbline::dossier::SourceFormat;
use plumbline::tui::gate::Gate;
use plumbline::tui::highlight::{self, Highlights, Mark};
use plumbline::tui::theme::{Theme, ThemeName};
use plumbline::tui::width::{Ambiguous, Measure};
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Cell;

const RUNS: usize = 7;

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut report = |name: &str, ms: f64| writeln!(out, "{name:<44} {ms:>9.3} ms");
    report("load the grammars (once)", once(highlight::warm))?;
    for (name, text, format) in sources() {
        let lines = text.lines().count();
        let ms = median(|| drop(black_box(Highlights::of(&text, format))));
        report(&format!("colour {lines} lines of {name}"), ms)?;
    }
    let (_, text, format) = &sources()[0];
    let measure = Measure::default();
    report(
        "wrap 5000 lines in 60 columns",
        median(|| drop(black_box(measure.wrap(text, 60)))),
    )?;
    let highlights = Highlights::of(text, *format);
    report("draw 50 rows with 200 marks", median(|| page(text, &highlights)))?;
    report("pass 140 x 50 cells through the gate", median(gate))
}

fn once(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e3
}

fn median(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..RUNS).map(|_| once(&mut work)).collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}

/// 5,000 lines each.
fn sources() -> [(&'static str, String, SourceFormat); 4] {
    let report = "## 第 23 周\n- 牵头 **三次** 跨组对齐，首屏 3.2s -> 1.1s，见 [纪要](http://a.b)\n\n\
                  六个里程碑全部按时或提前，逐档灰度；`rollback` 演练两次。\n";
    let chat =
        "{\"time\":\"2026-03-12T10:21:00+08:00\",\"from\":\"李雷\",\"text\":\"接口改完了，大家看一眼\"}\n";
    let table = "提升首屏速度,KR1: 首屏 < 1.5s,62%,\"按期, 无延误\"\n";
    let captions = "00:14:05.000 --> 00:14:09.500\n<v 李雷>我们先同步进展\n\n";
    [
        ("Markdown", report.repeat(1250), SourceFormat::Markdown),
        ("JSON lines", chat.repeat(5000), SourceFormat::Jsonl),
        ("CSV", table.repeat(5000), SourceFormat::Csv),
        ("WebVTT", captions.repeat(1667), SourceFormat::Vtt),
    ]
}

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
    for line in highlights.lines().iter().skip(2400).take(50) {
        black_box(highlight::row(text, line.clone(), highlights, &marks, &theme));
    }
}

fn gate() {
    let symbols = ["李", "a", "─", "“", " "];
    let cells: Vec<Cell> = (0..140 * 50)
        .map(|i| Cell::new(symbols[i % symbols.len()]))
        .collect();
    let mut gate = Gate::new(CrosstermBackend::new(io::sink()));
    let placed = cells.iter().zip(0_u16..).map(|(c, i)| (i % 140, i / 140, c));
    let _sink_never_fails = gate.draw(placed);
}
