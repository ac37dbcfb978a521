//! Rubrics with one thing or several wrong, each made from the core rubric by replacing text.

use super::*;
use crate::error::ErrorKind;

const CORE: &str = include_str!("../../rubrics/core.toml");

/// The faults of the core rubric after replacing each `(old, new)` once, as `line: field: message`.
fn faults(changes: &[(&str, &str)]) -> Vec<String> {
    let text = changes.iter().fold(CORE.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "the core rubric holds {old:?}");
        text.replacen(old, new, 1)
    });
    match Rubric::parse("r.toml", text.as_bytes()) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.faults.iter().map(ToString::to_string).collect(),
    }
}

/// The line of the core rubric, from 1, that first holds `text`.
fn line_of(text: &str) -> usize {
    let before = CORE.split(text).next().unwrap_or_default();
    before.matches('\n').count() + 1
}

#[test]
fn a_rubric_keeps_its_words_and_order() -> Result<()> {
    let rubric = Rubric::parse("core.toml", CORE.as_bytes())?;
    let ids: Vec<&str> = rubric.dimensions.iter().map(|d| d.id.as_str()).collect();
    let expected = [
        "collaboration",
        "ownership",
        "delivery",
        "quality",
        "communication",
        "problem-solving",
        "growth",
        "leadership",
    ];
    assert_eq!(ids, expected);
    assert_eq!(rubric.hash, ContentHash::of(CORE.as_bytes()));
    let first = &rubric.dimensions[0];
    assert_eq!(first.name.get(Language::Zh), "协作");
    assert!(
        first.anchors[4]
            .get(Language::En)
            .starts_with("Brings several teams")
    );
    assert_eq!(first.behaviours[0].id, "cross-team-lead");
    assert_eq!(first.signals[0].terms(Language::En), ["sync", "align"]);
    Ok(())
}

#[test]
fn only_adverse_signals_speak_against() -> Result<()> {
    let rubric = builtin("core")?;
    for signal in rubric.dimensions.iter().flat_map(|d| &d.signals) {
        let against = signal.polarity() == Polarity::Contradicts;
        assert_eq!(against, signal.id.starts_with("adverse"), "{}", signal.id);
    }
    Ok(())
}

