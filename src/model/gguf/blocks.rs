//! GGUF's block formats, read into the one affine form that the kernels know: `w = factor * u + offset`, `u` unsigned.
//! The layouts are those of ggml's `block_q4_0` and so on.

use candle_core::quantized::GgmlDType;
use half::f16;

use crate::model::kernels::product::{Block, Form, PackedMatrix, Scales};

/// The longest block of any of the formats.
const LONGEST: usize = 32;

/// How a format lies in memory.
struct Format {
    /// Bytes of one block of the file.
    bytes: usize,
    /// Weights in one block of the file.
    weights: usize,
    /// How they are kept here.
    form: Form,
    /// Reads one block of the file: each of its affine blocks goes to the sink, with its index.
    read: fn(&[u8], &mut dyn FnMut(usize, &Block)),
}

impl Format {
    fn of(dtype: GgmlDType) -> Option<Self> {
        let format = |bytes, weights, (bits, scales), read| {
            Some(Self {
                bytes,
                weights,
                form: Form { bits, scales },
                read,
            })
        };
        match dtype {
            GgmlDType::Q4_0 => format(18, 32, (4, Scales::Centred), q4_0),
            GgmlDType::Q4_1 => format(20, 32, (4, Scales::Halves), q4_1),
            GgmlDType::Q5_0 => format(22, 32, (5, Scales::Centred), q5_0),
            GgmlDType::Q5_1 => format(24, 32, (5, Scales::Halves), q5_1),
            GgmlDType::Q8_0 => format(34, 32, (8, Scales::Centred), q8_0),
            GgmlDType::Q4K => format(144, 256, (4, Scales::Singles), q4_k),
            GgmlDType::Q5K => format(176, 256, (5, Scales::Singles), q5_k),
            GgmlDType::Q6K => format(210, 256, (6, Scales::Centred), q6_k),
            _ => None,
        }
    }
}

/// Packs a matrix `[outputs, inputs]` from the bytes of its tensor; output `i` is row `row(i)` of the file. `None`: the
/// format has no affine form here, or the bytes are not those of such a matrix.
pub fn pack(
    dtype: GgmlDType,
    bytes: &[u8],
    (outputs, inputs): (usize, usize),
    row: impl Fn(usize) -> usize,
) -> Option<PackedMatrix> {
    let format = Format::of(dtype)?;
    if !inputs.is_multiple_of(format.weights) {
        return None;
    }
    let row_bytes = inputs / format.weights * format.bytes;
    if bytes.len() != outputs * row_bytes {
        return None;
    }
    let per_file_block = format.weights / format.form.block();
    let mut matrix = PackedMatrix::zeros(outputs, inputs, format.form);
    for output in 0..outputs {
        let source = &bytes[row(output) * row_bytes..][..row_bytes];
        for (i, source) in source.chunks_exact(format.bytes).enumerate() {
            (format.read)(source, &mut |j, block| {
                matrix.set(output, i * per_file_block + j, block);
            });
        }
    }
    Some(matrix)
}

fn float(bytes: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32()
}

/// The low halves of 16 bytes, then the high halves.
fn nibbles(bytes: &[u8]) -> [u8; LONGEST] {
    std::array::from_fn(|i| if i < 16 { bytes[i] & 15 } else { bytes[i - 16] >> 4 })
}

/// `nibbles` with a fifth bit each from `high`, bit `i` for weight `i`.
fn with_fifth_bit(quants: [u8; LONGEST], high: &[u8]) -> [u8; LONGEST] {
    std::array::from_fn(|i| quants[i] | ((high[i / 8] >> (i % 8)) & 1) << 4)
}

fn tell(sink: &mut dyn FnMut(usize, &Block), index: usize, quants: &[u8], factor: f32, offset: f32) {
    sink(
        index,
        &Block {
            quants,
            factor,
            offset,
        },
    );
}

fn q4_0(b: &[u8], sink: &mut dyn FnMut(usize, &Block)) {
    let d = float(b, 0);
    tell(sink, 0, &nibbles(&b[2..]), d, -8.0 * d);
}

fn q4_1(b: &[u8], sink: &mut dyn FnMut(usize, &Block)) {
    tell(sink, 0, &nibbles(&b[4..]), float(b, 0), float(b, 2));
}

fn q5_0(b: &[u8], sink: &mut dyn FnMut(usize, &Block)) {
    let d = float(b, 0);
    tell(sink, 0, &with_fifth_bit(nibbles(&b[6..]), &b[2..6]), d, -16.0 * d);
}

fn q5_1(b: &[u8], sink: &mut dyn FnMut(usize, &Block)) {
    let quants = with_fifth_bit(nibbles(&b[8..]), &b[4..8]);
    tell(sink, 0, &quants, float(b, 0), float(b, 2));
}

fn q8_0(b: &[u8], sink: &mut dyn FnMut(usize, &Block)) {
    let d = float(b, 0);
    let quants: [u8; LONGEST] = std::array::from_fn(|i| b[2 + i] ^ 0x80);
    tell(sink, 0, &quants, d, -128.0 * d);
}

