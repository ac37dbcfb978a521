//! The Hugging Face hub: its cache on this machine first, then its server.

use std::path::{Path, PathBuf};

use self::transfer::Server;
use super::{Job, network};
use crate::config::Environment;
use crate::error::{Error, Result};
use crate::hash::ContentHash;
use crate::model::local;

mod cache;
mod promise;
mod transfer;

/// The hub's own server.
const ENDPOINT: &str = "https://huggingface.co";

/// The hub as this account sees it.
#[derive(Debug)]
pub struct Hub {
    server: Server,
    cache: PathBuf,
    offline: bool,
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

impl Hub {
    /// The hub of this account: `HF_ENDPOINT`, `HF_HUB_CACHE` or `HUGGINGFACE_HUB_CACHE`, `HF_HOME` and
    /// `HF_HUB_OFFLINE` mean what they mean to the hub's own tools.
    pub fn of_environment(env: Environment<'_>, home: &Path) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let offline = set("HF_HUB_OFFLINE").unwrap_or_default().to_lowercase();
        Self {
            server: Server::new(&set("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned())),
            cache: cache_folder(&set, home),
            offline: ["1", "on", "yes", "true"].contains(&offline.as_str()),
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
        let Address {
            repository,
            revision,
            path,
        } = address;
        job.say(format!("asking {} for {path}", self.server.endpoint()));
        let url = format!(
            "{}/{repository}/resolve/{revision}/{path}",
            self.server.endpoint()
        );
        let promise = self.server.ask(&url)?.checked(job.file)?;
        self.server.download(job, &url, &promise)
    }

    /// Uses the cached file when there is one and it is right.
    fn take_from_cache(&self, job: &mut Job<'_>, address: &Address<'_>) -> Result<bool> {
        let Some(cached) = cache::find(&self.cache, address) else {
            return Ok(false);
        };
        job.say(format!("reading {} in the hub's cache", address.path));
        let expected = job.file.sha256.or(cached.sha256);
        let found = match std::fs::File::open(&cached.blob).and_then(ContentHash::of_reader) {
            Ok(found) if expected.is_none_or(|expected| expected == found) => found,
            Ok(found) => {
                job.say(format!(
                    "the cached file has sha256 {found}, which is another file's: not used"
                ));
                return Ok(false);
            }
            Err(e) => {
                job.say(format!("the cached file cannot be read: {e}"));
                return Ok(false);
            }
        };
        let target = job.target();
        cache::place(&cached.blob, &target)
            .and_then(|()| local::mark(&target, found))
            .map_err(|e| Error::io("write", &target, e))?;
        job.say(format!("{} taken from the hub's cache", job.file.name));
        Ok(true)
    }
}

fn cache_folder(set: &dyn Fn(&str) -> Option<String>, home: &Path) -> PathBuf {
    let named = set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE"));
    named
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(set("HF_HOME")?).join("hub")))
        .or_else(|| Some(PathBuf::from(set("XDG_CACHE_HOME")?).join("huggingface/hub")))
        .unwrap_or_else(|| home.join(".cache/huggingface/hub"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_the_hub_s_own_tools_put_it() {
        let home = Path::new("/home/x");
        let folder = |vars: &[(&str, &str)]| {
            let set = |name: &str| Some(vars.iter().find(|(n, _)| *n == name)?.1.to_owned());
            cache_folder(&set, home)
        };
        assert_eq!(folder(&[]), Path::new("/home/x/.cache/huggingface/hub"));
        assert_eq!(
            folder(&[("XDG_CACHE_HOME", "/c")]),
            Path::new("/c/huggingface/hub")
        );
        assert_eq!(
            folder(&[("HF_HOME", "/hf"), ("XDG_CACHE_HOME", "/c")]),
            Path::new("/hf/hub")
        );
        assert_eq!(
            folder(&[("HUGGINGFACE_HUB_CACHE", "/h"), ("HF_HOME", "/hf")]),
            Path::new("/h")
        );
    }
}
