//! Why a person disagrees: the entries of the reason picker, with the codes that the journal keeps.

use super::Word;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $key:literal, $word:ident;)*) => {
        /// An entry of the reason picker.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// All of them, in the order of the picker.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What the journal keeps: the same in every language and version.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// The key that picks it.
            pub fn key(self) -> char {
                match self {
                    $(Self::$name => $key,)*
                }
            }

            /// What the picker says.
            pub fn word(self) -> Word {
                match self {
                    $(Self::$name => Word::$word,)*
                }
            }
        }
    };
}

reasons! {
    /// The dossier holds evidence that the model did not use.
    EvidenceMissing = "evidence-missing", 'm', ReasonEvidenceMissing;
    /// The evidence says something else than the model took from it.
    EvidenceMisread = "evidence-misread", 'r', ReasonEvidenceMisread;
    /// The evidence is about someone else, or about another dimension.
    EvidenceUnrelated = "evidence-unrelated", 'u', ReasonEvidenceUnrelated;
    /// A claim that nothing else confirms.
    SelfClaimOnly = "self-claim-only", 's', ReasonSelfClaimOnly;
    /// The same fact was counted more than once.
    CountedTwice = "counted-twice", 'd', ReasonCountedTwice;
    /// The evidence is right, the level is too high for it.
    LevelTooHigh = "level-too-high", 'h', ReasonLevelTooHigh;
    /// The evidence is right, the level is too low for it.
    LevelTooLow = "level-too-low", 'l', ReasonLevelTooLow;
    /// Too much weight on one event, good or bad.
    OneEvent = "one-event", 'e', ReasonOneEvent;
    /// Too much weight on the last weeks of the cycle.
    Recency = "recency", 'w', ReasonRecency;
    /// The expectations of the role or grade were not considered.
    RoleExpectation = "role-expectation", 'x', ReasonRoleExpectation;
    /// The text praises or blames without facts.
    Tone = "tone", 't', ReasonTone;
    /// The reviewer knows something that the dossier does not hold.
    OutsideKnowledge = "outside-knowledge", 'k', ReasonOutsideKnowledge;
    /// In the reviewer's own words.
    Other = "other", 'o', ReasonOther;
}

impl Reason {
    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|r| r.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_and_keys_are_unique_and_lead_back() {
        let codes: BTreeSet<_> = Reason::ALL.iter().map(|r| r.code()).collect();
        let keys: BTreeSet<_> = Reason::ALL.iter().map(|r| r.key()).collect();
        assert_eq!((codes.len(), keys.len()), (Reason::ALL.len(), Reason::ALL.len()));
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(*reason));
        }
        assert_eq!(Reason::from_code("because"), None);
    }
}
