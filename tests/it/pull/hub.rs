//! Pulling from a hub.

use std::time::{Duration, Instant};

use super::*;

/// The ranges that were sent, from the path that really sends.
fn sent(server: &Server) -> Vec<Option<usize>> {
    let asked = server.asked("GET");
    asked
        .iter()
        .filter(|request| request.path == "/elsewhere")
        .map(|request| request.from)
        .collect()
}

#[test]
fn a_model_is_pulled_once_and_then_reused_offline() -> Outcome {
    let server = right_hub(|_, _| {})?;
    let mut env = account(&server)?;
    let said = env.run(["models", "pull", "made-up"])?;
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(std::fs::read(place(&env))?, weights());
    let before = server.asked("HEAD").len() + server.asked("GET").len();

    env.set("HF_HUB_OFFLINE", "1");
    let again = env.run(["models", "pull", "made-up"])?;
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(
        again.stderr.contains("weights.gguf is here and verified"),
        "{}",
        again.stderr
    );
    assert_eq!(
        server.asked("HEAD").len() + server.asked("GET").len(),
        before,
        "the hub was asked again"
    );
    let path = env.run(["models", "path", "made-up"])?.ok()?;
    assert_eq!(path.trim(), place(&env).to_string_lossy());
    Ok(())
}

#[test]
fn a_cut_connection_is_gone_on_with() -> Outcome {
    let server = right_hub(|request, sent| {
        if request.from.is_none() {
            sent.cut = Some(100_000);
        }
    })?;
    let env = account(&server)?;
    env.run(["models", "pull", "made-up"])?.ok()?;
    assert_eq!(std::fs::read(place(&env))?, weights());
    assert_eq!(sent(&server), [None, Some(100_000)]);
    Ok(())
}

#[test]
fn a_later_pull_goes_on_with_what_an_earlier_one_left() -> Outcome {
    let failing = right_hub(|request, sent| match request.from {
        None => sent.cut = Some(100_000),
        Some(_) => sent.status = 503,
    })?;
    let mut env = account(&failing)?;
    let said = env.run(["models", "pull", "made-up"])?.failed(1)?;
    assert!(said.contains("hub: it answered 503"), "{said}");
    assert!(
        said.contains("plumb models pull made-up goes on where it ended"),
        "{said}"
    );
    assert!(!place(&env).exists(), "half a file took its place");

    let healthy = right_hub(|_, _| {})?;
    env.set("HF_ENDPOINT", healthy.url());
    env.run(["models", "pull", "made-up"])?.ok()?;
    assert_eq!(sent(&healthy), [Some(100_000)]);
    assert_eq!(std::fs::read(place(&env))?, weights());
    Ok(())
}

#[test]
fn a_server_without_ranges_sends_everything_again() -> Outcome {
    let server = right_hub(|request, sent| {
        sent.rangeless = true;
        if request.from.is_none() {
            sent.cut = Some(100_000);
        }
    })?;
    let env = account(&server)?;
    env.run(["models", "pull", "made-up"])?.ok()?;
    assert_eq!(std::fs::read(place(&env))?, weights());
    Ok(())
}

#[test]
fn another_file_is_refused_before_it_is_sent() -> Outcome {
    let other = ContentHash::of(b"another").to_string();
    let tag = other.clone();
    let server = Server::start(move |request| {
        let body = weights();
        hub(
            request,
            &tag,
            Answer {
                body,
                ..Answer::default()
            },
        )
    })?;
    let env = account(&server)?;
    let said = env.run(["models", "pull", "made-up"])?.failed(1)?;
    assert!(
        said.contains(&format!("sha256 {other}, expected {}", sha256())),
        "{said}"
    );
    assert!(server.asked("GET").is_empty(), "the file was asked for");
    Ok(())
}

#[test]
fn bytes_with_another_hash_are_thrown_away() -> Outcome {
    let server = right_hub(|_, sent| sent.body[7] ^= 1)?;
    let env = account(&server)?;
    let said = env.run(["models", "pull", "made-up"])?.failed(1)?;
    assert!(
        said.contains(&format!("expected {}; it was thrown away", sha256())),
        "{said}"
    );
    let left: Vec<_> = std::fs::read_dir(env.models_dir().join("made-up"))?
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(left, [".lock"]);
    Ok(())
}

