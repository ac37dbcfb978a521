//! The mouse: click to select, wheel to scroll, drag to select text.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::desk::Pane;
use super::{App, Effect};
use crate::tui::view::layout::Layout;

/// Rows that one turn of the wheel scrolls.
const WHEEL: isize = 3;

/// Where a drag over the document began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drag {
    byte: usize,
}

impl App {
    pub(super) fn mouse(&mut self, event: MouseEvent) -> Vec<Effect> {
        let at = Position::new(event.column, event.row);
        match event.kind {
            MouseEventKind::Down(MouseButton::Left) => self.click(at),
            MouseEventKind::Drag(MouseButton::Left) => self.dragged(at),
            MouseEventKind::Up(MouseButton::Left) => {
                self.drag = None;
                Vec::new()
            }
            MouseEventKind::ScrollUp => self.wheel(at, -WHEEL),
            MouseEventKind::ScrollDown => self.wheel(at, WHEEL),
            _ => Vec::new(),
        }
    }

    fn click(&mut self, at: Position) -> Vec<Effect> {
        if !self.overlays.is_empty() {
            return Vec::new();
        }
        let layout = Layout::of(self);
        let Some(pane) = layout.pane_at(at) else {
            return self.click_queue(&layout, at);
        };
        let rows = layout.rows_of(pane);
        let row = usize::from(at.y.saturating_sub(rows.y));
        let text = layout.document_text();
        let Some(desk) = &mut self.desk else {
            return Vec::new();
        };
        desk.focus = pane;
        match pane {
            Pane::Sources => desk.show_source(row),
            Pane::Dimensions => desk.select_dimension(row),
            Pane::Evidence => {
                if let Some(item) = crate::tui::view::evidence::item_at(self, rows, row)
                    && let Some(desk) = &mut self.desk
                {
                    desk.select_item(item);
                }
            }
            Pane::Document => {
                desk.document.end_selection();
                self.drag = None;
                if let Some(byte) = byte_at(desk, text, at) {
                    desk.document.go_to_byte(byte);
                    desk.moved();
                    self.drag = Some(Drag { byte });
                }
            }
        }
        Vec::new()
    }

    /// The first click moves the cursor, the second on the same row opens.
    fn click_queue(&mut self, layout: &Layout, at: Position) -> Vec<Effect> {
        let list = layout.queue_rows();
        if self.desk.is_some() || !list.contains(at) {
            return Vec::new();
        }
        let top = crate::tui::view::queue::top(self, usize::from(list.height));
        let row = top + usize::from(at.y - list.y);
        if row >= self.queue.visible().len() {
            return Vec::new();
        }
        let again = row == self.queue.cursor();
        self.queue.go(row);
        match self.queue.current() {
            Some(dossier) if again => self.open(dossier),
            _ => Vec::new(),
        }
    }

    fn dragged(&mut self, at: Position) -> Vec<Effect> {
        let text = Layout::of(self).document_text();
        if let (Some(drag), Some(desk)) = (self.drag, &mut self.desk)
            && let Some(byte) = byte_at(desk, text, at)
        {
            desk.document.drag(drag.byte, byte);
        }
        Vec::new()
    }

    fn wheel(&mut self, at: Position, by: isize) -> Vec<Effect> {
        let layout = Layout::of(self);
        match (layout.pane_at(at), &mut self.desk) {
            _ if !self.overlays.is_empty() => {}
            (Some(Pane::Document), Some(desk)) => desk.document.scroll(by),
            (Some(Pane::Dimensions), Some(desk)) => desk.step_dimension(by.signum()),
            (Some(Pane::Evidence), Some(desk)) => desk.step_item(by.signum()),
            (Some(Pane::Sources) | None, Some(_)) => {}
            (_, None) => self.queue.step(by.signum()),
        }
        Vec::new()
    }
}

/// The byte of the document under the mouse.
fn byte_at(desk: &super::desk::Desk, text: Rect, at: Position) -> Option<usize> {
    let inside = text.contains(at) || (at.y >= text.y && at.y < text.bottom());
    let row = usize::from(at.y.checked_sub(text.y)?);
    let margin = desk.document.margin().total();
    let column = usize::from(at.x.saturating_sub(text.x)).saturating_sub(margin);
    inside.then(|| desk.document.byte_at(row, column)).flatten()
}
