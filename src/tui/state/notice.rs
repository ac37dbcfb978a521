//! What there is to tell the person, in words.

use super::App;
use crate::review::Notice;
use crate::review::dimension::VerdictKind;
use crate::tui::words::Word;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It went as wanted.
    Done,
    /// It could not be done; nothing is lost.
    Hint,
    /// Something is wrong.
    Error,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The words; what to do next, if it is said, in a line of its own.
    pub text: String,
    /// How much it matters.
    pub weight: Weight,
}

impl Told {
    /// It went as wanted.
    pub fn done(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            weight: Weight::Done,
        }
    }

    /// It could not be done.
    pub fn hint(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            weight: Weight::Hint,
        }
    }

    /// Something is wrong.
    pub fn error(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            weight: Weight::Error,
        }
    }
}

impl App {
    /// The review's notices in the language of the interface.
    pub(super) fn words_for(&self, notice: &Notice) -> Option<Told> {
        self.words_of_acts(notice)
            .or_else(|| self.words_of_refusals(notice))
            .or_else(|| self.words_of_work(notice))
    }

    fn words_of_acts(&self, notice: &Notice) -> Option<Told> {
        let text = match notice {
            Notice::Accepted(dimension, score) => self.fill(
                Word::Accepted,
                &[
                    ("dimension", self.dimension_name(dimension)),
                    ("score", &format!("{score:.1}")),
                ],
            ),
            Notice::Overridden(dimension, score, model) => self.overridden(dimension, *score, *model),
            Notice::LinkAdded(place) => self.fill(Word::LinkAdded, &[("place", &self.place_label(place))]),
            Notice::LinkDropped(place) => {
                self.fill(Word::LinkDropped, &[("place", &self.place_label(place))])
            }
            Notice::NoteAdded => self.word(Word::NoteAdded).to_owned(),
            Notice::Revealed => self.word(Word::Revealed).to_owned(),
            Notice::Blind(true) => self.word(Word::BlindOn).to_owned(),
            Notice::Blind(false) => self.word(Word::BlindOff).to_owned(),
            Notice::Undone(Some(seq)) => self.fill(Word::Undone, &[("record", &seq.to_string())]),
            Notice::Undone(None) => self.word(Word::UndoneLast).to_owned(),
            Notice::SignedOff => self.word(Word::SignedOff).to_owned(),
            _ => return None,
        };
        Some(Told::done(text))
    }

    fn overridden(&self, dimension: &crate::id::DimensionId, score: f32, model: Option<f32>) -> String {
        let name = self.dimension_name(dimension);
        let to = format!("{score:.1}");
        match model {
            Some(from) => {
                let from = format!("{from:.1}");
                self.fill(
                    Word::Overridden,
                    &[("dimension", name), ("from", &from), ("to", &to)],
                )
            }
            None => self.fill(Word::ScoredByHand, &[("dimension", name), ("score", &to)]),
        }
    }

    fn words_of_refusals(&self, notice: &Notice) -> Option<Told> {
        let word = match notice {
            Notice::NothingToAccept if self.model_is_at_it() => Word::NotYetScored,
            Notice::NothingToAccept => Word::NothingToAccept,
            Notice::ScoreFirst => Word::BlindOn,
            Notice::NotALevel => Word::NotALevel,
            Notice::AlreadyLinked => Word::AlreadyLinked,
            Notice::NoSuchLink => Word::NoSuchLink,
            Notice::NothingToUndo => Word::NothingToUndo,
            Notice::Closed => Word::AlreadySignedOff,
            Notice::ReadOnly => Word::ReadOnly,
            Notice::NoModel => Word::ModelMissing,
            Notice::Undecided(n) => {
                return Some(Told::hint(self.fill(Word::Undecided, &[("n", &n.to_string())])));
            }
            _ => return None,
        };
        Some(Told::hint(self.word(word)))
    }

    fn words_of_work(&self, notice: &Notice) -> Option<Told> {
        Some(match notice {
            Notice::ScoringDone => Told::done(self.word(Word::ScoringDone)),
            Notice::Stopped => Told::hint(self.word(Word::ScoringCancelled)),
            Notice::ScoringFailed(why, hints) => {
                let words = self.fill(Word::ModelStopped, &[("reason", why)]);
                let hint = hints.first().map(|h| format!("\n{h}")).unwrap_or_default();
                Told::error(words + &hint)
            }
            Notice::NotSaved(why) => Told::error(self.fill(Word::SaveFailed, &[("reason", why)])),
            _ => return None,
        })
    }

    fn model_is_at_it(&self) -> bool {
        let desk = self.desk.as_ref();
        desk.is_some_and(|d| d.review.work().ticket().is_some())
    }
}

/// What to call a decision.
pub fn verdict_word(kind: VerdictKind) -> Word {
    match kind {
        VerdictKind::Accepted => Word::StateAccepted,
        VerdictKind::Overridden => Word::StateOverridden,
        VerdictKind::ByHand => Word::StateByHand,
    }
}
