use super::fixture::sample;
use super::*;
use crate::tui::theme::{Glyphs, Theme, ThemeName};
use crate::tui::width::{Ambiguous, Measure};

const BOTH: [Language; 2] = [Language::Zh, Language::En];

#[test]
fn the_text_for_a_pipe() {
    insta::assert_snapshot!(
        "text_zh",
        text(&sample(Language::Zh), Language::Zh, Glyphs::UNICODE, 78)
    );
    insta::assert_snapshot!(
        "text_en",
        text(&sample(Language::En), Language::En, Glyphs::ASCII, 78)
    );
}

#[test]
fn no_line_is_wider_than_the_screen() {
    let measure = Measure::default();
    for language in BOTH {
        let theme = Theme::new(ThemeName::Dark, Ambiguous::Narrow);
        for columns in [60, 80, 140] {
            for line in lines(&sample(language), language, &theme, measure, columns) {
                let text: String = line.spans.iter().map(|s| s.content.as_ref()).collect();
                assert!(measure.text(&text) <= columns, "{columns}: {text}");
            }
        }
    }
}

#[test]
fn the_plan_is_about_the_weakest() {
    let names = |p: &Profile| p.weak().iter().map(|d| d.name.clone()).collect::<Vec<_>>();
    let mut profile = sample(Language::En);
    assert_eq!(names(&profile), ["Ownership", "Quality"]);
    for dimension in &mut profile.dimensions {
        dimension.human = Some(2.0);
    }
    assert_eq!(names(&profile).len(), 4, "all that are below the expected level");
    for dimension in &mut profile.dimensions {
        dimension.human = Some(4.5);
    }
    assert!(profile.weak().is_empty());
    assert_eq!(profile.without_points(), Word::ProfilePlanNone);
    for dimension in &mut profile.dimensions[1..] {
        (dimension.human, dimension.model) = (None, None);
    }
    assert!(profile.weak().is_empty(), "what has no score is not praised");
    assert_eq!(profile.without_points(), Word::ProfilePlanSoFar);
    profile.dimensions.remove(0);
    assert_eq!(profile.without_points(), Word::ProfilePlanUnscored);
}

/// Every text of a profile, made hostile.
fn hostile() -> Profile {
    let evil =
        "</text></svg><script>alert(1)</script>]]>\"'&<img src=x onerror=alert(1)>\u{1b}[31m\u{202e}\u{0}";
    let mut profile = sample(Language::En);
    profile.name = evil.into();
    profile.id = evil.into();
    profile.role = evil.into();
    profile.grade = Some(evil.into());
    profile.cycle = evil.into();
    profile.rubric = evil.into();
    profile.reviewer = Some(evil.into());
    profile.scored_by = Some(evil.into());
    profile.signed_off = Some(evil.into());
    profile.earlier[0].cycle = evil.into();
    for dimension in &mut profile.dimensions {
        dimension.name = evil.into();
        dimension.anchor = evil.into();
        dimension.next = Some((4, evil.into()));
        dimension.suggestion = Some(evil.into());
        dimension.remark = Some(evil.into());
        for evidence in &mut dimension.evidence {
            evidence.source = evil.into();
            evidence.at = At::Time(evil.into());
            evidence.claim = Claim::Quote(evil.into());
        }
    }
    for (claim, other) in &mut profile.checks.against {
        for end in [claim, other] {
            end.source = evil.into();
            end.claim = Claim::Quote(evil.into());
        }
    }
    profile
}

/// The names of the elements in markup, as a parser would see them.
fn elements(markup: &str) -> std::collections::BTreeSet<&str> {
    markup
        .split('<')
        .skip(1)
        .filter_map(|tag| tag.split([' ', '>', '/']).find(|n| !n.is_empty()))
        .collect()
}

#[test]
fn hostile_text_adds_no_element_and_no_hidden_character() {
    let (good, evil) = (sample(Language::En), hostile());
    for language in BOTH {
        for (calm, mad) in [
            (svg(&good, language), svg(&evil, language)),
            (html(&good, language), html(&evil, language)),
        ] {
            assert!(elements(&mad).is_subset(&elements(&calm)), "{:?}", elements(&mad));
            assert!(!mad.contains("]]>") && !mad.contains("<script"));
            assert_eq!(mad.matches('"').count() % 2, 0);
            assert!(
                !mad.chars()
                    .any(|c| c != '\n' && !crate::sanitize::is_safe_char(c))
            );
        }
        let plain = text(&evil, language, Glyphs::UNICODE, 80);
        assert!(
            !plain
                .chars()
                .any(|c| c != '\n' && !crate::sanitize::is_safe_char(c))
        );
    }
}

#[test]
fn pictures_are_well_formed() {
    for language in BOTH {
        for profile in [sample(language), hostile(), Profile::default()] {
            let svg = svg(&profile, language);
            let body = svg.split_once("?>").map_or("", |(_, body)| body);
            assert_eq!(open_elements(body), Vec::<&str>::new());
            assert!(!svg.contains("NaN") && !svg.contains("inf"));
        }
    }
}

/// What is still open at the end of markup without comments; a closing tag that closes nothing stays too.
fn open_elements(markup: &str) -> Vec<&str> {
    let mut open = Vec::new();
    for tag in markup.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else {
            continue;
        };
        let name = tag.split(' ').next().unwrap_or_default();
        match name.strip_prefix('/') {
            Some(closed) if open.last() == Some(&closed) => drop(open.pop()),
            _ if tag.ends_with('/') => {}
            _ => open.push(name),
        }
    }
    open
}

#[test]
fn the_report_says_where_each_score_comes_from() {
    let report = html(&sample(Language::Zh), Language::Zh);
    assert!(report.contains("牵头组织三次跨组对齐会"));
    assert!(report.contains("本人说“同步进展” 12 次"));
    assert!(report.contains("14:05"));
    assert!(report.contains("尚未签署"));
    assert!(report.contains("为每个承诺写下截止日期与负责人"));
    for remote in ["http:", "https:", "src=", "url(", "@import"] {
        let found = report.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(remote), "{remote}");
    }
}

#[test]
fn the_picture_has_a_mark_for_each_score() {
    let svg = svg(&sample(Language::En), Language::En);
    // Two in radar and bars each, one in the legend; the model's likewise for three.
    assert_eq!(svg.matches("l6.5 6.5-6.5 6.5-6.5-6.5z").count(), 5);
    assert_eq!(svg.matches("<circle").count(), 7);
}
