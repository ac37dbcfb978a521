//! From the bytes of a file to pixels, within limits that its header is held to before anything is decoded.

use std::io::Cursor;

use image::{ImageFormat, ImageReader, Limits, RgbImage};

/// The most pixels a picture may have.
pub const MAX_PIXELS: u64 = 40_000_000;
/// The most memory that decoding may take, in bytes.
const MAX_MEMORY: u64 = 512 << 20;
/// The formats that are read.
const FORMATS: [ImageFormat; 3] = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP];
/// The fewest pixels on a side that anything could be read in.
const LEAST_SIDE: u32 = 16;

/// Decodes a picture, told by its first bytes whatever its name; what is transparent becomes white.
///
/// # Errors
/// Why it cannot be, in one line without its name.
pub fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    let format = image::guess_format(bytes).ok().filter(|f| FORMATS.contains(f));
    let format = format.ok_or("is no PNG, JPEG or WebP picture")?;
    let broken = |e| format!("is broken or not complete: {}", short(&e));
    let header = ImageReader::with_format(Cursor::new(bytes), format);
    let (width, height) = header.into_dimensions().map_err(broken)?;
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS {
        return Err(format!(
            "has {} megapixels ({width} x {height}), more than {}; save it smaller",
            pixels / 1_000_000,
            MAX_PIXELS / 1_000_000
        ));
    }
    if width.min(height) < LEAST_SIDE {
        return Err(format!("is only {width} x {height} pixels"));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let decoded = reader.decode().map_err(broken)?;
    if !decoded.color().has_alpha() {
        return Ok(decoded.into_rgb8());
    }
    let pixels = decoded.into_rgba8();
    Ok(RgbImage::from_fn(width, height, |x, y| {
        let [r, g, b, a] = pixels.get_pixel(x, y).0.map(u16::from);
        image::Rgb([r, g, b].map(|c| ((c * a + 255 * (255 - a)) / 255) as u8))
    }))
}

/// What a decoder says, on one line and not too long.
fn short(error: &image::ImageError) -> String {
    let said = error.to_string().replace('\n', " ");
    said.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn png(width: u32, height: u32) -> Result<Vec<u8>, image::ImageError> {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::new(width, height).write_to(&mut bytes, ImageFormat::Png)?;
        Ok(bytes.into_inner())
    }

    /// The width and height of a PNG are the eight bytes from the 16th on, big-endian, and the sum of the chunk follows.
    #[test]
    fn a_huge_picture_is_refused_by_its_header() -> Outcome {
        let mut bytes = png(20, 20)?;
        bytes[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x27, 0x10]);
        let sum = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&sum.to_be_bytes());
        let refused = decode(&bytes).expect_err("refused");
        assert_eq!(
            refused,
            "has 200 megapixels (20000 x 10000), more than 40; save it smaller"
        );
        Ok(())
    }

    /// The sum of PNG chunks (ISO 3309), bit by bit.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |sum, &byte| {
            (0..8).fold(sum ^ u32::from(byte), |s, _| {
                (s >> 1) ^ (0xedb8_8320 & (s & 1).wrapping_neg())
            })
        })
    }

    #[test]
    fn broken_pictures_are_refused_in_one_line() -> Outcome {
        let whole = png(64, 64)?;
        assert!(decode(&whole).is_ok());
        for bytes in [
            &b"not a picture"[..],
            b"",
            b"GIF89a\x01\0\x01\0",
            &whole[..40],
            &whole[..20],
        ] {
            let refused = decode(bytes).expect_err("refused");
            assert!(!refused.contains('\n') && refused.len() < 200, "{refused}");
        }
        assert!(decode(&png(3, 300)?).is_err(), "too narrow");
        Ok(())
    }

    #[test]
    fn what_is_transparent_is_white() -> Outcome {
        let mut bytes = Cursor::new(Vec::new());
        image::RgbaImage::new(20, 20).write_to(&mut bytes, ImageFormat::Png)?;
        assert_eq!(decode(&bytes.into_inner())?.get_pixel(3, 3).0, [255; 3]);
        Ok(())
    }

    #[test]
    fn every_flipped_byte_is_survived() -> Outcome {
        let mut pictures = vec![png(48, 48)?];
        for format in [ImageFormat::Jpeg, ImageFormat::WebP] {
            let mut bytes = Cursor::new(Vec::new());
            RgbImage::from_fn(48, 48, |x, y| image::Rgb([x as u8 * 5, y as u8 * 5, 9]))
                .write_to(&mut bytes, format)?;
            pictures.push(bytes.into_inner());
        }
        for picture in pictures {
            for at in 0..picture.len() {
                let mut flipped = picture.clone();
                flipped[at] ^= 1 << (at % 8);
                let _ = decode(&flipped);
                let _ = decode(&picture[..at]);
            }
        }
        Ok(())
    }
}