#[test]
fn two_dimensions_of_one_id_and_of_one_name_are_named_together() {
    let found = faults(&[
        (r#"id = "ownership""#, r#"id = "collaboration""#),
        (r#"zh = "担当""#, r#"zh = "协作""#),
    ]);
    let (id, name) = (line_of(r#"id = "ownership""#), line_of("担当"));
    let expected = [
        format!(r#"line {id}: dimension[2].id: "collaboration" is already taken by dimension[1].id"#),
        format!(r#"line {name}: dimension[2].name.zh: "协作" is already taken by dimension[1].name.zh"#),
    ];
    assert_eq!(found, expected);
}

#[test]
fn anchors_are_five_and_in_order() {
    let table = line_of("[[dimension]]");
    let (second, third) = (line_of("level = 2"), line_of("level = 3"));
    let missing = format!("line {table}: dimension[1].anchors: level 2 is missing");
    let cases = [
        (
            "level = 2",
            "level = 3",
            vec![
                missing.clone(),
                format!("line {third}: dimension[1].anchors: level 3 stands twice"),
            ],
        ),
        (
            "level = 2",
            "level = 7",
            vec![
                missing.clone(),
                format!("line {second}: dimension[1].anchors: level 7 is not one of 1 to 5"),
                format!(
                    "line {third}: dimension[1].anchors: level 3 stands after level 7; order them 1 to 5"
                ),
            ],
        ),
        (
            "level = 2",
            r#"level = "two""#,
            vec![
                missing,
                format!("line {second}: dimension[1].anchors[2].level: expected a whole number, got string"),
            ],
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(faults(&[(old, new)]), expected, "{new}");
    }
    let swapped = faults(&[
        ("level = 2", "level = 0"),
        ("level = 1", "level = 2"),
        ("level = 0", "level = 1"),
    ]);
    let expected =
        format!("line {second}: dimension[1].anchors: level 1 stands after level 2; order them 1 to 5");
    assert_eq!(swapped, [expected]);
}

#[test]
fn empty_missing_and_unknown_fields_are_named() {
    let version = line_of("version");
    let anchor = line_of("各干各的");
    let found = faults(&[
        ("version = \"1.0.0\"", "author = \"me\""),
        ("各干各的，常成为他人的阻塞点", "  "),
    ]);
    let expected = [
        "line 1: version: is missing".to_owned(),
        format!(r#"line {version}: unknown key "author"; known here: id, version, title, redact, dimension"#),
        format!("line {anchor}: dimension[1].anchors[1].zh: is empty"),
    ];
    assert_eq!(found, expected);
    let found = faults(&[("title = {", "[title]\nwrong = {")]);
    assert!(
        found.iter().any(|f| f.contains("title.zh: is missing")),
        "{found:?}"
    );
}

#[test]
fn texts_have_limits_that_give_a_reason() {
    let long = "字".repeat(51);
    let found = faults(&[(
        "跨岗位、跨团队与人共事：及早共享、为人解阻、化解分歧，让他人的工作更顺利。",
        &long,
    )]);
    let expected = format!(
        "line {}: dimension[1].definition.zh: 51 characters, at most 50: name, definition and anchors share one branch \
         prompt of 200 tokens",
        line_of("跨岗位"),
    );
    assert_eq!(found, [expected]);
}

#[test]
fn behaviours_and_signals_need_a_number_and_unique_ids() {
    let first = line_of("[[dimension]]");
    let behaviour = CORE
        .lines()
        .find(|l| l.contains("documents-for-others"))
        .unwrap_or_default();
    let found = faults(&[(behaviour, "")]);
    assert_eq!(
        found,
        [format!(
            "line {first}: dimension[1].behaviours: needs at least 6, has 5"
        )]
    );
    let found = faults(&[
        (r#"id = "unblock""#, r#"id = "sync""#),
        (r#"en = ["sync", "align"]"#, "en = []"),
    ]);
    let (sync, unblock) = (line_of(r#"id = "sync""#), line_of(r#"id = "unblock""#));
    let expected = [
        format!("line {sync}: dimension[1].signals[1].en: needs at least 1, has 0"),
        format!(
            r#"line {unblock}: dimension[1].signals[2].id: "sync" is already taken by dimension[1].signals[1].id"#
        ),
    ];
    assert_eq!(found, expected);
}

#[test]
fn hidden_characters_are_refused_and_shown_as_their_number() {
    let found = faults(&[
        ("各干各的", "各干\u{202E}各的"),
        ("id = \"core\"", "id = \"Co\u{200B}re\""),
    ]);
    let expected = [
        format!(
            r#"line {}: id: "Co\u{{200b}}re" is not a name in lowercase letters, digits and hyphens"#,
            line_of(r#"id = "core""#)
        ),
        format!(
            "line {}: dimension[1].anchors[1].zh: holds the invisible character U+202E; delete it",
            line_of("各干各的")
        ),
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_is_no_toml_or_no_text_says_where() {
    let found = faults(&[("version = \"1.0.0\"", "version = ")]);
    let start = format!("line {}: not TOML: ", line_of("version"));
    assert!(found.first().is_some_and(|f| f.starts_with(&start)), "{found:?}");
    let errors = Rubric::parse("r.toml", b"id = \"a\"\n# \xff").err();
    assert_eq!(
        errors.map(|e| e.to_string()),
        Some("r.toml: line 2: not UTF-8 at byte 11; save the file as UTF-8".to_owned())
    );
    let errors = Rubric::parse("r.toml", b"").err();
    assert!(errors.is_some_and(|e| e.faults.len() >= 4));
}

#[test]
fn a_file_that_is_missing_or_faulty_is_one_line_with_a_next_step() -> Result<()> {
    let folder =
        tempfile::tempdir().map_err(|e| Error::new(ErrorKind::Io, "no temporary folder").because(e))?;
    let path = folder.path().join("r.toml");
    let missing = Rubric::load(&path).err();
    assert_eq!(missing.map(|e| e.kind()), Some(ErrorKind::Io));
    std::fs::write(&path, "id = 1\n").map_err(|e| Error::io("write", &path, e))?;
    let error = Rubric::named(&path.display().to_string())
        .err()
        .map(|e| (e.to_string(), e.hints().join("")));
    let (message, hint) = error.unwrap_or_default();
    assert!(
        message.starts_with("not a valid rubric: ") && message.ends_with("more)"),
        "{message}"
    );
    assert!(
        message.contains("line 1: id: expected a text, got integer"),
        "{message}"
    );
    assert!(
        !message.contains('\n') && hint.contains("plumb rubric check"),
        "{hint}"
    );
    Ok(())
}
