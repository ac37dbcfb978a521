//! An archive of files: what it holds is unpacked within limits, and each file of it is then read as one outside is.
//!
//! Nothing is written anywhere, so a name cannot lead to harm; one that pretends to lie elsewhere is refused all the same,
//! since it would be shown as the place of a citation.

use std::io::{Cursor, Read as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use zip::read::ZipFile;
use zip::result::ZipResult;

use super::archive::{Archive, broken};
use crate::dossier::manifest::is_archive;
use crate::ingest::{chart, format};
use crate::model::speech::audio;
use crate::sanitize::line;

/// More files of one archive are not read.
const MAX_FILES: usize = 500;
/// The longest archive that is opened, in bytes.
pub(in crate::ingest) const MAX_ARCHIVE: u64 = 128 << 20;
/// How much is unpacked of one archive, in bytes: it is held at once.
pub(super) const MAX_UNPACKED: u64 = PAPERS.all + RECORDINGS.all;
/// Of papers and pictures.
const PAPERS: Share = Share {
    one: 32 << 20,
    all: 48 << 20,
    left: 48 << 20,
    longer: "not read",
};
/// Of recordings: two hours, which is all that is heard of one, are 115 MB at 128 kbit/s. Outside they may be longer files,
/// since those are never held whole.
const RECORDINGS: Share = Share {
    one: 128 << 20,
    all: 128 << 20,
    left: 128 << 20,
    longer: "unpack it and name it in dossier.toml",
};
/// Longer names are no names of files.
const MAX_NAME: usize = 255;
/// What systems put beside people's files.
const CLUTTER: [&str; 4] = ["__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"];
/// Only office files have such members.
const OFFICE: [&str; 2] = ["[Content_Types].xml", "mimetype"];

/// What an archive holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::ingest) struct Unpacked {
    /// In the order of the archive.
    pub(in crate::ingest) files: Vec<Member>,
    /// What was left out of it, a line each.
    pub(in crate::ingest) notes: Vec<String>,
}

/// A file in an archive.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::ingest) struct Member {
    /// Its path in the archive, sanitised.
    pub(in crate::ingest) name: String,
    /// What it holds, or why that is not known, in one line.
    pub(in crate::ingest) bytes: Result<Vec<u8>, String>,
}

/// The same on its way out of the child, without the bytes, which follow.
#[derive(Serialize, Deserialize)]
pub(super) struct Listing {
    files: Vec<(String, Result<usize, String>)>,
    notes: Vec<String>,
}

/// How much is unpacked of one sort of files, in bytes.
struct Share {
    /// The longest file.
    one: u64,
    /// All of them together.
    all: u64,
    /// What may still be.
    left: u64,
    /// What is, or is to be, done with a file that is not unpacked.
    longer: &'static str,
}

impl Share {
    fn too_large(&self) -> String {
        format!("is larger than {} MB; {}", self.one >> 20, self.longer)
    }

    /// What is said of a recording behind the last that is read.
    fn beyond(&self) -> String {
        let megabytes = self.all >> 20;
        format!(
            "is beyond the {megabytes} MB of recordings that are read; {}",
            self.longer
        )
    }
}

/// Unpacks what is read of an archive.
pub(super) fn unpack(bytes: &[u8]) -> Result<Unpacked, String> {
    unpack_within(bytes, PAPERS, RECORDINGS)
}

/// The same within other shares.
fn unpack_within(bytes: &[u8], mut papers: Share, mut recordings: Share) -> Result<Unpacked, String> {
    if !bytes.starts_with(b"PK") {
        return Err("is no zip archive".to_owned());
    }
    let mut zip = Archive::open(bytes)?.zip;
    if OFFICE.iter().any(|name| zip.index_for_name(name).is_some()) {
        return Err("is an office file under another name; rename it".to_owned());
    }
    let mut done = Unpacked::default();
    for at in 0..zip.len() {
        let entry = zip.by_index_data(at).map_err(broken)?;
        let name = name_of(entry.name_raw());
        if entry.is_dir() || is_clutter(&name) {
            continue;
        }
        if done.files.len() == MAX_FILES {
            done.notes.push(format!(
                "holds more than {MAX_FILES} files; {} and what stands behind it were not read",
                shown(&name)
            ));
            break;
        }
        let is_recording = audio::is_recording(Path::new(&name));
        let share = if is_recording {
            &mut recordings
        } else {
            &mut papers
        };
        let refused = if entry.is_symlink() {
            Some("is a link, not a file; not read".to_owned())
        } else if entry.size() > share.one {
            Some(share.too_large())
        } else if done.files.iter().any(|file| file.name == shown(&name)) {
            Some("stands in the archive twice; read once".to_owned())
        } else {
            refused(&name)
        };
        let bytes = match refused {
            Some(why) => Some(Err(why)),
            None => unpacked(zip.by_index(at), share),
        };
        // Papers may stand behind recordings that are too many.
        let bytes = bytes.or_else(|| is_recording.then(|| Err(share.beyond())));
        let name = shown(&name);
        let Some(bytes) = bytes else {
            done.notes.push(format!(
                "unpacks to more than {} MB; {name} and what stands behind it were not read",
                share.all >> 20
            ));
            break;
        };
        done.files.push(Member { name, bytes });
    }
    if done.files.is_empty() && done.notes.is_empty() {
        return Err("is an archive without files".to_owned());
    }
    Ok(done)
}

