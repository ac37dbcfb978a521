//! The shape of an answer, enforced while it is written: a compact JSON object whose evidence can only name segments
//! that exist, whose score is one digit, and whose texts are bounded.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::earley::SlicedBiasComputer;
use llguidance::{Matcher, ParserFactory};
use serde_json::json;
use toktrie::{InferenceCapabilities, SimpleVob, TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv};

use crate::error::{Error, ErrorKind, Result};
use crate::model::tokenizer::Tokenizer;

/// The most links an answer may name.
pub const MAX_EVIDENCE: usize = 6;
/// The longest rationale, in characters.
pub const MAX_RATIONALE: usize = 300;
/// The longest suggestion, in characters.
pub const MAX_SUGGESTION: usize = 220;

/// Makes grammars over one tokenizer.
pub struct GrammarFactory {
    factory: ParserFactory,
}

impl GrammarFactory {
    /// Builds the token trie of `tokenizer`.
    ///
    /// # Errors
    /// The vocabulary is not one the grammar engine can use.
    pub fn new(tokenizer: Arc<Tokenizer>) -> Result<Self> {
        let env: TokEnv = Arc::new(Environment::new(tokenizer)?);
        let capabilities = InferenceCapabilities {
            ff_tokens: true,
            ..InferenceCapabilities::default()
        };
        let mut factory =
            ParserFactory::new(&env, capabilities, &SlicedBiasComputer::json_slices()).map_err(broken)?;
        factory.quiet();
        Ok(Self { factory })
    }

    /// The grammar of one answer. `segments` are the prompt numbers it may cite.
    ///
    /// # Errors
    /// The grammar does not compile.
    pub fn answer(&self, segments: &[u32]) -> Result<Grammar> {
        let parser = self
            .factory
            .create_parser(TopLevelGrammar::from_json_schema(schema(segments)));
        let matcher = Matcher::new(parser);
        match matcher.get_error() {
            Some(error) => Err(Error::new(ErrorKind::Engine, format!("answer grammar: {error}"))),
            None => Ok(Grammar { matcher }),
        }
    }
}

fn schema(segments: &[u32]) -> serde_json::Value {
    let evidence = if segments.is_empty() {
        json!({ "type": "array", "maxItems": 0 })
    } else {
        json!({ "type": "array", "items": { "enum": segments }, "maxItems": MAX_EVIDENCE })
    };
    json!({
        "type": "object",
        "properties": {
            "evidence": evidence,
            "score": { "enum": [1, 2, 3, 4, 5] },
            "rationale": { "type": "string", "minLength": 8, "maxLength": MAX_RATIONALE },
            "suggestion": { "type": "string", "minLength": 4, "maxLength": MAX_SUGGESTION },
        },
        "required": ["evidence", "score", "rationale", "suggestion"],
        "additionalProperties": false,
        "x-guidance": { "whitespace_flexible": false },
    })
}

/// The state of one answer's grammar.
pub struct Grammar {
    matcher: Matcher,
}

impl Grammar {
    /// The tokens that may come next; the end of the answer among them when it is complete.
    ///
    /// # Errors
    /// The grammar engine fails.
    pub fn mask(&mut self) -> Result<SimpleVob> {
        self.matcher.compute_mask_or_eos().map_err(broken)
    }

    /// Takes the token that was chosen.
    ///
    /// # Errors
    /// The token was not allowed.
    pub fn take(&mut self, token: TokenId) -> Result<()> {
        self.matcher.consume_token(token).map_err(broken)
    }

    /// Takes and answers the tokens that can only follow.
    pub fn take_forced(&mut self) -> Vec<TokenId> {
        self.matcher.consume_ff_tokens()
    }

    /// Whether the answer is complete.
    pub fn is_done(&self) -> bool {
        self.matcher.is_stopped()
    }
}

struct Environment {
    trie: TokTrie,
    tokenizer: Arc<Tokenizer>,
}

impl Environment {
    fn new(tokenizer: Arc<Tokenizer>) -> Result<Self> {
        let size = u32::try_from(tokenizer.len()).map_err(broken)?;
        let words: Vec<Vec<u8>> = (0..size)
            .map(|token| {
                let bytes = tokenizer.bytes(token);
                if tokenizer.is_special(token) {
                    [&[TokTrie::SPECIAL_TOKEN_MARKER], bytes].concat()
                } else {
                    bytes.to_vec()
                }
            })
            .collect();
        Ok(Self {
            trie: TokTrie::from(&TokRxInfo::new(size, tokenizer.end()), &words),
            tokenizer,
        })
    }
}

impl TokenizerEnv for Environment {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        // Forced text may end inside a character; the rest then goes byte by byte.
        self.trie
            .tokenize_with_greedy_fallback(bytes, |text| self.tokenizer.encode(text).unwrap_or_default())
    }
}

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Engine, "the answer's grammar failed").because(error)
}
