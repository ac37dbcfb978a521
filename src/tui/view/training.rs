//! The newest training run over the screen: each of its figures from the first step to the last, and what the last step
//! read or wrote.

use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use serde_json::Value;

use super::canvas::Canvas;
use super::evidence::HEIGHTS;
use super::layout::{Layout, inner};
use super::overlay::{centred, scrolled};
use crate::learn::train::folder::{Look, Told};
use crate::sanitize;
use crate::tui::state::App;
use crate::tui::state::overlay::Followed;
use crate::tui::width::{Align, Measure};
use crate::tui::words::Word;

/// Columns of a figure's name, and of a number.
const NAME: usize = 22;
const NUMBER: usize = 10;
/// Rows above the figures; what samples have at least; what one sample has at most.
const HEAD: u16 = 3;
const SAMPLES: u16 = 3;
const SAMPLE: usize = 3;

/// Draws the run; without one, how to begin it, or why it cannot be seen.
pub(super) fn render(
    canvas: &mut Canvas<'_>,
    layout: &Layout,
    run: &Followed,
    top: usize,
) -> Option<Position> {
    let app = canvas.app;
    let inside = canvas.frame(area(layout), app.word(Word::Training), true);
    let text = match run {
        Followed::Looking => app.word(Word::TrainingLooking).to_owned(),
        Followed::Nothing => app.word(Word::TrainingNone).to_owned(),
        Followed::Unread(why) => app.fill(Word::TrainingUnread, &[("reason", &sanitize::line(why))]),
        Followed::Run(look) => {
            for (row, words) in head(app, look).into_iter().enumerate() {
                canvas.line(inside, row as u16, &Line::styled(words, canvas.styles().title));
            }
            let [figures, samples] = parts(app, look, inside);
            scrolled(canvas, figures.area, &figures.lines, top);
            scrolled(
                canvas,
                samples.area,
                &samples.lines,
                top.saturating_sub(figures.over()),
            );
            return None;
        }
    };
    for (y, row) in (0..).zip(canvas.measure().wrap(&text, usize::from(inside.width))) {
        canvas.line(inside, y, &Line::styled(&text[row], canvas.styles().dim));
    }
    None
}

/// The last row that it scrolls to: first through the figures, then through the samples.
pub(super) fn last_top(app: &App, run: &Followed) -> usize {
    match run {
        Followed::Run(look) => {
            let parts = parts(app, look, inner(area(&Layout::of(app))));
            parts.iter().map(Part::over).sum()
        }
        _ => 0,
    }
}

fn area(layout: &Layout) -> Rect {
    centred(layout.body, 110, layout.body.height)
}

/// Rows that scroll, and where.
struct Part {
    area: Rect,
    lines: Vec<Line<'static>>,
}

impl Part {
    /// How many rows do not fit.
    fn over(&self) -> usize {
        self.lines.len().saturating_sub(usize::from(self.area.height))
    }
}

/// The figures, and below them the samples, which keep some rows however many figures there are.
fn parts(app: &App, look: &Look, inside: Rect) -> [Part; 2] {
    let columns = usize::from(inside.width);
    let names = names(&look.told);
    let figures: Vec<Line<'_>> = names
        .iter()
        .filter_map(|name| figure(app, name, &look.told, columns))
        .collect();
    let samples: Vec<Line<'_>> = look
        .samples
        .iter()
        .flat_map(|sample| said(app, sample, columns))
        .collect();
    let below = Rect {
        y: inside.y + HEAD,
        height: inside.height.saturating_sub(HEAD),
        ..inside
    };
    let kept = if samples.is_empty() { 0 } else { SAMPLES + 1 };
    let upper = Rect {
        height: (figures.len() as u16).min(below.height.saturating_sub(kept)),
        ..below
    };
    let lower = Rect {
        y: upper.bottom() + 1,
        height: below.height.saturating_sub(upper.height + 1),
        ..below
    };
    let part = |area, lines| Part { area, lines };
    [part(upper, figures), part(lower, samples)]
}

/// Seconds in words, to the minute from one minute on.
fn duration(app: &App, seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    let part = minutes % 60;
    match minutes / 60 {
        0 if minutes == 0 => app.fill(Word::Seconds, &[("n", &format!("{seconds:.0}"))]),
        0 => app.fill(Word::Minutes, &[("n", &part.to_string())]),
        hours => app.fill(
            Word::Hours,
            &[("h", &hours.to_string()), ("n", &format!("{part:02}"))],
        ),
    }
}

