//! A picture above what was read in it, two pixels a cell, with the region under the cursor framed.

use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::canvas::Canvas;
use crate::dossier::{Preview, Region};
use crate::tui::theme::ThemeName;

/// The upper half of a cell, in the colour of the text; the lower half is the ground.
const HALF: &str = "\u{2580}";
/// A document needs so many rows for a picture to be shown above it.
const LEAST_ROWS: u16 = 14;

/// How many of a document's rows the picture takes; none where the screen is too low for both, or the theme has no colours
/// of its own.
pub(super) fn rows(picture: &Preview, inside: Rect, theme: ThemeName, half_cells: bool) -> u16 {
    let coloured = matches!(theme, ThemeName::Dark | ThemeName::Light);
    if inside.height < LEAST_ROWS || !coloured || !half_cells {
        return 0;
    }
    let area = Rect {
        height: inside.height * 3 / 5,
        ..inside
    };
    let (_, halves) = size(picture, area);
    halves.div_ceil(2)
}

/// The columns and half rows that a picture takes in an area, its shape kept: cells are twice as high as they are wide.
fn size(picture: &Preview, area: Rect) -> (u16, u16) {
    let [width, height] = picture.size().map(|side| side.max(1) as f32);
    let scale = (f32::from(area.width) / width).min(f32::from(area.height) * 2.0 / height);
    let side = |pixels: f32| ((pixels * scale).round() as u16).max(1);
    (side(width).min(area.width), side(height).min(area.height * 2))
}

/// Draws a picture at the top of an area; `region` is framed.
pub(super) fn render(canvas: &mut Canvas<'_>, picture: &Preview, region: Option<Region>, area: Rect) {
    if area.is_empty() {
        return;
    }
    let (columns, halves) = size(picture, area);
    let halves = halves.next_multiple_of(2);
    let mut cells = picture.in_cells(usize::from(columns), usize::from(halves));
    let frame = canvas.styles().border_focus.fg;
    if let (Some(region), Some(Color::Rgb(r, g, b))) = (region, frame) {
        for at in outline(region, picture.size(), (columns, halves)) {
            cells[at] = [r, g, b];
        }
    }
    let colour = |[r, g, b]: [u8; 3]| Color::Rgb(r, g, b);
    let columns = usize::from(columns);
    for (y, two) in cells.chunks_exact(2 * columns).enumerate() {
        for x in 0..columns {
            let style = Style::new().fg(colour(two[x])).bg(colour(two[columns + x]));
            canvas.cell((area.x + x as u16, area.y + y as u16), HALF, style);
        }
    }
}

/// The half cells around a region.
fn outline(
    Region([left, top, right, bottom]): Region,
    of: [u32; 2],
    (columns, rows): (u16, u16),
) -> Vec<usize> {
    let across = |at: u32| (u64::from(at) * u64::from(columns) / u64::from(of[0].max(1))) as usize;
    let down = |at: u32| (u64::from(at) * u64::from(rows) / u64::from(of[1].max(1))) as usize;
    let (columns, rows) = (usize::from(columns), usize::from(rows));
    let (left, top) = (across(left).saturating_sub(1), down(top).saturating_sub(1));
    let (right, bottom) = (
        (across(right) + 1).min(columns - 1),
        (down(bottom) + 1).min(rows - 1),
    );
    let (left, top) = (left.min(right), top.min(bottom));
    let sides = (left..=right).flat_map(|x| [(x, top), (x, bottom)]);
    let ends = (top..=bottom).flat_map(|y| [(left, y), (right, y)]);
    sides.chain(ends).map(|(x, y)| y * columns + x).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preview() -> Preview {
        Preview::new([400, 200], 2, vec![[0; 3]; 2]).expect("a row")
    }

    /// 40 columns take 20 half rows of a picture twice as wide as high, which are 10 rows.
    #[test]
    fn a_picture_keeps_its_shape_and_leaves_room_for_the_text() {
        let inside = Rect::new(0, 0, 40, 30);
        assert_eq!(rows(&preview(), inside, ThemeName::Dark, true), 10);
        assert_eq!(
            rows(&preview(), Rect { height: 14, ..inside }, ThemeName::Dark, true),
            8
        );
        assert_eq!(
            rows(&preview(), Rect { height: 13, ..inside }, ThemeName::Dark, true),
            0
        );
        assert_eq!(rows(&preview(), inside, ThemeName::Mono, true), 0);
        assert_eq!(rows(&preview(), inside, ThemeName::Dark, false), 0);
    }

    /// The region from 100 to 200 of 400 pixels is columns 10 to 20 of 40; the frame stands one outside.
    #[test]
    fn the_frame_stands_around_the_region() {
        let at = outline(Region([100, 50, 200, 100]), [400, 200], (40, 20));
        let columns: Vec<usize> = at.iter().map(|i| i % 40).collect();
        let rows: Vec<usize> = at.iter().map(|i| i / 40).collect();
        assert_eq!(
            (columns.iter().min(), columns.iter().max()),
            (Some(&9), Some(&21))
        );
        assert_eq!((rows.iter().min(), rows.iter().max()), (Some(&4), Some(&11)));
        assert!(
            outline(Region([390, 190, 400, 200]), [400, 200], (40, 20))
                .iter()
                .all(|i| *i < 800)
        );
    }
}
