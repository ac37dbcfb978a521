//! Every screen at three sizes in both languages, as pictures of text.

use crate::dossier::Language;
use crate::engine::ScoreEvent;
use crate::error::{Error, ErrorKind, Result};
use crate::tui::testing::{Answer, Stage};

const SIZES: [(u16, u16); 3] = [(80, 24), (100, 30), (140, 40)];

/// Calls `scene` for every size in both languages and compares the screen with the picture kept.
fn pictures(name: &str, scene: impl Fn(Language, (u16, u16)) -> Result<Stage>) -> Result<()> {
    for language in [Language::Zh, Language::En] {
        for size in SIZES {
            let screen = scene(language, size)?.screen()?;
            let picture = format!("{name}-{}-{}x{}", language.code(), size.0, size.1);
            insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
                insta::assert_snapshot!(picture, screen);
            });
        }
    }
    Ok(())
}

const ZH: &str = "zh-lilei-2026h1";
const EN: &str = "en-priya-nair-2026h1";

fn sample(language: Language) -> &'static str {
    match language {
        Language::Zh => ZH,
        Language::En => EN,
    }
}

/// A desk in the middle of the work: two dimensions decided, two in doubt or plain, one streaming, the rest waiting.
fn at_work(language: Language, size: (u16, u16)) -> Result<Stage> {
    let mut stage = Stage::open(language, size, sample(language))?;
    let words = match language {
        Language::Zh => [
            "牵头四个组的切流评审，逐项确认依赖，主动为风控加适配层，替对方省下一次发版。",
            "把会上的口头结论写成纪要发出，减少反复确认。",
        ],
        Language::En => [
            "Brings the partner teams to one plan, answers their blockers the same day and writes the outcome down.",
            "Send the written outcome of each meeting the same day.",
        ],
    };
    let answer = |score, sd, segments| Answer {
        score,
        sd,
        segments,
        rationale: words[0],
        suggestion: words[1],
    };
    stage.finish("collaboration", &answer(4.2, 0.5, &[5, 9, 31]))?;
    stage.finish("ownership", &answer(3.1, 0.9, &[7, 9]))?;
    stage.finish("delivery", &answer(3.6, 0.6, &[6]))?;
    stage.finish("quality", &answer(2.4, 0.7, &[12]))?;
    stage.halfway("communication", &answer(3.9, 0.6, &[5]))?;
    stage.press("j j a j 3 m")?;
    stage.press("g g")?;
    Ok(stage)
}

#[test]
fn the_desk_at_work() -> Result<()> {
    pictures("desk", at_work)
}

/// Two answers of the same dimension, which differ in score, words and one link.
fn side_by_side(language: Language, size: (u16, u16)) -> Result<Stage> {
    let mut stage = Stage::queue(language, size, &[])?;
    let words = match language {
        Language::Zh => [
            (
                "牵头四个组的切流评审，逐项确认依赖。",
                "把会上的口头结论写成纪要发出。",
            ),
            (
                "牵头两个组的切流评审，没有确认依赖，对方多发了一次版。",
                "把会上的口头结论写成纪要发出。",
            ),
        ],
        Language::En => [
            (
                "Brings four partner teams to one plan and answers their blockers the same day.",
                "Send the written outcome of each meeting.",
            ),
            (
                "Brings two partner teams to one plan and leaves their blockers open for a week.",
                "Send the written outcome of each meeting.",
            ),
        ],
    };
    let answer = |n: usize, score, segments| Answer {
        score,
        sd: 0.7,
        segments,
        rationale: words[n].0,
        suggestion: words[n].1,
    };
    let answers = [answer(0, 4.2, &[5, 9][..]), answer(1, 2.4, &[5, 12][..])];
    stage.compare(sample(language), "collaboration", &answers)?;
    Ok(stage)
}

#[test]
fn two_answers_side_by_side() -> Result<()> {
    pictures("annotation", side_by_side)
}

#[test]
fn an_answer_that_is_rewritten() -> Result<()> {
    pictures("rewriting", |language, size| {
        let mut stage = side_by_side(language, size)?;
        stage.press("l E enter")?;
        Ok(stage)
    })
}

#[test]
fn the_document_with_its_marks() -> Result<()> {
    pictures("document", |language, size| {
        let mut stage = at_work(language, size)?;
        stage.press("f5 enter f3 v l l l")?;
        Ok(stage)
    })
}

