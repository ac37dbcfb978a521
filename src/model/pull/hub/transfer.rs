//! Bytes from the hub's server, with ranged requests that go on where the last one ended.

use std::io::Read as _;
use std::time::Duration;

use ureq::http::{Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::promise::{Promise, Told};
use super::{Job, network};
use crate::error::{Error, ErrorKind, Result};
use crate::model::local;
use crate::model::pull::partial::Partial;
use crate::model::pull::space;

/// For finding and reaching a server.
const CONNECT: Duration = Duration::from_secs(5);
/// For the next byte of an answer.
const STALL: Duration = Duration::from_secs(20);
/// Tries in a row that may bring nothing.
const TRIES: u32 = 3;
/// Before the second try; doubled before each further one.
const PAUSE: Duration = Duration::from_millis(500);
/// Redirects that are followed before the file is asked for.
const MOVES: usize = 5;

/// The server.
#[derive(Debug)]
pub struct Server {
    endpoint: String,
    agent: Agent,
}

impl Server {
    /// The server at `endpoint`.
    pub fn new(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            agent: agent(),
        }
    }

    /// Where it is.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What it tells of the file at `url`: asked without following it to another server, whose headers say less.
    ///
    /// # Errors
    /// `Network`.
    pub fn ask(&self, url: &str) -> Result<Told> {
        let mut url = url.to_owned();
        for _ in 0..MOVES {
            let request = self.agent.head(&url).header(header::ACCEPT_ENCODING, "identity");
            let request = request.config().max_redirects(0).build();
            let answer = request.call().map_err(|e| self.unreachable(e))?;
            match moved_within(&self.endpoint, &answer) {
                Some(next) => url = next,
                None => return Told::of(&answer),
            }
        }
        Err(network("hub: it sends us around in a circle"))
    }

    /// Brings the promised file into its place.
    ///
    /// # Errors
    /// `Network` when it cannot be had, `Model` when it is another one, `Io` when the disk refuses, `Cancelled`.
    pub fn download(&self, job: &mut Job<'_>, url: &str, promise: &Promise) -> Result<()> {
        let target = job.target();
        let origin = format!("hub {} {}", promise.tag, promise.bytes);
        let mut partial = Partial::open(&target, &origin, promise.bytes, false)?;
        space::check(&job.store.folder(job.manifest), promise.bytes - partial.written())?;
        if partial.written() > 0 {
            job.say(format!("going on after {} MB", partial.written() / 1_000_000));
        }
        self.read_all(job, url, promise.bytes, &mut partial)?;
        let found = partial.finish(promise.sha256)?;
        if promise.sha256.is_none() {
            job.say(format!("nobody names a hash for it; from now on it is {found}"));
        }
        local::mark(&target, found).map_err(|e| Error::io("write", &target, e))
    }

    /// Reads until everything is there, asking again for the rest when the connection breaks.
    fn read_all(&self, job: &mut Job<'_>, url: &str, total: u64, partial: &mut Partial) -> Result<()> {
        let mut failures = 0;
        while partial.written() < total {
            job.go_on()?;
            let before = partial.written();
            let Err(error) = self.read_once(job, url, total, partial) else {
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
    fn read_once(&self, job: &mut Job<'_>, url: &str, total: u64, partial: &mut Partial) -> Result<()> {
        let mut answer = self.request(url, partial)?;
        let mut body = answer.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        while partial.written() < total {
            job.go_on()?;
            let come = body
                .read(&mut buffer)
                .map_err(|e| network("hub: the connection broke").because(e))?;
            if come == 0 {
                return Err(network(format!(
                    "hub: the connection ended after {} bytes",
                    partial.written()
                )));
            }
            partial.write(&buffer[..come])?;
            job.watch.progress(partial.written(), total);
        }
        Ok(())
    }

    fn request(&self, url: &str, partial: &mut Partial) -> Result<Response<Body>> {
        let mut request = self.agent.get(url).header(header::ACCEPT_ENCODING, "identity");
        if partial.written() > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", partial.written()));
        }
        let answer = request.call().map_err(|e| self.unreachable(e))?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if starts_at(&answer) == Some(partial.written()) => {}
            // A server that does not know ranges sends everything.
            StatusCode::OK if partial.written() > 0 => partial.restart()?,
            StatusCode::OK => {}
            status => return Err(network(format!("hub: it answered {status}"))),
        }
        Ok(answer)
    }

    fn unreachable(&self, cause: ureq::Error) -> Error {
        network(format!("hub: cannot reach {}", self.endpoint))
            .because(cause)
            .hint("HF_ENDPOINT may name a mirror of the hub")
    }
}

fn agent() -> Agent {
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    Agent::config_builder()
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(STALL))
        .timeout_per_read(Some(STALL))
        .http_status_as_error(false)
        .tls_config(tls)
        .user_agent(concat!("plumb/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// Where an answer sends us when it stays on the same server: a renamed repository.
fn moved_within(endpoint: &str, answer: &Response<Body>) -> Option<String> {
    let location = answer.headers().get(header::LOCATION)?.to_str().ok()?;
    let within = answer.status().is_redirection() && location.starts_with('/') && !location.starts_with("//");
    let host_start = endpoint.find("://").map_or(0, |at| at + 3);
    let host_end = endpoint[host_start..]
        .find('/')
        .map_or(endpoint.len(), |at| host_start + at);
    within.then(|| format!("{}{location}", &endpoint[..host_end]))
}

/// The first byte of a partial answer: `Content-Range: bytes 3-5/6`.
fn starts_at(answer: &Response<Body>) -> Option<u64> {
    let range = answer.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}
