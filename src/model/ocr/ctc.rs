//! From a class for every step to a text: connectionist temporal classification (Graves et al. 2006), best path.

/// A character and where along its line it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Glyph {
    /// The character.
    pub ch: char,
    /// The middle of the steps that gave it, as a share of the line's length.
    pub at: f32,
}

/// A line as read.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Reading {
    pub(super) glyphs: Vec<Glyph>,
    /// The mean of the characters' probabilities.
    pub(super) confidence: f32,
}

/// Reads the probabilities of the classes, step by step. `keys` has a character for each class, and the first class
/// stands for none; a class that follows itself is the same character. `wide` is how many steps the line itself takes:
/// what is behind is padding.
pub(super) fn best_path<'a>(steps: impl Iterator<Item = &'a [f32]>, keys: &[String], wide: f32) -> Reading {
    let mut reading = Reading::default();
    let mut before = 0;
    for (at, step) in steps.enumerate() {
        let (class, sure) = strongest(step);
        let key = keys.get(class).filter(|_| class != 0);
        if let Some(key) = key.filter(|_| class != before) {
            let at = ((at as f32 + 0.5) / wide.max(1.0)).min(1.0);
            reading.glyphs.extend(key.chars().map(|ch| Glyph { ch, at }));
            reading.confidence += sure;
        }
        before = class;
    }
    reading.confidence /= (reading.glyphs.len() as f32).max(1.0);
    reading
}

fn strongest(step: &[f32]) -> (usize, f32) {
    let mut best = (0, 0.0);
    for (class, &probability) in step.iter().enumerate() {
        if probability > best.1 {
            best = (class, probability);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps 1 1 0 1 2 2 spell "aab": twice 1 without 0 between is one character, with 0 between two.
    #[test]
    fn repeats_are_one_and_nothing_parts_them() {
        let keys = ["none", "a", "b"].map(str::to_owned);
        let classes = [1, 1, 0, 1, 2, 2];
        let steps: Vec<[f32; 3]> = classes
            .map(|class| {
                let mut step = [0.1; 3];
                step[class] = 0.8;
                step
            })
            .to_vec();
        let reading = best_path(steps.iter().map(|s| &s[..]), &keys, 6.0);
        let text: String = reading.glyphs.iter().map(|g| g.ch).collect();
        assert_eq!(text, "aab");
        assert!((reading.confidence - 0.8).abs() < 1e-6);
        assert!((reading.glyphs[2].at - 4.5 / 6.0).abs() < 1e-6);
    }

    #[test]
    fn a_class_without_a_character_is_nothing() {
        let reading = best_path([[0.0, 0.0, 1.0].as_slice()].into_iter(), &[String::new()], 1.0);
        assert_eq!(reading, Reading::default());
    }
}
