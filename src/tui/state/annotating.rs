//! Two answers on the screen: what the person says of them, and rewriting the better one.

use super::notice::Told;
use super::overlay::{Overlay, Purpose};
use super::{App, Effect};
use crate::review::annotation::{Annotation, Begin, Shown, Wanted};
use crate::review::dimension::{is_level, to_half};
use crate::review::{Choice, Receipt, Rewritten, Save, Side, Stamp};
use crate::tui::words::Word;

/// Two answers on the screen.
#[derive(Debug)]
pub struct Annotating {
    /// What is compared, and what was said so far.
    pub work: Annotation,
    /// The answer that would be rewritten.
    pub marked: Side,
    /// The first row shown of both.
    pub top: usize,
    last_saved: Option<Receipt>,
}

/// An answer being rewritten, field by field.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewriting {
    /// Which of the two.
    pub side: Side,
    /// The field that is typed now.
    pub field: Field,
    /// As far as it has come.
    pub answer: Rewritten,
    /// What was typed as a score is none.
    pub refused: bool,
}

/// A field of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The score.
    Score,
    /// Why.
    Rationale,
    /// What to do next.
    Suggestion,
}

impl App {
    /// Two answers on the screen, while answers are compared.
    pub fn annotating(&self) -> Option<&Annotating> {
        self.annotating.as_ref()
    }

    pub(super) fn begin(&mut self, begin: Begin, stamp: Stamp) -> Vec<Effect> {
        let (work, wanted) = Annotation::new(begin, stamp);
        self.annotating = Some(Annotating {
            work,
            marked: Side::Left,
            top: 0,
            last_saved: None,
        });
        self.do_wanted(wanted)
    }

    /// Whether the records are safe, while answers are compared.
    pub(super) fn comparisons_saved(&self, annotating: &Annotating) -> Save {
        match (&self.settings.read_only, self.unsaved, &annotating.last_saved) {
            (Some(why), ..) => Save::Failed(why.clone()),
            (None, 0, None) => Save::Nothing,
            (None, 0, Some(receipt)) => Save::Saved(receipt.clone()),
            (None, n, _) => Save::Saving(n),
        }
    }

    pub(super) fn comparison_saved(&mut self, receipt: &Receipt) {
        if let Some(annotating) = &mut self.annotating {
            annotating.last_saved = Some(receipt.clone());
        }
    }

    /// Does what comparing asks for.
    pub(super) fn do_wanted(&mut self, wanted: Vec<Wanted>) -> Vec<Effect> {
        let effect = |wanted| match wanted {
            Wanted::Draw(request) => Effect::Ask(request),
            Wanted::Keep(pair) => Effect::Keep(pair),
            Wanted::Commit(draft) => {
                self.unsaved += 1;
                Effect::Commit(*draft)
            }
        };
        wanted.into_iter().map(effect).collect()
    }

    /// Takes what the person says of the two, and shows the next ones.
    pub(super) fn choose(&mut self, choice: Choice, stamp: Stamp) -> Vec<Effect> {
        self.decide_between(choice, None, stamp)
    }

    fn decide_between(&mut self, choice: Choice, rewritten: Option<Rewritten>, stamp: Stamp) -> Vec<Effect> {
        if self.settings.read_only.is_some() {
            return self.hint_of(Word::ReadOnly);
        }
        let Some(annotating) = &mut self.annotating else {
            return Vec::new();
        };
        if annotating.work.shown().is_none() {
            return self.hint_of(Word::NothingToCompare);
        }
        let wanted = annotating.work.choose(choice, rewritten, stamp);
        (annotating.top, annotating.marked) = (0, Side::Left);
        self.do_wanted(wanted)
    }

    pub(super) fn undo_comparison(&mut self, stamp: Stamp) -> Vec<Effect> {
        let undone = self.annotating.as_mut().and_then(|a| a.work.undo(stamp));
        match undone {
            Some(wanted) => {
                self.told = Some(Told::done(self.word(Word::ComparisonUndone)));
                self.do_wanted(wanted)
            }
            None => self.hint_of(Word::NothingToUndo),
        }
    }

    /// Begins to rewrite the marked answer.
    pub(super) fn rewrite(&mut self) -> Vec<Effect> {
        if self.settings.read_only.is_some() {
            return self.hint_of(Word::ReadOnly);
        }
        let marked = self
            .annotating
            .as_ref()
            .and_then(|a| Some((a.marked, as_it_is(&a.work, a.work.shown()?, a.marked))));
        let Some((side, answer)) = marked else {
            return self.hint_of(Word::NothingToCompare);
        };
        let score = answer.score.to_string();
        let rewriting = Rewriting {
            side,
            field: Field::Score,
            answer,
            refused: false,
        };
        self.ask_for(Purpose::Rewrite(Box::new(rewriting)), &score);
        Vec::new()
    }

    /// Takes a typed field and asks for the next one; behind the last one the answer is preferred.
    pub(super) fn rewritten(&mut self, mut rewriting: Rewriting, text: &str, stamp: Stamp) -> Vec<Effect> {
        let (next, shown) = match rewriting.field {
            Field::Score => {
                let Some(score) = half_level(text) else {
                    rewriting.refused = true;
                    self.ask_for(Purpose::Rewrite(Box::new(rewriting)), text);
                    return Vec::new();
                };
                rewriting.answer.score = score;
                (Field::Rationale, rewriting.answer.rationale.clone())
            }
            Field::Rationale => {
                text.clone_into(&mut rewriting.answer.rationale);
                (Field::Suggestion, rewriting.answer.suggestion.clone())
            }
            Field::Suggestion => {
                text.clone_into(&mut rewriting.answer.suggestion);
                return self.decide_between(rewriting.side.into(), Some(rewriting.answer), stamp);
            }
        };
        rewriting.field = next;
        self.ask_for(Purpose::Rewrite(Box::new(rewriting)), &shown);
        Vec::new()
    }

    fn ask_for(&mut self, purpose: Purpose, text: &str) {
        self.overlays.push(Overlay::Input(super::overlay::Input {
            purpose,
            line: super::line::LineEdit::new(text),
        }));
    }

    fn hint_of(&mut self, word: Word) -> Vec<Effect> {
        self.told = Some(Told::hint(self.word(word)));
        Vec::new()
    }
}

/// The answer of one side, its score as a person would give it.
fn as_it_is(work: &Annotation, shown: &Shown, side: Side) -> Rewritten {
    let said = &shown.candidates[side.index()].assessment;
    let revealed = |text: &str| work.reveal(&said.dossier, text).into_owned();
    Rewritten {
        score: to_half(said.reading.score),
        rationale: revealed(&said.rationale),
        suggestion: revealed(&said.suggestion),
    }
}

/// 1 to 5 in halves.
fn half_level(text: &str) -> Option<f32> {
    let score: f32 = text.trim().parse().ok()?;
    is_level(score).then_some(score)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_come_in_halves() {
        assert_eq!(half_level(" 3.5 "), Some(3.5));
        for wrong in ["0.5", "5.5", "3.2", "", "NaN", "inf"] {
            assert_eq!(half_level(wrong), None, "{wrong}");
        }
    }
}