/// Which run it is, and how far.
fn head(app: &App, look: &Look) -> [String; 2] {
    let last = look.told.last();
    let (step, steps) = last.map_or((0, 0), |t| (t.step, t.steps));
    let which = [
        sanitize::line(&look.name).into_owned(),
        look.kind.name().to_owned(),
        sanitize::line(&look.model).into_owned(),
    ];
    let mut parts = vec![app.fill(
        Word::TrainingStep,
        &[("step", &step.to_string()), ("steps", &steps.to_string())],
    )];
    match (last, look.stopped) {
        (Some(_), _) if step >= steps => parts.push(app.word(Word::TrainingFinished).to_owned()),
        (_, Some(since)) => {
            let time = duration(app, since.as_secs_f64());
            parts.push(app.fill(Word::TrainingStopped, &[("time", &time)]));
        }
        (Some(told), None) if step > 0 => {
            let speed = format!("{:.0}", told.tokens_per_s);
            parts.push(app.fill(Word::TrainingSpeed, &[("n", &speed)]));
            let left = told.elapsed_s / step as f64 * (steps - step) as f64;
            parts.push(app.fill(Word::TrainingLeft, &[("time", &duration(app, left))]));
        }
        _ => {}
    }
    [which.join(" · "), parts.join(" · ")]
}

/// Every figure that was told: what counts most, then the others in the order of the alphabet.
fn names(told: &[Told]) -> Vec<&str> {
    let mut names: Vec<&str> = told
        .iter()
        .flat_map(|t| t.figures.keys().map(String::as_str))
        .collect();
    let place = |name: &str| Told::FIRST.iter().position(|first| *first == name);
    names.sort_by_key(|name| (place(name).unwrap_or(Told::FIRST.len()), *name));
    names.dedup();
    names
}

/// One figure: its name, the first and the last number, and the way between them.
fn figure(app: &App, name: &str, told: &[Told], columns: usize) -> Option<Line<'static>> {
    let values: Vec<f64> = told.iter().filter_map(|t| t.figures.get(name).copied()).collect();
    let (measure, styles) = (app.settings().measure, &app.settings().theme.styles);
    let number = |v: &f64| measure.pad(&format!("{v:.4}"), NUMBER, Align::Right);
    let numbers = format!("{} {} ", number(values.first()?), number(values.last()?));
    let name = measure.pad(&sanitize::line(name), NAME, Align::Left);
    let room = columns.saturating_sub(NAME + 2 * NUMBER + 2);
    Some(Line::from(vec![
        Span::styled(name + &numbers, styles.text),
        Span::styled(curve(measure, &values, room), styles.title),
    ]))
}

/// Values as bars between the smallest and the largest, as many as fit; the mean of those that share a bar.
fn curve(measure: Measure, values: &[f64], room: usize) -> String {
    let bars = (room / measure.text(HEIGHTS[0]).max(1)).min(values.len());
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| {
            (l.min(v), h.max(v))
        });
    (0..bars)
        .map(|bar| {
            let part = &values[bar * values.len() / bars..(bar + 1) * values.len() / bars];
            let mean = part.iter().sum::<f64>() / part.len() as f64;
            let height = if high > low {
                (mean - low) / (high - low)
            } else {
                0.5
            };
            let top = HEIGHTS.len() - 1;
            HEIGHTS[((height * top as f64).round() as usize).min(top)]
        })
        .collect()
}

