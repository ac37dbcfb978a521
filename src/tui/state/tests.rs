//! Keys in, records and state out: what each action of the table does.

use super::desk::Pane;
use super::*;
use crate::engine::Timing;
use crate::error::{ErrorKind, Result};
use crate::evidence::Polarity;
use crate::review::{Act, Decision, Entry};
use crate::tui::testing::{Answer, Stage, settings};
use crate::tui::theme::ThemeName;
use crate::tui::words::Word;

const SAMPLE: &str = "zh-lilei-2026h1";
const SIZE: (u16, u16) = (140, 40);

fn answer(score: f32, segments: &[u32]) -> Answer<'_> {
    Answer {
        score,
        sd: 0.5,
        segments,
        rationale: "because",
        suggestion: "do",
    }
}

/// One sample with the first two dimensions scored.
fn stage() -> Result<Stage> {
    let mut stage = Stage::open(Language::En, SIZE, SAMPLE)?;
    stage.finish("collaboration", &answer(4.2, &[5, 9]))?;
    stage.finish("ownership", &answer(2.8, &[5]))?;
    Ok(stage)
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("no {what}"))
}

fn desk(stage: &Stage) -> Result<&Desk> {
    stage.app.desk().ok_or_else(|| missing("desk"))
}

fn decision(stage: &Stage) -> Result<&Decision> {
    match stage.last_entry()? {
        Entry::Decision(decision) => Ok(decision),
        _ => Err(missing("decision")),
    }
}

/// The dimension and act of the last decision after these keys.
fn after(keys: &str) -> Result<(String, Act)> {
    let mut stage = stage()?;
    stage.press(keys)?;
    let decision = decision(&stage)?;
    Ok((decision.dimension.to_string(), decision.act.clone()))
}

fn told(stage: &Stage) -> &str {
    stage.app.told().map_or("", |t| t.text.as_str())
}

fn overridden(score: f32, reason: Option<&str>) -> Act {
    Act::Override {
        score,
        reason: reason.map(str::to_owned),
    }
}

#[test]
fn agreeing_and_disagreeing_cost_the_same_keys() -> Result<()> {
    assert_eq!(after("a j")?.1, Act::Accept { score: 4.0 });
    assert_eq!(after("3 j")?, ("collaboration".to_owned(), overridden(3.0, None)));
    Ok(())
}

#[test]
fn a_reason_is_one_more_key_and_enter_skips_it() -> Result<()> {
    assert_eq!(after("3 enter")?.1, overridden(3.0, None));
    assert_eq!(after("3 . r")?.1, overridden(3.5, Some("evidence-misread")));
    assert_eq!(after("3 5 . enter")?.1, overridden(5.0, None));
    assert_eq!(
        after("2 down down enter")?.1,
        overridden(2.0, Some("evidence-misread"))
    );
    assert_eq!(
        after(". enter")?.1,
        overridden(4.5, None),
        "half a level above what stands"
    );
    Ok(())
}

#[test]
fn a_reason_in_own_words() -> Result<()> {
    let mut stage = stage()?;
    stage.press("2 o")?;
    stage.enter("he was ill")?;
    stage.press("enter")?;
    assert_eq!(decision(&stage)?.act, overridden(2.0, Some("he was ill")));
    Ok(())
}

#[test]
fn escape_takes_a_score_back_before_it_is_recorded() -> Result<()> {
    let mut stage = stage()?;
    let before = stage.drafts.len();
    stage.press("2 esc")?;
    assert_eq!(stage.drafts.len(), before);
    Ok(())
}

#[test]
fn hanging_up_records_what_was_being_decided() -> Result<()> {
    for keys in ["2", "2 o x"] {
        let mut stage = stage()?;
        stage.press(keys)?;
        stage.send(Message::Hangup);
        assert_eq!(decision(&stage)?.act, overridden(2.0, None));
        assert!(matches!(stage.effects.last(), Some(Effect::Quit)));
    }
    Ok(())
}

