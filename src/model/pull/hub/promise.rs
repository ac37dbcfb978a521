//! What the hub says of a file before it sends it.

use ureq::Body;
use ureq::http::Response;

use super::network;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::model::manifest::ModelFile;

/// What a first answer tells; a redirect's own size and tag say nothing of the file.
pub struct Told {
    tag: String,
    bytes: Option<u64>,
}

/// What will be sent.
pub struct Promise {
    /// Names the content: the same tag, the same bytes.
    pub tag: String,
    /// Its size.
    pub bytes: u64,
    /// Its hash, where the manifest or the hub knows it.
    pub sha256: Option<ContentHash>,
}

impl Told {
    /// Reads the headers of an answer.
    ///
    /// # Errors
    /// `Network` when the answer is a refusal.
    pub fn of(answer: &Response<Body>) -> Result<Self> {
        let status = answer.status();
        if !(status.is_success() || status.is_redirection()) {
            return Err(network(format!("hub: it answered {status}")));
        }
        let linked = |name: &str| answer.headers().get(name)?.to_str().ok();
        let own = |name: &str| linked(name).filter(|_| status.is_success());
        let tag = linked("x-linked-etag")
            .or_else(|| own("etag"))
            .unwrap_or_default();
        let bytes = linked("x-linked-size").or_else(|| own("content-length"));
        Ok(Self {
            tag: tag.trim_start_matches("W/").trim_matches('"').to_owned(),
            bytes: bytes.and_then(|text| text.parse().ok()),
        })
    }

    /// Holds it against the manifest: refuses before the first byte when the hub has another file.
    ///
    /// # Errors
    /// `Model` when it is another file, `Network` when nobody knows its size.
    pub fn checked(self, file: &ModelFile) -> Result<Promise> {
        let sha256 = self.tag.parse().ok();
        match (file.bytes, self.bytes) {
            (Some(wanted), Some(found)) if wanted != found => return Err(another("size", &found, &wanted)),
            _ => {}
        }
        match (file.sha256, sha256) {
            (Some(wanted), Some(found)) if wanted != found => Err(another("sha256", &found, &wanted)),
            (wanted, found) => Ok(Promise {
                tag: self.tag,
                bytes: file
                    .bytes
                    .or(self.bytes)
                    .ok_or_else(|| network("hub: it does not say the size"))?,
                sha256: wanted.or(found),
            }),
        }
    }
}

fn another(what: &str, found: &dyn std::fmt::Display, wanted: &dyn std::fmt::Display) -> Error {
    let message = format!("hub: it holds another file: {what} {found}, expected {wanted}");
    Error::new(ErrorKind::Model, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, headers: &[(&str, &str)]) -> Result<Told> {
        let answer = headers
            .iter()
            .fold(Response::builder().status(status), |answer, (name, value)| {
                answer.header(*name, *value)
            });
        let answer = answer.body(Body::builder().data(Vec::new()));
        Told::of(&answer.map_err(|e| network(e.to_string()))?)
    }

    #[test]
    fn a_redirect_speaks_of_the_file_only_in_linked_headers() -> Result<()> {
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let linked = format!("\"{hash}\"");
        let redirect = told(
            302,
            &[
                ("etag", "\"x\""),
                ("content-length", "9"),
                ("x-linked-etag", &linked),
            ],
        )?;
        assert_eq!((redirect.tag.as_str(), redirect.bytes), (hash, None));
        let plain = told(200, &[("etag", "W/\"x\""), ("content-length", "9")])?;
        assert_eq!((plain.tag.as_str(), plain.bytes), ("x", Some(9)));
        assert!(told(404, &[]).is_err());
        Ok(())
    }
}
