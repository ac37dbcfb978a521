//! Every kernel beside what this machine's own instructions could do, measured in the same run.
//!
//! Operations are those that the result needs: a multiplication and an addition each. Rows that a kernel only fills up
//! to a whole tile do not count, so that a product with one row can never reach its limit.

mod limit;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod unit;
mod work;

use std::time::{Duration, Instant};

use serde_json::json;

use super::figures::{Figure, Rows, Sample};
use super::{Outcome, Session};
use crate::error::Result;
use crate::model::config::DecoderConfig;

use limit::Limit;
use work::Memory;

/// How long one thing is repeated: the clock and the waking of threads do not matter in it.
const ENOUGH: Duration = Duration::from_millis(40);

/// A kernel at work on something.
struct Job {
    name: String,
    /// Operations, each of them useful.
    ops: f64,
    work: Box<dyn Fn() -> Result<()>>,
}

/// A kernel's jobs, and what bounds them.
type Group = (Limit, Vec<Job>);

/// Measures all kernels in the shapes of a model.
///
/// # Errors
/// A product of tensors fails; `Cancelled`.
pub fn run(session: &Session, config: &DecoderConfig) -> Result<Outcome> {
    let groups = work::groups(config)?;
    let memory = work::Memory::new();
    let mut measures = session.measure(|| once(session, &groups, &memory))?;
    let shares: Vec<_> = groups.iter().flat_map(|group| shares(group, &measures)).collect();
    measures.extend(shares);
    let facts = [
        ("hidden", json!(config.hidden)),
        ("intermediate", json!(config.intermediate)),
        ("heads", json!(config.heads)),
        ("kv_heads", json!(config.kv_heads)),
        ("head_dim", json!(config.head_dim)),
    ];
    Ok(Outcome {
        facts: facts.into_iter().collect(),
        measures,
    })
}

/// 10^9 operations a second of every limit and of every job.
fn once(session: &Session, groups: &[Group], memory: &Memory) -> Result<Sample> {
    let total: usize = groups.iter().map(|(_, jobs)| jobs.len()).sum();
    let mut sample = Sample::from_iter([("memory_read_gb_per_s", memory.read_rate()? / 1e9)]);
    let mut done = 0;
    for (limit, jobs) in groups {
        sample.extend([(limit.figure(), limit.ops_per_second()? / 1e9)]);
        for job in jobs {
            session.check()?;
            session.watch.tell(&job.name, done, total);
            done += 1;
            sample.extend([(job.figure(*limit), rate(job.ops, &job.work)? / 1e9)]);
        }
    }
    Ok(sample)
}

/// Each job's share of the highest limit that any run saw: what else the machine does can lower a share, and not raise it.
fn shares<'a>(
    (limit, jobs): &'a Group,
    measures: &'a Rows<Figure>,
) -> impl Iterator<Item = (String, Figure)> {
    let most = measures
        .get(&limit.figure())
        .map_or(f64::NAN, |figure| figure.high);
    jobs.iter().filter_map(move |job| {
        let got = measures.get(&job.figure(*limit))?;
        let share = Figure {
            median: got.median / most,
            low: got.low / most,
            high: got.high / most,
            n: got.n,
        };
        Some((format!("{}_share", job.name), share))
    })
}

impl Job {
    /// The name of its figure.
    fn figure(&self, limit: Limit) -> String {
        format!("{}_{}", self.name, limit.unit())
    }
}

/// What `work` does a second, when it does `amount` at a time.
fn rate(amount: f64, work: &dyn Fn() -> Result<()>) -> Result<f64> {
    work()?;
    let started = Instant::now();
    let mut times = 0;
    while started.elapsed() < ENOUGH {
        work()?;
        times += 1;
    }
    Ok(amount * f64::from(times) / started.elapsed().as_secs_f64())
}
