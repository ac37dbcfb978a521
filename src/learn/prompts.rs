//! The prompts of assessments, read back from their traces: the very tokens that the model was given, turned into text
//! by its own tokenizer and cut at the borders of its chat template.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::export::{Message, Prompts};
use crate::engine::{AssessmentId, Trace};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::id::ModelId;
use crate::model::chat::ChatFrame;
use crate::model::gguf::Gguf;
use crate::model::local::ModelStore;
use crate::model::manifest::Catalogue;
use crate::model::tokenizer::Tokenizer;
use crate::store::blobs::Blobs;

/// What is needed to read a model's tokens.
struct Speech {
    tokenizer: Tokenizer,
    frame: ChatFrame,
}

/// Prompts from the traces of a workspace and the models on this machine.
pub struct TracePrompts {
    blobs: Blobs,
    catalogue: Catalogue,
    models: ModelStore,
    known: RefCell<HashMap<ModelId, Rc<Speech>>>,
}

impl TracePrompts {
    /// Prompts from the traces in `blobs`; the models that gave them are looked up in `catalogue` and `models`.
    pub fn new(blobs: Blobs, catalogue: Catalogue, models: ModelStore) -> Self {
        Self {
            blobs,
            catalogue,
            models,
            known: RefCell::default(),
        }
    }

    fn trace(&self, assessment: &AssessmentId) -> Result<Trace> {
        let bytes = self.blobs.get(assessment)?;
        serde_json::from_slice(&bytes).map_err(|e| {
            Error::new(
                ErrorKind::Damaged,
                format!("the trace {assessment} cannot be read"),
            )
            .because(e)
        })
    }

    fn speech(&self, model: &ModelId) -> Result<Rc<Speech>> {
        if let Some(speech) = self.known.borrow().get(model) {
            return Ok(Rc::clone(speech));
        }
        let weights = self.models.locate(self.catalogue.find(model)?)?;
        let gguf = Gguf::open(&weights.path)?;
        let tokenizer = Tokenizer::from_gguf(&gguf)?;
        let frame = ChatFrame::from_gguf(&gguf, &tokenizer)?;
        let speech = Rc::new(Speech { tokenizer, frame });
        self.known.borrow_mut().insert(model.clone(), Rc::clone(&speech));
        Ok(speech)
    }
}

impl Prompts for TracePrompts {
    fn messages(&self, assessment: &AssessmentId) -> Result<Vec<Message>> {
        let trace = self.trace(assessment)?;
        let Speech { tokenizer, frame } = &*self.speech(&trace.model.id)?;
        let prompt = [trace.prefix, trace.branch].concat();
        let (system, user) = cut(frame, &prompt).ok_or_else(|| {
            Error::new(
                ErrorKind::Model,
                format!(
                    "the prompt of {assessment} does not fit the chat template of {}",
                    trace.model.id
                ),
            )
            .hint("was the model file replaced by another since? `plumb models verify` tells")
        })?;
        let text = |tokens| String::from_utf8_lossy(&tokenizer.decode(tokens)).into_owned();
        Ok(vec![
            Message {
                role: "system",
                content: text(system),
            },
            Message {
                role: "user",
                content: text(user),
            },
        ])
    }

    fn segments(&self, assessment: &AssessmentId) -> Result<Vec<(ContentHash, usize, usize)>> {
        Ok(self.trace(assessment)?.segments)
    }
}

/// The system's and the user's tokens of a prompt. The template's own tokens cannot stand inside them: text of documents
/// is tokenized without special tokens.
fn cut<'a>(frame: &ChatFrame, prompt: &'a [u32]) -> Option<(&'a [u32], &'a [u32])> {
    let said = prompt
        .strip_prefix(frame.before_system.as_slice())?
        .strip_suffix(frame.before_answer.as_slice())?;
    let border = &frame.before_user;
    let at = said
        .windows(border.len().max(1))
        .position(|w| w == border.as_slice())?;
    Some((&said[..at], &said[at + border.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> ChatFrame {
        ChatFrame {
            before_system: vec![900, 1],
            before_user: vec![901, 900, 2],
            before_answer: vec![901, 900, 3],
        }
    }

    #[test]
    fn a_prompt_is_cut_where_the_template_stands() {
        let prompt = [900, 1, 10, 11, 901, 900, 2, 20, 21, 22, 901, 900, 3];
        assert_eq!(cut(&frame(), &prompt), Some((&prompt[2..4], &prompt[7..10])));
    }

    #[test]
    fn a_prompt_of_another_template_is_not_cut_at_all() {
        for other in [
            &[900, 1, 10, 901, 900, 3][..],
            &[5, 10, 901, 900, 2, 20, 901, 900, 3],
            &[],
        ] {
            assert_eq!(cut(&frame(), other), None, "{other:?}");
        }
    }
}
