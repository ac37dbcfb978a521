//! A made-up dossier, read, assessed by a model and decided by a person.

use plumbline::error::{Error, ErrorKind, Result};
use plumbline::hash::ContentHash;
use plumbline::id::RecordId;
use plumbline::review::Entry;
use plumbline::store::Draft;
use serde_json::{Value, json};

pub(super) const SOURCE: &str = "Led the sync of two teams. Shipped it a week late. Wrote down why.";

fn draft(id: &str, dossier: &str, entry: Value, blobs: Vec<Vec<u8>>) -> Result<Draft> {
    let entry: Entry = serde_json::from_value(entry)
        .map_err(|e| Error::new(ErrorKind::Internal, format!("the story's {id}")).because(e))?;
    Ok(Draft {
        id: RecordId::new(id),
        actor: "hr.chen".into(),
        role: "reviewer".to_owned(),
        subject: format!("E-{dossier}").as_str().into(),
        entry,
        blobs: blobs
            .into_iter()
            .map(|bytes| (ContentHash::of(&bytes), bytes))
            .collect(),
    })
}

fn rubric() -> Value {
    json!({"id": "core", "version": "1.0.0", "sha256": ContentHash::of(b"core")})
}

fn model() -> Value {
    json!({"id": "smollm2-135m-instruct-q4_1", "sha256": ContentHash::of(b"weights"), "adapter": null})
}

/// The dossier's one source was read; `note` makes it another source.
pub(super) fn read(id: &str, dossier: &str, note: &str) -> Result<Draft> {
    let bytes = format!("{SOURCE}{note}").into_bytes();
    let entry = json!({"type": "dossier", "body": {
        "meta": {"id": dossier, "subject": {"id": format!("E-{dossier}"), "name": "李雷"},
            "role": "engineer", "cycle": "2026H1", "language": "en"},
        "sources": [{"path": "weekly.md", "title": "weekly", "kind": "weekly", "format": "markdown",
            "sha256": ContentHash::of(&bytes), "bytes": bytes.len(), "encoding": "UTF-8", "segments": 3}],
    }});
    draft(id, dossier, entry, vec![bytes])
}

/// A link to the `start..end` bytes of the source.
fn link(start: usize, end: usize) -> Value {
    json!({"kind": "quote", "polarity": "supports", "source": "weekly.md",
        "sha256": ContentHash::of(SOURCE.as_bytes()), "segment": 1, "start": start, "end": end, "line": 1,
        "quote": SOURCE.get(start..end)})
}

/// The model said `score` of delivery, resting on the second sentence.
pub(super) fn assessed(id: &str, dossier: &str, score: f32) -> Result<Draft> {
    let source = ContentHash::of(SOURCE.as_bytes());
    let trace = serde_json::to_vec(&json!({"v": 1, "dossier": dossier, "dimension": "delivery",
        "prefix": [1, 2], "branch": [3], "output": [4], "logits": [0, 0, 0, score, 0], "hidden": [], "seed": 7,
        "model": model(), "rubric": rubric(), "prompt_sha256": ContentHash::of(b"prompt"),
        "segments": [[source, 0, 26], [source, 27, 50], [source, 51, 66]]}))
    .map_err(|e| Error::new(ErrorKind::Internal, "the story's trace").because(e))?;
    let entry = json!({"type": "assessment", "body": {
        "id": ContentHash::of(&trace), "dossier": dossier, "dimension": "delivery", "score": score, "raw_score": score,
        "sd": 0.5, "probabilities": [0.1, 0.2, 0.4, 0.2, 0.1], "validity": 1, "calibration": null,
        "evidence": [link(27, 50)], "rationale": "A week late.", "suggestion": "Plan a buffer.", "omitted": 0,
        "language": "en", "model": model(), "rubric": rubric(), "seed": 7,
        "prompt_sha256": ContentHash::of(b"prompt")}});
    draft(id, dossier, entry, vec![trace])
}

/// What a person did about `about`.
fn decided(id: &str, dossier: &str, about: Option<&Draft>, act: &Value) -> Result<Draft> {
    let assessment = about
        .and_then(|a| a.blobs.first())
        .map(|(hash, _)| hash.to_string());
    let entry = json!({"type": "decision", "body": {
        "dossier": dossier, "dimension": "delivery", "rubric": rubric(), "assessment": assessment,
        "seen": {"blind": false, "model_visible": about.is_some(), "model_score": null, "source": "weekly.md", "segment": 2},
        "act": act}});
    draft(id, dossier, entry, Vec::new())
}

pub(super) fn overridden(id: &str, dossier: &str, about: Option<&Draft>, score: f32) -> Result<Draft> {
    let act = json!({"act": "override", "score": score, "reason": "missed evidence"});
    decided(id, dossier, about, &act)
}

pub(super) fn linked(id: &str, dossier: &str, about: &Draft, at: (usize, usize)) -> Result<Draft> {
    decided(
        id,
        dossier,
        Some(about),
        &json!({"act": "link_added", "link": link(at.0, at.1)}),
    )
}

pub(super) fn undone(id: &str, dossier: &str, record: &str) -> Result<Draft> {
    let entry = json!({"type": "undo", "body": {"dossier": dossier, "record": record}});
    draft(id, dossier, entry, Vec::new())
}

/// Read, assessed, overridden, a link added, and a second override that is taken back.
pub(super) fn whole(dossier: &str) -> Result<Vec<Draft>> {
    let id = |what: &str| format!("{dossier}-{what}");
    let said = assessed(&id("said"), dossier, 2.0)?;
    Ok(vec![
        read(&id("read"), dossier, "")?,
        said.clone(),
        overridden(&id("over"), dossier, Some(&said), 3.5)?,
        linked(&id("link"), dossier, &said, (51, 66))?,
        overridden(&id("rash"), dossier, Some(&said), 5.0)?,
        undone(&id("undo"), dossier, &id("rash"))?,
    ])
}
