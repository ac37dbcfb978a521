//! Resemblyzer's voice encoder, from the checkpoint that `PyTorch` saved before its version 1.6 to safetensors. Such a
//! file is pickles one behind the other, then the numbers:
//!
//! ```text
//! pickle of a magic number, pickle of the version 1001, pickle of the machine's sizes
//! pickle of the checkpoint, whose tensors name a storage, an offset and a shape
//! pickle of the list of storages, then for each: u64 numbers, f32 * numbers
//! ```
//!
//! Everything is little endian. A pickle is only taken apart here, nothing it names is looked up or run. The checkpoint
//! also holds what its training needed, which is left out.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use candle_core::pickle::{Object, Stack};
use serde::Serialize;

use super::ctranslate2::bad;
use super::ggml::raw;
use crate::error::Result;

/// How the file begins: the pickle of the magic number, and that of the version.
const HEAD: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.";
/// The published file has 17 MB.
const MAX_BYTES: usize = 64 << 20;
/// The published file's longest pickle has 1,786 instructions.
const MAX_INSTRUCTIONS: usize = 100_000;
/// The names of the weights, and their shapes.
pub(in crate::model::speech) const TENSORS: [(&str, &[usize]); 14] = [
    ("linear.bias", &[256]),
    ("linear.weight", &[256, 256]),
    ("lstm.bias_hh_l0", &[1024]),
    ("lstm.bias_hh_l1", &[1024]),
    ("lstm.bias_hh_l2", &[1024]),
    ("lstm.bias_ih_l0", &[1024]),
    ("lstm.bias_ih_l1", &[1024]),
    ("lstm.bias_ih_l2", &[1024]),
    ("lstm.weight_hh_l0", &[1024, 256]),
    ("lstm.weight_hh_l1", &[1024, 256]),
    ("lstm.weight_hh_l2", &[1024, 256]),
    ("lstm.weight_ih_l0", &[1024, 40]),
    ("lstm.weight_ih_l1", &[1024, 256]),
    ("lstm.weight_ih_l2", &[1024, 256]),
];

/// Where a tensor's numbers lie: its storage, the first of them, and its shape.
struct Place {
    storage: String,
    offset: usize,
    shape: Vec<usize>,
}

/// Converts the encoder.
pub(super) fn convert(checkpoint: &[u8], out: &mut impl Write) -> Result<()> {
    let mut rest = checkpoint
        .strip_prefix(HEAD)
        .filter(|_| checkpoint.len() <= MAX_BYTES)
        .ok_or_else(|| bad("it is no checkpoint of PyTorch's older layout"))?;
    unpickle(&mut rest)?;
    let places = places(unpickle(&mut rest)?);
    let storages = storages(unpickle(&mut rest)?, rest)?;
    let mut weights = Vec::new();
    for (name, shape) in TENSORS {
        let place = places
            .get(name)
            .ok_or_else(|| bad(format!("there is no {name} in it")))?;
        if place.shape != shape {
            let message = format!("{name} has the shape {:?}, not {shape:?}", place.shape);
            return Err(bad(message));
        }
        let from = place.offset.saturating_mul(4);
        let bytes = storages
            .get(&place.storage)
            .and_then(|numbers| numbers.get(from..from.checked_add(shape.iter().product::<usize>() * 4)?));
        weights.push(bytes.ok_or_else(|| bad(format!("the numbers of {name} are not in it")))?);
    }
    write(&weights, out)
}

/// The next pickle of `rest`.
fn unpickle(rest: &mut &[u8]) -> Result<Object> {
    let mut stack = Stack::empty();
    for _ in 0..MAX_INSTRUCTIONS {
        let recalls = matches!(rest.first(), Some(b'h' | b'j'));
        if !holds_its_text(rest) {
            break;
        }
        let ended = stack
            .read(rest)
            .map_err(|e| bad("a pickle in it is broken").because(e))?;
        // Copies of copies would fill the memory: what is said twice is only ever a name.
        let name = matches!(
            stack.stack().last(),
            Some(Object::Unicode(_) | Object::Class { .. })
        );
        if recalls && !name {
            break;
        }
        if ended {
            return stack
                .finalize()
                .map_err(|e| bad("a pickle in it is empty").because(e));
        }
    }
    Err(bad("a pickle in it does not end"))
}

