//! The integration tests: one binary, one module a topic.

mod model_common;
mod model_oracle;
mod model_reference;
#[path = "../../src/model/testing.rs"]
mod tiny;
