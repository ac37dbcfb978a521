//! Where a line may be broken: at spaces in Latin text, between characters in Chinese, never so that closing
//! punctuation starts a row or opening punctuation ends one.

use std::ops::Range;

use super::{Measure, Piece};

/// Never at the start of a row (after the usual Chinese line-breaking rules, GB/T 15834, and their Latin forms).
const NOT_FIRST: &str = "，。、；：？！）》」』】〕〉…—～·％％‰℃”’,.;:?!)]}%";

/// Never at the end of a row.
const NOT_LAST: &str = "（《「『【〔〈“‘￥＄([{¥$#";

/// The rows of a text; a newline always ends one.
pub(super) fn rows(measure: Measure, text: &str, columns: usize) -> Vec<Range<usize>> {
    let mut rows = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        let visible = line.strip_suffix('\r').unwrap_or(line);
        Row::new(measure, columns, start).fill(visible, &mut rows);
        start += line.len() + 1;
    }
    rows
}

/// The row being filled.
struct Row {
    measure: Measure,
    columns: usize,
    /// Where the line lies in the whole text.
    offset: usize,
    /// Where the row starts in its line, and where its last drawn character ends.
    span: Range<usize>,
    used: usize,
    /// Columns of the spaces seen since then: drawn only when more follows on the same row.
    spaces: usize,
}

impl Row {
    fn new(measure: Measure, columns: usize, offset: usize) -> Self {
        Self {
            measure,
            columns,
            offset,
            span: 0..0,
            used: 0,
            spaces: 0,
        }
    }

    fn fill(mut self, line: &str, rows: &mut Vec<Range<usize>>) {
        let pieces: Vec<Piece<'_>> = self.measure.pieces(line).collect();
        for unit in pieces.chunk_by(|a, b| !may_break(a.text, b.text)) {
            self.place(unit, rows);
        }
        self.end(rows);
    }

    /// Puts a stretch that must not be broken: on this row, else on the next, else in parts.
    fn place(&mut self, unit: &[Piece<'_>], rows: &mut Vec<Range<usize>>) {
        let width: usize = unit.iter().map(|p| p.width).sum();
        if is_space(unit[0].text) && !self.at_line_start() {
            self.spaces += width;
            return;
        }
        let first = unit[0].byte;
        if self.used > 0 && self.used + self.spaces + width > self.columns {
            self.end(rows);
            self.span = first..first;
        }
        for piece in unit {
            if self.used > 0 && self.used + self.spaces + piece.width > self.columns {
                self.end(rows);
                self.span = piece.byte..piece.byte;
            }
            self.used += self.spaces + piece.width;
            self.spaces = 0;
            self.span.end = piece.byte + piece.text.len();
        }
    }

    /// Indentation is kept: spaces at the start of a line are text, spaces at a break are not.
    fn at_line_start(&self) -> bool {
        self.span == (0..0)
    }

    fn end(&mut self, rows: &mut Vec<Range<usize>>) {
        rows.push(self.offset + self.span.start..self.offset + self.span.end);
        self.used = 0;
        self.spaces = 0;
    }
}

fn may_break(before: &str, after: &str) -> bool {
    if is_space(before) || is_space(after) {
        return is_space(before) != is_space(after);
    }
    (is_ideographic(before) || is_ideographic(after))
        && !NOT_FIRST.contains(after)
        && !NOT_LAST.contains(before)
}

fn is_space(cluster: &str) -> bool {
    matches!(cluster, " " | "\t" | "\u{3000}")
}

/// Whether a row may end beside this cluster without a space: Chinese and Japanese characters, full-width forms,
/// general punctuation used with them, and emoji.
fn is_ideographic(cluster: &str) -> bool {
    cluster.chars().next().is_some_and(|c| {
        matches!(u32::from(c),
            0x2E80..=0x312F | 0x3190..=0x9FFF | 0xF900..=0xFAFF | 0xFE30..=0xFE4F | 0xFF01..=0xFF60
            | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFF)
            || matches!(c, '…' | '—' | '“' | '”' | '‘' | '’')
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Ambiguous;
    use super::*;

    fn wrapped(text: &str, columns: usize) -> Vec<&str> {
        Measure::default()
            .wrap(text, columns)
            .into_iter()
            .map(|r| &text[r])
            .collect()
    }

    #[test]
    fn english_breaks_at_spaces() {
        assert_eq!(
            wrapped("led five cross-team meetings", 12),
            ["led five", "cross-team", "meetings"]
        );
    }

    #[test]
    fn chinese_breaks_between_characters() {
        assert_eq!(wrapped("牵头组织三次对齐会", 8), ["牵头组织", "三次对齐", "会"]);
    }

    #[test]
    fn closing_punctuation_never_starts_a_row() {
        assert_eq!(wrapped("牵头组织，三次", 8), ["牵头组", "织，三次"]);
        assert_eq!(wrapped("首屏变快。）好", 8), ["首屏变", "快。）好"]);
    }

    #[test]
    fn opening_punctuation_never_ends_a_row() {
        assert_eq!(wrapped("他说过「同步」了", 8), ["他说过", "「同步」", "了"]);
        assert_eq!(wrapped("性能优化（首屏）", 10), ["性能优化", "（首屏）"]);
    }

    #[test]
    fn latin_words_and_numbers_stay_whole_in_chinese() {
        assert_eq!(wrapped("首屏从3.2s降到1.1s", 9), ["首屏从", "3.2s降到", "1.1s"]);
        assert_eq!(wrapped("完成率 62%。", 6), ["完成率", "62%。"]);
    }

    #[test]
    fn a_word_longer_than_the_row_is_cut() {
        assert_eq!(wrapped("see abcdefghij", 4), ["see", "abcd", "efgh", "ij"]);
        assert_eq!(wrapped("。。。。。", 4), ["。。", "。。", "。"]);
    }

    #[test]
    fn newlines_empty_lines_and_indentation_are_kept() {
        assert_eq!(wrapped("a\n\n  b c\r\nd", 4), ["a", "", "  b", "c", "d"]);
        assert_eq!(wrapped("", 4), [""]);
    }

    #[test]
    fn an_emoji_family_is_one_character() {
        assert_eq!(wrapped("好👩‍👩‍👧好", 4), ["好👩‍👩‍👧", "好"]);
    }

    proptest! {
        #[test]
        fn rows_fit_and_lose_only_spaces(text in "[ab李雷，。「」“”👍 \n]{0,60}", columns in 2_usize..24) {
            for ambiguous in [Ambiguous::Narrow, Ambiguous::Wide] {
                let measure = Measure::new(ambiguous);
                let rows = measure.wrap(&text, columns);
                let mut kept = String::new();
                let mut end = 0;
                for row in rows {
                    prop_assert!(row.start >= end);
                    prop_assert!(measure.text(&text[row.clone()]) <= columns);
                    kept.push_str(&text[row.clone()]);
                    end = row.end;
                }
                let solid = |t: &str| t.chars().filter(|c| !c.is_whitespace()).collect::<String>();
                prop_assert_eq!(solid(&kept), solid(&text));
            }
        }
    }
}