/// Whether the next instruction, where it is a text, is no longer than what follows: its length would be believed.
fn holds_its_text(rest: &[u8]) -> bool {
    match rest {
        [b'X', a, b, c, d, text @ ..] => u32::from_le_bytes([*a, *b, *c, *d]) as usize <= text.len(),
        _ => true,
    }
}

/// The tensors of the checkpoint's `model_state`.
fn places(checkpoint: Object) -> HashMap<String, Place> {
    let entry = |(key, value): (Object, Object)| Some((key.unicode().ok()?, value));
    let fields = checkpoint
        .dict()
        .unwrap_or_default()
        .into_iter()
        .filter_map(entry);
    let state = fields.into_iter().find(|(key, _)| key == "model_state");
    let tensors = state.and_then(|(_, state)| state.dict().ok()).unwrap_or_default();
    let tensors = tensors.into_iter().filter_map(entry);
    tensors
        .filter_map(|(name, tensor)| Some((name, place(tensor)?)))
        .collect()
}

/// `torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, …)`, its numbers without gaps, row by row.
fn place(tensor: Object) -> Option<Place> {
    let (callable, args) = tensor.reduce().ok()?;
    let (_, class) = callable.class().ok()?;
    let mut args = args.tuple().ok()?.into_iter();
    let storage = args.next()?.persistent_load().ok()?.tuple().ok()?;
    let offset = usize::try_from(args.next()?.int_or_long().ok()?).ok()?;
    let shape = Vec::<usize>::try_from(args.next()?).ok()?;
    let strides = Vec::<usize>::try_from(args.next()?).ok()?;
    let mut dense = 1_usize;
    let rows = shape.iter().zip(&strides).rev().all(|(size, stride)| {
        let follows = *stride == dense;
        dense = dense.saturating_mul(*size);
        follows
    });
    let mut storage = storage.into_iter().skip(1);
    let (_, kind) = storage.next()?.class().ok()?;
    let right = class == "_rebuild_tensor_v2" && kind == "FloatStorage" && rows;
    right.then_some(Place {
        storage: storage.next()?.unicode().ok()?,
        offset,
        shape,
    })
}

/// The bytes of every storage, in the order of `names`.
fn storages(names: Object, mut rest: &[u8]) -> Result<HashMap<String, &[u8]>> {
    let cut_short = || bad("it is cut short");
    let Object::List(names) = names else {
        return Err(bad("it does not list its storages"));
    };
    let mut found = HashMap::new();
    for name in names {
        let name = name.unicode().map_err(|_| bad("a storage in it has no name"))?;
        let (count, after) = rest.split_first_chunk::<8>().ok_or_else(cut_short)?;
        let bytes = u64::from_le_bytes(*count).saturating_mul(4);
        let bytes = usize::try_from(bytes).map_err(|_| cut_short())?;
        let (numbers, after) = after.split_at_checked(bytes).ok_or_else(cut_short)?;
        found.insert(name, numbers);
        rest = after;
    }
    Ok(found)
}

/// One tensor in the head of a safetensors file.
#[derive(Serialize)]
struct Row {
    dtype: &'static str,
    shape: &'static [usize],
    data_offsets: [usize; 2],
}