/// The bytes of a file, of which at most what is left of its `share` are unpacked; none when that was not enough. What the
/// archive says of its length is not believed.
fn unpacked(
    member: ZipResult<ZipFile<'_, Cursor<&[u8]>>>,
    share: &mut Share,
) -> Option<Result<Vec<u8>, String>> {
    let member = match member.map_err(broken) {
        Ok(member) => member,
        Err(why) => return Some(Err(why)),
    };
    let most = share.one.min(share.left);
    let mut bytes = Vec::new();
    let read = member.take(most + 1).read_to_end(&mut bytes);
    // All files are held together, and the memory for that is limited.
    bytes.shrink_to_fit();
    let length = bytes.len() as u64;
    let (enough, whole) = (length <= share.left, length <= most);
    share.left = share.left.saturating_sub(length);
    enough.then(|| match read {
        Err(e) => Err(format!("is damaged: it cannot be unpacked ({e})")),
        Ok(_) if whole => Ok(bytes),
        Ok(_) => Err(share.too_large()),
    })
}

/// A name as people see it. One that is no UTF-8 comes from a Chinese Windows more often than from anywhere else.
fn name_of(raw: &[u8]) -> String {
    let name = match std::str::from_utf8(raw) {
        Ok(name) => name.to_owned(),
        Err(_) => encoding_rs::GBK.decode_without_bom_handling(raw).0.into_owned(),
    };
    name.replace('\\', "/")
}

/// The name, safe to show and short enough.
fn shown(name: &str) -> String {
    line(name).chars().take(MAX_NAME).collect()
}

fn is_clutter(name: &str) -> bool {
    name.ends_with('/') || name.split('/').any(|step| CLUTTER.contains(&step))
}

/// Whether a name lies in the archive and nowhere else.
fn is_inside(name: &str) -> bool {
    let plain = |step: &str| !matches!(step, "" | "." | "..") && !step.contains(':');
    name.split('/').all(plain)
}

/// Why the file of this name is not unpacked.
fn refused(name: &str) -> Option<String> {
    if !is_inside(name) {
        return Some("has a name that leads out of the archive; not read".to_owned());
    }
    if name.chars().count() > MAX_NAME {
        return Some("has too long a name; not read".to_owned());
    }
    if is_archive(name) {
        return Some("is an archive in an archive; unpack it and name its files in dossier.toml".to_owned());
    }
    if chart::is_picture(name) || audio::is_recording(Path::new(name)) {
        return None;
    }
    format::of(name).err()
}

impl Unpacked {
    /// In two parts, for a pipe: the names, and the bytes of each file.
    pub(super) fn split(self) -> (Listing, Vec<Vec<u8>>) {
        let mut behind = Vec::new();
        let mut length = |bytes: Vec<u8>| {
            let length = bytes.len();
            behind.push(bytes);
            length
        };
        let files = self.files.into_iter();
        let files = files
            .map(|file| (file.name, file.bytes.map(&mut length)))
            .collect();
        let listing = Listing {
            files,
            notes: self.notes,
        };
        (listing, behind)
    }

