//! Byte-level BPE built from a GGUF file's own metadata.
//!
//! Special tokens are never recognised inside text: the vocabulary's merges cannot make them, and only
//! [`Tokenizer::encode_template`], which is for the model's own template, looks for them. So `<|im_end|>` in a report
//! stays text.

use std::collections::HashMap;

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{NormalizedString, Normalizer as _, PreTokenizerWrapper, SplitDelimiterBehavior};

use crate::error::{Error, ErrorKind, Result};
use crate::model::gguf::Gguf;

/// The split of Qwen2 and Qwen3 (their `tokenizer.json`): digits one by one.
const QWEN2_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The split of Llama 3 (its `tokenizer.json`): digits in threes.
const LLAMA3_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// GGUF token type of ordinary tokens; all others are special, unused or user-defined.
const NORMAL: usize = 1;
/// GGUF token types that a template may name: control and user-defined.
const NAMED: [usize; 2] = [3, 4];

/// Text to token ids and back.
#[derive(Debug)]
pub struct Tokenizer {
    bpe: tokenizers::Tokenizer,
    /// The bytes of every token; for special tokens their name.
    bytes: Vec<Vec<u8>>,
    special: Vec<bool>,
    /// Names of the special tokens in use, longest first.
    names: Vec<(String, u32)>,
    end: u32,
}

impl Tokenizer {
    /// Builds the tokenizer of `gguf`.
    ///
    /// # Errors
    /// The file's tokenizer is of another kind, or its metadata is incomplete.
    pub fn from_gguf(gguf: &Gguf) -> Result<Self> {
        let kind = gguf.text("tokenizer.ggml.model")?;
        if kind != "gpt2" {
            return Err(gguf.error(format!(
                "tokenizer kind {kind:?} is not the byte-level BPE this program reads"
            )));
        }
        let tokens = gguf.texts("tokenizer.ggml.tokens")?;
        let types = gguf.numbers("tokenizer.ggml.token_type")?;
        if types.len() != tokens.len() {
            return Err(gguf.error(format!("{} tokens but {} token types", tokens.len(), types.len())));
        }
        let special: Vec<bool> = types.iter().map(|&t| t != NORMAL).collect();
        let alphabet = byte_alphabet();
        let bytes = tokens
            .iter()
            .zip(&special)
            .map(|(t, &s)| token_bytes(t, s, &alphabet))
            .collect();
        let mut names: Vec<_> = (0..)
            .zip(&tokens)
            .zip(&types)
            .filter(|((_, token), kind)| NAMED.contains(kind) && !token.is_empty())
            .map(|((id, token), _)| ((*token).to_owned(), id))
            .collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let end = gguf.number("tokenizer.ggml.eos_token_id")?;
        if end >= tokens.len() {
            return Err(gguf.error(format!(
                "the end token {end} is not among the {} tokens",
                tokens.len()
            )));
        }
        Ok(Self {
            bpe: bpe(gguf, &tokens)?,
            bytes,
            special,
            names,
            end: end as u32,
        })
    }

    /// Token ids of text that comes from outside: nothing in it is special.
    ///
    /// # Errors
    /// The tokenizer fails, which well-formed text cannot cause.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let encoding = self
            .bpe
            .encode_fast(text, false)
            .map_err(|e| Error::new(ErrorKind::Engine, "cannot tokenize").because(e))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The text that is encoded for `text`: the bytes of its tokens. Some models compose what Unicode allows to be composed.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn normalised(&self, text: &str) -> Result<String> {
        let mut normalised = NormalizedString::from(text);
        if let Some(normalizer) = self.bpe.get_normalizer() {
            normalizer
                .normalize(&mut normalised)
                .map_err(|e| Error::new(ErrorKind::Engine, "cannot tokenize").because(e))?;
        }
        Ok(normalised.get().to_owned())
    }

