//! Pages come back as they were, damaged ones do not, and the folder stays small.

use super::*;
use crate::model::kv::{Geometry, Held, Number};

type Outcome<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

const GEOMETRY: Geometry = Geometry {
    layers: 3,
    kv_heads: 2,
    dim: 16,
    hidden: 24,
    number: Number::F16,
    held: Held::Blocks,
};

/// A branch that holds keys and values of `tokens`, each made of the token's number.
fn filled(tokens: &[u32]) -> BranchKv {
    let mut kv = BranchKv::root(GEOMETRY);
    let width = GEOMETRY.kv_heads * GEOMETRY.dim;
    let numbers: Vec<f32> = tokens
        .iter()
        .flat_map(|t| (0..width).map(move |i| (*t as f32 + i as f32 / 64.0).sin()))
        .collect();
    for layer in 0..GEOMETRY.layers {
        let values: Vec<f32> = numbers.iter().map(|x| x + layer as f32).collect();
        kv.write(layer, &numbers, &values);
    }
    let states: Vec<f32> = (tokens.iter())
        .flat_map(|t| (0..GEOMETRY.hidden).map(move |i| (*t as f32 + i as f32 / 64.0).cos()))
        .collect();
    kv.keep_states(&states);
    kv.advance(tokens.len());
    kv
}

fn bytes(kv: &BranchKv) -> Vec<u8> {
    let Layers::Blocks(layers) = &kv.layers else {
        return Vec::new();
    };
    let blocks = layers.iter().flatten();
    let blocks = blocks.flat_map(|block| [block.keys.bytes(), block.values.bytes()].concat());
    bytemuck::cast_slice(&kv.states)
        .iter()
        .copied()
        .chain(blocks)
        .collect()
}

/// Loads pages until one is missing.
fn load(folder: &PageFolder, tokens: &[u32]) -> BranchKv {
    let mut kv = BranchKv::root(GEOMETRY);
    for page in folder.pages(tokens) {
        if !folder.load(&page, &mut kv) {
            break;
        }
    }
    kv
}

fn store(folder: &PageFolder, tokens: &[u32]) -> Outcome<BranchKv> {
    let kv = filled(tokens);
    for page in folder.pages(tokens) {
        folder.store(&page, &kv)?;
    }
    Ok(kv)
}

fn files(dir: &tempfile::TempDir) -> Outcome<Vec<PathBuf>> {
    let mut files: Vec<_> = fs::read_dir(dir)?
        .map(|e| Ok(e?.path()))
        .collect::<io::Result<_>>()?;
    files.sort();
    Ok(files)
}

#[test]
fn a_prefix_comes_back_to_the_bit() -> Outcome {
    let dir = tempfile::tempdir()?;
    let folder = PageFolder::new(dir.path(), u64::MAX, "weights");
    let tokens: Vec<u32> = (0..600).collect();
    let kept = store(&folder, &tokens)?;
    let loaded = load(&folder, &tokens);
    assert_eq!(loaded.len(), 600);
    assert_eq!(bytes(&loaded), bytes(&kept));
    assert_eq!(files(&dir)?.len(), 3, "256 + 256 + 88 tokens");
    Ok(())
}

#[test]
fn what_grew_is_read_from_where_it_grew_and_other_weights_begin_anew() -> Outcome {
    let dir = tempfile::tempdir()?;
    let folder = PageFolder::new(dir.path(), u64::MAX, "weights");
    store(&folder, &(0..600).collect::<Vec<_>>())?;
    let grown: Vec<u32> = (0..700).collect();
    assert_eq!(load(&folder, &grown).len(), 512, "the last page is another one");
    let changed: Vec<u32> = (0..300).chain(900..1_200).collect();
    assert_eq!(load(&folder, &changed).len(), 256);
    let other = PageFolder::new(dir.path(), u64::MAX, "other weights");
    assert_eq!(load(&other, &grown).len(), 0);
    Ok(())
}

#[test]
fn a_damaged_page_is_not_believed_and_is_replaced() -> Outcome {
    let dir = tempfile::tempdir()?;
    let folder = PageFolder::new(dir.path(), u64::MAX, "weights");
    let tokens: Vec<u32> = (0..256).collect();
    store(&folder, &tokens)?;
    let path = files(&dir)?.pop().ok_or("no page")?;
    let good = fs::read(&path)?;
    for at in [0, 8, 40, HEADER, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, bad)?;
        assert_eq!(load(&folder, &tokens).len(), 0, "byte {at} was changed");
        assert!(!path.exists());
    }
    fs::write(&path, &good[..good.len() - 1])?;
    assert_eq!(load(&folder, &tokens).len(), 0);
    store(&folder, &tokens)?;
    assert_eq!(load(&folder, &tokens).len(), 256);
    Ok(())
}

#[test]
fn the_pages_used_last_stay() -> Outcome {
    let dir = tempfile::tempdir()?;
    let page = (HEADER + 2 * PAGE * GEOMETRY.hidden + GEOMETRY.layers * 4 * GEOMETRY.block_bytes()) as u64;
    let folder = PageFolder::new(dir.path(), 2 * page, "weights");
    let prefixes: Vec<Vec<u32>> = (0..3).map(|i| (i * 1_000..i * 1_000 + 256).collect()).collect();
    for (age, prefix) in (1..).zip(&prefixes) {
        store(&folder, prefix)?;
        for path in files(&dir)? {
            let file = File::options().write(true).open(path)?;
            file.set_modified(SystemTime::now() - Duration::from_secs(100 * age))?;
        }
    }
    fs::write(dir.path().join("note"), "not ours")?;
    assert_eq!(load(&folder, &prefixes[0]).len(), 256, "used just now");
    folder.trim()?;
    assert_eq!(files(&dir)?.len(), 3, "two pages and the note");
    assert_eq!(load(&folder, &prefixes[0]).len(), 256);
    Ok(())
}

#[test]
fn nobody_else_can_read_the_folder() -> Outcome {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir()?;
    let inside = dir.path().join("cache/prefixes");
    store(&PageFolder::new(&inside, u64::MAX, "weights"), &[1, 2, 3])?;
    assert_eq!(fs::metadata(&inside)?.permissions().mode() & 0o777, 0o700);
    Ok(())
}
