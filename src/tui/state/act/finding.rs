//! Finding text, and narrowing the queue.

use crate::tui::keys::Action;
use crate::tui::state::find::Find;
use crate::tui::state::notice::Told;
use crate::tui::state::overlay::Purpose;
use crate::tui::state::{App, Effect};
use crate::tui::words::Word;

impl App {
    pub(super) fn finding(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Find => self.ask_and_wait(Purpose::Find),
            Action::FindNext => self.next_match(1),
            Action::FindPrevious => self.next_match(-1),
            Action::Search => self.ask_and_wait(Purpose::Search),
            Action::Filter => self.next_filter(),
            Action::Sort => self.next_sort(),
            _ => Vec::new(),
        }
    }

    fn ask_and_wait(&mut self, purpose: Purpose) -> Vec<Effect> {
        let text = match purpose {
            Purpose::Search => self.queue.search.clone(),
            _ => String::new(),
        };
        self.ask(purpose, &text);
        Vec::new()
    }

    /// Looks for text from the cursor on; an empty line looks for the last text again.
    pub(super) fn find(&mut self, wanted: &str) -> Vec<Effect> {
        let Some(desk) = &mut self.desk else {
            return Vec::new();
        };
        if wanted.is_empty() {
            return self.next_match(1);
        }
        let mut find = Find::new(desk.review.dossier(), wanted);
        let at = desk
            .document
            .segment()
            .map_or(0, |s| desk.document.shown(s).start);
        find.start_from(desk.document.index(), at);
        desk.find = Some(find);
        self.show_match(false)
    }

    fn next_match(&mut self, by: isize) -> Vec<Effect> {
        let find = self.desk.as_mut().and_then(|d| d.find.as_mut());
        match find {
            Some(find) => {
                let wrapped = find.step(by);
                self.show_match(wrapped)
            }
            None => self.hint(Word::NothingSought, &[]),
        }
    }

    fn show_match(&mut self, wrapped: bool) -> Vec<Effect> {
        let Some(desk) = &mut self.desk else {
            return Vec::new();
        };
        let found = desk
            .find
            .as_ref()
            .and_then(|f| f.current().map(|(n, m)| (n, m.clone(), f.matches().len())));
        let Some((nth, at, count)) = found else {
            return self.hint(Word::NoMatches, &[]);
        };
        desk.show_source(at.source);
        desk.document.go_to_byte(at.span.start);
        desk.moved();
        let mut text = self.fill(
            Word::FoundMatch,
            &[("i", &(nth + 1).to_string()), ("n", &count.to_string())],
        );
        if wrapped {
            text = format!("{text}  {}", self.word(Word::FindWrapped));
        }
        self.told = Some(Told::done(text));
        Vec::new()
    }

    fn next_filter(&mut self) -> Vec<Effect> {
        self.queue.filter = self.queue.filter.next();
        Vec::new()
    }

    fn next_sort(&mut self) -> Vec<Effect> {
        let row = self.queue.current();
        self.queue.sort = self.queue.sort.next();
        if let Some(row) = row {
            self.queue.select(row);
        }
        Vec::new()
    }
}