    /// Token ids of the model's own template: special tokens are recognised by name.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_template(&self, mut text: &str) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        while let Some((at, name, id)) = self.next_special(text) {
            ids.extend(self.encode(&text[..at])?);
            ids.push(id);
            text = &text[at + name.len()..];
        }
        ids.extend(self.encode(text)?);
        Ok(ids)
    }

    fn next_special(&self, text: &str) -> Option<(usize, &str, u32)> {
        // The first place wins, and there the longest name: `names` is sorted longest first, and `min_by_key` keeps the
        // first of equals.
        self.names
            .iter()
            .filter_map(|(name, id)| text.find(name.as_str()).map(|at| (at, name.as_str(), *id)))
            .min_by_key(|(at, ..)| *at)
    }

    /// The bytes of a token; of a special token, its name.
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// Whether a token is special.
    pub fn is_special(&self, token: u32) -> bool {
        self.special.get(token as usize).copied().unwrap_or(true)
    }

    /// The special token of this name.
    pub fn special(&self, name: &str) -> Option<u32> {
        self.names.iter().find(|(n, _)| n == name).map(|(_, id)| *id)
    }

    /// The token that ends an answer.
    pub fn end(&self) -> u32 {
        self.end
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no token at all.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The bytes of some tokens, special ones left out.
    pub fn decode(&self, tokens: &[u32]) -> Vec<u8> {
        tokens
            .iter()
            .filter(|&&t| !self.is_special(t))
            .flat_map(|&t| self.bytes(t))
            .copied()
            .collect()
    }
}

fn bpe(gguf: &Gguf, tokens: &[&str]) -> Result<tokenizers::Tokenizer> {
    let vocab: Vocab = (0_u32..)
        .zip(tokens)
        .map(|(id, token)| ((*token).to_owned(), id))
        .collect();
    let merges = gguf
        .texts("tokenizer.ggml.merges")?
        .into_iter()
        .map(|merge| {
            let (left, right) = merge
                .split_once(' ')
                .ok_or_else(|| gguf.error(format!("merge {merge:?} has no space")))?;
            Ok((left.to_owned(), right.to_owned()))
        })
        .collect::<Result<Vec<_>>>()?;
    let model = BPE::builder()
        .vocab_and_merges(vocab, merges)
        .build()
        .map_err(|e| gguf.error_because("the merges do not fit the vocabulary", e))?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    let pre = if gguf.knows("tokenizer.ggml.pre") {
        gguf.text("tokenizer.ggml.pre")?
    } else {
        "default"
    };
    let splitter = |e| Error::new(ErrorKind::Internal, format!("splitter of {pre}")).because(e);
    tokenizer.with_pre_tokenizer(Some(pre_tokenizer(gguf, pre)?));
    if matches!(pre, "qwen2") {
        tokenizer.with_normalizer(Some(NFC)).map_err(splitter)?;
    }
    Ok(tokenizer)
}

/// The splitter that `tokenizer.ggml.pre` names, as in the models' own `tokenizer.json`.
fn pre_tokenizer(gguf: &Gguf, pre: &str) -> Result<PreTokenizerWrapper> {
    let regex = |pattern: &str| {
        let split = Split::new(
            SplitPattern::Regex(pattern.to_owned()),
            SplitDelimiterBehavior::Isolated,
            false,
        )
        .map_err(|e| Error::new(ErrorKind::Internal, format!("splitter of {pre}")).because(e))?;
        Ok::<_, Error>(Sequence::new(vec![split.into(), ByteLevel::new(false, false, false).into()]).into())
    };
    match pre {
        "qwen2" => regex(QWEN2_SPLIT),
        "llama-bpe" | "llama3" | "smaug-bpe" => regex(LLAMA3_SPLIT),
        "smollm" => Ok(Sequence::new(vec![
            Digits::new(true).into(),
            ByteLevel::new(false, true, true).into(),
        ])
        .into()),
        "gpt-2" | "default" => Ok(ByteLevel::new(false, true, true).into()),
        other => Err(gguf.error(format!("tokenizer split {other:?} is not known to this program"))),
    }
}

/// The characters that stand for bytes in byte-level vocabularies (GPT-2's `bytes_to_unicode`): printable Latin-1 stands
/// for itself, the other bytes for U+0100 and up, in order.
fn byte_alphabet() -> HashMap<char, u8> {
    let printable = |b: u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut next = 0x100;
    (0..=u8::MAX)
        .map(|byte| {
            if printable(byte) {
                (char::from(byte), byte)
            } else {
                next += 1;
                (char::from_u32(next - 1).unwrap_or_default(), byte)
            }
        })
        .collect()
}

fn token_bytes(token: &str, special: bool, alphabet: &HashMap<char, u8>) -> Vec<u8> {
    let mapped: Option<Vec<u8>> = token.chars().map(|c| alphabet.get(&c).copied()).collect();
    match mapped {
        Some(bytes) if !special => bytes,
        _ => token.as_bytes().to_vec(),
    }
}
