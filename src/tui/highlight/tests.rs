use proptest::prelude::*;
use ratatui::style::Modifier;

use super::*;
use crate::sanitize::{Visible, is_safe_char};
use crate::tui::theme::{Theme, ThemeName};
use crate::tui::width::{Ambiguous, Measure};

fn theme() -> Theme {
    Theme::new(ThemeName::Dark, Ambiguous::Narrow)
}

/// `(text, token)` of every run.
fn tokens(text: &str, format: SourceFormat) -> Vec<(&str, Token)> {
    let highlights = Highlights::of(text, format);
    let all = highlights.runs_in(0..text.len());
    all.iter().map(|r| (&text[r.span.clone()], r.token)).collect()
}

#[test]
fn markdown_tokens() {
    let text = "# 周报 第 12 周\n- 牵头**三次**对齐，见[纪要](http://a.b)\n";
    assert_eq!(
        tokens(text, SourceFormat::Markdown),
        [
            ("# 周报 第 12 周", Token::Heading),
            ("-", Token::Punctuation),
            ("**", Token::Punctuation),
            ("三次", Token::Strong),
            ("**", Token::Punctuation),
            ("[", Token::Punctuation),
            ("](", Token::Punctuation),
            ("http://a.b", Token::Link),
            (")", Token::Punctuation),
        ]
    );
}

#[test]
fn json_keys_differ_from_values() {
    let text = r#"{"from":"李雷","n":5}"#;
    let tokens = tokens(text, SourceFormat::Json);
    assert!(tokens.contains(&("\"from\"", Token::Key)));
    assert!(tokens.contains(&("\"李雷\"", Token::String)));
    assert!(tokens.contains(&("5", Token::Number)));
}

#[test]
fn a_broken_line_of_json_does_not_colour_the_next() {
    let text = "{\"text\":\"no end\n{\"n\":1}\n";
    assert!(tokens(text, SourceFormat::Jsonl).contains(&("\"n\"", Token::Key)));
}

#[test]
fn table_tokens() {
    let text = "目标,完成率\n\"提升, 首屏\",62%\n";
    assert_eq!(
        tokens(text, SourceFormat::Csv),
        [
            ("目标", Token::Heading),
            (",", Token::Punctuation),
            ("完成率", Token::Heading),
            (",", Token::Punctuation),
            ("62%", Token::Number),
        ]
    );
}

#[test]
fn caption_tokens() {
    let vtt = "WEBVTT\n\n00:14:05.000 --> 00:14:09.500\n<v 李雷>同步进展\n";
    assert_eq!(
        tokens(vtt, SourceFormat::Vtt),
        [
            ("WEBVTT", Token::Keyword),
            ("00:14:05.000 --> 00:14:09.500", Token::Number),
            ("<v 李雷>", Token::Speaker),
        ]
    );
    let srt = "7\n00:14:05,000 --> 00:14:09,500\n韩梅梅：同步进展\n";
    assert_eq!(
        tokens(srt, SourceFormat::Srt),
        [
            ("7", Token::Punctuation),
            ("00:14:05,000 --> 00:14:09,500", Token::Number),
            ("韩梅梅：", Token::Speaker),
        ]
    );
}

#[test]
fn lines_and_their_numbers() {
    let highlights = Highlights::plain("a\n\n好c");
    assert_eq!(highlights.lines(), [0..1, 2..2, 3..7]);
    let found: Vec<_> = [0, 1, 2, 3, 6, 99]
        .iter()
        .map(|b| highlights.line_at(*b))
        .collect();
    assert_eq!(found, [0, 0, 1, 2, 2, 2]);
}

