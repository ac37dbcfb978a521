//! The model files on this machine: `<store>/<model>/<file>`, each with a marker that says what it was when it was
//! last read through.
//!
//! A file whose size and time of change still equal its marker's is taken as it is; any other is hashed once, and only
//! then marked. Nothing here reaches the network.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::hash::ContentHash;
use crate::model::manifest::{Manifest, ModelFile};

/// The folder that holds all models.
#[derive(Debug, Clone)]
pub struct ModelStore {
    root: PathBuf,
}

/// A model whose files are here and are what they should be.
#[derive(Debug, Clone)]
pub struct LocalModel {
    /// The weights.
    pub path: PathBuf,
    /// SHA-256 of the weights.
    pub sha256: ContentHash,
    /// What it is.
    pub manifest: Manifest,
}

/// What a file was when it was last read through; lies beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Marker {
    bytes: u64,
    /// Time of the file's last change, nanoseconds since 1970.
    modified_ns: u64,
    sha256: ContentHash,
}

/// How a file stands to its manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Not there.
    Missing,
    /// There; read through or not, nothing speaks against it.
    Present {
        /// Its size.
        bytes: u64,
    },
    /// There, but not of the size that the manifest names.
    WrongSize {
        /// Its size.
        bytes: u64,
    },
}

impl ModelStore {
    /// The store in `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder that holds all models.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of one model.
    pub fn folder(&self, manifest: &Manifest) -> PathBuf {
        self.root.join(manifest.id.as_str())
    }

    /// Where a file of a model belongs.
    pub fn path(&self, manifest: &Manifest, file: &ModelFile) -> PathBuf {
        self.folder(manifest).join(&file.name)
    }

    /// Whether a file is there, judged by its size alone.
    pub fn presence(&self, manifest: &Manifest, file: &ModelFile) -> Presence {
        match std::fs::metadata(self.path(manifest, file)) {
            Err(_) => Presence::Missing,
            Ok(meta) if file.bytes.is_some_and(|want| want != meta.len()) => {
                Presence::WrongSize { bytes: meta.len() }
            }
            Ok(meta) => Presence::Present { bytes: meta.len() },
        }
    }

    /// The model, ready to be read: every file present and verified, now or before.
    ///
    /// # Errors
    /// `Model` when a file is missing or is not what it should be; the hint is the command that helps.
    pub fn locate(&self, manifest: &Manifest) -> Result<LocalModel> {
        self.every_file(manifest, |store, file| store.check(manifest, file))
    }

    /// Like [`ModelStore::locate`], but reads every byte again.
    ///
    /// # Errors
    /// `Model` when a file is missing or is not what it should be; the hint is the command that helps.
    pub fn verify(&self, manifest: &Manifest) -> Result<LocalModel> {
        self.every_file(manifest, |store, file| store.fresh_hash(manifest, file))
    }

    fn every_file(
        &self,
        manifest: &Manifest,
        hash: impl Fn(&Self, &ModelFile) -> Result<ContentHash>,
    ) -> Result<LocalModel> {
        let sha256 = hash(self, manifest.weights())?;
        for file in &manifest.files[1..] {
            hash(self, file)?;
        }
        Ok(LocalModel {
            path: self.path(manifest, manifest.weights()),
            sha256,
            manifest: manifest.clone(),
        })
    }

    /// One file's hash, read through now or before.
    pub(crate) fn check(&self, manifest: &Manifest, file: &ModelFile) -> Result<ContentHash> {
        let path = self.path(manifest, file);
        match Marker::read(&path) {
            Some(marker) if marker.still_holds(&path) && agrees(file, &marker) => Ok(marker.sha256),
            _ => self.fresh_hash(manifest, file),
        }
    }

