//! The end: once the terminal is given back, the records that are on their way are waited for.

use std::io::Write as _;
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::tui::state::Message;

/// What became of the last records, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct LastWords {
    waiting: usize,
    lost: Option<String>,
    refused: Option<String>,
    abandoned: bool,
}

impl LastWords {
    /// So many records were sent and are not answered yet.
    pub(super) fn of(waiting: usize) -> Self {
        Self {
            waiting,
            ..Self::default()
        }
    }

    /// Takes an answer of the store; everything else comes too late.
    pub(super) fn note(&mut self, answer: Message) {
        match answer {
            Message::Saved(_) | Message::Worn(Ok(_)) => {}
            Message::NotSaved(_, _, why) => self.lose(why),
            Message::Worn(Err(why)) => self.refused = Some(why),
            _ => return,
        }
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// The first reason is the one to tell: the others follow from it.
    fn lose(&mut self, why: String) {
        self.lost = self.lost.take().or(Some(why));
    }

    /// Waits until the keeper has ended. After `patience` only records are waited for, however long they take, until
    /// somebody has `asked` to leave without them.
    pub(super) async fn wait(
        &mut self,
        answers: &mut Receiver<Message>,
        keeper: &mut JoinHandle<()>,
        patience: Duration,
        asked: impl Future<Output = ()>,
    ) {
        let in_time = tokio::time::timeout(patience, self.hear_out(answers, keeper, false)).await;
        self.drain(answers);
        if in_time.is_ok() || self.waiting == 0 {
            return;
        }
        // A terminal that is gone hears nothing.
        let _ = writeln!(
            std::io::stderr(),
            "records still being saved: {}; Ctrl-C leaves without them",
            self.waiting
        );
        tokio::select! {
            biased;
            () = self.hear_out(answers, keeper, true) => {}
            () = asked => self.abandoned = true,
        }
        self.drain(answers);
    }

    /// Takes answers until the keeper has ended, or only until no record is missing.
    async fn hear_out(
        &mut self,
        answers: &mut Receiver<Message>,
        keeper: &mut JoinHandle<()>,
        only_records: bool,
    ) {
        while self.waiting > 0 || !only_records {
            tokio::select! {
                Some(answer) = answers.recv() => self.note(answer),
                ended = &mut *keeper => {
                    // What it said before goes first.
                    self.drain(answers);
                    if let Err(stopped) = ended {
                        self.lose(format!("the task that saves them has stopped: {stopped}"));
                    }
                    return;
                }
            }
        }
    }

    fn drain(&mut self, answers: &mut Receiver<Message>) {
        while let Ok(answer) = answers.try_recv() {
            self.note(answer);
        }
    }

    /// What the person is told.
    pub(super) fn outcome(self) -> Result<()> {
        let fault = |what: String| Error::new(ErrorKind::Io, what);
        let verify = "`plumb journal verify` says what is kept";
        if let Some(why) = self.lost {
            Err(fault(format!("the last records were not saved: {why}")))
        } else if self.waiting > 0 && self.abandoned {
            let what = "the last records were not saved: the program was asked again to end";
            Err(fault(what.to_owned()).hint(verify))
        } else if self.waiting > 0 {
            Err(fault("the last records were not saved".to_owned()).hint(verify))
        } else if let Some(why) = self.refused {
            Err(fault(format!("the adapter was not put live: {why}")))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::sync::mpsc::{self, Sender};

    use super::*;
    use crate::hash::ContentHash;
    use crate::id::RecordId;
    use crate::review::Receipt;

    const PATIENCE: Duration = Duration::from_millis(5);

    fn saved() -> Message {
        Message::Saved(Receipt {
            id: RecordId::new("r"),
            seq: 1,
            hash: ContentHash::ZERO,
        })
    }

    fn not_saved() -> Message {
        Message::NotSaved(RecordId::new("r"), ErrorKind::Io, "no space left".to_owned())
    }

    /// What the person is told of `waiting` records where the keeper does this.
    fn told<K>(waiting: usize, keeper: impl FnOnce(Sender<Message>) -> K, asked: bool) -> Result<()>
    where
        K: Future<Output = ()> + Send + 'static,
    {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::new(ErrorKind::Internal, "no runtime").because(e))?;
        let told = runtime.block_on(async {
            let (answer, mut answers) = mpsc::channel(4);
            let mut keeper = tokio::spawn(keeper(answer.clone()));
            let mut words = LastWords::of(waiting);
            let asked = async move {
                if asked {
                    ready(()).await;
                } else {
                    pending::<()>().await;
                }
            };
            words.wait(&mut answers, &mut keeper, PATIENCE, asked).await;
            words.outcome()
        });
        runtime.shutdown_background();
        told
    }

    async fn slowly(answer: Sender<Message>, what: Message) {
        tokio::time::sleep(PATIENCE * 10).await;
        let _ = answer.send(what).await;
    }

    async fn stops(answer: Sender<Message>) {
        drop(answer);
        tokio::task::yield_now().await;
        std::panic::resume_unwind(Box::new("stopped"))
    }

    fn words(told: Result<()>) -> String {
        told.err().map(|e| e.to_string()).unwrap_or_default()
    }

    #[test]
    fn records_are_waited_for_however_long_they_take() {
        assert_eq!(words(told(1, |answer| slowly(answer, saved()), false)), "");
        let refused = words(told(1, |answer| slowly(answer, not_saved()), false));
        assert!(refused.contains("no space left"), "{refused}");
    }

    #[test]
    fn who_asks_again_leaves_without_them() {
        let left = words(told(1, |_| pending(), true));
        assert!(left.contains("asked again"), "{left}");
    }

    #[test]
    fn nothing_but_records_is_waited_for_without_end() {
        assert_eq!(words(told(0, |_| pending(), false)), "");
        let and_more = |answer| async move {
            slowly(answer, saved()).await;
            pending::<()>().await;
        };
        assert_eq!(words(told(1, and_more, false)), "");
    }

    #[test]
    fn a_keeper_that_stopped_has_lost_what_it_was_given() {
        let unanswered = words(told(1, |_| ready(()), false));
        assert!(unanswered.contains("not saved"), "{unanswered}");
        let stopped = words(told(0, stops, false));
        assert!(stopped.contains("has stopped"), "{stopped}");
    }

    #[test]
    fn what_came_while_the_loop_waited_for_something_else_counts() {
        let mut words = LastWords::of(2);
        words.note(saved());
        words.note(not_saved());
        assert_eq!(words.waiting, 0);
        assert!(words.outcome().is_err());
    }
}
