//! Models: what is known about them, where their files come from, and the decoder that runs them.
//!
//! One decoder serves the Llama, Qwen2 and Qwen3 families from GGUF files ([`decoder`]); everything it needs to know
//! (sizes, tokenizer, chat template) comes from the file itself, so that a new checkpoint of a known family needs a
//! manifest and no code. [`ocr`] reads the text of pictures, [`vision`] is asked what they show.

pub mod backend;
pub mod chat;
pub mod config;
#[cfg(test)]
pub(crate) mod damage;
pub mod decoder;
pub mod gguf;
pub mod kernels;
pub mod kv;
pub mod linear;
pub mod local;
pub mod lora;
pub mod manifest;
pub mod ocr;
pub mod peft;
pub mod pull;
pub mod speech;
#[cfg(test)]
pub mod testing;
pub mod tokenizer;
pub mod vision;

pub use local::{LocalModel, ModelStore};
pub use manifest::{Catalogue, Manifest};
