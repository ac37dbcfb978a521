//! A profile as a reviewer would leave it: overridden, decided, untouched, and one without material.

use super::{At, Checks, Claim, Dimension, Earlier, Evidence, Profile, Reading};
use crate::dossier::Language;

/// The sample in one language.
pub(super) fn sample(language: Language) -> Profile {
    let say = |zh, en| pick(language, zh, en);
    Profile {
        name: say("李雷", "Tom Okafor"),
        id: "E117".into(),
        role: say("后端工程师", "Backend engineer"),
        grade: Some("P6".into()),
        cycle: "2026H1".into(),
        rubric: say("通用绩效量规 1.0.0", "Core performance rubric 1.0.0"),
        reviewer: Some("hr.chen".into()),
        scored_by: Some("qwen2.5-coder-0.5b".into()),
        signed_off: None,
        dimensions: vec![
            collaboration(language),
            ownership(language),
            quality(language),
            Dimension {
                name: say("领导力", "Leadership"),
                ..Dimension::default()
            },
        ],
        checks: checks(language),
        earlier: vec![Earlier {
            cycle: "2025H2".into(),
            scores: vec![Some(3.5), Some(3.0), None, None],
        }],
    }
}

fn pick(language: Language, zh: &str, en: &str) -> String {
    match language {
        Language::Zh => zh.to_owned(),
        Language::En => en.to_owned(),
    }
}

/// Five claims, one of them contradicted.
fn checks(language: Language) -> Checks {
    let say = |zh, en| pick(language, zh, en);
    let claim = quote(
        false,
        say("2026 上半年自评", "Self-review"),
        At::Line(8),
        say("75%", "75%"),
    );
    let other = quote(
        false,
        say("周报 第 23 周", "Weekly report, week 23"),
        At::Row(3),
        say("58%", "58%"),
    );
    Checks {
        n: 5,
        supported: 2,
        contradicted: 1,
        against: vec![(claim, other)],
    }
}

fn quote(supports: bool, source: String, at: At, quote: String) -> Evidence {
    Evidence {
        supports,
        source,
        at,
        claim: Claim::Quote(quote),
    }
}

fn collaboration(language: Language) -> Dimension {
    let say = |zh, en| pick(language, zh, en);
    let lead = say(
        "牵头组织三次跨组对齐会，在需求频繁变动期间保持沟通透明",
        "Led five cross-team meetings and kept everyone informed while requirements moved",
    );
    let silence = say(
        "接口改了怎么没人告诉我们",
        "Nobody told us the interface had changed",
    );
    let count = Evidence {
        supports: true,
        source: say("需求评审会", "Requirements meeting"),
        at: At::Time("14:05".into()),
        claim: Claim::Count {
            term: say("同步进展", "sync progress"),
            n: 12,
            said: true,
        },
    };
    Dimension {
        name: say("协作", "Collaboration"),
        model: Some(Reading { score: 4.2, sd: 0.5 }),
        human: Some(4.0),
        anchor: say(
            "牵头跨团队协作并推动达成一致",
            "Leads cross-team work to agreement",
        ),
        next: None,
        evidence: vec![
            quote(
                true,
                say("周报 第 12 周", "Weekly report, week 12"),
                At::Line(12),
                lead,
            ),
            count,
            quote(false, say("项目群聊", "Project chat"), At::Row(31), silence),
        ],
        suggestion: None,
        remark: Some(say("证据属实，等级偏高", "level too high")),
    }
}

fn ownership(language: Language) -> Dimension {
    let say = |zh, en| pick(language, zh, en);
    let duty = say(
        "值班期间独立处理两次故障",
        "Handled two incidents alone while on call",
    );
    Dimension {
        name: say("担当", "Ownership"),
        model: Some(Reading { score: 3.1, sd: 0.9 }),
        human: Some(2.5),
        anchor: say("承诺的事项偶有遗漏", "Commitments are sometimes missed"),
        next: Some((
            3,
            say(
                "按期兑现承诺，提前暴露风险",
                "Keeps commitments and raises risks early",
            ),
        )),
        evidence: vec![quote(
            true,
            say("周报 第 12 周", "Weekly report, week 12"),
            At::Line(20),
            duty,
        )],
        suggestion: Some(say(
            "为每个承诺写下截止日期与负责人，逾期前一天主动说明。",
            "Write a date and an owner beside each commitment, and speak up a day before it slips.",
        )),
        remark: None,
    }
}

fn quality(language: Language) -> Dimension {
    Dimension {
        name: pick(language, "质量", "Quality"),
        model: Some(Reading { score: 3.6, sd: 0.4 }),
        anchor: pick(language, "缺陷少，评审认真", "Few defects, careful reviews"),
        ..Dimension::default()
    }
}
