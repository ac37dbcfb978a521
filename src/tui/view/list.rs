//! Lists that are longer than their pane.

/// The first row to show so that the cursor's row is in view, a little below the middle when there is a choice.
pub(super) fn top(cursor: usize, count: usize, height: usize) -> usize {
    let last = count.saturating_sub(height);
    cursor.saturating_sub(height * 2 / 3).min(last)
}

/// As [`top`], for a cursor of several rows: its first row is never out of view.
pub(super) fn top_of(rows: std::ops::Range<usize>, count: usize, height: usize) -> usize {
    let last = count.saturating_sub(height);
    rows.end.saturating_sub(height).min(last).min(rows.start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_always_in_view() {
        for count in 0..30 {
            for height in 1..12 {
                for cursor in 0..count {
                    let top = top(cursor, count, height);
                    assert!(top <= cursor && cursor < top + height);
                    let top = top_of(cursor..cursor + 3, count + 3, height);
                    assert!(top <= cursor && cursor < top + height);
                }
            }
        }
    }
}