#[test]
fn closing_a_dossier_ends_its_scoring() -> Result<()> {
    let mut stage = stage()?;
    stage.press("ctrl-c")?;
    assert!(matches!(
        &stage.effects[..],
        [.., Effect::Cancel(_), Effect::Quit]
    ));
    Ok(())
}

#[test]
fn a_place_is_linked_for_and_against() -> Result<()> {
    let mut stage = stage()?;
    stage.press("f3 j j e")?;
    let Act::LinkAdded { link } = &decision(&stage)?.act else {
        return Err(missing("link"));
    };
    let segment = desk(&stage)?.document.segment().map(|s| s.no);
    assert_eq!(
        (Some(link.place.segment), link.polarity),
        (segment, Polarity::Supports)
    );
    stage.press("j E")?;
    let Act::LinkAdded { link } = &decision(&stage)?.act else {
        return Err(missing("link"));
    };
    assert_eq!(link.polarity, Polarity::Contradicts);
    assert!(decision(&stage)?.seen.segment.is_some());
    Ok(())
}

#[test]
fn a_selected_span_is_linked_to_the_byte() -> Result<()> {
    let mut stage = stage()?;
    // `- 清分 v2 全量，6/5 10:40 切完，…`: the first four characters and a space.
    stage.press("f3 j j v l l l e")?;
    let Act::LinkAdded { link } = &decision(&stage)?.act else {
        return Err(missing("link"));
    };
    assert_eq!(link.place.quote, "清分 v");
    let dossier = stage.dossier()?;
    assert_eq!(&dossier.sources[0].raw[link.place.span()], "清分 v");
    assert_eq!(stage.app.mode(), Mode::Review);
    Ok(())
}

#[test]
fn a_selection_over_several_segments_makes_a_link_in_each() -> Result<()> {
    let mut stage = stage()?;
    let before = stage.drafts.len();
    stage.press("f3 j j v j j e")?;
    let links = stage.drafts[before..]
        .iter()
        .filter(|d| matches!(&d.entry, Entry::Decision(_)));
    assert!(links.count() > 1);
    let mut ids: Vec<_> = stage.drafts.iter().map(|d| d.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), stage.drafts.len(), "every record has its own name");
    Ok(())
}

#[test]
fn a_link_is_dropped_with_its_reason() -> Result<()> {
    let (dimension, act) = after("f5 j x u")?;
    assert_eq!(dimension, "collaboration");
    assert!(matches!(act, Act::LinkDropped { reason: Some(r), .. } if r == "evidence-unrelated"));
    let mut stage = stage()?;
    stage.press("f5 G x")?;
    assert_eq!(told(&stage), stage.app.word(Word::NothingToDrop));
    Ok(())
}

#[test]
fn notes_go_to_the_dimension_or_to_the_selected_evidence() -> Result<()> {
    let mut stage = stage()?;
    stage.press("m")?;
    stage.enter("thin")?;
    stage.press("enter")?;
    assert!(matches!(&decision(&stage)?.act, Act::Note { text, place: None } if text == "thin"));
    stage.press("f5 m")?;
    stage.send(Message::Paste("see\nabove".to_owned()));
    stage.press("enter")?;
    assert!(matches!(&decision(&stage)?.act, Act::Note { text, place: Some(_) } if text == "see above"));
    Ok(())
}

#[test]
fn evidence_leads_to_its_place_and_the_place_back_to_its_scores() -> Result<()> {
    let mut stage = stage()?;
    stage.press("f5 enter")?;
    assert_eq!(desk(&stage)?.focus, Pane::Document);
    assert_eq!(desk(&stage)?.document.segment().map(|s| s.no.0), Some(5));
    stage.press("enter enter")?;
    let dimension = desk(&stage)?.dimension_id();
    assert_eq!(
        dimension.as_ref().map(crate::id::DimensionId::as_str),
        Some("ownership"),
        "the second to cite it"
    );
    Ok(())
}

