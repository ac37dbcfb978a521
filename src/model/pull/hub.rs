//! The Hugging Face hub: its cache first, then its server, with ranged requests that go on where the last one ended.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::partial::Partial;
use super::{Job, cache, space};
use crate::config::Environment;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::model::local;

/// The hub's own server.
const ENDPOINT: &str = "https://huggingface.co";
/// For finding and reaching a server.
const CONNECT: Duration = Duration::from_secs(5);
/// For the next byte of an answer.
const STALL: Duration = Duration::from_secs(20);
/// Tries in a row that may bring nothing.
const TRIES: u32 = 3;
/// Before the second try; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(500);

/// The hub as this account sees it.
#[derive(Debug)]
pub struct Hub {
    endpoint: String,
    cache: PathBuf,
    offline: bool,
    agent: Agent,
}

/// One file of the hub.
pub struct Address<'a> {
    /// `owner/name`.
    pub repository: &'a str,
    /// Branch, tag or commit.
    pub revision: &'a str,
    /// The path in the repository.
    pub path: &'a str,
}

/// What the hub says of a file before sending it.
struct Promise {
    /// Names the content: the same tag, the same bytes.
    tag: String,
    bytes: u64,
    sha256: Option<ContentHash>,
}

impl Hub {
    /// The hub of this account: `HF_ENDPOINT`, `HF_HUB_CACHE` or `HUGGINGFACE_HUB_CACHE`, `HF_HOME` and
    /// `HF_HUB_OFFLINE` mean what they mean to the hub's own tools.
    pub fn of_environment(env: Environment<'_>, home: &Path) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let endpoint = set("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let offline = set("HF_HUB_OFFLINE")
            .is_some_and(|v| ["1", "on", "yes", "true"].contains(&v.to_lowercase().as_str()));
        let cache = set("HF_HUB_CACHE")
            .or_else(|| set("HUGGINGFACE_HUB_CACHE"))
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(set("HF_HOME")?).join("hub")))
            .or_else(|| Some(PathBuf::from(set("XDG_CACHE_HOME")?).join("huggingface/hub")))
            .unwrap_or_else(|| home.join(".cache/huggingface/hub"));
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache,
            offline,
            agent: agent(),
        }
    }

    /// Brings one file.
    pub(super) fn fetch(&self, job: &mut Job<'_>, address: &Address<'_>) -> Result<()> {
        if self.take_from_cache(job, address)? {
            return Ok(());
        }
        if self.offline {
            return Err(network("hub: HF_HUB_OFFLINE is set"));
        }
        let url = format!(
            "{}/{}/resolve/{}/{}",
            self.endpoint, address.repository, address.revision, address.path
        );
        job.watch
            .step(&format!("asking {} for {}", self.endpoint, address.path));
        let promise = self.ask(&url)?;
        promise.check(job)?;
        self.download(job, &url, &promise)
    }

    /// Uses the cached file when there is one and it is right.
    fn take_from_cache(&self, job: &mut Job<'_>, address: &Address<'_>) -> Result<bool> {
        let Some(cached) = cache::find(&self.cache, address) else {
            return Ok(false);
        };
        job.watch
            .step(&format!("reading {} in the hub's cache", address.path));
        let file = std::fs::File::open(&cached.blob).and_then(ContentHash::of_reader);
        let found = file.map_err(|e| Error::io("read", &cached.blob, e))?;
        if job
            .file
            .sha256
            .or(cached.sha256)
            .is_some_and(|expected| expected != found)
        {
            job.watch.step(&format!(
                "the cached file has sha256 {found}, which is not the right one: not used"
            ));
            return Ok(false);
        }
        let target = job.store.path(job.manifest, job.file);
        cache::place(&cached.blob, &target)
            .and_then(|()| local::mark(&target, found))
            .map_err(|e| Error::io("write", &target, e))?;
        job.watch
            .step(&format!("{} taken from the hub's cache", job.file.name));
        Ok(true)
    }

    /// What the hub promises to send: asked without following it to another server, whose headers say less.
    fn ask(&self, url: &str) -> Result<Promise> {
        let mut url = url.to_owned();
        for _ in 0..5 {
            let request = self.agent.head(&url).header(header::ACCEPT_ENCODING, "identity");
            let answer = request
                .config()
                .max_redirects(0)
                .build()
                .call()
                .map_err(|e| unreachable(&self.endpoint, e))?;
            match moved_within(&self.endpoint, &answer) {
                Some(next) => url = next,
                None => return Promise::of(&answer),
            }
        }
        Err(network("hub: it sends us around in a circle"))
    }

    fn download(&self, job: &mut Job<'_>, url: &str, promise: &Promise) -> Result<()> {
        let target = job.store.path(job.manifest, job.file);
        let mut partial = Partial::open(&target, &format!("hub {}", promise.tag), promise.bytes, false)?;
        space::check(&job.store.folder(job.manifest), promise.bytes - partial.written())?;
        if partial.written() > 0 {
            job.watch
                .step(&format!("going on after {} MB", partial.written() / 1_000_000));
        }
        self.read_all(job, url, promise, &mut partial)?;
        let found = partial.finish(job.file.sha256.or(promise.sha256))?;
        local::mark(&target, found).map_err(|e| Error::io("write", &target, e))
    }

    /// Reads until everything is there, asking again for the rest when the connection breaks.
    fn read_all(&self, job: &mut Job<'_>, url: &str, promise: &Promise, partial: &mut Partial) -> Result<()> {
        let mut failures = 0;
        while partial.written() < promise.bytes {
            job.go_on()?;
            let before = partial.written();
            let Err(error) = self.read_once(job, url, promise, partial) else {
                continue;
            };
            if error.kind() != ErrorKind::Network {
                return Err(error);
            }
            failures = if partial.written() > before {
                1
            } else {
                failures + 1
            };
            if failures >= TRIES {
                return Err(error.hint(format!(
                    "plumb models pull {} goes on where it ended",
                    job.manifest.id
                )));
            }
            std::thread::sleep(PAUSE * 2_u32.pow(failures - 1));
        }
        Ok(())
    }

    /// One request for the bytes that are missing.
    fn read_once(
        &self,
        job: &mut Job<'_>,
        url: &str,
        promise: &Promise,
        partial: &mut Partial,
    ) -> Result<()> {
        let mut request = self.agent.get(url).header(header::ACCEPT_ENCODING, "identity");
        if partial.written() > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", partial.written()));
        }
        let mut answer = request.call().map_err(|e| unreachable(&self.endpoint, e))?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if starts_at(&answer) == Some(partial.written()) => {}
            // A server that does not know ranges sends everything.
            StatusCode::OK if partial.written() > 0 => partial.restart()?,
            StatusCode::OK => {}
            status => return Err(network(format!("hub: it answered {status}"))),
        }
        let mut body = answer.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        while partial.written() < promise.bytes {
            job.go_on()?;
            match body.read(&mut buffer) {
                Ok(0) => {
                    return Err(network(format!(
                        "hub: the connection ended after {} bytes",
                        partial.written()
                    )));
                }
                Ok(n) => partial.write(&buffer[..n])?,
                Err(e) => return Err(network("hub: the connection broke").because(e)),
            }
            job.watch.progress(partial.written(), promise.bytes);
        }
        Ok(())
    }
}

