//! The integration tests: one binary, one module a topic.

mod cli;
mod doctor;
mod env;
mod house;
mod ingest;
mod model_common;
mod model_oracle;
mod model_reference;
mod pull;
mod readme;
mod server;
#[path = "../../src/model/testing.rs"]
mod tiny;
