//! Drafts for tests: one made-up dossier a number, assessed and decided.

use std::path::Path;
use std::sync::Arc;

use crate::clock::FixedClock;
use crate::dossier::{DossierMeta, Language, SourceFormat, SourceKind, Subject};
use crate::engine::assessment::{Assessment, ModelIdentity, RubricIdentity, ScoreReading, Trace};
use crate::error::Result;
use crate::evidence::{EvidenceKind, EvidenceLink, Place, Polarity};
use crate::hash::ContentHash;
use crate::id::{DimensionId, DossierId, ModelId, RecordId, RubricId, SegmentNo, SubjectId};
use crate::model::lora::LoraSettings;
use crate::review::{
    Act, AdapterRecord, AdapterStep, Calibrated, Decision, DossierRead, Entry, Seen, SourceRead, Undo,
};
use crate::store::record::Draft;
use crate::store::{Store, StoreHandle, Workspace};

/// The moment at which every test happens.
pub(crate) fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock(jiff::Timestamp::constant(1_782_806_400, 0)))
}

/// Runs `work` on a store at `root` and closes it in good order.
pub(crate) fn with_store<T>(root: &Path, work: impl FnOnce(&StoreHandle) -> Result<T>) -> Result<T> {
    let (handle, thread) = Store::start(Workspace::open(root, clock())?)?;
    let done = work(&handle);
    drop(handle);
    thread.join().expect("the writing task does not panic")?;
    done
}

pub(crate) fn dossier_id(n: u32) -> DossierId {
    DossierId::new(format!("d{n}"))
}

fn rubric() -> RubricIdentity {
    RubricIdentity {
        id: RubricId::new("core"),
        version: "1.0.0".to_owned(),
        sha256: ContentHash::of(b"core"),
    }
}

fn draft(id: &str, dossier: u32, entry: Entry) -> Draft {
    Draft {
        id: RecordId::new(id),
        actor: "hr.chen".into(),
        role: "reviewer".to_owned(),
        subject: SubjectId::new(format!("E{dossier}")),
        entry,
        blobs: Vec::new(),
    }
}

/// A dossier of one source was read.
pub(crate) fn read(id: &str, dossier: u32) -> Draft {
    let bytes = format!("Led the sync of dossier {dossier}. Shipped it late.").into_bytes();
    let sha256 = ContentHash::of(&bytes);
    let entry = Entry::Dossier(DossierRead {
        meta: DossierMeta {
            id: dossier_id(dossier),
            subject: Subject {
                id: SubjectId::new(format!("E{dossier}")),
                name: "李雷".to_owned(),
            },
            role: "engineer".to_owned(),
            level: None,
            cycle: "2026H1".to_owned(),
            language: Language::En,
            people: Vec::new(),
            earlier: Vec::new(),
        },
        sources: vec![SourceRead {
            path: "weekly.md".to_owned(),
            title: "weekly".to_owned(),
            kind: SourceKind::Weekly,
            rendition: None,
            format: SourceFormat::Markdown,
            sha256,
            bytes: bytes.len() as u64,
            encoding: "UTF-8".to_owned(),
            segments: 2,
        }],
    });
    Draft {
        blobs: vec![(sha256, bytes)],
        ..draft(id, dossier, entry)
    }
}

/// A link to segment `segment` of the one source.
pub(crate) fn link(dossier: u32, segment: u32) -> EvidenceLink {
    let source = format!("Led the sync of dossier {dossier}. Shipped it late.");
    let start = segment as usize * 10;
    EvidenceLink {
        kind: EvidenceKind::Quote,
        polarity: Polarity::Supports,
        place: Place {
            source: "weekly.md".to_owned(),
            sha256: ContentHash::of(source.as_bytes()),
            segment: SegmentNo(segment),
            start,
            end: start + 10,
            line: 1,
            time: None,
            speaker: None,
            spot: None,
            region: None,
            quote: "Led the sync".to_owned(),
        },
        count: None,
    }
}

fn model() -> ModelIdentity {
    ModelIdentity {
        id: ModelId::new("smollm2"),
        sha256: ContentHash::of(b"weights"),
        adapter: None,
    }
}

