//! A score on the scale 1..5, drawn in characters.

use super::Dimension;
use crate::tui::theme::Glyphs;

/// What one column of a bar shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Up to the score.
    Full,
    /// Beyond it.
    Empty,
    /// Within the model's spread.
    Spread,
    /// The model's score.
    Model,
    /// The person's.
    Human,
    /// Both in this column.
    Both,
}

impl Part {
    pub(super) fn glyph(self, glyphs: &Glyphs) -> &'static str {
        match self {
            Self::Full => glyphs.bar_full,
            Self::Empty => glyphs.bar_empty,
            Self::Spread => glyphs.spread,
            Self::Model => glyphs.model,
            Self::Human => glyphs.human,
            Self::Both => glyphs.both,
        }
    }
}

/// The columns of a dimension's bar: level 1 on the first, level 5 on the last.
pub(super) fn parts(dimension: &Dimension, columns: usize) -> Vec<Part> {
    let last = columns.saturating_sub(1);
    let column = |level: f32| ((level.clamp(1.0, 5.0) - 1.0) / 4.0 * last as f32).round() as usize;
    let human = dimension.human.map(column);
    let model = dimension.model.map(|m| column(m.score));
    let spread = dimension
        .model
        .map(|m| column(m.score - m.sd)..=column(m.score + m.sd));
    let filled = human.or(model);
    let part = |x: usize| match (human == Some(x), model == Some(x)) {
        (true, true) => Part::Both,
        (true, false) => Part::Human,
        (false, true) => Part::Model,
        _ if filled.is_some_and(|f| x < f) => Part::Full,
        _ if spread.as_ref().is_some_and(|s| s.contains(&x)) => Part::Spread,
        _ => Part::Empty,
    };
    (0..columns).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Reading;
    use super::*;

    fn drawn(human: Option<f32>, model: Option<(f32, f32)>) -> String {
        let dimension = Dimension {
            human,
            model: model.map(|(score, sd)| Reading { score, sd }),
            ..Dimension::default()
        };
        let parts = parts(&dimension, 9);
        parts.iter().map(|p| p.glyph(&Glyphs::ASCII)).collect()
    }

    #[test]
    fn a_bar_of_nine_columns_has_one_a_half_level() {
        assert_eq!(drawn(None, None), ".........");
        assert_eq!(drawn(Some(1.0), None), "H........");
        assert_eq!(drawn(Some(5.0), None), "========H");
        assert_eq!(drawn(Some(3.0), Some((3.0, 0.0))), "====B....");
        assert_eq!(drawn(Some(4.0), Some((3.0, 0.5))), "====m=H..");
        assert_eq!(drawn(None, Some((3.0, 1.0))), "====m--..");
    }

    #[test]
    fn scores_off_the_scale_stay_on_the_bar() {
        assert_eq!(drawn(None, Some((9.0, 3.0))), "========m");
        assert_eq!(drawn(Some(f32::NAN), None).len(), 9);
    }
}