#[test]
fn enter_on_a_count_goes_through_its_occurrences() -> Result<()> {
    let mut stage = stage()?;
    stage.press("f5 j j enter")?;
    let first = desk(&stage)?.document.segment().map(|s| s.no);
    stage.press("enter")?;
    assert_ne!(desk(&stage)?.document.segment().map(|s| s.no), first);
    assert!(told(&stage).starts_with("occurrence 2 of "), "{}", told(&stage));
    Ok(())
}

#[test]
fn a_count_in_another_source_opens_it() -> Result<()> {
    let mut stage = stage()?;
    stage.press("f5 j j enter")?;
    let source = desk(&stage)?.document.source().map(|s| s.path.as_str());
    assert_eq!(source, Some("meeting-0522.vtt"), "where 同步进展 stands first");
    Ok(())
}

#[test]
fn undo_and_blind_and_reveal() -> Result<()> {
    let mut stage = stage()?;
    stage.press("a u")?;
    assert!(matches!(stage.last_entry()?, Entry::Undo(_)));
    let mut settings = settings(Language::En)?;
    settings.blind = true;
    let mut stage = Stage::with(settings, SIZE, &[SAMPLE])?;
    stage.press("enter")?;
    stage.finish("collaboration", &answer(4.2, &[5]))?;
    assert!(!stage.screen()?.contains("4.2"));
    stage.press("a")?;
    assert_eq!(told(&stage), stage.app.word(Word::BlindOn));
    stage.press("B")?;
    assert_eq!(decision(&stage)?.act, Act::Reveal);
    assert!(stage.screen()?.contains("4.2"));
    stage.press("b")?;
    assert!(!desk(&stage)?.review.blind());
    Ok(())
}

#[test]
fn signing_off_asks_first_and_takes_a_note() -> Result<()> {
    let mut stage = stage()?;
    stage.press("S")?;
    assert_eq!(told(&stage), "dimensions still undecided: 8");
    for _ in 0..8 {
        stage.press("3 enter space")?;
    }
    stage.press("S n")?;
    assert!(matches!(stage.last_entry()?, Entry::Decision(_)));
    stage.press("S y")?;
    stage.enter("agreed")?;
    stage.press("enter")?;
    let note = match stage.last_entry()? {
        Entry::SignOff(s) => s.note.as_deref(),
        _ => None,
    };
    assert_eq!(note, Some("agreed"));
    stage.press("4")?;
    assert_eq!(told(&stage), stage.app.word(Word::AlreadySignedOff));
    Ok(())
}

#[test]
fn the_next_undecided_dimension_is_one_key_away() -> Result<()> {
    let mut stage = stage()?;
    stage.press("a ] 2 enter [ space")?;
    assert_eq!(desk(&stage)?.dimension_index(), 2);
    Ok(())
}

#[test]
fn panes_go_round_and_have_their_keys() -> Result<()> {
    let mut stage = stage()?;
    for (keys, pane) in [
        ("tab", Pane::Evidence),
        ("tab", Pane::Sources),
        ("shift-tab", Pane::Evidence),
        ("h", Pane::Dimensions),
        ("l", Pane::Evidence),
        ("f2", Pane::Sources),
        ("f3", Pane::Document),
        ("f4", Pane::Dimensions),
        ("f5", Pane::Evidence),
    ] {
        stage.press(keys)?;
        assert_eq!(desk(&stage)?.focus, pane, "{keys}");
    }
    Ok(())
}

#[test]
fn sources_are_walked_and_the_ends_hold() -> Result<()> {
    let mut stage = stage()?;
    stage.press("f2 G")?;
    assert_eq!(desk(&stage)?.document.index(), 6);
    stage.press("> < g g <")?;
    assert_eq!(desk(&stage)?.document.index(), 0);
    stage.press("f3 G ctrl-u ctrl-d g g")?;
    assert_eq!(desk(&stage)?.document.top(), 0);
    Ok(())
}

