//! Which key does what: the table's own keys, and the person's `keymap.toml` over them.
//!
//! The file has one line an action, `accept = "a"` or `down = ["j", "down"]`; what it does not name keeps its keys, but
//! for those that a line needs in the same place. A name that no action has, a key that does not exist, and a key that two
//! lines need in one place are errors that name the line.

use std::collections::BTreeMap;

use toml::Spanned;

use super::action::{Action, Mode};
use super::key::{Chord, Key};
use crate::dossier::Language;
use crate::error::{Error, ErrorKind, Result};

/// What pressing a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// This action, by the so-many-th of its keys.
    Action(Action, usize),
    /// The beginning of a longer one.
    Prefix,
    /// Nothing.
    Nothing,
}

/// Which key does what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    keys: BTreeMap<Action, Vec<Chord>>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Keys {
    One(String),
    Many(Vec<String>),
}

impl Keymap {
    /// The keys of the table.
    pub fn standard() -> Self {
        let chords = |action: &Action| {
            action
                .default_keys()
                .iter()
                .filter_map(|key| key.parse().ok())
                .collect()
        };
        Self {
            keys: Action::ALL.iter().map(|a| (*a, chords(a))).collect(),
        }
    }

    /// The table's keys with those of a `keymap.toml` over them; `file` is its name for the errors.
    ///
    /// # Errors
    /// All faults at once, each with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let read: BTreeMap<Spanned<String>, Spanned<Keys>> = toml::from_str(text).map_err(|e| {
            let line = e.span().map_or(1, |s| line_of(text, s.start));
            fault(file, &[(line, e.message().to_owned())])
        })?;
        let mut keymap = Self::standard();
        let mut lines = BTreeMap::new();
        let mut faults = Vec::new();
        for (name, keys) in read {
            let line = line_of(text, name.span().start);
            match rebind(name.get_ref(), keys.into_inner()) {
                Ok((action, chords)) => {
                    keymap.keys.insert(action, chords);
                    lines.insert(action, line);
                }
                Err(what) => faults.push((line, what)),
            }
        }
        keymap.give_way(&lines);
        faults.extend(keymap.clashes().into_iter().map(|c| c.fault(&lines)));
        faults.sort();
        if faults.is_empty() {
            Ok(keymap)
        } else {
            Err(fault(file, &faults))
        }
    }

    /// Lets the rows of the file, `own`, have the keys they need: an action without a row loses them.
    fn give_way(&mut self, own: &BTreeMap<Action, usize>) {
        let rows = self.keys.iter().filter(|(action, _)| own.contains_key(action));
        let rows: Vec<(Action, Vec<Chord>)> = rows.map(|(a, chords)| (*a, chords.clone())).collect();
        for (action, chords) in &mut self.keys {
            if own.contains_key(action) || keeps_its_keys(*action) {
                continue;
            }
            let meets = |row: &Action| row.modes().iter().any(|mode| action.modes().contains(mode));
            let wanted: Vec<&Chord> = rows
                .iter()
                .filter(|(row, _)| meets(row))
                .flat_map(|(_, chords)| chords)
                .collect();
            chords.retain(|chord| !wanted.iter().any(|other| hides(other, chord)));
        }
    }

    /// What the pressed keys mean in a mode.
    pub fn find(&self, mode: Mode, pressed: &[Key]) -> Found {
        let mut found = Found::Nothing;
        for (action, chords) in &self.keys {
            if !action.modes().contains(&mode) {
                continue;
            }
            for (n, chord) in chords.iter().enumerate() {
                if chord.keys() == pressed {
                    return Found::Action(*action, n);
                }
                if chord.keys().starts_with(pressed) {
                    found = Found::Prefix;
                }
            }
        }
        found
    }

    /// The keys of an action.
    pub fn keys(&self, action: Action) -> &[Chord] {
        self.keys.get(&action).map_or(&[], Vec::as_slice)
    }

    /// The keys of an action as a person reads them: `k ↑`, `1-5`.
    pub fn label(&self, action: Action) -> String {
        let keys: Vec<String> = self.keys(action).iter().map(Chord::to_string).collect();
        match (action, keys.as_slice()) {
            (Action::Score, [first, .., last]) => format!("{first}-{last}"),
            _ => keys.join(" "),
        }
    }

    /// The first key of an action, for the hint line.
    pub fn short_label(&self, action: Action) -> String {
        match action {
            Action::Score => self.label(action),
            _ => self
                .keys(action)
                .first()
                .map(Chord::to_string)
                .unwrap_or_default(),
        }
    }

    /// Every action with its keys and what it does, as lines of a table.
    pub fn listing(&self, language: Language) -> Vec<(Action, String, &'static str)> {
        let rows = Action::ALL
            .iter()
            .map(|a| (*a, self.label(*a), a.describe(language)));
        rows.collect()
    }

    /// Keys that would do two things in one mode.
    fn clashes(&self) -> Vec<Clash> {
        let mut clashes = Vec::new();
        for mode in Mode::ALL {
            let bound: Vec<(Action, &Chord)> = self
                .keys
                .iter()
                .filter(|(a, _)| a.modes().contains(&mode))
                .flat_map(|(a, chords)| chords.iter().map(|c| (*a, c)))
                .collect();
            for (i, (second, chord)) in bound.iter().enumerate() {
                let first = bound[..i].iter().find(|(_, c)| hides(c, chord));
                clashes.extend(first.map(|(first, other)| Clash {
                    first: *first,
                    second: *second,
                    chords: [(*other).clone(), (*chord).clone()],
                }));
                if mode.types() && typed(chord) && !mode_keeps(mode, *second) {
                    clashes.push(Clash {
                        first: *second,
                        second: *second,
                        chords: [(*chord).clone(), (*chord).clone()],
                    });
                }
            }
        }
        clashes.sort_by_key(|c| (c.first, c.second, c.chords[1].to_string()));
        clashes.dedup();
        clashes
    }
}

