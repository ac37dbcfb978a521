//! What an answer sees where it is known beforehand which lines it is to cite: these, and nothing else of the papers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use plumbline::engine::Calibration;
use plumbline::engine::event::{ScoreEvent, ScoreRequest};
use plumbline::engine::plan::Planner;
use plumbline::engine::scorer::{KnownAnswer, Run};
use plumbline::evidence::EvidenceKind;
use plumbline::ingest::redaction::Redaction;
use plumbline::model::chat::ChatFrame;
use plumbline::model::gguf::Gguf;
use plumbline::model::tokenizer::Tokenizer;

use super::prefix::short;
use super::{DEFAULT, Tested, request, score, shared};
use crate::env;

/// What the default model reads with; its weights stay where they are.
fn reader() -> Tested<(Tokenizer, ChatFrame)> {
    let gguf = Gguf::open(&env::real_weights(DEFAULT)?.path)?;
    let tokenizer = Tokenizer::from_gguf(&gguf)?;
    let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
    Ok((tokenizer, frame))
}

fn planner<'a>(tokenizer: &'a Tokenizer, frame: &'a ChatFrame) -> Planner<'a> {
    Planner {
        tokenizer,
        frame,
        context: 32_768,
        shortlist: 12,
    }
}

#[test]
fn an_excerpt_has_the_head_the_headings_and_the_lines_that_are_cited() -> Tested {
    let (tokenizer, frame) = reader()?;
    let planner = planner(&tokenizer, &frame);
    let dossier = short()?;
    let request = request(&dossier, &["quality"])?;
    let mut plan = planner.plan(&request)?;
    assert_eq!(plan.excerpt(&[1]), None, "nobody knows yet what is to be cited");
    planner.branch_anew(&mut plan, &request, &|_| Some(vec![0]))?;
    let [first, second] = &dossier.sources[..] else {
        return Err("two sources".into());
    };
    let text = |cited: &[u32]| -> Tested<String> {
        let kept = plan.excerpt(cited).ok_or("an excerpt")?;
        assert!(kept.is_sorted() && kept.iter().all(|at| *at < plan.prefix.len()));
        let tokens: Vec<u32> = kept.iter().map(|&at| plan.prefix[at]).collect();
        Ok(String::from_utf8_lossy(&tokenizer.decode(&tokens)).into_owned())
    };
    let (names, behind) = (
        Redaction::of(&dossier, dossier.meta.language),
        first.segments.len() as u32,
    );
    let said = text(&[2, behind + 3])?;
    for words in [
        &first.title,
        &second.title,
        &first.segments[1].text,
        &second.segments[2].text,
        "Role:",
    ] {
        assert!(said.contains(&*names.hide(words)), "{words:?} in {said:?}");
    }
    for words in [
        &first.segments[3].text,
        &first.segments[4].text,
        &second.segments[4].text,
    ] {
        assert!(
            words.len() > 20 && !said.contains(&*names.hide(words)),
            "{words:?} in {said:?}"
        );
    }
    let other = text(&[behind + 3])?;
    assert!(
        !other.contains(&first.title) && other.contains(&second.title),
        "{other:?}"
    );
    Ok(())
}

/// The tokenizer composes what Unicode allows to be composed: lines are found in what it reads. Who is judged stays hidden in the
/// role too, and a dimension that is named twice is asked about once.
#[test]
fn a_character_in_two_parts_takes_no_line_from_its_place() -> Tested {
    let (tokenizer, frame) = reader()?;
    let planner = planner(&tokenizer, &frame);
    let mut dossier = (*short()?).clone();
    let name = dossier.meta.subject.name.clone();
    dossier.sources[0].segments[1].text += " re\u{301}sume\u{301}";
    dossier.meta.role = format!("Deputy, {name}");
    let plan = planner.plan(&request(&Arc::new(dossier), &["quality", "quality"])?)?;
    assert_eq!(plan.places.len(), plan.segments.len());
    let at = plan.places[1].clone();
    let line = String::from_utf8_lossy(&tokenizer.decode(&plan.prefix[at])).into_owned();
    assert!(line.contains("r\u{e9}sum\u{e9}"), "{line:?}");
    let papers = String::from_utf8_lossy(&tokenizer.decode(&plan.prefix)).into_owned();
    assert!(!papers.contains(&name), "{papers:?}");
    assert_eq!(plan.branches.len(), 1);
    Ok(())
}

/// Under the calibration that comes with the program: what is cited is weighed, and the words that the model wrote are likelier
/// than those it wrote of something else.
#[test]
fn what_was_written_of_a_dimension_is_likelier_there_than_elsewhere() -> Tested {
    let file = format!("models/calibrations/{DEFAULT}.core.json");
    let bytes = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))?;
    let request = ScoreRequest {
        calibration: Some(Arc::new(Calibration::decode(&bytes)?)),
        ..request(&short()?, &["collaboration", "growth"])?
    };
    let mut scorer = shared(DEFAULT)?;
    let said = score(&mut scorer, &request)?;
    let answer = |n: usize| {
        let (assessment, _) = &said.finished[n];
        KnownAnswer {
            evidence: Vec::new(),
            level: 3,
            rationale: assessment.rationale.clone(),
            suggestion: assessment.suggestion.clone(),
        }
    };
    assert_ne!(answer(0), answer(1));
    let dimension = |n: usize| said.finished[n].0.dimension.clone();
    let mut likelihood = |words: [usize; 2]| -> Tested<f64> {
        let known = BTreeMap::from([(dimension(0), answer(words[0])), (dimension(1), answer(words[1]))]);
        let run = &mut Run {
            sink: &mut |_| {},
            cancelled: &|| false,
        };
        let told = scorer.likelihood(&request, &known, run)?;
        assert!(told.len() == 2 && told.iter().all(|p| *p < 0.0), "{told:?}");
        Ok(told.iter().sum())
    };
    let (own, swapped) = (likelihood([0, 1])?, likelihood([1, 0])?);
    assert!(own > swapped + 0.1, "{own} and {swapped}");

    let mut cited: Vec<_> = said.finished.iter().flat_map(|(a, _)| &a.evidence).collect();
    cited.retain(|link| link.kind == EvidenceKind::Quote);
    let mut weighed = 0;
    let mut sink = |event| weighed += usize::from(matches!(event, ScoreEvent::Influence { .. }));
    let again = ScoreRequest {
        influence: true,
        score_only: true,
        ..request.clone()
    };
    let run = &mut Run {
        sink: &mut sink,
        cancelled: &|| false,
    };
    scorer.score(&again, run)?;
    assert_eq!(weighed, cited.len());
    Ok(())
}