#[test]
fn text_is_found_in_all_sources() -> Result<()> {
    let mut stage = stage()?;
    stage.press("n")?;
    assert_eq!(told(&stage), stage.app.word(Word::NothingSought));
    stage.press("/")?;
    stage.enter("对账")?;
    stage.press("enter")?;
    assert_eq!(told(&stage), "match 1 of 6");
    stage.press("N")?;
    assert_eq!(told(&stage), "match 6 of 6  search wrapped");
    stage.press("/")?;
    stage.enter("nowhere")?;
    stage.press("enter")?;
    assert_eq!(told(&stage), stage.app.word(Word::NoMatches));
    Ok(())
}

#[test]
fn the_help_and_the_palette_run_their_rows() -> Result<()> {
    for open in ["?", ":"] {
        let mut stage = stage()?;
        stage.press(open)?;
        stage.enter("accept")?;
        stage.press("enter")?;
        assert_eq!(decision(&stage)?.act, Act::Accept { score: 4.0 }, "{open}");
    }
    let mut stage = stage()?;
    stage.press(":")?;
    stage.enter("leadership")?;
    stage.press("enter")?;
    assert_eq!(desk(&stage)?.dimension_index(), 7);
    Ok(())
}

#[test]
fn an_action_that_cannot_be_done_here_says_so() -> Result<()> {
    let mut stage = stage()?;
    stage.press("?")?;
    stage.enter("change the order")?;
    stage.press("enter")?;
    assert_eq!(told(&stage), stage.app.word(Word::NotHere));
    stage.press("!")?;
    assert_eq!(told(&stage), "! does nothing here");
    Ok(())
}

#[test]
fn looks_change_and_nothing_else() -> Result<()> {
    let mut stage = stage()?;
    stage.press("T L M ctrl-l ctrl-z")?;
    assert_eq!(stage.app.settings().theme.name, ThemeName::Light);
    assert_eq!(stage.app.settings().language, Language::Zh);
    let asked: Vec<_> = stage.effects.iter().map(std::mem::discriminant).collect();
    let wanted = [
        Effect::Redraw,
        Effect::Redraw,
        Effect::Mouse(false),
        Effect::Redraw,
        Effect::Suspend,
    ];
    assert_eq!(
        asked,
        wanted.iter().map(std::mem::discriminant).collect::<Vec<_>>()
    );
    Ok(())
}

/// The picker of a dropped link is about the link: digits give no score there.
#[test]
fn a_digit_over_a_dropped_link_is_a_slip() -> Result<()> {
    let mut stage = stage()?;
    let before = stage.drafts.len();
    stage.press("f5 x 4 .")?;
    assert_eq!(told(&stage), Word::NotHere.text(Language::En));
    assert_eq!(stage.app.overlays().len(), 1);
    stage.press("enter")?;
    assert_eq!(stage.drafts.len(), before + 1);
    assert!(matches!(decision(&stage)?.act, Act::LinkDropped { .. }));
    Ok(())
}

#[test]
fn the_profile_scrolls_no_further_than_its_end_and_back_at_once() -> Result<()> {
    let mut stage = stage()?;
    let top = |stage: &Stage| match stage.app.overlays() {
        [Overlay::Profile(top)] => Ok(*top),
        _ => Err(missing("profile")),
    };
    stage.press("p G")?;
    let last = top(&stage)?;
    assert!(last > 0, "it fits");
    stage.press("j j ctrl-d")?;
    assert_eq!(top(&stage)?, last);
    stage.press("k")?;
    assert_eq!(top(&stage)?, last - 1);
    stage.press("g g k")?;
    assert_eq!(top(&stage)?, 0);
    Ok(())
}

#[test]
fn a_profile_is_written_and_never_over_another_unasked() -> Result<()> {
    let mut stage = stage()?;
    stage.press("p ctrl-s enter")?;
    let Some(Effect::Export {
        path,
        contents,
        overwrite,
        ..
    }) = stage.effects.last()
    else {
        return Err(missing("export"));
    };
    assert_eq!(path.to_str(), Some("zh-lilei-2026h1.svg"));
    assert!(contents.contains("<svg") && !overwrite);
    let exists = ExportFault::Exists(ExportFormat::Svg, path.clone());
    stage.send(Message::Exported(Err(exists)));
    stage.press("y")?;
    assert!(matches!(
        stage.effects.last(),
        Some(Effect::Export { overwrite: true, .. })
    ));
    Ok(())
}

