//! Going about: cursors, panes, dimensions, sources, dossiers.

use crate::review::Side;
use crate::tui::keys::Action;
use crate::tui::state::desk::{Desk, Pane};
use crate::tui::state::overlay::Overlay;
use crate::tui::state::{App, Effect};
use crate::tui::view::annotation;
use crate::tui::view::overlay::last_top;
use crate::tui::words::Word;

/// Where a movement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// By so many rows.
    By(isize),
    /// By so many half pages.
    Half(isize),
    /// To the first (`false`) or last (`true`).
    End(bool),
}

impl App {
    pub(super) fn moving(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Up => self.step(Step::By(-1)),
            Action::Down => self.step(Step::By(1)),
            Action::HalfUp => self.step(Step::Half(-1)),
            Action::HalfDown => self.step(Step::Half(1)),
            Action::Top => self.step(Step::End(false)),
            Action::Bottom => self.step(Step::End(true)),
            Action::ListUp => self.step_list(-1),
            Action::ListDown => self.step_list(1),
            Action::Left if self.annotating.is_some() => self.mark(Side::Left),
            Action::Right if self.annotating.is_some() => self.mark(Side::Right),
            Action::Open => self.enter(),
            Action::NextUndecided => self.next_undecided(),
            Action::NextDossier => self.beside(1),
            Action::PreviousDossier => self.beside(-1),
            other => self.on_desk(|desk| desk_step(desk, other)),
        }
    }

    fn on_desk(&mut self, step: impl FnOnce(&mut Desk)) -> Vec<Effect> {
        self.desk.as_mut().map(step);
        Vec::new()
    }

    fn mark(&mut self, side: Side) -> Vec<Effect> {
        if let Some(annotating) = &mut self.annotating {
            annotating.marked = side;
        }
        Vec::new()
    }

    fn step(&mut self, step: Step) -> Vec<Effect> {
        let half = (isize::try_from(self.size.height).unwrap_or(24) / 2).max(1);
        if let Some(last) = last_top(self) {
            if let Some(Overlay::Profile(top) | Overlay::Training(_, top) | Overlay::Calibration(top)) =
                self.overlays.last_mut()
            {
                *top = moved((*top).min(last), step, half).min(last);
            }
        } else if let Some(Overlay::Adapters(list)) = self.overlays.last_mut() {
            list.cursor = moved_within(list.cursor, step, half, list.choices().len());
        } else if self.overlays.last().is_some() {
            let by = if let Step::Half(by) = step { by * half } else { 0 };
            return self.step_list(by);
        } else if let Some(annotating) = &self.annotating {
            let last = annotation::last_top(self);
            let to = moved(annotating.top.min(last), step, half).min(last);
            if let Some(annotating) = &mut self.annotating {
                annotating.top = to;
            }
        } else if let Some(desk) = &mut self.desk {
            in_pane(desk, step, half);
            desk.moved();
        } else {
            let to = moved(self.queue.cursor(), step, half);
            self.queue.go(to);
        }
        Vec::new()
    }

    fn step_list(&mut self, by: isize) -> Vec<Effect> {
        let rows = self.picker_len();
        match self.overlays.last_mut() {
            Some(Overlay::Reason(picker)) => picker.step(by),
            Some(Overlay::Help(picker) | Overlay::Palette(picker)) => {
                let last = rows.saturating_sub(1);
                picker.cursor = picker.cursor.saturating_add_signed(by).min(last);
            }
            _ => {}
        }
        Vec::new()
    }

    fn enter(&mut self) -> Vec<Effect> {
        let Some(desk) = &mut self.desk else {
            return self.queue.current().map_or_else(Vec::new, |row| self.open(row));
        };
        match desk.focus {
            Pane::Sources => desk.focus = Pane::Document,
            Pane::Dimensions => desk.focus = Pane::Evidence,
            Pane::Evidence if desk.link().is_some() => return self.show_place(),
            Pane::Evidence => {}
            Pane::Document => {
                if !desk.jump_to_score() {
                    return self.hint(Word::NotUsed, &[]);
                }
            }
        }
        Vec::new()
    }

    /// From evidence to its place. In one column the document comes to the front.
    fn show_place(&mut self) -> Vec<Effect> {
        let Some(desk) = &mut self.desk else {
            return Vec::new();
        };
        let again = desk.is_at_link();
        if !desk.jump_to_link(again) {
            return self.hint(Word::PlaceGone, &[]);
        }
        let (i, n) = desk.link_occurrence();
        // Going through occurrences the cursor stays; what a quotation says is read in the document, and so is its other end.
        let counted = desk.link().is_some_and(|link| link.count.is_some());
        if counted && n > 1 {
            return self.hint(
                Word::Occurrence,
                &[("i", &(i + 1).to_string()), ("n", &n.to_string())],
            );
        }
        if let Some(desk) = &mut self.desk {
            desk.focus = Pane::Document;
        }
        Vec::new()
    }

    fn next_undecided(&mut self) -> Vec<Effect> {
        let found = self.desk.as_mut().is_some_and(Desk::next_undecided);
        if found {
            Vec::new()
        } else {
            self.hint(Word::AllDecided, &[])
        }
    }

    fn beside(&mut self, by: isize) -> Vec<Effect> {
        let row = self
            .desk
            .as_ref()
            .and_then(|desk| self.queue.beside(desk.row, by));
        match row {
            Some(row) => self.open(row),
            None => self.hint(Word::NoMoreDossiers, &[]),
        }
    }
}

