//! Two answers on the screen: what the person says of them, and rewriting the better one.

use jiff::{SignedDuration, Timestamp};

use super::notice::Told;
use super::overlay::{Overlay, Purpose};
use super::{App, Effect};
use crate::id::RecordId;
use crate::review::annotation::{Annotation, Begin, Wanted};
use crate::review::dimension::{is_level, to_half};
use crate::review::{Choice, Receipt, Rewritten, Save, Side, Stamp};
use crate::tui::view::layout::{Layout, Shape};
use crate::tui::words::Word;

/// Nobody reads two answers faster: a key that comes sooner was held down, or meant for the pair before.
const A_LOOK: SignedDuration = SignedDuration::from_millis(300);

/// Two answers on the screen.
#[derive(Debug)]
pub struct Annotating {
    /// What is compared, and what was said so far.
    pub work: Annotation,
    /// The answer that would be rewritten.
    pub marked: Side,
    /// The first row shown of both.
    pub top: usize,
    /// When a key last came before the pair could be read.
    hasty: Option<Timestamp>,
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
    /// What was typed is no score, or nothing where there was something.
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
            hasty: None,
            last_saved: None,
        });
        self.do_wanted(wanted)
    }

    /// Whether the records are safe, while answers are compared.
    pub(super) fn comparisons_saved(&self, annotating: &Annotating) -> Save {
        match (&self.settings.read_only, self.unsaved(), &annotating.last_saved) {
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

    /// A record was not written: the pair that it was about is on the screen again.
    pub(super) fn comparison_not_saved(&mut self, record: &RecordId, why: &str, stamp: Stamp) {
        let Some(annotating) = &mut self.annotating else {
            return;
        };
        if annotating.work.not_saved(record, stamp) {
            (annotating.top, annotating.marked) = (0, Side::Left);
        }
        self.told = Some(Told::error(self.fill(Word::SaveFailed, &[("reason", why)])));
    }

    /// Does what comparing asks for.
    pub(super) fn do_wanted(&mut self, wanted: Vec<Wanted>) -> Vec<Effect> {
        let effect = |wanted| match wanted {
            Wanted::Draw(request) => Effect::Ask(request),
            Wanted::Keep(pair) => Effect::Keep(pair),
            Wanted::Commit(draft) => {
                self.await_receipt(&draft);
                Effect::Commit(*draft)
            }
        };
        wanted.into_iter().map(effect).collect()
    }

    /// Takes what the person says of the two, and shows the next ones.
    pub(super) fn choose(&mut self, choice: Choice, stamp: Stamp) -> Vec<Effect> {
        match self.cannot_judge(stamp) {
            Some(why) => self.hint_of(why),
            None => self.decide_between(choice, None, stamp),
        }
    }

    /// Why nothing can be said of a pair: there is none, or nobody can have read it.
    fn cannot_judge(&mut self, stamp: Stamp) -> Option<Word> {
        if self.settings.read_only.is_some() {
            return Some(Word::ReadOnly);
        }
        if Layout::of(self).shape == Shape::TooSmall {
            return Some(Word::TooSmall);
        }
        let annotating = self.annotating.as_mut()?;
        let Some(since) = annotating.work.shown().map(|shown| shown.since) else {
            return Some(Word::NothingToCompare);
        };
        // A key that is held down is answered once it was let go for a while.
        let since = annotating.hasty.map_or(since, |hasty| since.max(hasty));
        let hasty = (SignedDuration::ZERO..A_LOOK).contains(&stamp.at.duration_since(since));
        annotating.hasty = hasty.then_some(stamp.at);
        hasty.then_some(Word::PairTooNew)
    }

    fn decide_between(&mut self, choice: Choice, rewritten: Option<Rewritten>, stamp: Stamp) -> Vec<Effect> {
        let Some(annotating) = &mut self.annotating else {
            return Vec::new();
        };
        let wanted = annotating.work.choose(choice, rewritten, stamp);
        (annotating.top, annotating.marked) = (0, Side::Left);
        self.do_wanted(wanted)
    }

    pub(super) fn undo_comparison(&mut self, stamp: Stamp) -> Vec<Effect> {
        if self.settings.read_only.is_some() {
            return self.hint_of(Word::ReadOnly);
        }
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
    pub(super) fn rewrite(&mut self, stamp: Stamp) -> Vec<Effect> {
        if let Some(why) = self.cannot_judge(stamp) {
            return self.hint_of(why);
        }
        let marked = self.annotating.as_ref().map(|a| a.marked);
        let Some((side, answer)) = marked.and_then(|side| Some((side, self.as_it_is(side)?))) else {
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

    /// Takes a typed field and asks for the next one; only what the model left empty may stay empty. Behind the last one
    /// the answer is preferred, as it stands where nothing in it was changed.
    pub(super) fn rewritten(&mut self, mut rewriting: Rewriting, text: &str, stamp: Stamp) -> Vec<Effect> {
        if self.settings.read_only.is_some() {
            return self.hint_of(Word::ReadOnly);
        }
        let score = half_level(text);
        rewriting.refused = match rewriting.field {
            Field::Score => score.is_none(),
            Field::Rationale => text.is_empty() && !rewriting.answer.rationale.is_empty(),
            Field::Suggestion => text.is_empty() && !rewriting.answer.suggestion.is_empty(),
        };
        if rewriting.refused {
            self.ask_for(Purpose::Rewrite(Box::new(rewriting)), text);
            return Vec::new();
        }
        let (next, shown) = match rewriting.field {
            Field::Score => {
                rewriting.answer.score = score.unwrap_or(rewriting.answer.score);
                (Field::Rationale, rewriting.answer.rationale.clone())
            }
            Field::Rationale => {
                text.clone_into(&mut rewriting.answer.rationale);
                (Field::Suggestion, rewriting.answer.suggestion.clone())
            }
            Field::Suggestion => {
                text.clone_into(&mut rewriting.answer.suggestion);
                let changed = self.as_it_is(rewriting.side).as_ref() != Some(&rewriting.answer);
                let rewritten = changed.then_some(rewriting.answer);
                return self.decide_between(rewriting.side.into(), rewritten, stamp);
            }
        };
        rewriting.field = next;
        self.ask_for(Purpose::Rewrite(Box::new(rewriting)), &shown);
        Vec::new()
    }

    /// The answer of one side as it would be typed, its score as a person would give it.
    fn as_it_is(&self, side: Side) -> Option<Rewritten> {
        let work = &self.annotating.as_ref()?.work;
        let said = &work.shown()?.candidates[side.index()].assessment;
        let revealed = |text: &str| work.reveal(&said.dossier, text).trim().to_owned();
        Some(Rewritten {
            score: to_half(said.reading.score),
            rationale: revealed(&said.rationale),
            suggestion: revealed(&said.suggestion),
        })
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

/// 1 to 5 in halves.
fn half_level(text: &str) -> Option<f32> {
    let score: f32 = text.trim().parse().ok()?;
    is_level(score).then_some(score)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ratatui::layout::Size;

    use super::*;
    use crate::dossier::Language;
    use crate::engine::ScoreEvent;
    use crate::error::{Error, ErrorKind, Result};
    use crate::review::annotation::Shown;
    use crate::review::{Comparison, Entry, Pair};
    use crate::tui::state::Message;
    use crate::tui::testing::{Answer, Stage, settings};

    const SIZE: (u16, u16) = (100, 30);

    fn missing(what: &str) -> Error {
        Error::new(ErrorKind::Internal, format!("no {what}"))
    }

    /// One pair on the screen.
    fn stage() -> Result<Stage> {
        stage_of("Write it down.")
    }

    /// One pair on the screen, both answers with this suggestion.
    fn stage_of(suggestion: &str) -> Result<Stage> {
        let mut stage = Stage::queue(Language::En, SIZE, &[])?;
        let answer = |score, segments| Answer {
            score,
            sd: 0.7,
            segments,
            rationale: "Led five meetings.",
            suggestion,
        };
        let answers = [answer(4.2, &[5, 9][..]), answer(2.4, &[5, 12][..])];
        stage.compare("en-priya-nair-2026h1", "collaboration", &answers)?;
        Ok(stage)
    }

    fn told(stage: &Stage) -> &str {
        stage.app.told().map_or("", |t| t.text.as_str())
    }

    fn shown(stage: &Stage) -> Option<&Shown> {
        stage.app.annotating()?.work.shown()
    }

    fn compared(stage: &Stage) -> Result<&Comparison> {
        match stage.last_entry()? {
            Entry::Comparison(comparison) => Ok(comparison),
            _ => Err(missing("comparison")),
        }
    }

    #[test]
    fn a_key_that_comes_before_the_pair_can_be_read_says_nothing_of_it() -> Result<()> {
        let mut stage = stage()?;
        let since = shown(&stage).ok_or_else(|| missing("pair"))?.since;
        for (ms, key, taken) in [
            (100, "1", false),
            (350, "E", false),
            (600, "s", false),
            (900, "1", true),
        ] {
            let key = key
                .parse()
                .map_err(|e: String| Error::new(ErrorKind::Internal, e))?;
            let stamp = Stamp {
                at: since + SignedDuration::from_millis(ms),
                id: ulid::Ulid::nil(),
            };
            let effects = stage.app.handle(Message::Key(key), stamp);
            assert_eq!(effects.is_empty(), !taken, "after {ms} ms");
            assert_eq!(shown(&stage).is_none(), taken, "after {ms} ms");
            let hint = if taken {
                ""
            } else {
                Word::PairTooNew.text(Language::En)
            };
            assert_eq!(told(&stage), hint);
            assert!(stage.app.overlays().is_empty());
        }
        Ok(())
    }

    #[test]
    fn nothing_is_said_of_a_pair_that_there_is_no_room_for() -> Result<()> {
        let mut stage = stage()?;
        stage.send(Message::Resize(Size::new(40, 10)));
        stage.press("1 2 0 s E")?;
        assert!(stage.drafts.is_empty() && stage.app.overlays().is_empty());
        stage.send(Message::Resize(Size::new(SIZE.0, SIZE.1)));
        stage.press("1")?;
        assert_eq!(compared(&stage)?.choice, Choice::Left);
        Ok(())
    }

    #[test]
    fn an_answer_is_not_rewritten_into_nothing() -> Result<()> {
        let mut stage = stage()?;
        stage.press("E enter")?;
        for _ in 0.."Led five meetings.".len() {
            stage.press("backspace")?;
        }
        stage.press("enter")?;
        assert!(stage.screen()?.contains(Word::NotEmpty.text(Language::En)));
        stage.enter("Led none.")?;
        stage.press("enter enter")?;
        let rewritten = compared(&stage)?.rewritten.as_ref();
        assert_eq!(rewritten.map(|r| r.rationale.as_str()), Some("Led none."));
        Ok(())
    }

    #[test]
    fn what_the_model_left_empty_may_stay_empty() -> Result<()> {
        let mut stage = stage_of("")?;
        stage.press("E enter")?;
        stage.enter(" Told all.")?;
        stage.press("enter enter")?;
        let rewritten = compared(&stage)?.rewritten.as_ref();
        let words = rewritten.map(|r| (r.rationale.as_str(), r.suggestion.as_str()));
        assert_eq!(words, Some(("Led five meetings. Told all.", "")));
        Ok(())
    }

    #[test]
    fn rewriting_that_changes_nothing_is_a_plain_choice() -> Result<()> {
        let mut stage = stage()?;
        stage.press("l E enter enter enter")?;
        let comparison = compared(&stage)?;
        assert_eq!((comparison.choice, &comparison.rewritten), (Choice::Right, &None));
        Ok(())
    }

    /// What is not on the disk was not said, and nothing more can be.
    #[test]
    fn a_pair_comes_back_when_its_record_was_not_written() -> Result<()> {
        let mut stage = stage()?;
        stage.saves = false;
        stage.press("1")?;
        assert!(shown(&stage).is_none());
        let id = stage.drafts[0].id.clone();
        stage.send(Message::NotSaved(id, ErrorKind::Io, "no space left".to_owned()));
        assert!(shown(&stage).is_some());
        let words = Word::SaveFailed.fill(Language::En, &[("reason", "no space left")]);
        assert_eq!(told(&stage), words);
        stage.press("u")?;
        assert_eq!(
            (told(&stage), stage.drafts.len()),
            ("read-only: nothing can be changed", 1)
        );
        Ok(())
    }

    /// A record that does not fit stops neither the others nor the session.
    #[test]
    fn a_refused_comparison_comes_back_and_is_said_again() -> Result<()> {
        let mut stage = stage()?;
        stage.saves = false;
        stage.press("1")?;
        let id = stage.drafts[0].id.clone();
        stage.send(Message::NotSaved(
            id,
            ErrorKind::Input,
            "it cites nothing".to_owned(),
        ));
        assert!(shown(&stage).is_some() && stage.app.settings().read_only.is_none());
        let words = Word::RecordRefused.fill(Language::En, &[("reason", "it cites nothing")]);
        assert_eq!(told(&stage), words);
        assert_eq!(stage.app.save(), Save::Nothing);
        Ok(())
    }

    /// Pairs are left when no more come: the person learns it before the last one.
    #[test]
    fn that_no_more_answers_come_is_said_beside_the_pair() -> Result<()> {
        let mut stage = stage()?;
        let [left, right] = shown(&stage).ok_or_else(|| missing("pair"))?.candidates.clone();
        let work = &stage.app.annotating().ok_or_else(|| missing("work"))?.work;
        let dossier = work.dossier(&left.assessment.dossier).cloned();
        let begin = Begin {
            person: work.person().clone(),
            rubric: Arc::clone(&stage.app.settings().rubric),
            dossiers: dossier.into_iter().collect(),
            model: stage.app.settings().model.clone(),
            pool: Pair::of(left, right).into_iter().collect(),
            judged: Vec::new(),
            adjudicating: false,
            enough: 8,
            seed: 0,
        };
        stage.send(Message::Begin(Box::new(begin)));
        stage.engine(ScoreEvent::Failed {
            message: "out of memory".to_owned(),
            hints: Vec::new(),
        });
        let screen = stage.screen()?;
        let header = screen.lines().next().unwrap_or_default();
        assert!(
            header.contains("No more answers are generated: out of"),
            "{screen}"
        );
        assert!(shown(&stage).is_some());
        Ok(())
    }

    #[test]
    fn without_a_model_nobody_waits_for_more() -> Result<()> {
        let mut settings = settings(Language::En)?;
        settings.model = None;
        let mut stage = Stage::with(settings, SIZE, &[])?;
        stage.send(Message::Begin(Box::new(Begin {
            person: stage.app.settings().person.clone(),
            rubric: Arc::clone(&stage.app.settings().rubric),
            dossiers: Vec::new(),
            model: None,
            pool: Vec::new(),
            judged: Vec::new(),
            adjudicating: false,
            enough: 8,
            seed: 0,
        })));
        assert!(stage.screen()?.contains("and no model to generate more"));
        Ok(())
    }

    #[test]
    fn levels_come_in_halves() {
        assert_eq!(half_level(" 3.5 "), Some(3.5));
        for wrong in ["0.5", "5.5", "3.2", "", "NaN", "inf"] {
            assert_eq!(half_level(wrong), None, "{wrong}");
        }
    }
}