/// A key that would do two things, or that is text where it is bound.
#[derive(Debug, PartialEq, Eq)]
struct Clash {
    first: Action,
    second: Action,
    chords: [Chord; 2],
}

impl Clash {
    /// What to say, at the line in the file that brought it about.
    fn fault(&self, lines: &BTreeMap<Action, usize>) -> (usize, String) {
        let line = [self.second, self.first]
            .iter()
            .filter_map(|a| lines.get(a))
            .max();
        let (first, second) = (self.first.code(), self.second.code());
        let [one, other] = &self.chords;
        let what = if first == second {
            format!("{first}: {one} is text where this is used")
        } else if one == other {
            format!("{one} is bound to both {first} and {second}")
        } else {
            format!("{one} ({first}) and {other} ({second}) begin alike, so that one of them is out of reach")
        };
        (line.copied().unwrap_or(1), what)
    }
}

/// Whether one of two chords can never be reached because of the other.
fn hides(a: &Chord, b: &Chord) -> bool {
    a.keys().starts_with(b.keys()) || b.keys().starts_with(a.keys())
}

fn typed(chord: &Chord) -> bool {
    chord.keys().first().is_some_and(|k| k.typed().is_some())
}

/// Digits and the full stop change the score while a reason is picked; no reason has them.
fn mode_keeps(mode: Mode, action: Action) -> bool {
    mode == Mode::Reason && matches!(action, Action::Score | Action::Half)
}

/// Each level is the place of its key, and without a way out nobody leaves.
fn keeps_its_keys(action: Action) -> bool {
    matches!(action, Action::Score | Action::Quit | Action::Close)
}

fn rebind(name: &str, keys: Keys) -> Result<(Action, Vec<Chord>), String> {
    let action = Action::from_code(name).ok_or_else(|| format!("no action is called {name:?}"))?;
    let keys = match keys {
        Keys::One(key) => vec![key],
        Keys::Many(keys) => keys,
    };
    let wanted = action.default_keys().len();
    if action == Action::Score && keys.len() != wanted {
        return Err(format!(
            "score needs {wanted} keys, one a level, not {}",
            keys.len()
        ));
    }
    if matches!(action, Action::Quit | Action::Close) && keys.is_empty() {
        return Err(format!("{name} must keep a key"));
    }
    let chords: Vec<Chord> = keys.iter().map(|k| k.parse()).collect::<Result<_, _>>()?;
    Ok((action, chords))
}