    /// The way back; none where the parts do not belong together, or a name is not what this side would let through: what
    /// a child answers is not trusted.
    pub(super) fn join(listing: Listing, mut behind: Vec<u8>) -> Option<Self> {
        if listing.files.len() > MAX_FILES {
            return None;
        }
        let mut files = Vec::new();
        // From the end, which is given back once it is cut off: all of it is held only once.
        for (name, length) in listing.files.into_iter().rev() {
            let bytes = match length {
                Ok(length) => {
                    let bytes = behind.split_off(behind.len().checked_sub(length)?);
                    behind.shrink_to_fit();
                    Ok(bytes)
                }
                Err(why) => Err(shown(&why)),
            };
            if bytes.is_ok() && !is_inside(&name) {
                return None;
            }
            let name = shown(&name);
            files.push(Member { name, bytes });
        }
        files.reverse();
        let notes = listing.notes.iter().map(|note| line(note).into_owned()).collect();
        behind.is_empty().then_some(Self { files, notes })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::archive;
    use super::*;
    use crate::ingest::tests::Outcome;

    /// Where the two heads of every member begin: the one in front of its bytes, and the one in the directory.
    fn heads(zip: &[u8], magic: &[u8]) -> Vec<usize> {
        let found = zip.windows(4).enumerate().filter(|(_, w)| *w == magic);
        found.map(|(at, _)| at).collect()
    }

    /// The names of what was refused, and why.
    fn said(unpacked: &Unpacked) -> Vec<(&str, &str)> {
        let refused = unpacked.files.iter();
        refused
            .filter_map(|file| Some((file.name.as_str(), file.bytes.as_ref().err()?.as_str())))
            .collect()
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused_and_clutter_is_passed_over() -> Outcome {
        let long = format!("{}.md", "a".repeat(300));
        let zip = archive(&[
            ("../../etc/cron.md", b"a"),
            ("/etc/a.md", b"a"),
            ("C:\\Users\\a.md", b"a"),
            ("x/./a.md", b"a"),
            ("..\\up.md", b"a"),
            (&long, b"a"),
            ("__MACOSX/._a.md", b"a"),
            ("a/.DS_Store", b"a"),
            ("folder/", b""),
            ("notes\\week.md", b"Shipped."),
            ("\u{202e}dm.md", b"Turned."),
        ])?;
        let read = unpack(&zip)?;
        let outside = "has a name that leads out of the archive; not read";
        assert_eq!(
            said(&read),
            [
                ("../../etc/cron.md", outside),
                ("/etc/a.md", outside),
                ("C:/Users/a.md", outside),
                ("x/./a.md", outside),
                ("../up.md", outside),
                (&long[..MAX_NAME], "has too long a name; not read"),
            ]
        );
        let read: Vec<&str> = read
            .files
            .iter()
            .filter(|f| f.bytes.is_ok())
            .map(|f| f.name.as_str())
            .collect();
        assert_eq!(read[0], "notes/week.md");
        assert!(read.len() == 2 && !read[1].contains('\u{202e}'), "{read:?}");
        Ok(())
    }

    /// Archives made by a Chinese Windows name files in its own encoding and do not say so.
    #[test]
    fn names_of_a_chinese_windows_are_read() -> Outcome {
        let mut zip = archive(&[("AAAA.md", "好的。".as_bytes())])?;
        let (gbk, _, _) = encoding_rs::GBK.encode("周报");
        let named = heads(&zip, b"AAAA");
        for at in named {
            zip[at..at + 4].copy_from_slice(&gbk);
        }
        assert_eq!(unpack(&zip)?.files[0].name, "周报.md");
        Ok(())
    }

    /// Bit 0 of the flags says that a member is encrypted (APPNOTE 4.4.4); they are at 6 and at 8.
    #[test]
    fn an_encrypted_member_is_one_line_and_the_others_are_read() -> Outcome {
        let mut zip = archive(&[("secret.md", b"Hidden."), ("open.md", b"Shown.")])?;
        let (local, central) = (heads(&zip, b"PK\x03\x04")[0], heads(&zip, b"PK\x01\x02")[0]);
        zip[local + 6] |= 1;
        zip[central + 8] |= 1;
        let read = unpack(&zip)?;
        assert_eq!(
            said(&read),
            [("secret.md", "is encrypted; save it without a password")]
        );
        assert_eq!(read.files[1].bytes.as_deref(), Ok(&b"Shown."[..]));
        Ok(())
    }

    /// The unpacked length stands at 22 and at 24 (APPNOTE 4.3.7, 4.3.12).
    #[test]
    fn a_member_that_lies_about_its_length_is_not_unpacked_whole() -> Outcome {
        let bomb = vec![b' '; 40 << 20];
        let honest = archive(&[("bomb.md", &bomb), ("good.md", b"Shipped.")])?;
        let mut lying = honest.clone();
        let (local, central) = (heads(&lying, b"PK\x03\x04")[0], heads(&lying, b"PK\x01\x02")[0]);
        lying[local + 22..local + 26].copy_from_slice(&9_u32.to_le_bytes());
        lying[central + 24..central + 28].copy_from_slice(&9_u32.to_le_bytes());
        let more = "is damaged: it cannot be unpacked (File is larger than its declared uncompressed size)";
        for (zip, why) in [(honest, "is larger than 32 MB; not read"), (lying, more)] {
            let read = unpack(&zip)?;
            assert_eq!(said(&read), [("bomb.md", why)]);
            assert_eq!(read.files[1].bytes.as_deref(), Ok(&b"Shipped."[..]));
        }
        Ok(())
    }

    /// 60 MB of spaces in three files are 60 kB in the archive.
    #[test]
    fn an_archive_that_unpacks_to_too_much_is_read_as_far_as_it_goes() -> Outcome {
        let part = vec![b' '; 20 << 20];
        let zip = archive(&[
            ("a.md", &part),
            ("b.md", &part),
            ("c.md", &part),
            ("d.md", b"Last."),
        ])?;
        assert!(zip.len() < 1 << 20, "{}", zip.len());
        let read = unpack(&zip)?;
        assert_eq!(read.files.len(), 2);
        assert_eq!(
            read.notes,
            ["unpacks to more than 48 MB; c.md and what stands behind it were not read"]
        );
        Ok(())
    }

    /// Recordings have a share of their own, and papers behind them theirs. Here both are of kilobytes.
    #[test]
    fn recordings_are_unpacked_beyond_what_papers_may_be() -> Outcome {
        let small = |share: Share| Share {
            one: share.one >> 10,
            all: share.all >> 10,
            left: share.left >> 10,
            ..share
        };
        let (talk, more) = (vec![0; 70 << 10], vec![0; 60 << 10]);
        let longest = vec![0; (128 << 10) + 1];
        let zip = archive(&[
            ("long.wav", &longest),
            ("talk.wav", &talk),
            ("note.md", b"Shipped."),
            ("more.wav", &more),
            ("last.wav", b"beyond too"),
            ("last.md", b"Last."),
        ])?;
        let unpack = || unpack_within(&zip, small(PAPERS), small(RECORDINGS));
        let read = unpack()?;
        let long = "is larger than 0 MB; unpack it and name it in dossier.toml";
        let beyond = "is beyond the 0 MB of recordings that are read; unpack it and name it in dossier.toml";
        assert_eq!(
            said(&read),
            [("long.wav", long), ("more.wav", beyond), ("last.wav", beyond)]
        );
        let lengths: Vec<usize> = read.files.iter().flat_map(|f| &f.bytes).map(Vec::len).collect();
        assert_eq!(lengths, [70 << 10, 8, 5]);
        assert!(read.notes.is_empty(), "{:?}", read.notes);
        let (listing, behind) = read.split();
        assert_eq!(Unpacked::join(listing, behind.concat()), Some(unpack()?));
        Ok(())
    }

    #[test]
    fn of_hundreds_of_files_the_first_are_read() -> Outcome {
        let names: Vec<String> = (0..MAX_FILES + 9).map(|n| format!("{n}.md")).collect();
        let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"x"[..])).collect();
        let read = unpack(&archive(&members)?)?;
        assert_eq!(read.files.len(), MAX_FILES);
        assert_eq!(
            read.notes,
            ["holds more than 500 files; 500.md and what stands behind it were not read"]
        );
        assert!(read.files.iter().all(|file| file.bytes.is_ok()));
        Ok(())
    }