#[test]
fn marks_lie_over_tokens_and_later_marks_on_top() {
    let text = "做了**三次**对齐";
    let highlights = Highlights::of(text, SourceFormat::Markdown);
    let theme = theme();
    let marks = [
        Mark {
            span: 0..text.len(),
            style: theme.styles.evidence,
            badge: Some("E1"),
        },
        Mark {
            span: 8..14,
            style: theme.styles.matched,
            badge: None,
        },
    ];
    let row = row(text, 0..text.len(), &highlights, &marks, &theme);
    let strong = &row.spans[2];
    assert_eq!(strong.content, "三次");
    assert_eq!(strong.style.bg, theme.styles.matched.bg);
    assert!(
        strong
            .style
            .add_modifier
            .contains(Modifier::BOLD | Modifier::UNDERLINED)
    );
    assert_eq!(row.spans[0].style, theme.styles.evidence);
    assert_eq!(row.badges, ["E1"]);
}

#[test]
fn a_badge_stands_in_the_row_where_its_mark_ends() {
    let text = "第一行\n第二行  \n";
    let highlights = Highlights::plain(text);
    let mark = [Mark {
        span: 0..text.len(),
        style: Style::new(),
        badge: Some("E2"),
    }];
    let badges = |r: Range<usize>| row(text, r, &highlights, &mark, &theme()).badges;
    assert!(badges(0..9).is_empty());
    assert_eq!(badges(10..19), ["E2"]);
}

#[test]
fn long_lines_and_long_sources_stay_plain() {
    let long = format!("# {}\n# b\n", "长".repeat(MAX_LINE));
    assert_eq!(tokens(&long, SourceFormat::Markdown), [("# b", Token::Heading)]);
    let line = "- a\n";
    let big = line.repeat(MAX_COLOURED / line.len() + 100);
    let last = Highlights::of(&big, SourceFormat::Markdown).runs.pop();
    assert!(last.is_some_and(|r| r.span.end <= MAX_COLOURED));
}

/// Brackets that never close make the Markdown grammar go over the whole paragraph at every line.
#[test]
fn a_source_written_to_be_slow_is_left_plain_in_time() {
    let text = format!("{}\n", "[[a](".repeat(80)).repeat(1000);
    let begun = Instant::now();
    let highlights = Highlights::within(&text, SourceFormat::Markdown, Duration::from_millis(100));
    // A single line may overrun; the whole takes about 50 s without the limit.
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(highlights.lines().len(), 1001);
}

const FORMATS: [SourceFormat; 7] = [
    SourceFormat::Markdown,
    SourceFormat::Text,
    SourceFormat::Jsonl,
    SourceFormat::Json,
    SourceFormat::Csv,
    SourceFormat::Vtt,
    SourceFormat::Srt,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever a file holds: runs are in order and on character boundaries, and a row shows exactly its text.
    #[test]
    fn any_text_is_shown_whole_and_safe(
        raw in "[a-z#*_`>|\\[\\]<:,\"{}0-9 \n\t\u{1b}\u{202e}\u{200b}李雷，：👍]{0,80}",
        ends in prop::collection::vec(0_usize..120, 2),
    ) {
        let visible = Visible::of(&raw);
        let text = visible.text();
        let mark = Mark { span: ends[0].min(ends[1])..ends[0].max(ends[1]), style: theme().styles.evidence, badge: None };
        for format in FORMATS {
            let highlights = Highlights::of(text, format);
            let mut end = 0;
            for run in highlights.runs_in(0..text.len()) {
                prop_assert!(run.span.start >= end && text.get(run.span.clone()).is_some());
                end = run.span.end;
            }
            for line in highlights.lines() {
                let shown: String = row(text, line.clone(), &highlights, std::slice::from_ref(&mark), &theme())
                    .spans
                    .iter()
                    .map(|s| s.content.as_ref())
                    .collect();
                prop_assert!(shown.chars().all(is_safe_char));
                let expected = text[line.clone()].replace('\t', "    ");
                prop_assert_eq!(Measure::default().text(&shown), Measure::default().text(&expected));
                prop_assert_eq!(shown, expected);
            }
        }
    }
}