fn fault(file: &str, faults: &[(usize, String)]) -> Error {
    let lines: Vec<String> = faults
        .iter()
        .map(|(line, what)| format!("{file}:{line}: {what}"))
        .collect();
    Error::new(ErrorKind::Input, lines.join("; ")).hint("`plumb keys` lists the actions and their keys")
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        Keymap::parse("keymap.toml", text)
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn the_table_has_no_key_twice_in_a_mode() {
        assert_eq!(Keymap::standard().clashes(), []);
    }

    #[test]
    fn every_action_has_keys_that_lead_to_it_in_each_of_its_modes() {
        let keymap = Keymap::standard();
        for action in Action::ALL {
            assert_eq!(
                keymap.keys(*action).len(),
                action.default_keys().len(),
                "{action:?}"
            );
            assert!(
                !action.modes().is_empty() && !action.default_keys().is_empty(),
                "{action:?}"
            );
            for mode in action.modes() {
                for (n, chord) in keymap.keys(*action).iter().enumerate() {
                    assert_eq!(keymap.find(*mode, chord.keys()), Found::Action(*action, n));
                }
            }
        }
    }

    #[test]
    fn every_action_is_described_in_both_languages() {
        for action in Action::ALL {
            let (zh, en) = (action.describe(Language::Zh), action.describe(Language::En));
            assert!(en.is_ascii() && en.starts_with(char::is_uppercase), "{action:?}");
            assert!(zh.chars().any(|c| c > '\u{4E00}'), "{action:?}");
            assert_eq!(Action::from_code(action.code()), Some(*action));
        }
    }

    #[test]
    fn a_chord_begins_with_a_prefix() -> Result<(), String> {
        let keymap = Keymap::standard();
        let g: Key = "g".parse()?;
        assert_eq!(keymap.find(Mode::Review, &[g]), Found::Prefix);
        assert_eq!(keymap.find(Mode::Review, &[g, g]), Found::Action(Action::Top, 0));
        assert_eq!(keymap.find(Mode::Input, &[g]), Found::Nothing);
        Ok(())
    }

    #[test]
    fn a_file_changes_only_what_it_names() -> Result<()> {
        let keymap = Keymap::parse("keymap.toml", "accept = \"Y\"\ndown = ['j', 'ctrl-j']\n")?;
        assert_eq!(keymap.label(Action::Accept), "Y");
        assert_eq!(keymap.label(Action::Adapters), "A");
        assert_eq!(keymap.label(Action::Down), "j Ctrl-j");
        assert_eq!(keymap.label(Action::Score), "1-5");
        Ok(())
    }

    #[test]
    fn faults_name_their_line() {
        let text = "accept = \"Y\"\n\nacept = \"a\"\nnote = \"enterr\"\n";
        assert_eq!(
            message(text),
            "keymap.toml:3: no action is called \"acept\"; keymap.toml:4: \"enterr\" is not a key"
        );
        assert!(message("accept = \n").starts_with("keymap.toml:1: "));
    }

    /// Nobody's own keys stop working because a later program has an action more.
    #[test]
    fn a_row_of_the_file_takes_its_key_from_whoever_has_it_by_default() -> Result<()> {
        let keymap = Keymap::parse("keymap.toml", "accept = \"A\"\nnote = \"g\"\n")?;
        assert_eq!(keymap.label(Action::Accept), "A");
        assert_eq!(keymap.label(Action::Adapters), "");
        assert_eq!(keymap.label(Action::Top), "Home", "g g begins with g");
        // Where the two never meet, both have the key.
        let keymap = Keymap::parse("keymap.toml", "tie = \"p\"\n")?;
        assert_eq!(keymap.label(Action::Profile), "p");
        Ok(())
    }

    #[test]
    fn a_key_for_two_things_is_refused_at_its_line() {
        assert_eq!(
            message("# mine\nundo = \"U\"\naccept = \"U\"\n"),
            "keymap.toml:3: U is bound to both accept and undo"
        );
        assert_eq!(
            message("top = \"g g\"\nnote = \"g\"\n"),
            "keymap.toml:2: g (note) and gg (top) begin alike, so that one of them is out of reach"
        );
        assert_eq!(message("accept = \"u\"\nundo = \"a\"\n"), "");
    }

    #[test]
    fn levels_and_the_way_out_keep_their_keys() {
        assert_eq!(
            message("accept = \"1\"\nundo = \"ctrl-c\"\n"),
            "keymap.toml:1: 1 is bound to both accept and score; \
             keymap.toml:2: Ctrl-c is bound to both undo and quit"
        );
    }

    #[test]
    fn letters_are_text_where_text_is_typed() {
        assert_eq!(
            message("submit = \"o\"\n"),
            "keymap.toml:1: submit: o is text where this is used"
        );
        assert_eq!(
            message("quit = []\nscore = ['1', '2']\n"),
            "keymap.toml:1: quit must keep a key; keymap.toml:2: score needs 5 keys, one a level, not 2"
        );
    }
}