/// Scale and minimum `j` of the twelve bytes that hold eight of each, in six bits.
fn scale_and_minimum(scales: &[u8], j: usize) -> (f32, f32) {
    let (scale, minimum) = if j < 4 {
        (scales[j] & 63, scales[j + 4] & 63)
    } else {
        (
            scales[j + 4] & 15 | (scales[j - 4] >> 6) << 4,
            scales[j + 4] >> 4 | (scales[j] >> 6) << 4,
        )
    };
    (f32::from(scale), f32::from(minimum))
}

fn q4_k(b: &[u8], sink: &mut dyn FnMut(usize, &Block)) {
    let (d, minimum) = (float(b, 0), float(b, 2));
    for j in 0..8 {
        let (scale, m) = scale_and_minimum(&b[4..16], j);
        let source = &b[16 + j / 2 * 32..];
        let quants: [u8; LONGEST] = std::array::from_fn(|i| (source[i] >> (4 * (j % 2))) & 15);
        tell(sink, j, &quants, d * scale, -minimum * m);
    }
}

fn q5_k(b: &[u8], sink: &mut dyn FnMut(usize, &Block)) {
    let (d, minimum) = (float(b, 0), float(b, 2));
    for j in 0..8 {
        let (scale, m) = scale_and_minimum(&b[4..16], j);
        let (high, source) = (&b[16..48], &b[48 + j / 2 * 32..]);
        let quants: [u8; LONGEST] =
            std::array::from_fn(|i| (source[i] >> (4 * (j % 2))) & 15 | ((high[i] >> j) & 1) << 4);
        tell(sink, j, &quants, d * scale, -minimum * m);
    }
}

fn q6_k(b: &[u8], sink: &mut dyn FnMut(usize, &Block)) {
    let d = float(b, 208);
    for j in 0..16 {
        // Weights 16 j .. 16 j + 16: in half j / 8, quarter j / 2 % 4 of it.
        let (half, quarter, first) = (j / 8, j / 2 % 4, j % 2 * 16);
        let low = &b[half * 64 + quarter % 2 * 32 + first..];
        let high = &b[128 + half * 32 + first..];
        let quants: [u8; 16] = std::array::from_fn(|i| {
            (low[i] >> (quarter / 2 * 4)) & 15 | ((high[i] >> (quarter * 2)) & 3) << 4
        });
        let factor = d * f32::from(b[192 + j].cast_signed());
        tell(sink, j, &quants, factor, -32.0 * factor);
    }
}

#[cfg(test)]
mod tests {
    use candle_core::quantized::QTensor;
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::error::Result;

    /// Against candle's own reading of the same bytes.
    #[test]
    fn every_format_reads_as_candle_reads_it() -> Result<()> {
        let shape = (18, 512);
        let dense = Tensor::randn(0_f32, 1.0, shape, &Device::Cpu)?;
        for dtype in [
            GgmlDType::Q4_0,
            GgmlDType::Q4_1,
            GgmlDType::Q5_0,
            GgmlDType::Q5_1,
            GgmlDType::Q8_0,
            GgmlDType::Q4K,
            GgmlDType::Q5K,
            GgmlDType::Q6K,
        ] {
            let tensor = QTensor::quantize(&dense, dtype)?;
            let want = tensor.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
            let packed = pack(dtype, &tensor.data()?, shape, |row| row).map(|m| m.dense(0..m.shape().0));
            let got = packed.unwrap_or_default();
            assert_eq!(got.len(), want.len(), "{dtype:?}");
            for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                assert!((got - want).abs() < 2e-6, "{dtype:?}, weight {i}: {got}, {want}");
            }
        }
        Ok(())
    }

    #[test]
    fn rows_can_be_put_in_another_order() -> Result<()> {
        let dense = Tensor::randn(0_f32, 1.0, (4, 32), &Device::Cpu)?;
        let tensor = QTensor::quantize(&dense, GgmlDType::Q8_0)?;
        let read = |row: fn(usize) -> usize| -> Result<_> {
            Ok(pack(GgmlDType::Q8_0, &tensor.data()?, (4, 32), row).map(|m| m.dense(0..m.shape().0)))
        };
        let (straight, turned) = (
            read(|row| row)?.unwrap_or_default(),
            read(|row| 3 - row)?.unwrap_or_default(),
        );
        for (a, b) in straight.chunks(32).zip(turned.chunks(32).rev()) {
            assert_eq!(a, b);
        }
        Ok(())
    }

    #[test]
    fn what_is_no_such_matrix_is_refused() {
        assert!(pack(GgmlDType::Q8_0, &[0; 33], (1, 32), |row| row).is_none());
        assert!(pack(GgmlDType::Q4K, &[0; 36], (2, 32), |row| row).is_none());
        assert!(pack(GgmlDType::F32, &[0; 128], (1, 32), |row| row).is_none());
    }
}