#[test]
fn the_evidence_of_a_score() -> Result<()> {
    pictures("evidence", |language, size| {
        let mut stage = at_work(language, size)?;
        stage.press("f5 j j j")?;
        Ok(stage)
    })
}

#[test]
fn the_queue() -> Result<()> {
    pictures("queue", |language, size| {
        let names = [ZH, "zh-hanmeimei-2026h1", EN, "en-tom-okafor-2026h1", "nowhere"];
        let mut stage = Stage::queue(language, size, &names)?;
        stage.press("enter")?;
        let answer = Answer {
            score: 3.4,
            sd: 0.9,
            segments: &[4],
            rationale: "",
            suggestion: "",
        };
        stage.finish("collaboration", &answer)?;
        stage.finish("ownership", &answer)?;
        stage.press("5 enter q")?;
        Ok(stage)
    })
}

#[test]
fn waiting_for_the_model() -> Result<()> {
    pictures("waiting", |language, size| {
        let mut stage = Stage::open(language, size, sample(language))?;
        stage.engine(ScoreEvent::Prefill {
            done: 1024,
            total: 4096,
        });
        Ok(stage)
    })
}

#[test]
fn a_chat_a_table_and_a_transcript() -> Result<()> {
    for (name, keys) in [
        ("chat", "f2 j j j j"),
        ("table", "f2 j j j j j"),
        ("transcript", "f2 G"),
    ] {
        pictures(name, |language, size| {
            let mut stage = at_work(language, size)?;
            match (language, name) {
                (Language::Zh, _) => stage.press(keys)?,
                (Language::En, "chat") => stage.press("f2 j j j")?,
                (Language::En, "table") => stage.press("f2 j j j j")?,
                (Language::En, _) => stage.press("f2 j j")?,
            }
            stage.press("enter j j")?;
            Ok(stage)
        })?;
    }
    Ok(())
}

/// A claim of the self-review shows the place that says otherwise, and Enter goes there the second time.
#[test]
fn a_cited_claim_shows_its_other_end() -> Result<()> {
    let mut stage = Stage::open(Language::Zh, (140, 40), ZH)?;
    let answer = Answer {
        segments: &[91],
        ..plain(3.0)
    };
    stage.finish("collaboration", &answer)?;
    let screen = stage.screen()?;
    assert!(screen.contains("“75%” 与"), "{screen}");
    assert!(screen.contains("不符：“58%”"), "{screen}");
    stage.press("f5 enter")?;
    let screen = stage.screen()?;
    assert!(
        screen.contains("单测覆盖达到 75%") && !screen.contains("56%"),
        "{screen}"
    );
    stage.press("f5 enter")?;
    let screen = stage.screen()?;
    assert!(screen.contains("56%"), "the table of the weekly report: {screen}");
    Ok(())
}

#[test]
fn help_and_palette() -> Result<()> {
    pictures("help", |language, size| {
        let mut stage = at_work(language, size)?;
        stage.press("?")?;
        Ok(stage)
    })?;
    pictures("help-search", |language, size| {
        let mut stage = at_work(language, size)?;
        stage.press("?")?;
        stage.enter(if language == Language::Zh {
            "证据"
        } else {
            "score"
        })?;
        stage.press("down")?;
        Ok(stage)
    })?;
    pictures("palette", |language, size| {
        let mut stage = at_work(language, size)?;
        stage.press(":")?;
        stage.enter(if language == Language::Zh { "协" } else { "exp" })?;
        Ok(stage)
    })
}

#[test]
fn reasons_notes_and_links() -> Result<()> {
    pictures("reason", |language, size| {
        let mut stage = at_work(language, size)?;
        stage.press("2 . down down")?;
        Ok(stage)
    })?;
    pictures("note", |language, size| {
        let mut stage = at_work(language, size)?;
        stage.press("f5 m")?;
        stage.enter(if language == Language::Zh {
            "纪要没写"
        } else {
            "thin, one week only"
        })?;
        Ok(stage)
    })?;
    pictures("edited", |language, size| {
        let mut stage = at_work(language, size)?;
        stage.press("f3 j j j E f5 x u m")?;
        stage.enter("OK")?;
        stage.press("enter G")?;
        Ok(stage)
    })
}

#[test]
fn blind_first_hides_the_model() -> Result<()> {
    pictures("blind", |language, size| {
        let mut settings = crate::tui::testing::settings(language)?;
        settings.blind = true;
        let mut stage = Stage::with(settings, size, &[sample(language)])?;
        stage.press("enter")?;
        stage.finish("collaboration", &plain(4.2))?;
        stage.finish("ownership", &plain(3.0))?;
        stage.press("j 2 enter k")?;
        Ok(stage)
    })
}

