//! The lines of `plumb score`: each score with where it comes from.

use super::{Scored, segments};
use crate::cli::out;
use crate::dossier::Language;
use crate::engine::{Assessment, ScoreRequest};
use crate::error::Result;
use crate::evidence::{EvidenceLink, Outcome, Place, unfounded};
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
            reading.spread(),
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
        let why = names.reveal(why);
        lines.push(format!("  {} {why}", words.rationale));
        let numbers = unfounded(&why, &request.dossier, &assessment.evidence);
        if !numbers.is_empty() {
            lines.push(format!("  ⚠ {} {}", words.unfounded, numbers.join(" ")));
        }
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
        lines.push(format!("{name}  {:.1}", assessment.reading.raw_score));
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

/// The claims that other places contradict, with both ends, and how many were looked at.
pub(super) fn print_checks(scored: &Scored) -> Result<()> {
    let checks = scored
        .checks
        .iter()
        .filter(|c| c.outcome != Outcome::NotCheckable);
    let of = |outcome: Outcome| checks.clone().filter(move |c| c.outcome == outcome);
    let n = checks.clone().count();
    if n == 0 {
        return Ok(());
    }
    let count = |outcome| of(outcome).count().to_string();
    let sum = Words::of(scored.request.language)
        .checks
        .replace("{n}", &n.to_string())
        .replace("{supported}", &count(Outcome::Supports))
        .replace("{contradicted}", &count(Outcome::Contradicts))
        .replace("{missing}", &count(Outcome::NotFound));
    let mut lines = vec![String::new(), sum];
    for check in of(Outcome::Contradicts) {
        let others = check
            .others
            .iter()
            .filter(|o| o.polarity == Polarity::Contradicts);
        let ends = others.map(|other| format!("  {} <> {}", quoted(&check.place), quoted(&other.place)));
        lines.extend(ends);
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
    let at = whereabouts(place);
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

/// `weekly-w12.md:12 "…"`.
fn quoted(place: &Place) -> String {
    format!("{} \"{}\"", whereabouts(place), place.quote)
}

/// `weekly-w12.md:12`, `meeting.vtt 14:05`, `plan.pdf p. 3`.
fn whereabouts(place: &Place) -> String {
    let source = sanitize::line(&place.source);
    match (&place.spot, place.time) {
        (Some(spot), _) => format!("{source} {spot}"),
        (None, Some(time)) => format!("{source} {}", time.clock()),
        (None, None) => format!("{source}:{}", place.line),
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
    unfounded: &'static str,
    checks: &'static str,
}

impl Words {
    fn of(language: Language) -> Self {
        match language {
            Language::Zh => Self {
                rationale: "理由：",
                suggestion: "建议：",
                influence: "每条证据的分量（模型原始评分减去看不到它时的原始评分）：",
                unfounded: "引用的句子里没有：",
                calibrated: "已校准：模型原始评分 {said}，九成评分在 ±{margin} 以内",
                checks: "自述与材料核对 {n} 条：{supported} 条有佐证，{contradicted} 条不符，{missing} 条未见提及",
            },
            Language::En => Self {
                rationale: "Why:",
                suggestion: "Next:",
                influence: "What each cited segment carries (the model's own score minus its score without it):",
                unfounded: "in no cited line:",
                calibrated: "calibrated: the model said {said}; nine in ten ratings lie within ±{margin}",
                checks: "{n} claims against the other sources: {supported} supported, {contradicted} contradicted, {missing} not found",
            },
        }
    }
}
