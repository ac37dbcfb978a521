//! Words that cannot both be true of one thing: on time and late, finished and open, smooth and stuck.
//!
//! Short on purpose: each pair must hold whatever it is said of. Chinese as it stands, whole words; English by stem.

use crate::evidence::boundary::Boundaries;
use crate::evidence::words::{self, Word};

/// What a claim says, and what another place says against it.
struct Opposite {
    claimed: [&'static [&'static str]; 2],
    against: [&'static [&'static str]; 2],
}

const OPPOSITES: [Opposite; 3] = [
    Opposite {
        claimed: [
            &["及时", "按时", "准时", "如期", "按期", "第一时间", "提前告知"],
            &["on time", "on track", "on schedule", "in time", "promptly"],
        ],
        against: [
            &[
                "催",
                "催了",
                "晚了",
                "迟了",
                "延期",
                "拖了",
                "忘了",
                "才知道",
                "没人通知",
                "没通知",
                "不打招呼",
            ],
            &[
                "late",
                "slipped",
                "slip",
                "overdue",
                "delayed",
                "missed",
                "behind schedule",
                "nobody told",
                "not on track",
            ],
        ],
    },
    Opposite {
        claimed: [
            &[
                "已完成",
                "全部完成",
                "已补齐",
                "补齐",
                "都做完了",
                "已解决",
                "圆满解决",
            ],
            &["all done", "completed", "fully resolved", "got resolved"],
        ],
        against: [
            &["没做完", "没完成", "未完成", "没补", "待补", "没解决", "还没上"],
            &["unfinished", "not done", "unresolved", "still open"],
        ],
    },
    Opposite {
        claimed: [
            &["顺畅", "顺利", "配合默契", "默契", "紧密协同", "充分沟通"],
            &["smooth", "smoothly", "seamless", "work closely"],
        ],
        against: [
            &["扯皮", "不配合", "不打招呼", "没打招呼", "签完才知道", "对不上"],
            &["chased", "uncooperative", "no notes", "no handover", "blocked on"],
        ],
    },
];

/// Which of the pairs a text claims, and which it speaks against.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stance {
    pub(super) claims: Vec<usize>,
    pub(super) against: Vec<usize>,
}

impl Stance {
    /// Of a text whose words are not denied where `holds` says so of their first byte.
    pub(super) fn of(text: &str, holds: impl Fn(usize) -> bool) -> Self {
        let words = words::words(text);
        let boundaries = Boundaries::of(text);
        let says = |[chinese, english]: &[&[&str]; 2]| {
            chinese.iter().any(|term| {
                let mut found = text.match_indices(term).map(|(at, m)| at..at + m.len());
                found.any(|span| boundaries.are_words(&span) && holds(span.start))
            }) || english
                .iter()
                .any(|term| phrase(&words, term).is_some_and(&holds))
        };
        let all = OPPOSITES.iter().enumerate();
        Self {
            claims: all
                .clone()
                .filter(|(_, o)| says(&o.claimed))
                .map(|(n, _)| n)
                .collect(),
            against: all.filter(|(_, o)| says(&o.against)).map(|(n, _)| n).collect(),
        }
    }

    /// Whether what `self` claims is what `other` speaks against.
    pub(super) fn meets(&self, other: &Self) -> bool {
        self.claims.iter().any(|n| other.against.contains(n))
    }
}

/// The first byte of the words of `term` where they stand side by side.
fn phrase(text: &[Word], term: &str) -> Option<usize> {
    let stems = words::words(term);
    let same = |window: &&[Word]| window.iter().zip(&stems).all(|(a, b)| a.stem == b.stem);
    let found = text.windows(stems.len().max(1)).find(same)?;
    Some(found.first()?.span.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_meets_its_opposite_and_no_other() {
        let stance = |text| Stance::of(text, |_| true);
        let claim = stance("M2 was broadly on track");
        assert!(claim.meets(&stance("Sorry, M2 has slipped?")));
        assert!(!claim.meets(&stance("M2 is unfinished business")));
        assert!(!claim.meets(&stance("M2 is on track")));
        assert!(stance("文档写得及时").meets(&stance("接口文档第五次催")));
        assert!(
            !stance("测试及时").meets(&stance("催化剂的测试")),
            "part of a word"
        );
        assert_eq!(Stance::of("it was late", |_| false), Stance::default(), "denied");
    }
}