#[test]
fn scoring_is_asked_again_and_stopped() -> Result<()> {
    let mut stage = stage()?;
    stage.press("s")?;
    assert!(matches!(stage.effects.last(), Some(Effect::Cancel(_))));
    stage.engine(ScoreEvent::Cancelled);
    stage.press("r")?;
    assert_eq!(stage.asked.last().map(|r| r.dimensions.len()), Some(1));
    stage.engine(ScoreEvent::Done(Timing::default()));
    stage.press("R")?;
    assert_eq!(stage.asked.last().map(|r| r.dimensions.len()), Some(7));
    Ok(())
}

#[test]
fn the_queue_opens_goes_on_and_comes_back() -> Result<()> {
    let names = ["en-tom-okafor-2026h1", SAMPLE];
    let mut stage = Stage::queue(Language::En, SIZE, &names)?;
    stage.press("s enter")?;
    let first = desk(&stage)?.row;
    stage.press("ctrl-n")?;
    assert_ne!(desk(&stage)?.row, first);
    stage.press("ctrl-n")?;
    assert_eq!(told(&stage), stage.app.word(Word::NoMoreDossiers));
    stage.press("ctrl-p q")?;
    assert!(stage.app.desk().is_none());
    stage.press("/")?;
    stage.enter("okafor")?;
    assert_eq!(stage.app.queue().visible().len(), 1);
    stage.press("enter esc f f j q")?;
    assert!(matches!(stage.effects.last(), Some(Effect::Quit)));
    Ok(())
}

#[test]
fn reopening_shows_the_decisions_made_before() -> Result<()> {
    let names = [SAMPLE, "en-tom-okafor-2026h1"];
    let mut stage = Stage::queue(Language::En, SIZE, &names)?;
    stage.send(Message::Open(0));
    stage.finish("collaboration", &answer(4.2, &[5]))?;
    stage.press("2 enter q")?;
    stage.send(Message::Open(0));
    let first = &desk(&stage)?.review.dimensions()[0];
    assert_eq!(first.score(), Some(2.0));
    assert_eq!(stage.asked.last().map(|r| r.dimensions.len()), Some(7));
    Ok(())
}

#[test]
fn saved_is_shown_only_after_the_receipt() -> Result<()> {
    let mut stage = stage()?;
    stage.saves = false;
    stage.press("a")?;
    assert_eq!(stage.app.unsaved(), 1);
    let screen = stage.screen()?;
    assert!(
        screen.contains("saving...") && !screen.contains("saved #"),
        "{screen}"
    );
    Ok(())
}

#[test]
fn a_failed_write_is_said_and_ends_the_writing() -> Result<()> {
    let mut stage = stage()?;
    stage.saves = false;
    stage.press("a")?;
    let id = stage
        .drafts
        .last()
        .map(|d| d.id.clone())
        .ok_or_else(|| missing("record"))?;
    stage.send(Message::NotSaved(id, ErrorKind::Io, "no space left".to_owned()));
    assert!(told(&stage).contains("no space left"));
    assert!(stage.screen()?.contains("read-only"));
    stage.press("2")?;
    assert_eq!(told(&stage), stage.app.word(Word::ReadOnly));
    Ok(())
}

/// The store refuses the last record of the desk, and only that.
fn refuse(stage: &mut Stage) -> Result<()> {
    let id = stage.drafts.last().map(|d| d.id.clone());
    let id = id.ok_or_else(|| missing("record"))?;
    stage.send(Message::NotSaved(
        id,
        ErrorKind::Input,
        "a source changed".to_owned(),
    ));
    Ok(())
}

