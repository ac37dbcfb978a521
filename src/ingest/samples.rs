//! Every sample that comes with the project, read whole. The counts were taken by reading the listing beside the files.

use std::path::PathBuf;

use super::levels::Levels;
use super::tests::{Outcome, check_spans};
use super::*;
use crate::rubric;

fn samples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("samples")
}

/// Dossier, segments, hidden characters, orders to a model: written into one self-review to be found.
const COUNTS: [(&str, usize, usize, usize); 10] = [
    ("en-priya-nair-2026h1", 171, 0, 0),
    ("en-sarah-chen-2025h2", 139, 0, 0),
    ("en-sarah-chen-2026h1", 276, 0, 0),
    ("en-tom-okafor-2026h1", 162, 0, 0),
    ("zh-chenjie-2026h1", 171, 0, 0),
    ("zh-hanmeimei-2026h1", 161, 6, 0),
    ("zh-lilei-2025h2", 161, 0, 0),
    ("zh-lilei-2026h1", 213, 0, 0),
    ("zh-wangqiang-2026h1", 193, 0, 4),
    ("zh-zhaomin-2026h1", 184, 0, 0),
];

#[test]
fn every_sample_opens_whole() -> Outcome {
    let mut counts = Vec::new();
    for dir in find(&samples())? {
        let dossier = open(&dir)?;
        let orders: usize = dossier.sources.iter().map(|s| s.orders().count()).sum();
        assert_eq!(
            dossier.problems.len(),
            usize::from(orders > 0),
            "{:?}",
            dossier.problems
        );
        dossier.sources.iter().for_each(check_spans);
        let hidden: usize = dossier.sources.iter().map(|s| s.shown.findings().count()).sum();
        counts.push((
            dossier.meta.id.to_string(),
            dossier.segments().count(),
            hidden,
            orders,
        ));
    }
    let expected = COUNTS.map(|(id, segments, hidden, orders)| (id.to_owned(), segments, hidden, orders));
    assert_eq!(counts, expected);
    Ok(())
}

#[test]
fn every_rated_behaviour_is_found_in_one_segment() -> Outcome {
    let core = rubric::builtin("core")?;
    let dimensions: Vec<_> = core.dimensions.iter().map(|d| &d.id).collect();
    for dir in find(&samples())? {
        let dossier = open(&dir)?;
        let levels = Levels::load(&dir.join("levels.toml"))?;
        let rated: Vec<_> = levels.ratings.iter().map(|r| &r.dimension).collect();
        assert_eq!(rated, dimensions, "{}", dir.display());
        let dimension = |r: &levels::Rating| core.dimension(&r.dimension).map(|d| d.behaviours.clone());
        for rating in &levels.ratings {
            let known = dimension(rating).unwrap_or_default();
            for behaviour in &rating.behaviours {
                assert!(known.iter().any(|b| b.id == behaviour.id), "{behaviour:?}");
                let held = behaviour.segments(&dossier);
                let whole = held
                    .iter()
                    .filter_map(|no| dossier.segment(*no))
                    .filter(|s| s.text.contains(&behaviour.quote));
                assert_eq!(whole.count(), held.len(), "{behaviour:?}");
                assert!(!held.is_empty(), "{behaviour:?}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_second_ratings_are_read_too() -> Outcome {
    for dir in find(&samples())? {
        let blind = Levels::load(&dir.join("blind.toml"))?;
        assert_eq!(blind.ratings.len(), 8);
        assert!(blind.ratings.iter().all(|r| r.behaviours.is_empty()));
    }
    Ok(())
}
