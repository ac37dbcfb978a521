//! The words of a Whisper model as whisper.cpp wants them: bytes, in the order of their numbers.
//!
//! `tokenizer.json` writes bytes as letters, so that every token is a printable text: GPT-2's alphabet, in which printable
//! Latin-1 stands for itself and the other bytes follow from U+0100 on.

use std::collections::HashMap;

use serde::Deserialize;

use super::ctranslate2::bad;
use crate::error::Result;

#[derive(Deserialize)]
struct Tokenizer {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, u32>,
}

/// The tokens of `tokenizer.json`, without those that are added to its model's own.
pub(super) fn tokens(json: &[u8]) -> Result<Vec<Vec<u8>>> {
    let tokenizer: Tokenizer =
        serde_json::from_slice(json).map_err(|e| bad("its tokenizer.json is not one").because(e))?;
    let vocabulary = tokenizer.model.vocab;
    let alphabet = alphabet();
    let mut tokens = vec![None; vocabulary.len()];
    for (token, number) in &vocabulary {
        let place = tokens
            .get_mut(*number as usize)
            .ok_or_else(|| bad("its tokens have gaps"))?;
        let bytes = token.chars().map(|c| alphabet.get(&c).copied());
        let bytes: Option<Vec<u8>> = bytes.collect();
        *place = Some(bytes.ok_or_else(|| bad(format!("{token:?} is no token of bytes")))?);
    }
    let whole: Option<Vec<_>> = tokens.into_iter().collect();
    whole.ok_or_else(|| bad("its tokens have gaps"))
}

fn alphabet() -> HashMap<char, u8> {
    let own = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let printable = (0..=255_u8).filter(own).map(|byte| (char::from(byte), byte));
    let others = (0..=255_u8).filter(|byte| !own(byte));
    let others = ('\u{100}'..).zip(others);
    printable.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_become_the_bytes_they_stand_for() -> Result<()> {
        let json = r#"{"model": {"vocab": {"Ġthe": 1, "!": 0, "åľº": 2, "": 3}}, "added_tokens": []}"#;
        let tokens = tokens(json.as_bytes())?;
        assert_eq!(
            tokens,
            [
                b"!".to_vec(),
                b" the".to_vec(),
                "场".as_bytes().to_vec(),
                Vec::new()
            ]
        );
        assert_eq!(alphabet().len(), 256);
        Ok(())
    }

    #[test]
    fn gaps_and_other_files_are_refused() {
        assert!(tokens(br#"{"model": {"vocab": {"a": 1}}}"#).is_err());
        assert!(tokens(b"[]").is_err());
    }
}