impl Promise {
    fn of(answer: &Response<Body>) -> Result<Self> {
        let status = answer.status();
        if !(status.is_success() || status.is_redirection()) {
            return Err(network(format!("hub: it answered {status}")));
        }
        let value = |name: &str| answer.headers().get(name)?.to_str().ok();
        let tag = value("x-linked-etag")
            .or_else(|| value("etag"))
            .unwrap_or_default();
        let tag = tag.trim_start_matches("W/").trim_matches('"').to_owned();
        let bytes = value("x-linked-size").or_else(|| value("content-length"));
        let bytes = bytes
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| network("hub: it does not say the size"))?;
        let sha256 = tag.parse().ok();
        Ok(Self { tag, bytes, sha256 })
    }

    /// Refuses before the first byte when the hub holds another file than the manifest names.
    fn check(&self, job: &Job<'_>) -> Result<()> {
        let other = |what: &str, found: &dyn std::fmt::Display, wanted: &dyn std::fmt::Display| {
            Err(Error::new(
                ErrorKind::Model,
                format!("hub: it holds another file: {what} {found}, expected {wanted}"),
            ))
        };
        match (job.file.bytes, job.file.sha256, self.sha256) {
            (Some(wanted), _, _) if wanted != self.bytes => other("size", &self.bytes, &wanted),
            (_, Some(wanted), Some(found)) if wanted != found => other("sha256", &found, &wanted),
            _ => Ok(()),
        }
    }
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(STALL))
        .timeout_per_read(Some(STALL))
        .http_status_as_error(false)
        .tls_config(
            TlsConfig::builder()
                .root_certs(RootCerts::PlatformVerifier)
                .build(),
        )
        .user_agent(concat!("plumb/", env!("CARGO_PKG_VERSION")))
        .build();
    config.new_agent()
}

/// Where an answer sends us when it stays on the same server: a renamed repository.
fn moved_within(endpoint: &str, answer: &Response<Body>) -> Option<String> {
    let location = answer.headers().get(header::LOCATION)?.to_str().ok()?;
    let within = answer.status().is_redirection() && location.starts_with('/') && !location.starts_with("//");
    let origin_end = endpoint.find("://").map_or(0, |at| at + 3);
    let host_end = endpoint[origin_end..]
        .find('/')
        .map_or(endpoint.len(), |at| origin_end + at);
    within.then(|| format!("{}{location}", &endpoint[..host_end]))
}

/// The first byte of a partial answer: `Content-Range: bytes 3-5/6`.
fn starts_at(answer: &Response<Body>) -> Option<u64> {
    let range = answer.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

fn unreachable(endpoint: &str, cause: ureq::Error) -> Error {
    network(format!("hub: cannot reach {endpoint}"))
        .because(cause)
        .hint("HF_ENDPOINT may name a mirror of the hub")
}

fn network(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Network, message)
}
