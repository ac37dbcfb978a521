//! Small dossiers in which a number is repeated, contradicted, counted, or only looks so.

use super::*;
use crate::dossier::Language;
use crate::error::Result;
use crate::evidence::testing;
use crate::rubric::builtin;

/// Filler without numbers: rarity is measured against a whole dossier.
const TALK: &str = "今天吃面\n天气不错\n有人订奶茶吗\n会议室换了\n电梯坏了\n早点下班\n周末爬山\n猫睡着了";

/// The claims as `verdict quote [value quote …]`.
fn told(language: Language, sources: &[(&str, SourceKind, &str)]) -> Result<Vec<String>> {
    let mut all = sources.to_vec();
    all.push(("talk.txt", SourceKind::Chat, TALK));
    let dossier = testing::dossier(language, &all);
    let claims = recount(&dossier, &builtin("core")?);
    let other = |c: &Counterpart| format!(" {} {}", c.value, c.place.quote);
    Ok(claims
        .iter()
        .map(|c| {
            let found: String = c.found.iter().map(other).collect();
            format!("{:?} {}{found}", c.verdict, c.place.quote)
        })
        .collect())
}

#[test]
fn the_same_figure_elsewhere_is_compared() -> Result<()> {
    let own = (
        "self.md",
        SourceKind::SelfReview,
        "单测覆盖率 75%，访谈商家 20 家\n带教两人",
    );
    let weekly = ("w.md", SourceKind::Weekly, "单测覆盖率到 58%\n商家访谈累计 20 家");
    let expected = ["Differs 75% 58 58%", "Agrees 20 家 20 20 家", "Unverified 两人"];
    assert_eq!(told(Language::Zh, &[own, weekly])?, expected);
    Ok(())
}

#[test]
fn a_numbered_list_is_counted() -> Result<()> {
    let own = ("self.md", SourceKind::SelfReview, "牵头 5 次跨团队对齐会");
    let weekly = (
        "w.md",
        SourceKind::Weekly,
        "# 跨组会\n1. 3 月口径\n2. 4 月出数\n3. 5 月切流\n# 其他\n- 无",
    );
    assert_eq!(told(Language::Zh, &[own, weekly])?, ["Differs 5 次 3 # 跨组会"]);
    Ok(())
}

#[test]
fn lists_of_codes_are_compared_by_what_they_list() -> Result<()> {
    let own = (
        "self.md",
        SourceKind::SelfReview,
        "I led five incidents (2291, 2318, 2340, 2355, 2377).",
    );
    let chat = (
        "c.md",
        SourceKind::Chat,
        "From the rota, Sarah 3 (2291, 2318, 2377)",
    );
    assert_eq!(told(Language::En, &[own, chat])?, ["Differs five 3 3"]);
    Ok(())
}

#[test]
fn one_goal_makes_two_results_one_thing() -> Result<()> {
    let own = (
        "self.md",
        SourceKind::SelfReview,
        "$1.42M against a target of $1.11M.",
    );
    let project = ("p.md", SourceKind::Project, "Closed $1.31M, target $1.11M");
    assert_eq!(
        told(Language::En, &[own, project])?,
        ["Differs $1.42M 1310000 $1.31M"]
    );
    Ok(())
}

#[test]
fn goals_the_past_other_months_and_other_units_are_no_contradiction() -> Result<()> {
    let own = (
        "self.md",
        SourceKind::SelfReview,
        "对账耗时 40 分钟\nApril drill took 22 min",
    );
    let weekly = (
        "w.md",
        SourceKind::Weekly,
        "对账耗时目标 45 分钟\n对账耗时从 250 分钟降到 41 分钟\n对账耗时 3 天\nMay drill took 14 min",
    );
    let expected = ["Agrees 40 分钟 2460000 41 分钟", "Unverified 22 min"];
    assert_eq!(told(Language::Zh, &[own, weekly])?, expected);
    Ok(())
}

#[test]
fn weekly_reports_are_not_held_against_each_other() -> Result<()> {
    let first = ("w1.md", SourceKind::Weekly, "单测覆盖率 52%");
    let second = ("w2.md", SourceKind::Weekly, "单测覆盖率 58%");
    assert_eq!(told(Language::Zh, &[first, second])?, Vec::<String>::new());
    Ok(())
}