/// One sample: what is asked or answered, and what it got; of two answers, what each of them got.
fn said(app: &App, sample: &Value, columns: usize) -> Vec<Line<'static>> {
    let text = |key: &str| {
        let value = sample.get(key)?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let number = |key: &str| Some(format!("{:.2}", sample.get(key)?.as_f64()?));
    let words = if let (Some(chosen), Some(rejected)) = (number("chosen"), number("rejected")) {
        let values = [("chosen", chosen.as_str()), ("rejected", &rejected)];
        let group = text("group").map_or_else(String::new, |group| format!("   {group}"));
        app.fill(Word::TrainingPair, &values) + &group
    } else {
        let reward = number("reward").map_or_else(String::new, |reward| reward + "  ");
        reward + &text("answer").unwrap_or_else(|| sample.to_string())
    };
    let (measure, style) = (app.settings().measure, app.settings().theme.styles.text);
    let safe = sanitize::line(&words);
    let rows = measure.clip(&safe, columns, SAMPLE).into_iter();
    rows.map(|row| Line::styled(row.into_owned(), style)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::dossier::Language;
    use crate::error::Result;
    use crate::learn::train::folder::RunKind;
    use crate::tui::state::{Effect, Message};
    use crate::tui::testing::Stage;
    use crate::tui::width::Ambiguous;

    #[test]
    fn a_curve_shows_the_way_from_low_to_high() {
        let narrow = Measure::default();
        assert_eq!(curve(narrow, &[0.0, 1.0, 2.0, 7.0], 10), "▁▂▃█");
        assert_eq!(curve(narrow, &[0.0, 0.0, 1.0, 1.0], 2), "▁█");
        assert_eq!(curve(narrow, &[3.0], 5), "▅");
        assert_eq!(curve(narrow, &[], 5), "");
        assert_eq!(curve(narrow, &[1.0, 2.0], 0), "");
        let wide = Measure::new(Ambiguous::Wide);
        assert_eq!(
            curve(wide, &[0.0, 0.0, 1.0, 1.0], 4),
            "▁█",
            "a bar takes two columns"
        );
    }

    /// A run of ten steps after `step` of them; it goes on, or stopped so long ago.
    fn after(step: usize, stopped: Option<Duration>) -> Followed {
        let figures = ["entropy", "format", "kl", "length", "loss", "reward", "spread"];
        let look = Look {
            name: "first".to_owned(),
            kind: RunKind::Grpo,
            model: "tiny".to_owned(),
            stopped,
            told: vec![Told {
                step,
                steps: 10,
                learning_rate: 1e-4,
                grad_norm: 1.0,
                tokens: 100,
                tokens_per_s: 50.0,
                elapsed_s: 60.0,
                figures: figures.map(|name| (name.to_owned(), 0.5)).into(),
            }],
            samples: vec![
                json!({"answer": "Led the review. ".repeat(20), "reward": 0.25}),
                json!({"group": "g7", "chosen": 1.5, "rejected": -0.25}),
            ],
        };
        Followed::Run(Box::new(look))
    }

    fn stage(size: (u16, u16), run: Followed) -> Result<Stage> {
        let mut stage = Stage::queue(Language::En, size, &[])?;
        stage.press("t")?;
        stage.send(Message::Looked(run));
        Ok(stage)
    }

    #[test]
    fn what_is_known_of_the_run_is_said() -> Result<()> {
        let ago = |minutes| Some(Duration::from_mins(minutes));
        for (run, said) in [
            (Followed::Looking, "looking for a run..."),
            (Followed::Nothing, "No run yet"),
            (
                Followed::Unread("no manifest".to_owned()),
                "cannot be read: no manifest",
            ),
            (after(4, None), "50 tok/s · 2 min left"),
            (after(4, ago(9)), "step 4 of 10 · stopped 9 min ago"),
            (after(10, ago(9)), "step 10 of 10 · finished"),
            // What was told before may be of a longer run.
            (after(12, ago(0)), "step 12 of 10 · finished"),
        ] {
            let screen = stage((100, 30), run)?.screen()?;
            assert!(screen.contains(said), "{screen}");
        }
        Ok(())
    }

    #[test]
    fn the_smallest_screen_leads_with_what_counts_and_scrolls_to_the_rest() -> Result<()> {
        let mut stage = stage((60, 16), after(4, None))?;
        let screen = stage.screen()?;
        let at = |name: &str| screen.find(name).unwrap_or(usize::MAX);
        assert!(at("loss ") < at("reward ") && at("reward ") < at("kl ") && at("kl ") < at("entropy "));
        assert!(screen.contains("0.25  Led the review."), "{screen}");
        assert!(screen.contains('…'), "a long sample is cut: {screen}");
        assert!(!screen.contains("spread") && screen.contains('▾'), "{screen}");
        stage.press("G")?;
        let screen = stage.screen()?;
        assert!(screen.contains("spread "), "{screen}");
        assert!(screen.contains("chosen 1.50, rejected -0.25   g7"), "{screen}");
        stage.press("g g")?;
        assert!(stage.screen()?.contains("loss "));
        Ok(())
    }

    #[test]
    fn opening_it_again_does_not_look_twice_as_often() -> Result<()> {
        let mut stage = Stage::queue(Language::En, (100, 30), &[])?;
        stage.press("t esc t")?;
        let looks = |stage: &Stage| {
            let look = |e: &&Effect| matches!(e, Effect::Look { .. });
            stage.effects.iter().filter(look).count()
        };
        assert_eq!(looks(&stage), 1, "the first is still on its way");
        stage.send(Message::Looked(Followed::Nothing));
        assert_eq!(looks(&stage), 2, "it goes on");
        stage.press("t")?;
        assert!(stage.app.overlays().is_empty(), "the key that opens it closes it");
        stage.send(Message::Looked(Followed::Nothing));
        assert_eq!(looks(&stage), 2, "nobody looks any more");
        stage.press("t")?;
        assert_eq!(looks(&stage), 3);
        Ok(())
    }
}
