//! Damaged copies of files, for the tests of whatever reads them.

use crate::seed::{Seed, Stream};

/// How many of each file; with `PLUMB_SOAK=1`, 500.
pub(crate) fn copies(usual: u64) -> u64 {
    if std::env::var_os("PLUMB_SOAK").is_some() {
        500
    } else {
        usual
    }
}

/// The numbers by which the so-many-th copy of a file called `name` is damaged, the same in every run.
pub(crate) fn dice(name: &str, copy: u64) -> Stream {
    Seed::root(copy).branch(name).stream()
}

/// Cuts the end off, turns bits, repeats a stretch, or drops one.
pub(crate) fn damage(bytes: &mut Vec<u8>, dice: &mut Stream) {
    if bytes.is_empty() {
        return;
    }
    let (at, length) = (dice.below(bytes.len()), dice.below(64));
    let end = (at + length).min(bytes.len());
    match dice.below(4) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => {
            let stretch = bytes[at..end].to_vec();
            bytes.splice(at..at, stretch);
        }
        _ => {
            for _ in 0..=dice.below(16) {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << dice.below(8);
            }
        }
    }
}
