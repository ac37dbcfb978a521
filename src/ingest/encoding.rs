//! From bytes to text: which encoding a file is in, and what of it could not be decoded.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, GBK, UTF_8, UTF_16BE, UTF_16LE};

/// So much of a file is enough to tell its encoding.
const SAMPLE_BYTES: usize = 1 << 20;
/// With at least so many good characters for each bad place, a file is damaged UTF-8 and not in some other encoding.
const GOOD_PER_BAD: usize = 4;

/// A file as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// For UTF-8 without damage, the file's own bytes, the byte order mark included.
    pub(super) text: String,
    pub(super) encoding: &'static str,
    /// Places that became U+FFFD.
    pub(super) broken: usize,
}

/// Decodes a file: by its byte order mark, as UTF-8, or by what its bytes look like, never failing.
pub(super) fn decode(bytes: Vec<u8>) -> Decoded {
    let marked = Encoding::for_bom(&bytes);
    if let Some((encoding, bom)) = marked.filter(|(encoding, _)| *encoding != UTF_8) {
        return decode_as(encoding, &bytes[bom..]);
    }
    String::from_utf8(bytes).map_or_else(
        |error| {
            let encoding = marked.map_or_else(|| detect(error.as_bytes()), |_| UTF_8);
            decode_as(encoding, error.as_bytes())
        },
        |text| Decoded {
            text,
            encoding: "UTF-8",
            broken: 0,
        },
    )
}

fn decode_as(encoding: &'static Encoding, bytes: &[u8]) -> Decoded {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let broken = text.matches(char::REPLACEMENT_CHARACTER).count();
    Decoded {
        text: Cow::into_owned(text),
        encoding: name(encoding),
        broken,
    }
}

fn detect(bytes: &[u8]) -> &'static Encoding {
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let chunks = || sample.utf8_chunks();
    let good: usize = chunks()
        .map(|c| c.valid().chars().filter(|c| !c.is_ascii()).count())
        .sum();
    let bad = chunks().filter(|c| !c.invalid().is_empty()).count();
    if bad == 0 || good >= bad * GOOD_PER_BAD {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    detector.guess(None, Utf8Detection::Deny)
}

/// GBK is a part of GB18030, and the decoder reads both.
fn name(encoding: &'static Encoding) -> &'static str {
    if encoding == GBK {
        "GB18030"
    } else if encoding == UTF_16LE || encoding == UTF_16BE {
        "UTF-16"
    } else {
        encoding.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHINESE: &str = "本周完成清分引擎的全量切流，对账耗时降到四十分钟，没有发生资损。";

    #[test]
    fn utf8_keeps_its_bytes() {
        let text = format!("\u{feff}{CHINESE}\r\n");
        let decoded = decode(text.clone().into_bytes());
        assert_eq!(
            (decoded.text, decoded.encoding, decoded.broken),
            (text, "UTF-8", 0)
        );
    }

    #[test]
    fn gb18030_is_recognised() {
        let (bytes, _, unmappable) = encoding_rs::GB18030.encode(CHINESE);
        assert!(!unmappable);
        let decoded = decode(bytes.into_owned());
        assert_eq!(
            (decoded.text.as_str(), decoded.encoding, decoded.broken),
            (CHINESE, "GB18030", 0)
        );
    }

    #[test]
    fn utf16_is_known_by_its_mark() {
        let little: Vec<u8> = "\u{feff}好a".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "\u{feff}好a".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [little, big] {
            let decoded = decode(bytes);
            assert_eq!((decoded.text.as_str(), decoded.encoding), ("好a", "UTF-16"));
        }
    }

    #[test]
    fn damaged_utf8_is_not_taken_for_another_encoding() {
        let mut bytes = CHINESE.as_bytes().to_vec();
        bytes[4] = 0xff;
        let decoded = decode(bytes);
        assert_eq!((decoded.encoding, decoded.broken), ("UTF-8", 3));
        assert!(decoded.text.ends_with("没有发生资损。"));
    }

    #[test]
    fn a_marked_file_is_utf8_however_damaged() {
        let decoded = decode(b"\xef\xbb\xbfcaf\xe9 na\xefve".to_vec());
        assert_eq!(
            (decoded.text.as_str(), decoded.encoding, decoded.broken),
            ("\u{feff}caf\u{fffd} na\u{fffd}ve", "UTF-8", 2)
        );
    }

    #[test]
    fn western_text_is_recognised() {
        let decoded = decode(b"The caf\xe9 project was na\xefve but on time.".to_vec());
        assert_eq!((decoded.encoding, decoded.broken), ("windows-1252", 0));
        assert!(decoded.text.contains("café"));
    }
}
