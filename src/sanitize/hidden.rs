//! Which characters do not show, or make others show in the wrong place, and what to call them.

use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

/// Everything that may need a mark: the categories C (control, format, private use, unassigned), Zl and Zp, and what
/// Unicode lets a renderer ignore. The automaton reads a text once, whatever its script, so clean text costs one pass.
static SUSPECT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}--\n\t]"));
static UNASSIGNED: LazyLock<Regex> = LazyLock::new(|| pattern(r"\p{Cn}"));
/// Unicode also reserves code points for pictographs to come; those are marked, so nothing can belong to them.
static PICTOGRAPH: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{Extended_Pictographic}--\p{Cn}]"));

const JOINER: char = '\u{200D}';
const KEYCAP: char = '\u{20E3}';
const SKIN_TONES: std::ops::RangeInclusive<char> = '\u{1F3FB}'..='\u{1F3FF}';

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern over classes of Unicode that regex carries")
}

/// Why a character needs a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HiddenKind {
    /// A C0 or C1 control character other than line feed and tab: it could command a terminal.
    Control,
    /// It changes the direction of the text after it.
    Bidi,
    /// It takes no room: zero-width spaces and joiners, soft hyphens, fillers, line and paragraph separators.
    ZeroWidth,
    /// A tag character: an invisible copy of ASCII.
    Tag,
    /// A variation selector that is not part of an emoji.
    Variation,
    /// Private use: it means whatever a font makes of it.
    PrivateUse,
    /// Not a character, or not one yet.
    Unassigned,
}

impl HiddenKind {
    /// What to call it in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Bidi => "bidirectional",
            Self::ZeroWidth => "zero-width",
            Self::Tag => "tag",
            Self::Variation => "variation selector",
            Self::PrivateUse => "private use",
            Self::Unassigned => "unassigned",
        }
    }
}

/// What becomes of a suspect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The carriage return of a line break: nothing to show, nothing to warn of.
    Fold,
    /// A mark takes its place.
    Mark(HiddenKind),
}

/// A character that cannot stand in the visible text as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suspect {
    pub(super) at: usize,
    pub(super) character: char,
    pub(super) verdict: Verdict,
}

/// Every character of `text` that cannot stand as it is, in order.
pub(super) fn scan(text: &str) -> impl Iterator<Item = Suspect> {
    let suspects = SUSPECT.find_iter(text);
    suspects.filter_map(|found| judge(text, found.start()))
}

/// Whether a terminal may be sent this character as part of a cell; what screens are full of is answered at once.
pub(super) fn is_safe(character: char) -> bool {
    let common = matches!(character, ' '..='~' | '\u{4E00}'..='\u{9FFF}' | '\u{3000}'..='\u{303F}' | '\u{2500}'..='\u{259F}');
    let of_emoji = matches!(character, JOINER | '\u{FE0E}' | '\u{FE0F}');
    let of_lines = matches!(character, '\n' | '\t');
    common || of_emoji || !(of_lines || matches(&SUSPECT, character))
}

fn matches(class: &Regex, character: char) -> bool {
    class.is_match(character.encode_utf8(&mut [0; 4]))
}

fn judge(text: &str, at: usize) -> Option<Suspect> {
    let mut after = text[at..].chars();
    let character = after.next()?;
    let next = after.next();
    let verdict = match character {
        '\r' if next == Some('\n') => Verdict::Fold,
        JOINER if joins_emoji(&text[..at], next) => return None,
        '\u{FE0E}' | '\u{FE0F}' if selects_emoji(&text[..at], next) => return None,
        other => Verdict::Mark(kind(other)),
    };
    Some(Suspect {
        at,
        character,
        verdict,
    })
}

/// A joiner stands between two pictographs, the first one perhaps with a skin tone or with a selector of its own.
fn joins_emoji(before: &str, next: Option<char>) -> bool {
    let pictograph = |c| matches(&PICTOGRAPH, c);
    let mut back = before.chars().rev();
    let holds = match back.next() {
        Some('\u{FE0F}') => back.next().is_some_and(pictograph),
        Some(last) => SKIN_TONES.contains(&last) || pictograph(last),
        None => false,
    };
    holds && next.is_some_and(pictograph)
}

/// An emoji selector stands right behind a pictograph, or inside a keycap.
fn selects_emoji(before: &str, next: Option<char>) -> bool {
    match before.chars().next_back() {
        Some('0'..='9' | '#' | '*') => next == Some(KEYCAP),
        Some(base) => matches(&PICTOGRAPH, base),
        None => false,
    }
}

fn kind(character: char) -> HiddenKind {
    match character {
        c if c.is_control() => HiddenKind::Control,
        '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
            HiddenKind::Bidi
        }
        '\u{E0000}'..='\u{E007F}' => HiddenKind::Tag,
        '\u{180B}'..='\u{180D}' | '\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' => {
            HiddenKind::Variation
        }
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{FFFFD}' | '\u{100000}'..='\u{10FFFD}' => {
            HiddenKind::PrivateUse
        }
        c if matches(&UNASSIGNED, c) => HiddenKind::Unassigned,
        _ => HiddenKind::ZeroWidth,
    }
}

/// The mark of a character: control pictures for the ASCII controls, the code point for all others.
pub(super) fn push_mark(character: char, out: &mut String) {
    match character {
        '\0'..='\x1f' => out.extend(char::from_u32(0x2400 + character as u32)),
        '\x7f' => out.push('␡'),
        other => {
            use std::fmt::Write as _;
            let _ = write!(out, "⟦U+{:04X}⟧", other as u32);
        }
    }
}
