//! The integration tests: one binary, one module a topic.

mod claims;
mod cli;
mod doctor;
mod env;
mod house;
mod ingest;
mod levels;
mod model_common;
mod model_oracle;
mod model_reference;
mod pull;
mod readme;
mod records;
mod rubric;
mod samples;
mod server;
mod shortlist;
#[path = "../../src/model/testing.rs"]
mod tiny;
