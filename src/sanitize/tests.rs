use proptest::prelude::*;

use super::*;

fn shown(text: &str) -> String {
    Visible::of(text).text().to_owned()
}

#[test]
fn hidden_characters_become_marks() {
    let cases = [
        ("red \u{1b}[31m", "red ␛[31m"),
        ("a\u{7f}\u{0}\u{9b}b", "a␡␀⟦U+009B⟧b"),
        ("\u{202e}abc\u{2066}", "⟦U+202E⟧abc⟦U+2066⟧"),
        ("体\u{200b}验", "体⟦U+200B⟧验"),
        ("co\u{ad}op \u{feff}x", "co⟦U+00AD⟧op ⟦U+FEFF⟧x"),
        ("\u{e0041}\u{e007f}", "⟦U+E0041⟧⟦U+E007F⟧"),
        ("a\u{fe0f}\u{e0101}", "a⟦U+FE0F⟧⟦U+E0101⟧"),
        ("\u{e000}\u{fdd0}\u{378}", "⟦U+E000⟧⟦U+FDD0⟧⟦U+0378⟧"),
        ("one\u{2028}two\rthree", "one⟦U+2028⟧two␍three"),
    ];
    for (text, expected) in cases {
        assert_eq!(shown(text), expected);
        assert!(!Visible::of(text).is_clean());
    }
}

#[test]
fn ordinary_text_and_emoji_stay() {
    let cases = [
        "plain\n\ttext",
        "对齐、同步进展。「好」——１００％　全角",
        "❤️ 👍🏽 👨‍👩‍👧 🏳️‍🌈 1️⃣ 🙋🏻‍♀️",
        "naïve café — “quotes” …",
    ];
    for text in cases {
        assert_eq!(shown(text), text);
        assert!(Visible::of(text).is_clean());
    }
}

#[test]
fn selectors_and_joiners_outside_emoji_are_found() {
    let kinds = |t: &str| Visible::of(t).findings().map(|f| f.kind).collect::<Vec<_>>();
    assert_eq!(
        kinds("👍\u{fe0f}\u{fe0f}1\u{fe0f}"),
        [HiddenKind::Variation, HiddenKind::Variation]
    );
    assert_eq!(kinds("a\u{200d}b 👍\u{200d}x"), [HiddenKind::ZeroWidth; 2]);
    let reserved_for_a_pictograph = "\u{1f848}\u{fe0f}";
    assert_eq!(
        kinds(reserved_for_a_pictograph),
        [HiddenKind::Unassigned, HiddenKind::Variation]
    );
    let behind_a_skin_tone = "🏻\u{fe0f}\u{200d}❤";
    assert_eq!(
        kinds(behind_a_skin_tone),
        [HiddenKind::Variation, HiddenKind::ZeroWidth]
    );
}

#[test]
fn findings_name_the_kind_and_the_byte() {
    let visible = Visible::of("é\u{1b}x\u{202e}\r\n\u{e0041}");
    let found: Vec<_> = visible.findings().map(|f| (f.kind, f.offset)).collect();
    assert_eq!(
        found,
        [
            (HiddenKind::Control, 2),
            (HiddenKind::Bidi, 4),
            (HiddenKind::Tag, 9)
        ]
    );
}

#[test]
fn line_breaks_of_windows_and_the_byte_order_mark_are_folded() {
    let visible = Visible::of_file("\u{feff}a\r\nb");
    assert_eq!(visible.text(), "a\nb");
    assert!(visible.is_clean());
    assert_eq!(visible.to_original(0..1), 3..4);
    assert_eq!(visible.to_shown(6..7), 2..3);
    assert!(!Visible::of("\u{feff}a").is_clean());
}

#[test]
fn one_line_stays_one_line() {
    let cases = [
        ("a\r\n  b\t\tc", "a b c"),
        (" two  spaces ", " two  spaces "),
        ("\n", " "),
        ("x\u{1b}]0;t\u{7}\n", "x␛]0;t␇ "),
    ];
    for (text, expected) in cases {
        assert_eq!(line(text), expected);
    }
    assert!(matches!(line("无需改动 as it is"), Cow::Borrowed(_)));
}

/// Every scalar value there is: what the last gate lets through is what the marks leave alone, but for the three
/// characters that emoji need and the two that a line has.
#[test]
fn the_last_gate_agrees_with_the_marks_on_every_character() {
    let mut buffer = [0; 4];
    for character in '\0'..=char::MAX {
        let clean = hidden::scan(character.encode_utf8(&mut buffer)).next().is_none();
        let expected = match character {
            '\n' | '\t' => false,
            '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' => true,
            _ => clean,
        };
        assert_eq!(is_safe_char(character), expected, "U+{:04X}", character as u32);
        assert!(!(expected && character.is_control()));
    }
}

/// Characters that matter more than their share of Unicode.
fn character() -> impl Strategy<Value = char> {
    prop_oneof![
        any::<char>(),
        proptest::sample::select(
            "ab 中。\n\r\t\u{1b}\u{200d}\u{fe0f}👍❤🏻1\u{1f848}\u{202e}\u{feff}"
                .chars()
                .collect::<Vec<_>>()
        ),
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(character(), 0..60).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn the_visible_text_is_clean_and_stays_as_it_is(text in text()) {
        let visible = Visible::of(&text);
        prop_assert!(Visible::of(visible.text()).is_clean());
        prop_assert_eq!(shown(visible.text()), visible.text());
        let one = line(&text);
        prop_assert!(!one.contains(['\n', '\t', '\r']));
        prop_assert_eq!(line(&one), one.as_ref());
    }

    #[test]
    fn both_offset_maps_undo_each_other(text in text()) {
        let visible = Visible::of_file(&text);
        for (at, character) in text.char_indices() {
            let original = at..at + character.len_utf8();
            let there = visible.to_shown(original.clone());
            let piece = visible.text().get(there.clone());
            prop_assert!(piece.is_some(), "{there:?} cuts a character");
            if !there.is_empty() {
                prop_assert_eq!(visible.to_original(there), original);
            }
        }
        prop_assert_eq!(visible.to_shown(0..text.len()), 0..visible.text().len());
        let covered: usize = text.char_indices()
            .map(|(at, c)| visible.to_shown(at..at + c.len_utf8()).len())
            .sum();
        prop_assert_eq!(covered, visible.text().len());
    }
}
