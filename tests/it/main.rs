//! The integration tests: one binary, one module a topic.

mod alignment;
mod bad_input;
mod bench;
mod charts;
mod claims;
mod cli;
mod doctor;
mod engine;
mod env;
mod house;
mod ingest;
mod learning;
mod levels;
mod model_batch;
mod model_chat;
mod model_common;
mod model_files;
mod model_oracle;
mod model_positions;
mod model_reference;
mod model_tokenizer;
mod office;
mod pull;
mod readme;
mod recordings;
mod records;
mod rubric;
mod samples;
mod server;
mod shortlist;
#[path = "../../src/model/testing.rs"]
mod tiny;
mod training;
mod vision;
mod workstation;