    #[test]
    fn what_is_no_archive_of_papers_says_so() -> Outcome {
        let office = archive(&[("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")])?;
        let cases: [(&[u8], &str); 4] = [
            (b"just words", "is no zip archive"),
            (b"PK\x03\x04", "is damaged: "),
            (&office, "is an office file under another name; rename it"),
            (&archive(&[])?, "is an archive without files"),
        ];
        for (bytes, start) in cases {
            let said = unpack(bytes).err().ok_or("it was unpacked")?;
            assert!(said.starts_with(start), "{said}");
        }
        Ok(())
    }

    #[test]
    fn what_a_child_unpacks_is_not_believed() {
        let listing = |files: Vec<(&str, Result<usize, String>)>| Listing {
            files: files
                .into_iter()
                .map(|(name, held)| (name.to_owned(), held))
                .collect(),
            notes: Vec::new(),
        };
        let refused = || Err("is empty\nand more".to_owned());
        let join = |files, behind: &[u8]| Unpacked::join(listing(files), behind.to_vec());
        let sound = join(vec![("a.md", Ok(2)), ("../b.md", refused())], b"ab");
        let told = sound.as_ref().map(|read| read.files[1].bytes.clone());
        assert!(matches!(told, Some(Err(why)) if !why.contains('\n')));
        for (files, behind) in [
            (vec![("a.md", Ok(3))], &b"ab"[..]),
            (vec![("a.md", Ok(1))], b"ab"),
            (vec![("a.md", Ok(usize::MAX)), ("b.md", Ok(3))], b"ab"),
            (vec![("../a.md", Ok(2))], b"ab"),
        ] {
            assert_eq!(join(files, behind), None);
        }
    }
}
