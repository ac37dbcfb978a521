//! Upright rectangles with fractions of pixels, for measuring.

use crate::dossier::Region;

/// A rectangle: pixels from the upper left corner of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Rect {
    pub(super) left: f32,
    pub(super) top: f32,
    pub(super) right: f32,
    pub(super) bottom: f32,
}

impl Rect {
    pub(super) fn new([left, top, right, bottom]: [f32; 4]) -> Self {
        Self {
            left,
            top,
            right,
            bottom,
        }
    }

    pub(super) fn width(&self) -> f32 {
        self.right - self.left
    }

    pub(super) fn height(&self) -> f32 {
        self.bottom - self.top
    }

    pub(super) fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// The middle, across.
    pub(super) fn x(&self) -> f32 {
        f32::midpoint(self.left, self.right)
    }

    /// The middle, down.
    pub(super) fn y(&self) -> f32 {
        f32::midpoint(self.top, self.bottom)
    }

    /// The smallest rectangle around both.
    pub(super) fn with(&self, other: &Self) -> Self {
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    /// Whether the other's middle lies in it.
    pub(super) fn holds(&self, other: &Self) -> bool {
        (self.left..self.right).contains(&other.x()) && (self.top..self.bottom).contains(&other.y())
    }

    /// With both axes exchanged: a chart that lies becomes one that stands, its values still growing away from its base.
    pub(super) fn flipped(&self) -> Self {
        Self {
            left: self.top,
            top: -self.right,
            right: self.bottom,
            bottom: -self.left,
        }
    }

    /// What [`Rect::flipped`] was made of.
    pub(super) fn unflipped(&self) -> Self {
        Self {
            left: -self.bottom,
            top: self.left,
            right: -self.top,
            bottom: self.right,
        }
    }

    /// In whole pixels.
    pub(super) fn region(&self) -> Region {
        let down = |at: f32| at.max(0.0).floor() as u32;
        let up = |at: f32| at.max(0.0).ceil() as u32;
        Region([down(self.left), down(self.top), up(self.right), up(self.bottom)])
    }
}