    fn fresh_hash(&self, manifest: &Manifest, file: &ModelFile) -> Result<ContentHash> {
        let path = self.path(manifest, file);
        let found = Marker::make(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => missing(manifest, &path),
            _ => Error::io("read", &path, e),
        })?;
        let expected = file.sha256.or_else(|| Some(Marker::read(&path)?.sha256));
        match expected {
            Some(expected)
                if expected != found.sha256 && !(file.sha256.is_some() && file.accepts(found.sha256)) =>
            {
                Err(corrupt(manifest, file, &path, &found, expected))
            }
            _ => {
                // A store that cannot be written to only costs the next start another reading.
                let _ = found.write(&path);
                Ok(found.sha256)
            }
        }
    }
}

/// Marks a file just put in place as read through.
///
/// # Errors
/// Whatever the operating system refuses.
pub(crate) fn mark(path: &Path, sha256: ContentHash) -> std::io::Result<()> {
    let (bytes, modified_ns) = state(path)?;
    let marker = Marker {
        bytes,
        modified_ns,
        sha256,
    };
    marker.write(path)
}

/// Whether the marker's hash is the one the manifest names, if it names one.
fn agrees(file: &ModelFile, marker: &Marker) -> bool {
    file.accepts(marker.sha256) && file.bytes.is_none_or(|want| want == marker.bytes)
}

fn missing(manifest: &Manifest, path: &Path) -> Error {
    let id = &manifest.id;
    Error::new(
        ErrorKind::Model,
        format!("model {id} is not on this machine: {} is missing", path.display()),
    )
    .hint(format!("plumb models pull {id}"))
}

fn corrupt(
    manifest: &Manifest,
    file: &ModelFile,
    path: &Path,
    found: &Marker,
    expected: ContentHash,
) -> Error {
    let size = match file.bytes {
        Some(want) if want != found.bytes => format!(" ({} bytes instead of {want})", found.bytes),
        _ => String::new(),
    };
    let (id, path) = (&manifest.id, path.display());
    let message = format!(
        "model {id} is corrupt: {path} has sha256 {}{size}, expected {expected}",
        found.sha256
    );
    Error::new(ErrorKind::Model, message).hint(format!("plumb models pull {id} replaces it"))
}

impl Marker {
    fn path(file: &Path) -> PathBuf {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(".verified");
        file.with_file_name(name)
    }

    /// The marker beside `file`; none when there is none or it cannot be understood.
    fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(Self::path(file)).ok()?).ok()
    }

    /// Reads `file` through.
    fn make(file: &Path) -> std::io::Result<Self> {
        let (bytes, modified_ns) = state(file)?;
        let sha256 = ContentHash::of_reader(File::open(file)?)?;
        Ok(Self {
            bytes,
            modified_ns,
            sha256,
        })
    }

    fn still_holds(&self, file: &Path) -> bool {
        state(file).is_ok_and(|now| now == (self.bytes, self.modified_ns))
    }

    fn write(&self, file: &Path) -> std::io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut temporary, self)?;
        temporary.persist(Self::path(file))?;
        Ok(())
    }
}

