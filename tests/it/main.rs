//! The integration tests: one binary, one module a topic.

mod cli;
mod env;
mod house;
mod model_batch;
mod model_chat;
mod model_common;
mod model_files;
mod model_oracle;
mod model_positions;
mod model_reference;
mod model_tokenizer;
mod pull;
mod server;
#[path = "../../src/model/testing.rs"]
mod tiny;
