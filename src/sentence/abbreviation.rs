//! Full stops that end no sentence: abbreviations, initials, list numbers.

/// What stands before the stop, in lower case, and never ends a sentence.
const BEFORE_A_NAME: [&str; 22] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "e.g", "eg", "i.e", "ie", "cf", "viz", "al", "gen", "rep",
    "sen", "resp", "incl", "excl", "dept", "aka",
];
/// Ends no sentence when a number follows.
const BEFORE_A_NUMBER: [&str; 26] = [
    "no", "nos", "nr", "fig", "figs", "p", "pp", "vol", "ch", "sec", "eq", "art", "v", "ver", "jan", "feb",
    "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
];
/// Ends a sentence unless small letters follow.
const BEFORE_SMALL_LETTERS: [&str; 22] = [
    "etc", "inc", "ltd", "co", "corp", "jr", "sr", "approx", "est", "min", "max", "avg", "a.m", "p.m", "hr",
    "hrs", "wk", "mo", "yr", "ext", "tel", "misc",
];

/// Whether a sentence goes on behind a full stop, `before` being the sentence so far and `next` what follows the stop
/// and the space.
pub(super) fn continues(before: &str, next: &str) -> bool {
    let token = before
        .rsplit(|c: char| c.is_whitespace() || "([{“‘\"'（「《，、：/".contains(c))
        .next()
        .unwrap_or_default();
    if token.is_empty() {
        return false;
    }
    let first_in_sentence = before.trim_start().len() == token.len();
    if first_in_sentence && token.bytes().all(|b| b.is_ascii_digit()) {
        return true;
    }
    is_initial(token, next) || is_abbreviation(token, next)
}

/// `J. Doe`, `U.S. team`; but `So do I. Then`.
fn is_initial(token: &str, next: &str) -> bool {
    let letters = |part: &str| part.len() == 1 && part.bytes().all(|b| b.is_ascii_uppercase());
    token != "I" && token.split('.').all(letters) && next.starts_with(|c: char| c.is_alphabetic())
}

fn is_abbreviation(token: &str, next: &str) -> bool {
    let token = token.to_lowercase();
    let listed = |list: &[&str]| list.contains(&token.as_str());
    let digit = next.starts_with(|c: char| c.is_ascii_digit() || c == '#');
    let small = next.starts_with(char::is_lowercase);
    listed(&BEFORE_A_NAME) || (digit && listed(&BEFORE_A_NUMBER)) || (small && listed(&BEFORE_SMALL_LETTERS))
}
