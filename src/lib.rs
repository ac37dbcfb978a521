//! Plumbline: a terminal workstation where people decide performance reviews with evidence.
//!
//! Modules stand in import order: each may import only those above it. `tests/it/house.rs` holds that rule.

pub mod error;

pub mod id;

pub mod hash;

pub mod clock;

pub mod seed;

pub mod watch;

pub mod config;

pub mod sanitize;

pub mod sentence;

pub mod dossier;

pub mod rubric;

pub mod model;

pub mod machine;

pub mod ingest;

pub mod evidence;

pub mod metrics;

pub mod engine;

pub mod review;

pub mod store;

pub mod learn;

pub mod eval;

pub mod tui;

pub mod bench;

pub mod cli;
