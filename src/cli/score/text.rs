//! The lines of `plumb score`: each score with where it comes from.

use super::{Scored, segments};
use crate::cli::out;
use crate::dossier::Language;
use crate::engine::{Assessment, ScoreRequest};
use crate::error::Result;
use crate::evidence::EvidenceLink;
use crate::ingest::redaction::Redaction;
use crate::rubric::Polarity;
use crate::sanitize;

/// Who is scored, by what.
pub(super) fn print_start(request: &ScoreRequest) -> Result<()> {
    let meta = &request.dossier.meta;
    let mut lines = vec![format!(
        "{} ({})  {}  {}  {} {}",
        sanitize::line(&meta.subject.name),
        sanitize::line(meta.subject.id.as_str()),
        sanitize::line(&meta.role),
        sanitize::line(&meta.cycle),
        request.rubric.title.get(request.language),
        request.rubric.version,
    )];
    lines.extend(
        request
            .dossier
            .problems
            .iter()
            .map(|p| format!("! {}: {}", p.path, p.message)),
    );
    out::lines(&lines)
}

/// One dimension: the score, what it rests on, why, and what to do next.
pub(super) fn print_assessment(request: &ScoreRequest, assessment: &Assessment) -> Result<()> {
    let reading = &assessment.reading;
    let name = request
        .rubric
        .dimension(&assessment.dimension)
        .map_or("", |d| d.name.get(request.language));
    let words = Words::of(request.language);
    let mut lines = vec![
        String::new(),
        format!(
            "{name}  {:.1} ±{:.1}  {}",
            reading.score,
            reading.sd,
            bar(&reading.probabilities)
        ),
    ];
    if let Some(margin) = reading.margin {
        let sign = if reading.needs_a_person() { "⚠ " } else { "" };
        let (said, margin) = (format!("{:.1}", reading.raw_score), format!("{margin:.1}"));
        let text = words
            .calibrated
            .replace("{said}", &said)
            .replace("{margin}", &margin);
        lines.push(format!("  {sign}{text}"));
    }
    lines.extend(
        assessment
            .evidence
            .iter()
            .map(|link| format!("  <- {}", evidence(link))),
    );
    if !request.score_only {
        let names = Redaction::by(&request.rubric, &request.dossier, request.language);
        let (why, next) = (&assessment.rationale, &assessment.suggestion);
        lines.push(format!("  {} {}", words.rationale, names.reveal(why)));
        lines.push(format!("  {} {}", words.suggestion, names.reveal(next)));
    }
    out::lines(&lines)
}

/// What each cited segment carries.
pub(super) fn print_influences(scored: &Scored) -> Result<()> {
    let request = &scored.request;
    let mut lines = vec![String::new(), Words::of(request.language).influence.to_owned()];
    for (assessment, _) in &scored.finished {
        let name = request
            .rubric
            .dimension(&assessment.dimension)
            .map_or("", |d| d.name.get(request.language));
        lines.push(format!("{name}  {:.1}", assessment.reading.score));
        let carried = |link| Some((scored.carries(assessment, link)?, link));
        let mut carried: Vec<_> = assessment.evidence.iter().filter_map(carried).collect();
        carried.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
        lines.extend(
            carried
                .iter()
                .map(|(carries, link)| format!("  {carries:+.2}  {}", evidence(link))),
        );
    }
    out::lines(&lines)
}

/// How long it took.
pub(super) fn print_end(scored: &Scored) -> Result<()> {
    let timing = &scored.timing;
    let rate = timing.prefill_tokens as f64 / (timing.prefill_ms / 1000.0).max(1e-3);
    let omitted = scored.finished.first().map_or(0, |(a, _)| a.omitted);
    let mut lines = vec![
        String::new(),
        format!(
            "{} tokens read ({rate:.0}/s), {} kept from before, first score {:.1} s, all {:.1} s, {} tokens written",
            timing.prefill_tokens,
            timing.kept_tokens,
            timing.first_score_ms / 1000.0,
            timing.total_ms / 1000.0,
            timing.generated_tokens,
        ),
    ];
    if omitted > 0 {
        let total = segments(&scored.request.dossier);
        lines.push(format!(
            "! {omitted} of {total} segments did not fit the model's context and were not read"
        ));
    }
    out::lines(&lines)
}

/// `weekly-w12.md:12 "…"`, `meeting.vtt 14:05 "…" x12`, `plan.pdf p. 3 "…"`.
fn evidence(link: &EvidenceLink) -> String {
    let place = &link.place;
    let source = sanitize::line(&place.source);
    let at = match (&place.spot, place.time) {
        (Some(spot), _) => format!("{source} {spot}"),
        (None, Some(time)) => format!("{source} {}", time.clock()),
        (None, None) => format!("{source}:{}", place.line),
    };
    let against = if link.polarity == Polarity::Contradicts {
        "(-) "
    } else {
        ""
    };
    match &link.count {
        Some(count) => format!("{against}{at} \"{}\" x{}", sanitize::line(&count.term), count.n),
        None => format!("{against}{at} \"{}\"", place.quote),
    }
}

/// Five blocks, one a level, as high as its probability.
fn bar(probabilities: &[f32; 5]) -> String {
    const BLOCKS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    probabilities
        .iter()
        .map(|p| BLOCKS[((p * 8.0).ceil() as usize).min(8)])
        .collect()
}

struct Words {
    rationale: &'static str,
    suggestion: &'static str,
    influence: &'static str,
    calibrated: &'static str,
}

impl Words {
    fn of(language: Language) -> Self {
        match language {
            Language::Zh => Self {
                rationale: "理由：",
                suggestion: "建议：",
                influence: "每条证据的分量（总分减去看不到它时的分数）：",
                calibrated: "已按人评校准：模型原评 {said}，九成人评在 ±{margin} 以内",
            },
            Language::En => Self {
                rationale: "Why:",
                suggestion: "Next:",
                influence: "What each cited segment carries (the score minus the score without it):",
                calibrated: "calibrated to people's ratings: the model said {said}; nine in ten lie within ±{margin}",
            },
        }
    }
}
