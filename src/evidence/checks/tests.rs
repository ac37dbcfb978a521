//! Small dossiers in which a statement is repeated, denied, or passed over.

use super::*;
use crate::dossier::Language;
use crate::error::Result;
use crate::evidence::testing;
use crate::rubric::builtin;

/// Filler: rarity is measured against a whole dossier.
const TALK: &str = "Bo: 今天吃面\nBo: 天气不错\nBo: 有人订奶茶吗\nBo: 会议室换了\nBo: nice weather today\nBo: the lift is broken";

fn checked(language: Language, own: &str, talk: &str) -> Result<Vec<Check>> {
    let sources = [
        ("self.md", SourceKind::SelfReview, own),
        ("chat.md", SourceKind::Chat, talk),
        ("talk.md", SourceKind::Meeting, TALK),
    ];
    let dossier = testing::dossier(language, &sources);
    Ok(cross_check(&dossier, &builtin("core")?))
}

/// The statements as outcome and the other ends.
fn told(language: Language, own: &str, talk: &str) -> Result<Vec<(Outcome, Vec<String>)>> {
    let checks = checked(language, own, talk)?.into_iter();
    let words = checks.filter(|c| c.basis == Basis::Words);
    let quotes = |c: Check| c.others.into_iter().map(|o| o.place.quote).collect();
    Ok(words.map(|c| (c.outcome, quotes(c))).collect())
}

#[test]
fn what_others_deny_contradicts_and_names_the_place() -> Result<()> {
    let own = "全量当天第一时间通知了财务。\n风控回执少字段，我写了适配层。\n周报按时交。";
    let talk = "Bo: 全量了怎么没人通知财务\nBo: 风控回执的字段和适配都好了\nBo: 周报又拖了";
    let expected = [
        (Outcome::Contradicts, vec!["全量了怎么没人通知财务".to_owned()]),
        (Outcome::Supports, vec!["风控回执的字段和适配都好了".to_owned()]),
        (Outcome::Contradicts, vec!["周报又拖了".to_owned()]),
    ];
    assert_eq!(told(Language::Zh, own, talk)?, expected);
    Ok(())
}

#[test]
fn questions_the_future_one_s_own_denial_and_what_nobody_said_are_no_answer() -> Result<()> {
    let own = "Rewrote the failover runbook.\nTold finance about the cutover.\nGood.\n# Next half\nHand over the proxy drill.";
    let talk = "Bo: Did anybody rewrite the failover runbook?\nAda: I never told finance about the cutover\nBo: proxy drill: hand over";
    let expected = [
        (Outcome::NotFound, vec![]),
        (Outcome::NotFound, vec![]),
        (Outcome::NotCheckable, vec![]),
    ];
    assert_eq!(told(Language::En, own, talk)?, expected);
    let talk = "Bo: you never told finance about the cutover";
    let other = told(Language::En, "Told finance about the cutover.", talk)?;
    assert_eq!(other[0].0, Outcome::Contradicts);
    Ok(())
}

#[test]
fn a_place_whose_number_differs_supports_nothing() -> Result<()> {
    let own = "I led five incidents (2291, 2318, 2340, 2355, 2377).";
    let talk = "Bo: from the rota, Ada 3 (2291, 2318, 2377)";
    let checks = checked(Language::En, own, talk)?;
    let told: Vec<(Basis, Outcome)> = checks.iter().map(|c| (c.basis, c.outcome)).collect();
    assert_eq!(
        told,
        [
            (Basis::Number, Outcome::Contradicts),
            (Basis::Words, Outcome::NotFound)
        ]
    );
    Ok(())
}

#[test]
fn meetings_are_counted_in_transcripts_and_too_few_say_nothing() -> Result<()> {
    let meeting = |n: usize| format!("Bo: hello\nAda: let us sync on plan {n}");
    let outcome = |meetings: usize, own: &str| -> Result<(Outcome, usize)> {
        let texts: Vec<(String, String)> = (0..meetings).map(|n| (format!("m{n}.vtt"), meeting(n))).collect();
        let mut sources = vec![("self.md", SourceKind::SelfReview, own)];
        sources.extend(
            texts
                .iter()
                .map(|(path, text)| (path.as_str(), SourceKind::Meeting, text.as_str())),
        );
        let dossier = testing::dossier(Language::En, &sources);
        let checks = numbers(&dossier, &builtin("core")?);
        Ok((checks[0].outcome, checks[0].others.len()))
    };
    assert_eq!(
        outcome(3, "Held three cross-group syncs")?,
        (Outcome::Supports, 3)
    );
    assert_eq!(
        outcome(2, "Held three cross-group syncs")?,
        (Outcome::NotFound, 0)
    );
    assert_eq!(
        outcome(3, "Fixed three parsers")?,
        (Outcome::NotFound, 0),
        "no meetings"
    );
    Ok(())
}

/// A chart's values are compared with what names their category, and with nothing else.
#[test]
fn a_number_is_held_against_the_bar_of_its_name() -> Result<()> {
    let chart = "Checkout availability (%); Search = 99.2\nCheckout availability (%); Payment = 99.5";
    let sources = [
        (
            "self.md",
            SourceKind::SelfReview,
            "Checkout availability of Payment 99.95 %\nCheckout availability 97 %",
        ),
        ("c.png", SourceKind::Okr, chart),
        ("talk.md", SourceKind::Meeting, TALK),
    ];
    let mut dossier = testing::dossier(Language::En, &sources);
    dossier.sources[1].format = crate::dossier::SourceFormat::Picture;
    let checks = numbers(&dossier, &builtin("core")?);
    let of = |quote: &str| {
        let found = checks.iter().find(|c| c.place.quote == quote);
        found.map(|c| {
            let others: Vec<&str> = c.others.iter().map(|o| o.place.quote.as_str()).collect();
            (c.outcome, others)
        })
    };
    assert_eq!(of("99.95 %"), Some((Outcome::Contradicts, vec!["99.5"])));
    assert_eq!(of("97 %"), Some((Outcome::NotFound, vec![])));
    Ok(())
}

#[test]
fn both_ends_are_found_from_either() -> Result<()> {
    let sources = [
        ("self.md", SourceKind::SelfReview, "单测覆盖率达到 75%"),
        ("w.md", SourceKind::Weekly, "单测覆盖率 58%"),
    ];
    let dossier = testing::dossier(Language::Zh, &sources);
    let checks = cross_check(&dossier, &builtin("core")?);
    let seen = |no: u32| -> Vec<(Polarity, Option<&str>, &str)> {
        let ends = ends(&checks, SegmentNo(no)).into_iter();
        ends.map(|e| (e.polarity, e.own, e.place.quote.as_str()))
            .collect()
    };
    assert_eq!(seen(1), [(Polarity::Contradicts, Some("75%"), "58%")]);
    assert_eq!(seen(2), [(Polarity::Contradicts, Some("58%"), "75%")]);
    assert_eq!(seen(3), []);
    Ok(())
}