fn desk_step(desk: &mut Desk, action: Action) {
    let selecting = desk.document.selection().is_some();
    match action {
        Action::Left | Action::Right if selecting => desk.document.select_step(action == Action::Right),
        Action::Left => desk.focus = desk.focus.step(-1),
        Action::Right => desk.focus = desk.focus.step(1),
        Action::NextPane => desk.focus = desk.focus.step(1),
        Action::PreviousPane => desk.focus = desk.focus.step(-1),
        Action::PaneSources => desk.focus = Pane::Sources,
        Action::PaneDocument => desk.focus = Pane::Document,
        Action::PaneDimensions => desk.focus = Pane::Dimensions,
        Action::PaneEvidence => desk.focus = Pane::Evidence,
        Action::NextDimension => desk.step_dimension(1),
        Action::PreviousDimension => desk.step_dimension(-1),
        Action::NextSource => desk.show_source(desk.document.index() + 1),
        Action::PreviousSource => desk.show_source(desk.document.index().saturating_sub(1)),
        _ => {}
    }
}

fn in_pane(desk: &mut Desk, step: Step, half: isize) {
    if desk.document.selection().is_some() {
        return match step {
            Step::By(by) => desk.document.select_rows(by),
            Step::Half(by) => desk.document.select_rows(by * half),
            Step::End(last) => desk.document.select_to_row_end(last),
        };
    }
    match (desk.focus, step) {
        (Pane::Sources, step) => desk.show_source(moved_within(
            desk.document.index(),
            step,
            half,
            desk.review.dossier().sources.len(),
        )),
        (Pane::Document, Step::By(by)) => desk.document.step(by),
        (Pane::Document, Step::Half(by)) => desk.document.page(by * half),
        (Pane::Document, Step::End(last)) => desk.document.go_to_end(last),
        (Pane::Dimensions, step) => desk.select_dimension(moved(desk.dimension_index(), step, half)),
        (Pane::Evidence, step) => {
            let count = desk.items().len();
            desk.select_item(moved_within(desk.item_index(), step, half, count));
        }
    }
}

fn moved(from: usize, step: Step, half: isize) -> usize {
    match step {
        Step::By(by) => from.saturating_add_signed(by),
        Step::Half(by) => from.saturating_add_signed(by * half),
        Step::End(false) => 0,
        Step::End(true) => usize::MAX,
    }
}

fn moved_within(from: usize, step: Step, half: isize, count: usize) -> usize {
    moved(from, step, half).min(count.saturating_sub(1))
}