#[test]
fn without_a_hash_in_the_manifest_the_hub_s_own_counts() -> Outcome {
    let server = right_hub(|_, _| {})?;
    let env = account(&server)?;
    describe(&env, "", HUB)?;
    env.run(["models", "pull", "made-up"])?.ok()?;
    let mut bytes = weights();
    bytes[7] ^= 1;
    std::fs::write(place(&env), bytes)?;
    let said = env.run(["models", "verify", "made-up"])?.failed(1)?;
    assert!(said.contains(&format!("expected {}", sha256())), "{said}");
    Ok(())
}

#[test]
fn a_snapshot_in_the_hub_s_cache_is_used_without_asking() -> Outcome {
    let server = right_hub(|_, _| {})?;
    let mut env = account(&server)?;
    let cache = env.scratch().join("hf/hub/models--some--model");
    env.set("HF_HOME", env.scratch().join("hf").to_string_lossy().into_owned());
    let commit = "0123456789abcdef0123456789abcdef01234567";
    for folder in ["refs", "blobs", &format!("snapshots/{commit}")] {
        std::fs::create_dir_all(cache.join(folder))?;
    }
    std::fs::write(cache.join("refs/main"), commit)?;
    std::fs::write(cache.join("blobs").join(sha256()), weights())?;
    let link = cache.join("snapshots").join(commit).join("weights.gguf");
    std::os::unix::fs::symlink(format!("../../blobs/{}", sha256()), link)?;

    env.run(["models", "pull", "made-up"])?.ok()?;
    assert_eq!(std::fs::read(place(&env))?, weights());
    assert!(server.asked("HEAD").is_empty(), "the hub was asked");

    // A blob that is not what it is called is not used: the hub is asked after all.
    std::fs::remove_file(place(&env))?;
    std::fs::write(cache.join("blobs").join(sha256()), "damaged")?;
    let said = env.run(["models", "pull", "made-up"])?;
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(said.stderr.contains("not used"), "{}", said.stderr);
    assert_eq!(std::fs::read(place(&env))?, weights());
    Ok(())
}

#[test]
fn two_pulls_at_once_fetch_once() -> Outcome {
    let server = right_hub(|_, sent| sent.pause_ms = 20)?;
    let env = account(&server)?;
    let pull = || {
        env.plumb()
            .args(["models", "pull", "made-up"])
            .stderr(std::process::Stdio::null())
            .spawn()
    };
    let mut pulls = [pull()?, pull()?];
    for pull in &mut pulls {
        assert!(pull.wait()?.success());
    }
    assert_eq!(std::fs::read(place(&env))?, weights());
    assert_eq!(sent(&server), [None]);
    Ok(())
}

#[test]
fn ctrl_c_leaves_what_a_later_pull_goes_on_with() -> Outcome {
    let slow = right_hub(|_, sent| sent.pause_ms = 200)?;
    let mut env = account(&slow)?;
    let pull = env
        .plumb()
        .args(["models", "pull", "made-up"])
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    let partial = env.models_dir().join("made-up/weights.gguf.partial");
    let start = Instant::now();
    while std::fs::metadata(&partial).map_or(0, |meta| meta.len()) < 40_000 {
        assert!(start.elapsed() < Duration::from_secs(20), "nothing arrived");
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&pull);
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    let output = pull.wait_with_output()?;
    let said = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("was stopped; what is here is kept"), "{said}");

    let healthy = right_hub(|_, _| {})?;
    env.set("HF_ENDPOINT", healthy.url());
    env.run(["models", "pull", "made-up"])?.ok()?;
    assert!(
        sent(&healthy)[0].is_some_and(|from| from >= 40_000),
        "{:?}",
        sent(&healthy)
    );
    assert_eq!(std::fs::read(place(&env))?, weights());
    Ok(())
}
