//! The members of a zip archive, read within limits: what the archive says of their sizes is not believed.

use std::io::{Cursor, Read as _};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

/// More members than this has no office file.
const MAX_MEMBERS: usize = 20_000;
/// The longest member that is read, in bytes once unpacked.
const MAX_MEMBER: u64 = 64 << 20;
/// How much is unpacked of one archive, in bytes.
const MAX_UNPACKED: u64 = 192 << 20;

/// A zip archive in memory.
pub(super) struct Archive<'a> {
    pub(super) zip: ZipArchive<Cursor<&'a [u8]>>,
    left: u64,
}

impl<'a> Archive<'a> {
    /// Opens the archive.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, String> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
        if zip.len() > MAX_MEMBERS {
            return Err(format!(
                "is an archive of more than {MAX_MEMBERS} files; not read"
            ));
        }
        Ok(Self {
            zip,
            left: MAX_UNPACKED,
        })
    }

    /// The XML of a member; none where there is no such member.
    pub(super) fn xml(&mut self, name: &str) -> Result<Option<String>, String> {
        let member = match self.zip.by_name(name) {
            Err(ZipError::FileNotFound) => return Ok(None),
            member => member.map_err(broken)?,
        };
        let most = MAX_MEMBER.min(self.left);
        let mut bytes = Vec::new();
        member
            .take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| format!("is damaged: {name} cannot be unpacked ({e})"))?;
        self.spend(bytes.len() as u64, most)?;
        let (encoding, _) = encoding_rs::Encoding::for_bom(&bytes).unwrap_or((encoding_rs::UTF_8, 0));
        Ok(Some(encoding.decode(&bytes).0.into_owned()))
    }

    /// The same for a member that has to be there.
    pub(super) fn needed(&mut self, name: &str) -> Result<String, String> {
        self.xml(name)?
            .ok_or_else(|| format!("is damaged or of another kind: it has no {name}"))
    }

    /// Unpacks all XML once and throws it away, for readers that believe what the archive says.
    pub(super) fn measure(&mut self) -> Result<(), String> {
        for at in 0..self.zip.len() {
            let member = self.zip.by_index(at).map_err(broken)?;
            let name = member.name().map_err(broken)?.into_owned();
            if is_xml(&name) {
                let most = MAX_MEMBER.min(self.left);
                let unpacked = std::io::copy(&mut member.take(most + 1), &mut std::io::sink())
                    .map_err(|e| format!("is damaged: {name} cannot be unpacked ({e})"))?;
                self.spend(unpacked, most)?;
            }
        }
        Ok(())
    }

    fn spend(&mut self, bytes: u64, most: u64) -> Result<(), String> {
        if bytes > most {
            return Err(format!(
                "unpacks to more than {} MB; not read",
                if most == MAX_MEMBER {
                    MAX_MEMBER >> 20
                } else {
                    MAX_UNPACKED >> 20
                }
            ));
        }
        self.left -= bytes;
        Ok(())
    }
}

fn is_xml(name: &str) -> bool {
    let extension = Path::new(name).extension().unwrap_or_default();
    extension.eq_ignore_ascii_case("xml") || extension.eq_ignore_ascii_case("rels")
}

/// Why an archive or a member of it cannot be read, in one line.
pub(super) fn broken(error: ZipError) -> String {
    match error {
        ZipError::UnsupportedArchive(why) if why == ZipError::PASSWORD_REQUIRED => {
            "is encrypted; save it without a password".to_owned()
        }
        error => format!("is damaged: {error}"),
    }
}