/// Size and time of last change.
fn state(file: &Path) -> std::io::Result<(u64, u64)> {
    let meta = std::fs::metadata(file)?;
    let since = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok((meta.len(), since.as_nanos() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    /// A store with one model whose file holds `abc`; its hash is the test vector of FIPS 180-4.
    fn store_with_abc()
    -> std::result::Result<(tempfile::TempDir, ModelStore, Manifest), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let text = r#"
            id = "abc"
            name = "ABC"
            family = "llama"
            licence = "Apache-2.0"
            context = 512
            languages = ["en"]
            good_for = "tests"
            [[file]]
            name = "abc.gguf"
            bytes = 3
            sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            [[file.source]]
            from = "hub"
            repository = "a/b"
            path = "abc.gguf"
        "#;
        let manifest = Manifest::parse("test", text)?;
        let store = ModelStore::new(folder.path());
        std::fs::create_dir(store.folder(&manifest))?;
        std::fs::write(store.path(&manifest, manifest.weights()), "abc")?;
        Ok((folder, store, manifest))
    }

    #[test]
    fn a_missing_file_names_the_command_that_brings_it() -> Outcome {
        let (_folder, store, manifest) = store_with_abc()?;
        std::fs::remove_file(store.path(&manifest, manifest.weights()))?;
        let error = store.locate(&manifest).err().ok_or("found")?;
        assert_eq!(error.kind(), ErrorKind::Model);
        assert_eq!(error.hints(), ["plumb models pull abc"]);
        Ok(())
    }

    #[test]
    fn a_corrupt_file_is_named_with_both_hashes() -> Outcome {
        let (_folder, store, manifest) = store_with_abc()?;
        std::fs::write(store.path(&manifest, manifest.weights()), "abd")?;
        let error = store.locate(&manifest).err().ok_or("accepted")?;
        // `printf abd | sha256sum`
        assert!(
            error
                .message()
                .contains("a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9")
        );
        assert!(error.message().contains("expected ba7816bf"));
        assert_eq!(error.hints(), ["plumb models pull abc replaces it"]);
        Ok(())
    }

    #[test]
    fn a_marked_file_is_not_read_again_until_it_changes() -> Outcome {
        let (_folder, store, manifest) = store_with_abc()?;
        let path = store.path(&manifest, manifest.weights());
        store.locate(&manifest)?;
        let time = std::fs::metadata(&path)?.modified()?;
        // Other bytes, same size, same time: only a reading would notice.
        std::fs::write(&path, "abd")?;
        File::options().write(true).open(&path)?.set_modified(time)?;
        assert!(store.locate(&manifest).is_ok(), "read although the marker holds");
        assert!(store.verify(&manifest).is_err(), "verify reads every byte");
        File::options()
            .write(true)
            .open(&path)?
            .set_modified(time + std::time::Duration::from_secs(1))?;
        assert!(store.locate(&manifest).is_err(), "the marker no longer holds");
        Ok(())
    }

    #[test]
    fn without_a_hash_in_the_manifest_the_first_reading_counts() -> Outcome {
        let (_folder, store, mut manifest) = store_with_abc()?;
        manifest.files[0].sha256 = None;
        manifest.files[0].bytes = None;
        assert_eq!(store.locate(&manifest)?.sha256, ContentHash::of(b"abc"));
        std::fs::write(store.path(&manifest, manifest.weights()), "abcd")?;
        assert!(store.locate(&manifest).is_err());
        Ok(())
    }

    #[test]
    fn what_a_source_is_converted_to_is_right_too() -> Outcome {
        use crate::model::manifest::{Conversion, FileSource, Layout};
        let (_folder, store, mut manifest) = store_with_abc()?;
        std::fs::write(store.path(&manifest, manifest.weights()), "abd")?;
        assert!(store.locate(&manifest).is_err());
        let convert = Conversion {
            layout: Layout::Silero,
            bytes: 1,
            sha256: ContentHash::ZERO,
            gives: ContentHash::of(b"abd"),
        };
        manifest.files[0].sources.push(FileSource::Index {
            version: "1".to_owned(),
            parts: Vec::new(),
            convert: Some(convert),
        });
        assert_eq!(store.locate(&manifest)?.sha256, ContentHash::of(b"abd"));
        assert!(store.verify(&manifest).is_ok());
        std::fs::write(store.path(&manifest, manifest.weights()), "abe")?;
        assert!(store.locate(&manifest).is_err(), "a third file is neither");
        Ok(())
    }

    #[test]
    fn a_damaged_marker_only_costs_a_reading() -> Outcome {
        let (_folder, store, manifest) = store_with_abc()?;
        let path = store.path(&manifest, manifest.weights());
        std::fs::write(Marker::path(&path), "{")?;
        assert_eq!(store.locate(&manifest)?.sha256, ContentHash::of(b"abc"));
        assert!(Marker::read(&path).is_some());
        Ok(())
    }
}