/// Safetensors: u64 length of the JSON that names the tensors, the JSON, the numbers.
fn write(weights: &[&[u8]], out: &mut impl Write) -> Result<()> {
    let mut end = 0;
    let rows = TENSORS.iter().zip(weights).map(|((name, shape), bytes)| {
        let from = end;
        end += bytes.len();
        let row = Row {
            dtype: "F32",
            shape,
            data_offsets: [from, end],
        };
        (*name, row)
    });
    let rows: BTreeMap<_, _> = rows.collect();
    let mut json = serde_json::to_vec(&rows).map_err(|e| bad("its names cannot be written").because(e))?;
    json.resize(json.len().next_multiple_of(8), b' ');
    raw(out, &(json.len() as u64).to_le_bytes())?;
    raw(out, &json)?;
    weights.iter().try_for_each(|bytes| raw(out, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    /// A checkpoint as `PyTorch` 1.5 writes it, all tensors in one storage of zeros behind each other.
    fn checkpoint(tensors: &[(&str, &[usize])]) -> Vec<u8> {
        let number = |n: usize| [&b"J"[..], &(n as i32).to_le_bytes()].concat();
        let text = |t: &str| [&b"X"[..], &(t.len() as u32).to_le_bytes(), t.as_bytes()].concat();
        let tuple = |sizes: &[usize]| {
            [
                b"(".to_vec(),
                sizes.iter().flat_map(|&n| number(n)).collect(),
                b"t".to_vec(),
            ]
            .concat()
        };
        let mut file = [HEAD, b"\x80\x02}.\x80\x02}"].concat();
        file.extend([text("model_state"), b"}(".to_vec()].concat());
        let mut numbers = 0;
        for (name, shape) in tensors {
            let strides: Vec<usize> = (1..=shape.len()).map(|i| shape[i..].iter().product()).collect();
            file.extend(
                [
                    text(name),
                    b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
                    text("storage"),
                ]
                .concat(),
            );
            file.extend(
                [
                    b"ctorch\nFloatStorage\n".to_vec(),
                    text("7"),
                    text("cpu"),
                    number(99),
                    b"NtQ".to_vec(),
                ]
                .concat(),
            );
            file.extend(
                [
                    number(numbers),
                    tuple(shape),
                    tuple(&strides),
                    b"\x89}tR".to_vec(),
                ]
                .concat(),
            );
            numbers += shape.iter().product::<usize>();
        }
        file.extend([b"us.\x80\x02]".to_vec(), text("7"), b"a.".to_vec()].concat());
        file.extend((numbers as u64).to_le_bytes());
        file.extend((0..numbers).flat_map(|n| (n as f32).to_le_bytes()));
        file
    }

    #[test]
    fn every_weight_comes_out_under_its_name() -> Outcome {
        let mut out = Vec::new();
        convert(&checkpoint(&TENSORS), &mut out)?;
        let tensors = candle_core::safetensors::load_buffer(&out, &candle_core::Device::Cpu)?;
        let mut first = 0.0;
        for (name, shape) in TENSORS {
            let tensor = tensors.get(name).ok_or(name)?;
            assert_eq!(tensor.dims(), shape, "{name}");
            let found = tensor.flatten_all()?.to_vec1::<f32>()?;
            assert!(
                (found[0] - first).abs() < 0.5,
                "{name}: {}, not {first}",
                found[0]
            );
            first += found.len() as f32;
        }
        // 1,423,616 numbers, as the published encoder has.
        assert_eq!(out.len(), 5_695_632);
        Ok(())
    }

    #[test]
    fn what_is_no_such_checkpoint_is_one_clear_line() {
        let whole = checkpoint(&TENSORS);
        let mut wide = TENSORS;
        wide[1].1 = &[256, 257];
        // A tuple of two copies of itself, again and again.
        let bomb = [HEAD, b"\x80\x02)", &b"q\x00h\x00\x86".repeat(50), b"."].concat();
        let long = [HEAD, b"\x80\x02X\xff\xff\xff\xffab"].concat();
        let cases: [(&[u8], &str); 7] = [
            (b"PK\x03\x04", "no checkpoint"),
            (&whole[..whole.len() - 1], "cut short"),
            (&whole[..60], "pickle in it"),
            (&checkpoint(&TENSORS[1..]), "no linear.bias"),
            (&checkpoint(&wide), "linear.weight has the shape [256, 257]"),
            (&bomb, "does not end"),
            (&long, "does not end"),
        ];
        for (bytes, wanted) in cases {
            let error = convert(bytes, &mut Vec::new()).err().map(|e| e.to_string());
            assert!(
                error.as_deref().is_some_and(|e| e.contains(wanted)),
                "{wanted}: {error:?}"
            );
        }
    }
}
