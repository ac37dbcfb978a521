//! The model's own chat template, cut into pieces, so that what comes from documents is never parsed as template.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, context};

use crate::error::{Error, ErrorKind, Result};
use crate::model::gguf::Gguf;
use crate::model::tokenizer::Tokenizer;

/// Stand-ins for the contents while the template is rendered. Private-use characters: the template cannot hold them and
/// cannot change them.
const SYSTEM: &str = "\u{F0000}system\u{F0001}";
const USER: &str = "\u{F0000}user\u{F0001}";

/// Token ids around the contents of one exchange: system, user, and the start of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatFrame {
    /// Before the system message.
    pub before_system: Vec<u32>,
    /// Between the system message and the user's.
    pub before_user: Vec<u32>,
    /// After the user's message, up to the first token of the answer.
    pub before_answer: Vec<u32>,
}

impl ChatFrame {
    /// Renders the template in `gguf` once.
    ///
    /// # Errors
    /// The file has no template, it does not render, or it drops or repeats a message.
    pub fn from_gguf(gguf: &Gguf, tokenizer: &Tokenizer) -> Result<Self> {
        let rendered = render(gguf, SYSTEM, USER)?;
        let broken = || gguf.error("the chat template does not keep the system and the user message apart");
        let (before_system, rest) = rendered.split_once(SYSTEM).ok_or_else(broken)?;
        let (before_user, before_answer) = rest.split_once(USER).ok_or_else(broken)?;
        let pieces = [before_system, before_user, before_answer];
        if pieces
            .iter()
            .any(|piece| piece.contains(SYSTEM) || piece.contains(USER))
        {
            return Err(broken());
        }
        Ok(Self {
            before_system: tokenizer.encode_template(before_system)?,
            before_user: tokenizer.encode_template(before_user)?,
            before_answer: tokenizer.encode_template(before_answer)?,
        })
    }

    /// Checks that an adapter which waits for `invocation` is laid over the answers to prompts of this template and nothing
    /// before them. Nothing in a document is a special token, so one of these keeps the papers out.
    ///
    /// # Errors
    /// It would wait for ever, or be laid over more.
    pub fn check_invocation(&self, invocation: &[u32], tokenizer: &Tokenizer) -> Result<()> {
        let stands_in = |tokens: &[u32]| {
            tokens
                .windows(invocation.len())
                .any(|window| window == invocation)
        };
        if invocation.is_empty() {
            return Ok(());
        }
        let before = [&self.before_system, &self.before_user];
        if stands_in(&self.before_answer)
            && !before.into_iter().any(|tokens| stands_in(tokens))
            && invocation.iter().any(|&token| tokenizer.is_special(token))
        {
            return Ok(());
        }
        let what = format!(
            "the adapter waits for the tokens {invocation:?}, and answers of this model begin behind {:?}",
            self.before_answer
        );
        Err(Error::new(ErrorKind::Model, what)
            .hint("train it with the model's own template: its alora_invocation_tokens are the tokens before an answer"))
    }
}

fn render(gguf: &Gguf, system: &str, user: &str) -> Result<String> {
    let source = gguf.text("tokenizer.chat_template")?;
    let mut environment = Environment::new();
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    let bad = |e: minijinja::Error| gguf.error_because("the chat template does not render", e);
    // As Hugging Face's `apply_chat_template` sets them.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .map_err(bad)?;
    environment.set_syntax(syntax);
    environment.add_template("chat", source).map_err(bad)?;
    let template = environment.get_template("chat").map_err(bad)?;
    template
        .render(context! {
            messages => [
                context! { role => "system", content => system },
                context! { role => "user", content => user },
            ],
            add_generation_prompt => true,
            // Qwen3: answer at once, without a thinking block.
            enable_thinking => false,
            bos_token => "",
        })
        .map_err(bad)
}
