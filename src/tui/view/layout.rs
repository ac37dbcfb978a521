//! Where things stand on the screen.

use ratatui::layout::{Position, Rect};

use super::picture;
use crate::tui::state::App;
use crate::tui::state::desk::Pane;
use crate::tui::theme::Glyphs;

/// The smallest terminal that the screens fit in.
pub const MIN: (u16, u16) = (60, 16);

/// From so many columns on, sources, document and scores stand side by side.
const THREE: u16 = 120;
/// From so many columns on, the document and the scores do.
const TWO: u16 = 90;

/// How the panes share the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The terminal is too small for anything.
    TooSmall,
    /// One pane at a time, tabs below.
    One,
    /// Document or sources on the left, scores on the right.
    Two,
    /// Sources, document, scores.
    Three,
}

/// Where everything stands; a pane that is not shown has no area.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// How the panes share the screen.
    pub shape: Shape,
    /// The line on top.
    pub header: Rect,
    /// All between header and status line.
    pub body: Rect,
    /// The list of sources.
    pub sources: Rect,
    /// One source.
    pub document: Rect,
    /// How many of its rows a picture takes.
    picture: u16,
    /// The dimensions.
    pub dimensions: Rect,
    /// What the selected score rests on.
    pub evidence: Rect,
    /// In one column: the selected dimension in short.
    pub strip: Rect,
    /// In one column: which pane is shown.
    pub tabs: Rect,
    /// What there is to tell.
    pub status: Rect,
    /// Keys, and whether the records are safe.
    pub hints: Rect,
}

impl Layout {
    /// The layout of the screen as it stands.
    pub fn of(app: &App) -> Self {
        let focus = app.desk().map(|d| d.focus);
        let dimensions = app.settings().rubric.dimensions.len() as u16;
        let area = Rect::new(0, 0, app.size().width, app.size().height);
        let shape = match (area.width, area.height) {
            (w, h) if w < MIN.0 || h < MIN.1 => Shape::TooSmall,
            (THREE.., _) => Shape::Three,
            (TWO.., _) => Shape::Two,
            _ => Shape::One,
        };
        let mut layout = Self::bare(area, shape);
        if let Some(focus) = focus {
            match shape {
                Shape::TooSmall => {}
                Shape::One => layout.one(focus, dimensions),
                Shape::Two => layout.two(focus, dimensions),
                Shape::Three => layout.three(dimensions),
            }
        }
        layout.picture = layout.rows_of_picture(app);
        layout
    }

    fn bare(area: Rect, shape: Shape) -> Self {
        let row = |y: u16| Rect::new(0, y, area.width, 1).intersection(area);
        let body = Rect::new(0, 1, area.width, area.height.saturating_sub(3)).intersection(area);
        Self {
            shape,
            header: row(0),
            body,
            sources: Rect::ZERO,
            document: Rect::ZERO,
            picture: 0,
            dimensions: Rect::ZERO,
            evidence: Rect::ZERO,
            strip: Rect::ZERO,
            tabs: Rect::ZERO,
            status: row(area.height.saturating_sub(2)),
            hints: row(area.height.saturating_sub(1)),
        }
    }

    fn one(&mut self, focus: Pane, dimensions: u16) {
        let body = self.body;
        let pane = Rect {
            height: body.height.saturating_sub(2),
            ..body
        };
        self.strip = Rect::new(body.x, pane.bottom(), body.width, 1);
        self.tabs = Rect::new(body.x, pane.bottom() + 1, body.width, 1);
        if focus == Pane::Dimensions {
            let height = (dimensions + 2).min(pane.height);
            // Too few rows for the evidence to be of use go to the dimensions.
            let split = if pane.height - height < 5 {
                pane.height
            } else {
                height
            };
            self.dimensions = Rect {
                height: split,
                ..pane
            };
            self.evidence = Rect {
                y: pane.y + split,
                height: pane.height - split,
                ..pane
            };
        } else {
            *self.pane_mut(focus) = pane;
        }
    }

    fn two(&mut self, focus: Pane, dimensions: u16) {
        let right = (self.body.width * 48 / 100).clamp(46, 60);
        let left = Rect {
            width: self.body.width - right,
            ..self.body
        };
        let shown = if focus == Pane::Sources {
            Pane::Sources
        } else {
            Pane::Document
        };
        *self.pane_mut(shown) = left;
        self.scores(left.right(), dimensions);
    }

    fn three(&mut self, dimensions: u16) {
        let sources = (self.body.width / 5).clamp(24, 32);
        let right = (self.body.width * 35 / 100).clamp(46, 64);
        self.sources = Rect {
            width: sources,
            ..self.body
        };
        self.document = Rect {
            x: sources,
            width: self.body.width - sources - right,
            ..self.body
        };
        self.scores(self.document.right(), dimensions);
    }

    /// Dimensions above evidence, from a column to the right edge.
    fn scores(&mut self, x: u16, dimensions: u16) {
        let width = self.body.right() - x;
        let height = (dimensions + 2).min(self.body.height * 6 / 10);
        self.dimensions = Rect::new(x, self.body.y, width, height);
        self.evidence = Rect::new(x, self.body.y + height, width, self.body.height - height);
    }

    fn pane_mut(&mut self, pane: Pane) -> &mut Rect {
        match pane {
            Pane::Sources => &mut self.sources,
            Pane::Document => &mut self.document,
            Pane::Dimensions => &mut self.dimensions,
            Pane::Evidence => &mut self.evidence,
        }
    }

    /// The area of a pane.
    pub fn pane(mut self, pane: Pane) -> Rect {
        *self.pane_mut(pane)
    }

    /// The pane under a position.
    pub fn pane_at(&self, at: Position) -> Option<Pane> {
        Pane::ALL.into_iter().find(|p| self.pane(*p).contains(at))
    }

    /// The rows inside a pane's frame.
    pub fn rows_of(&self, pane: Pane) -> Rect {
        inner(self.pane(pane))
    }

    /// Where the document's rows stand, beside the cursor's mark. Of a document that is not shown: where it would.
    pub fn document_text(&self) -> Rect {
        let rows = self.inside_document();
        Rect {
            x: rows.x + 1,
            y: rows.y + self.picture,
            width: rows.width.saturating_sub(1),
            height: rows.height - self.picture,
        }
    }

    /// Where the document's picture stands, above its rows.
    pub fn document_picture(&self) -> Rect {
        Rect {
            height: self.picture,
            ..self.inside_document()
        }
    }

    fn inside_document(&self) -> Rect {
        inner(if self.document.is_empty() {
            self.body
        } else {
            self.document
        })
    }

    fn rows_of_picture(&self, app: &App) -> u16 {
        let source = app.desk().and_then(|desk| desk.document.source());
        let Some(picture) = source.and_then(|source| source.picture.as_ref()) else {
            return 0;
        };
        let settings = app.settings();
        let halves = settings.theme.glyphs == Glyphs::UNICODE;
        picture::rows(picture, self.inside_document(), settings.theme.name, halves)
    }

    /// Where the dossiers of the queue stand, below the heads of their columns.
    pub fn queue_rows(&self) -> Rect {
        let rows = inner(self.body);
        Rect {
            y: rows.y + 1,
            height: rows.height.saturating_sub(1),
            ..rows
        }
    }
}

/// What is inside a frame.
pub fn inner(frame: Rect) -> Rect {
    Rect {
        x: frame.x + 1,
        y: frame.y + 1,
        width: frame.width.saturating_sub(2),
        height: frame.height.saturating_sub(2),
    }
}
