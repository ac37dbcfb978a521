//! The statistics, and how often a thing is run.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

struct Nobody(AtomicBool);

impl Watch for Nobody {
    fn tell(&self, _doing: &str, _done: usize, _total: usize) {}

    fn stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn figures_of(watch: &Nobody, warm_up: usize, values: &[f64]) -> Result<Rows<Figure>> {
    let session = Session {
        runs: values.len() - warm_up,
        warm_up,
        watch,
    };
    let mut values = values.iter();
    session.measure(|| {
        let value = values.next().copied().unwrap_or(f64::NAN);
        Ok(Sample::from_iter([("whole_ms", value), ("half_ms", value / 2.0)]))
    })
}

/// By hand: of 4, 1, 3, 2 the middle two are 2 and 3.
#[test]
fn a_figure_is_the_median_with_the_lowest_and_the_highest() {
    let figure = |median, low, high, n| Some(Figure { median, low, high, n });
    assert_eq!(Figure::of(&[4.0, 1.0, 3.0, 2.0]), figure(2.5, 1.0, 4.0, 4));
    assert_eq!(Figure::of(&[3.0, 9.0, 1.0]), figure(3.0, 1.0, 9.0, 3));
    assert_eq!(Figure::of(&[7.0]), figure(7.0, 7.0, 7.0, 1));
    assert_eq!(Figure::of(&[]), None);
}

#[test]
fn runs_to_warm_up_do_not_count() -> Result<()> {
    let measures = figures_of(&Nobody(false.into()), 2, &[900.0, 800.0, 1.0, 2.0, 6.0])?;
    let json = serde_json::to_string(&measures).unwrap_or_default();
    assert_eq!(
        json,
        r#"{"whole_ms":{"median":2.0,"low":1.0,"high":6.0,"n":3},"half_ms":{"median":1.0,"low":0.5,"high":3.0,"n":3}}"#
    );
    Ok(())
}

#[test]
fn a_stopped_session_gives_no_figures() {
    let ended = figures_of(&Nobody(true.into()), 0, &[1.0]);
    assert_eq!(ended.err().map(|e| e.kind()), Some(ErrorKind::Cancelled));
}