#[test]
fn a_refused_record_has_its_dossier_read_again_and_ends_nothing() -> Result<()> {
    let mut stage = stage()?;
    stage.saves = false;
    stage.press("a")?;
    refuse(&mut stage)?;
    assert!(told(&stage).contains("a source changed"), "{}", told(&stage));
    assert!(stage.app.settings().read_only.is_none() && stage.app.opening().is_none());
    let review = &desk(&stage)?.review;
    assert!(review.read_only().is_none() && review.dimensions()[0].human.verdict.is_none());
    stage.press("2 enter")?;
    assert_eq!(decision(&stage)?.act, overridden(2.0, None));
    Ok(())
}

#[test]
fn a_record_refused_each_time_has_its_dossier_read_again_once() -> Result<()> {
    let mut stage = stage()?;
    stage.saves = false;
    stage.press("a")?;
    refuse(&mut stage)?;
    stage.press("2 enter")?;
    refuse(&mut stage)?;
    let word = stage
        .app
        .fill(Word::RefusedReopen, &[("reason", "a source changed")]);
    assert_eq!(told(&stage), word);
    assert!(desk(&stage)?.review.read_only().is_some());
    stage.send(Message::Open(0));
    assert!(desk(&stage)?.review.read_only().is_none());
    Ok(())
}

/// Showing the model is on record: where nothing can be written, the next dossier stays as hidden as this one.
#[test]
fn blind_first_that_could_not_be_turned_off_stays_on() -> Result<()> {
    let mut settings = settings(Language::En)?;
    settings.blind = true;
    settings.read_only = Some("another has it".to_owned());
    let mut stage = Stage::with(settings, SIZE, &[SAMPLE])?;
    stage.send(Message::Open(0));
    stage.press("b")?;
    assert_eq!(told(&stage), stage.app.word(Word::ReadOnly));
    assert!(stage.app.settings().blind && desk(&stage)?.review.blind());
    Ok(())
}

#[test]
fn the_mouse_selects_scrolls_and_drags() -> Result<()> {
    use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    let mut stage = stage()?;
    let at = |stage: &mut Stage, kind, column, row| {
        stage.send(Message::Mouse(MouseEvent {
            kind,
            column,
            row,
            modifiers: KeyModifiers::NONE,
        }));
    };
    let left = MouseEventKind::Down(MouseButton::Left);
    at(&mut stage, left, 95, 4);
    assert_eq!(
        (desk(&stage)?.focus, desk(&stage)?.dimension_index()),
        (Pane::Dimensions, 2)
    );
    at(&mut stage, left, 5, 3);
    assert_eq!(desk(&stage)?.document.index(), 1);
    at(&mut stage, MouseEventKind::ScrollDown, 50, 20);
    assert_eq!(desk(&stage)?.document.top(), 3);
    at(&mut stage, left, 40, 10);
    at(&mut stage, MouseEventKind::Drag(MouseButton::Left), 48, 10);
    assert_eq!(stage.app.mode(), Mode::Select);
    at(&mut stage, left, 100, 16);
    assert_eq!(desk(&stage)?.focus, Pane::Evidence);
    Ok(())
}

#[test]
fn a_long_source_is_laid_out_whole_by_a_worker() -> Result<()> {
    let text = "一行很长的周报内容，足够折行。\n".repeat(20_000);
    let dossier = crate::evidence::testing::dossier(
        Language::Zh,
        &[("long.md", crate::dossier::SourceKind::Weekly, &text)],
    );
    let mut document = document::Document::new(Arc::new(dossier), 0, Measure::default());
    document.resize(60, 20);
    let part = document.rows().len();
    assert!(part < 20_000);
    assert_eq!(document.wants_layout(), Some(60));
    document.go_to_end(true);
    let source = document.source().ok_or_else(|| missing("source"))?;
    let whole = document::lay_out(source, Measure::default(), 60, usize::MAX);
    document.laid_out(60, &whole);
    assert_eq!(document.wants_layout(), None);
    assert!(document.rows().len() >= 20_000);
    assert_eq!(
        document.top(),
        document.rows().len() - 20,
        "the cursor is in view"
    );
    Ok(())
}
