use std::collections::BTreeSet;

use super::*;
use crate::dossier::Language;
use crate::error::{ErrorKind, Result};
use crate::tui::width::Measure;

/// The xterm table: a cube of six steps a channel, then greys (8, 18, .. 238).
fn rgb(color: Color) -> Option<[u8; 3]> {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    match color {
        Color::Indexed(i @ 16..=231) => {
            let i = usize::from(i - 16);
            Some([STEPS[i / 36], STEPS[i / 6 % 6], STEPS[i % 6]])
        }
        Color::Indexed(i @ 232..) => Some([8 + 10 * (i - 232); 3]),
        _ => None,
    }
}

/// Relative luminance of sRGB (WCAG 2.2, "relative luminance").
fn luminance(rgb: [u8; 3]) -> f64 {
    let [r, g, b] = rgb.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Contrast ratio (WCAG 2.2, "contrast ratio"): 1 to 21.
fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn contrast_over(style: Style, ground: Style) -> Option<f64> {
    let style = ground.patch(style);
    Some(contrast(rgb(style.fg?)?, rgb(style.bg?)?))
}

#[test]
fn the_ratio_is_the_one_of_the_standard() {
    // 21:1 is the standard's maximum; #767676 on white is its well-known 4.54:1 limit case.
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    assert!((contrast([0x76; 3], [255; 3]) - 4.54).abs() < 0.005);
}

/// SC 1.4.3: 4.5:1 for text; SC 1.4.11: 3:1 for lines and bars.
fn least(style_name: &str) -> f64 {
    match style_name {
        "border" | "border_focus" | "bar_full" | "bar_empty" => 3.0,
        _ => 4.5,
    }
}

#[test]
fn every_style_can_be_read_on_its_ground() {
    for name in [ThemeName::Dark, ThemeName::Light] {
        let theme = Theme::new(name, Ambiguous::Narrow);
        let named = theme.styles.named().into_iter().chain(theme.syntax.named());
        for (style_name, style) in named {
            let ratio = contrast_over(style, theme.styles.text);
            assert!(
                ratio.is_some_and(|r| r >= least(style_name)),
                "{name:?} {style_name}: {ratio:?}"
            );
        }
    }
}

#[test]
fn every_style_can_be_read_under_the_cursor() {
    for name in [ThemeName::Dark, ThemeName::Light] {
        let theme = Theme::new(name, Ambiguous::Narrow);
        let named = theme.styles.named().into_iter().chain(theme.syntax.named());
        for (style_name, style) in named.filter(|(n, _)| least(n) > 3.0) {
            let ratio = contrast_over(style.patch(theme.styles.selected), theme.styles.text);
            let cited = style.bg.is_some();
            assert!(
                cited || ratio.is_some_and(|r| r >= 4.5),
                "{name:?} {style_name}: {ratio:?}"
            );
        }
    }
}

#[test]
fn mono_has_no_colour() {
    let theme = Theme::new(ThemeName::Mono, Ambiguous::Narrow);
    let named = theme.styles.named().into_iter().chain(theme.syntax.named());
    for (style_name, style) in named {
        assert_eq!((style.fg, style.bg), (None, None), "{style_name}");
    }
}

#[test]
fn terminal_leaves_the_palette_to_the_user() {
    let theme = Theme::new(ThemeName::Terminal, Ambiguous::Narrow);
    let named = theme.styles.named().into_iter().chain(theme.syntax.named());
    for (style_name, style) in named {
        assert!(
            !matches!(style.fg, Some(Color::Rgb(..) | Color::Indexed(_))),
            "{style_name}"
        );
        assert!(matches!(style.bg, None | Some(Color::Reset)), "{style_name}");
    }
}

/// What must not be confused must differ in modifiers too, in every theme.
#[test]
fn cited_chosen_and_plain_text_differ_without_colour() {
    for name in ThemeName::ALL {
        let s = Theme::new(name, Ambiguous::Narrow).styles;
        let marks = [s.text, s.evidence, s.evidence_against, s.evidence_focus];
        let modifiers: BTreeSet<_> = marks.iter().map(|s| s.add_modifier.bits()).collect();
        assert_eq!(modifiers.len(), marks.len(), "{name:?}");
    }
}

#[test]
fn every_state_has_a_sign_and_a_word_of_its_own() {
    for glyphs in [Glyphs::UNICODE, Glyphs::ASCII] {
        let signs: BTreeSet<_> = Badge::ALL.iter().map(|b| b.glyph(&glyphs, 0)).collect();
        assert_eq!(signs.len(), Badge::ALL.len());
    }
    for language in [Language::Zh, Language::En] {
        let words: BTreeSet<_> = Badge::ALL.iter().map(|b| b.word().text(language)).collect();
        assert_eq!(words.len(), Badge::ALL.len());
    }
}

#[test]
fn bar_marks_differ_by_shape() {
    for g in [Glyphs::UNICODE, Glyphs::ASCII] {
        let shapes: BTreeSet<_> = [g.human, g.model, g.both, g.bar_full, g.bar_empty].into();
        assert_eq!(shapes.len(), 5);
        assert_ne!(g.supports, g.contradicts);
    }
}

#[test]
fn signs_keep_to_their_columns() {
    let unicode = Glyphs::UNICODE;
    let single = Badge::ALL.map(|b| b.glyph(&unicode, 3));
    let marks = [
        unicode.human,
        unicode.model,
        unicode.both,
        unicode.bar_full,
        unicode.bar_empty,
    ];
    for sign in single.iter().chain(&marks).chain(unicode.spinner) {
        assert_eq!(Measure::default().text(sign), 1, "{sign}");
    }
    let ascii = format!("{:?}", Glyphs::ASCII);
    assert!(ascii.is_ascii(), "{ascii}");
    assert!((0..9).all(|tick| unicode.spin(tick) != unicode.spin(tick + 1)));
}

#[test]
fn a_wide_terminal_gets_plain_signs() {
    assert_eq!(Theme::new(ThemeName::Dark, Ambiguous::Wide).glyphs, Glyphs::ASCII);
    assert_eq!(
        Theme::new(ThemeName::Dark, Ambiguous::Narrow).ascii().glyphs,
        Glyphs::ASCII
    );
}

#[test]
fn names_lead_back_and_no_color_wins_over_the_default_only() -> Result<()> {
    for name in ThemeName::ALL {
        assert_eq!(name.as_str().parse::<ThemeName>()?, name);
    }
    assert_eq!(ThemeName::resolve(None, true), ThemeName::Mono);
    assert_eq!(ThemeName::resolve(None, false), ThemeName::Terminal);
    assert_eq!(ThemeName::resolve(Some(ThemeName::Dark), true), ThemeName::Dark);
    let unknown = "solarized".parse::<ThemeName>();
    assert!(unknown.is_err_and(|e| e.kind() == ErrorKind::Usage));
    Ok(())
}