fn plain(score: f32) -> Answer<'static> {
    Answer {
        score,
        sd: 0.5,
        segments: &[5],
        rationale: "…",
        suggestion: "…",
    }
}

fn decided(language: Language, size: (u16, u16)) -> Result<Stage> {
    let mut stage = at_work(language, size)?;
    stage.press("a")?;
    for score in ["2", "4", "3", "4", "3", "2", "3"] {
        stage.press("]")?;
        stage.press(score)?;
        stage.press("enter")?;
    }
    Ok(stage)
}

#[test]
fn profile_and_sign_off() -> Result<()> {
    pictures("profile", |language, size| {
        let mut stage = decided(language, size)?;
        stage.press("p")?;
        Ok(stage)
    })?;
    pictures("plan", |language, size| {
        let mut stage = decided(language, size)?;
        stage.press("p G")?;
        Ok(stage)
    })?;
    pictures("sign-off", |language, size| {
        let mut stage = decided(language, size)?;
        stage.press("S")?;
        Ok(stage)
    })?;
    pictures("signed", |language, size| {
        let mut stage = decided(language, size)?;
        stage.press("S y enter")?;
        Ok(stage)
    })
}

#[test]
fn found_text() -> Result<()> {
    pictures("find", |language, size| {
        let mut stage = at_work(language, size)?;
        stage.press("/")?;
        stage.enter(if language == Language::Zh {
            "对账"
        } else {
            "depot"
        })?;
        stage.press("enter n")?;
        Ok(stage)
    })
}

/// A message that does not fit in its line is read to the end, where it says what to do.
#[test]
fn a_long_message_takes_the_rows_it_needs() -> Result<()> {
    pictures("message", |language, size| {
        let mut stage = at_work(language, size)?;
        let path = "/srv/reviews/2026H1/models/qwen2.5-coder-0.5b-instruct-q4_k_m/weights.gguf";
        let missing =
            format!("model qwen2.5-coder-0.5b-instruct-q4_k_m is not on this machine: {path} is missing");
        let missing = Error::new(ErrorKind::Model, missing)
            .hint("plumb models pull qwen2.5-coder-0.5b-instruct-q4_k_m");
        stage.app.warn_of(&missing);
        Ok(stage)
    })
}

/// Whatever lies over the screen.
#[test]
fn a_message_is_read_over_an_open_view() -> Result<()> {
    let mut stage = decided(Language::En, (80, 24))?;
    stage.press("p")?;
    let long = format!("{}the cause", "a very long path ".repeat(8));
    stage
        .app
        .warn_of(&Error::new(ErrorKind::Model, long).hint("plumb models pull tiny"));
    let screen = stage.screen()?;
    assert!(
        screen.contains("a very long path") && screen.contains("plumb models pull tiny"),
        "{screen}"
    );
    Ok(())
}

/// What is done with dossiers comes first.
#[test]
fn the_queue_leads_to_the_other_views_where_there_is_room() -> Result<()> {
    for (size, shown) in [((140, 40), true), ((60, 16), false)] {
        let screen = Stage::queue(Language::En, size, &[EN])?.screen()?;
        assert_eq!(screen.contains("c calibration  A adapters"), shown, "{screen}");
    }
    Ok(())
}

#[test]
fn a_terminal_that_is_too_small_says_so() -> Result<()> {
    let mut screens = String::new();
    for language in [Language::Zh, Language::En] {
        for size in [(40, 10), (59, 16), (60, 15), (60, 16)] {
            let stage = at_work(language, size)?;
            screens.push_str(&format!("--- {size:?}\n{}", stage.screen()?));
        }
    }
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("too-small", screens);
    });
    Ok(())
}

/// No panic at any size, with everything open.
#[test]
fn every_size_can_be_drawn() -> Result<()> {
    for size in [
        (1, 1),
        (3, 200),
        (60, 16),
        (61, 17),
        (89, 19),
        (90, 16),
        (119, 50),
        (120, 16),
        (300, 80),
    ] {
        let mut stage = decided(Language::Zh, size)?;
        for keys in [
            "?",
            "esc :",
            "esc p",
            "esc A",
            "esc t j",
            "esc c G",
            "esc m",
            "esc 2",
            "esc S",
            "esc esc ctrl-s esc f3 v l j",
            "esc q",
        ] {
            stage.press(keys)?;
            stage.screen()?;
        }
    }
    Ok(())
}