/// The trace of [`assessed`].
pub(crate) fn trace(dossier: u32, dimension: &str, score: f32) -> Trace {
    let place = link(dossier, 1).place;
    Trace {
        v: 1,
        dossier: dossier_id(dossier),
        dimension: DimensionId::new(dimension),
        prefix: vec![1, 2, 3],
        branch: vec![4],
        output: vec![5],
        logits: [0.0, 1.0, 2.0, score, 0.5],
        hidden: vec![0; 4],
        text: vec![0; 4],
        focus: None,
        seed: 7,
        model: model(),
        rubric: rubric(),
        prompt_sha256: ContentHash::of(b"prompt"),
        segments: (0..4).map(|i| (place.sha256, i * 10, i * 10 + 10)).collect(),
    }
}

/// The model said `score` of a dimension, resting on segments 1 and 2.
pub(crate) fn assessed(id: &str, dossier: u32, dimension: &str, score: f32) -> Draft {
    let bytes = trace(dossier, dimension, score)
        .encode()
        .expect("its numbers are finite");
    let hash = ContentHash::of(&bytes);
    let assessment = Assessment {
        id: hash,
        dossier: dossier_id(dossier),
        dimension: DimensionId::new(dimension),
        reading: ScoreReading {
            score,
            raw_score: score,
            sd: 0.5,
            probabilities: [0.1, 0.1, 0.2, 0.4, 0.2],
            validity: 0.98,
            margin: None,
        },
        calibration: None,
        evidence: vec![link(dossier, 1), link(dossier, 2)],
        rationale: "Led the sync, shipped \"late\".".to_owned(),
        suggestion: "Plan a buffer.".to_owned(),
        omitted: 0,
        language: Language::En,
        model: model(),
        rubric: rubric(),
        seed: 7,
        prompt_sha256: ContentHash::of(b"prompt"),
    };
    Draft {
        role: "engine".to_owned(),
        blobs: vec![(hash, bytes)],
        ..draft(id, dossier, Entry::Assessment(Box::new(assessment)))
    }
}

/// A person's act on a dimension, about `assessment`.
pub(crate) fn decided(id: &str, dossier: u32, dimension: &str, about: Option<&Draft>, act: Act) -> Draft {
    let assessment = about.and_then(|a| a.blobs.first()).map(|(hash, _)| *hash);
    let entry = Entry::Decision(Box::new(Decision {
        dossier: dossier_id(dossier),
        dimension: DimensionId::new(dimension),
        rubric: rubric(),
        assessment,
        seen: Seen {
            blind: false,
            model_visible: true,
            model_score: None,
            source: Some("weekly.md".to_owned()),
            segment: Some(SegmentNo(1)),
        },
        act,
    }));
    draft(id, dossier, entry)
}

/// A calibration whose blob is `bytes` is taken into use.
pub(crate) fn calibrated(id: &str, bytes: &[u8]) -> Draft {
    let hash = ContentHash::of(bytes);
    Draft {
        subject: SubjectId::nobody(),
        blobs: vec![(hash, bytes.to_vec())],
        ..draft(
            id,
            0,
            Entry::Calibration(Box::new(Calibrated {
                model: model(),
                rubric: rubric(),
                calibration: Some(hash),
                ratings: 24,
                dimensions: Vec::new(),
                cause: "fitted to decisions".to_owned(),
                data: None,
            })),
        )
    }
}

/// An adapter whose blob is `bytes` comes in.
pub(crate) fn adapted(id: &str, bytes: &[u8]) -> Draft {
    let hash = ContentHash::of(bytes);
    Draft {
        subject: SubjectId::nobody(),
        blobs: vec![(hash, bytes.to_vec())],
        ..draft(
            id,
            0,
            Entry::Adapter(Box::new(AdapterRecord {
                model: model(),
                name: "first".to_owned(),
                adapter: Some(hash),
                settings: Some(LoraSettings::default()),
                step: AdapterStep::Imported,
                verdict: None,
                manifest: None,
                reason: None,
            })),
        )
    }
}

/// `record` is taken back.
pub(crate) fn undone(id: &str, dossier: u32, record: &str) -> Draft {
    draft(
        id,
        dossier,
        Entry::Undo(Undo {
            dossier: dossier_id(dossier),
            record: RecordId::new(record),
        }),
    )
}
