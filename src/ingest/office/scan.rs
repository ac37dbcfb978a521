//! Pages of a PDF that have no text: each is drawn, and its lines are read as a picture's are.

use super::{Rendition, Scan};
use crate::hash::ContentHash;
use crate::ingest::chart::Sight;

/// More scanned pages than this are not read.
const MAX_PAGES: usize = 200;

/// The rendition of the file with this hash, with what is read on its scanned pages; `draw` gives a page as a picture,
/// `told` hears how many of how many are read and says whether to go on.
pub(in crate::ingest) fn read(
    mut rendition: Rendition,
    file: ContentHash,
    sight: &Sight,
    draw: impl Fn(u32) -> Result<Vec<u8>, String>,
    told: impl Fn(usize, usize) -> bool,
) -> Rendition {
    let scans = std::mem::take(&mut rendition.scans);
    if scans.is_empty() {
        return rendition;
    }
    let notes = &mut rendition.notes;
    if let Err(why) = sight.opens() {
        let unread: Vec<u32> = scans.iter().map(|scan| scan.page).collect();
        notes.push(format!(
            "{} without text, as a scan: not read: {why}",
            named(&unread)
        ));
        return rendition;
    }
    if let Some(first) = scans.get(MAX_PAGES) {
        notes.push(format!(
            "pages without text are read up to {MAX_PAGES}: those from page {} on were not",
            first.page
        ));
    }
    let (mut pages, mut empty) = (Vec::new(), Vec::new());
    for Scan { page, .. } in scans.iter().take(MAX_PAGES) {
        let read = sight.page((file, *page), || draw(*page));
        match &read {
            Ok(lines) if lines.is_empty() => empty.push(*page),
            Ok(_) => {}
            Err(why) => notes.push(format!("page {page}: {why}")),
        }
        pages.push(read.unwrap_or_default());
        if !told(pages.len(), scans.len().min(MAX_PAGES)) {
            break;
        }
    }
    if !empty.is_empty() {
        notes.push(format!("no text was found on {}", named(&empty)));
    }
    rendition.scans = scans;
    rendition.with_read(&pages)
}

/// `page 3`, `pages 3, 4`; of many the first.
fn named(pages: &[u32]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = pages.iter().take(SHOWN).map(u32::to_string).collect();
    let noun = if pages.len() == 1 { "page" } else { "pages" };
    let more = pages.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{noun} {}{more}", shown.join(", "))
}
