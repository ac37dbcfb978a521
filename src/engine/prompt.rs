//! The prompt of a request: one prefix that all dimensions share, and one short branch a dimension.
//!
//! The wording lives in `prompts/*.j2`, one file a part and language. What comes from documents is tokenized apart from
//! the model's template, so that nothing in it can become a special token.

use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{Environment, Value, context};
use serde::Serialize;

use crate::dossier::{Dossier, Language, Segment, Source, SourceKind};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::ingest::redaction::Redaction;
use crate::rubric::Dimension;
use crate::sanitize;

/// The most tokens a branch prompt may have: what one more dimension costs.
pub const BRANCH_LIMIT: usize = 200;

const TEMPLATES: [(&str, &str); 6] = [
    ("system.zh", include_str!("prompts/system.zh.j2")),
    ("system.en", include_str!("prompts/system.en.j2")),
    ("dossier.zh", include_str!("prompts/dossier.zh.j2")),
    ("dossier.en", include_str!("prompts/dossier.en.j2")),
    ("branch.zh", include_str!("prompts/branch.zh.j2")),
    ("branch.en", include_str!("prompts/branch.en.j2")),
];

/// SHA-256 over the prompt templates, in a fixed order: part of an assessment's identity.
pub fn templates_hash() -> ContentHash {
    static HASH: LazyLock<ContentHash> = LazyLock::new(|| {
        let all: String = TEMPLATES
            .iter()
            .map(|(name, text)| format!("{name}\n{text}\n"))
            .collect();
        ContentHash::of(all.as_bytes())
    });
    *HASH
}

/// The system message.
///
/// # Errors
/// The template is broken.
pub fn system(language: Language) -> Result<String> {
    render("system", language, context! {})
}

/// The first part of the user's message: the dossier with numbered segments. `shown` are the segments the model gets to
/// see, in order; the prompt number of each is its index plus one. `omitted` is how many it does not. `redaction` hides
/// who is spoken of.
///
/// # Errors
/// The template is broken.
pub fn dossier(
    dossier: &Dossier,
    shown: &[&Segment],
    omitted: usize,
    language: Language,
    redaction: &Redaction,
) -> Result<String> {
    let mut sources: Vec<SourceView> = Vec::new();
    let mut last = None;
    for (number, segment) in (1..).zip(shown) {
        if last != Some(segment.source) {
            last = Some(segment.source);
            sources.push(SourceView::of(dossier.source_of(segment), language, redaction));
        }
        if let Some(source) = sources.last_mut() {
            source.segments.push(SegmentView::of(number, segment, redaction));
        }
    }
    let meta = &dossier.meta;
    let hidden = |text: &str| redaction.hide(&sanitize::line(text)).into_owned();
    let (role, level) = (hidden(&meta.role), meta.level.as_deref().map(hidden));
    let (cycle, subject) = (hidden(&meta.cycle), redaction.subject());
    let sources = Value::from(Serde(sources));
    render(
        "dossier",
        language,
        context! { role, level, cycle, subject, sources, omitted },
    )
}

/// The second part of the user's message: one dimension, its levels, and the segments worth a look.
///
/// # Errors
/// The template is broken.
pub fn branch(dimension: &Dimension, shortlist: &[u32], language: Language) -> Result<String> {
    let anchors: Vec<Value> = dimension.anchors.iter().map(|a| a.get(language).into()).collect();
    let (name, definition) = (dimension.name.get(language), dimension.definition.get(language));
    let shortlist: Vec<Value> = shortlist.iter().map(|n| Value::from(*n)).collect();
    render(
        "branch",
        language,
        context! { name, definition, anchors, shortlist },
    )
}

/// One line of the numbered dossier, as long as [`dossier`] writes it: what a segment costs.
pub fn segment_line(segment: &Segment, redaction: &Redaction) -> String {
    let speaker = segment
        .speaker
        .as_deref()
        .map(|s| format!("{}: ", redaction.hide(s)))
        .unwrap_or_default();
    format!("[{}] {speaker}{}\n", segment.no, redaction.hide(&segment.text))
}

#[derive(Serialize)]
struct SourceView {
    title: String,
    kind: &'static str,
    date: Option<String>,
    segments: Vec<SegmentView>,
}

impl SourceView {
    fn of(source: &Source, language: Language, redaction: &Redaction) -> Self {
        Self {
            title: redaction.hide(&source.title).into_owned(),
            kind: kind_name(source.kind, language),
            date: source.date.map(|d| d.to_string()),
            segments: Vec::new(),
        }
    }
}

#[derive(Serialize)]
struct SegmentView {
    number: u32,
    speaker: Option<String>,
    text: String,
}

impl SegmentView {
    fn of(number: u32, segment: &Segment, redaction: &Redaction) -> Self {
        let hidden = |text: &str| redaction.hide(text).into_owned();
        Self {
            number,
            speaker: segment.speaker.as_deref().map(hidden),
            text: hidden(&segment.text),
        }
    }
}

/// What a kind of source is called in the prompt.
fn kind_name(kind: SourceKind, language: Language) -> &'static str {
    let (zh, en) = match kind {
        SourceKind::Weekly => ("周报", "weekly report"),
        SourceKind::Project => ("项目报告", "project report"),
        SourceKind::SelfReview => ("自评", "self-review"),
        SourceKind::Peer => ("同事评价", "peer notes"),
        SourceKind::Chat => ("聊天记录", "chat log"),
        SourceKind::Okr => ("OKR", "OKR table"),
        SourceKind::Meeting => ("会议记录", "meeting transcript"),
        SourceKind::Other => ("其他材料", "other material"),
    };
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
}

fn render(part: &str, language: Language, values: Value) -> Result<String> {
    static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);
    let name = format!("{part}.{}", language.code());
    let broken = |e| Error::new(ErrorKind::Internal, format!("prompt template {name}")).because(e);
    let template = ENVIRONMENT.get_template(&name).map_err(broken)?;
    template.render(values).map_err(broken)
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    if let Ok(syntax) = minijinja::syntax::SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
    {
        environment.set_syntax(syntax);
    }
    for (name, text) in TEMPLATES {
        // A template that does not parse is found missing when it is asked for; a test renders all of them.
        let _ = environment.add_template(name, text);
    }
    environment
}
