//! `plumb train plan`: how much memory and time a run takes, and whether it fits.

use std::path::Path;

use super::base::Base;
use super::data::{Data, Pairs, Tasks};
use super::{Planned, TrainArgs};
use crate::cli::out;
use crate::config::Config;
use crate::error::Result;
use crate::learn::train::duration;

pub(super) fn run(
    dir: &Path,
    pairs: Option<&Path>,
    kind: Planned,
    how: &TrainArgs,
    config: &Config,
) -> Result<()> {
    let base = Base::new(how, config)?;
    let (load, identity) = match kind {
        Planned::Sft => {
            let data = Data::read(dir, &base)?;
            (data.load(&base.settings), data.identity)
        }
        Planned::Grpo => {
            let tasks = Tasks::read(dir, &base)?;
            (tasks.load(&base.settings), tasks.identity)
        }
        Planned::Reward => {
            let pairs = Pairs::read(pairs, &base, config)?;
            (pairs.load(&base.settings), pairs.identity)
        }
    };
    let estimate = base.estimate(load)?;
    if how.json {
        out::json(&estimate)?;
        return estimate.check();
    }
    let gb = |bytes: u64| format!("{:.2} GB", bytes as f64 / 1e9);
    let mut lines = vec![format!(
        "{} samples ({} left out as too long); {} tokens to read in {} steps",
        identity.samples, identity.left_out, estimate.tokens, estimate.steps
    )];
    let rows = [
        ("weights", gb(estimate.weights_bytes)),
        ("activations", gb(estimate.activations_bytes)),
        ("logits", gb(estimate.logits_bytes)),
        ("adapter and optimiser", gb(estimate.optimiser_bytes)),
        ("together", gb(estimate.total_bytes)),
        (
            "free now",
            estimate.available_bytes.map_or_else(|| "unknown".to_owned(), gb),
        ),
        ("time, about", duration(estimate.seconds)),
    ];
    let rows: Vec<Vec<String>> = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    lines.extend(out::table(&rows, 1..2));
    lines.push(format!(
        "{} numbers learn; activations are {}; measured at {:.0} GFLOP/s",
        estimate.parameters,
        if estimate.checkpointing {
            "computed again backwards"
        } else {
            "kept"
        },
        estimate.gflops
    ));
    out::lines(&lines)?;
    estimate.check()
}
