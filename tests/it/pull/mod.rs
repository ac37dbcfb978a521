//! `plumb models`: pulling from a hub on the loopback and through a pip that is a script, stopping, going on, and what
//! is said when something is not as it should be.

use std::path::PathBuf;

use plumbline::hash::ContentHash;

use crate::env::{Outcome, TestEnvironment};
use crate::server::{Answer, Request, Server};

mod hub;
mod index;
mod store;

/// The size of the made-up weights: several reads and several parts.
const SIZE: usize = 300_000;

/// Made-up weights, the same each time: a linear congruential generator (Knuth's MMIX constants).
fn weights() -> Vec<u8> {
    let step = |x: &u64| {
        Some(
            x.wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407),
        )
    };
    std::iter::successors(Some(7), step)
        .map(|x| (x >> 56) as u8)
        .take(SIZE)
        .collect()
}

fn sha256() -> String {
    ContentHash::of(&weights()).to_string()
}

/// Describes the made-up model in the account's own manifests; `identity` are its size and hash, `sources` its sources.
fn describe(env: &TestEnvironment, identity: &str, sources: &str) -> Outcome {
    let text = format!(
        r#"
        id = "made-up"
        name = "Made up"
        family = "llama"
        licence = "Apache-2.0"
        context = 512
        languages = ["en"]
        good_for = "tests"
        [[file]]
        name = "weights.gguf"
        {identity}
        {sources}
        "#
    );
    env.write_config("models/made-up.toml", &text)
}

fn identity() -> String {
    format!("bytes = {SIZE}\nsha256 = \"{}\"", sha256())
}

const HUB: &str = "[[file.source]]\nfrom = \"hub\"\nrepository = \"some/model\"\npath = \"weights.gguf\"\n";

fn place(env: &TestEnvironment) -> PathBuf {
    env.models_dir().join("made-up/weights.gguf")
}

/// What a hub answers that sends the file from another path, as the real one does: the first answer names the content,
/// the second one only sends it.
fn hub(request: &Request, tag: &str, sent: Answer) -> Answer {
    match request.path.as_str() {
        "/some/model/resolve/main/weights.gguf" => Answer {
            status: 302,
            headers: vec![
                ("Location", format!("http://{}/elsewhere", request.host)),
                ("ETag", "\"of-the-redirect\"".to_owned()),
                ("X-Linked-ETag", format!("\"{tag}\"")),
                ("X-Linked-Size", sent.body.len().to_string()),
            ],
            ..Answer::default()
        },
        "/elsewhere" => sent,
        _ => Answer {
            status: 404,
            ..Answer::default()
        },
    }
}

/// A hub that sends the right file, with what `change` makes of the answer.
fn right_hub(change: impl Fn(&Request, &mut Answer) + Send + Sync + 'static) -> Outcome<Server> {
    Server::start(move |request| {
        let mut sent = Answer {
            body: weights(),
            ..Answer::default()
        };
        change(request, &mut sent);
        hub(request, &sha256(), sent)
    })
}

/// An account that knows the made-up model and asks `server` for it.
fn account(server: &Server) -> Outcome<TestEnvironment> {
    let mut env = TestEnvironment::new()?;
    env.set("HF_ENDPOINT", server.url());
    describe(&env, &identity(), HUB)?;
    Ok(env)
}
