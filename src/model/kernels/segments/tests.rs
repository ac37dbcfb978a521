use super::*;
use crate::seed::Seed;

const HEADS: Heads = Heads {
    queries: 4,
    keys: 2,
    dim: 8,
};

fn noise(name: &str, count: usize) -> Vec<f32> {
    let mut stream = Seed::root(5).branch(name).stream();
    (0..count)
        .map(|_| (stream.below(2001) as f32 / 1000.0) - 1.0)
        .collect()
}

/// Two answers to one prompt, and a segment of its own that is longer than a part.
fn tree() -> Vec<Segment> {
    let segment = |rows, prefix: Range<usize>| Segment {
        rows,
        before: vec![prefix],
    };
    vec![
        segment(0..5, 0..0),
        segment(5..9, 0..5),
        segment(9..12, 0..5),
        segment(12..82, 0..0),
    ]
}

/// Keys in front of all others.
const SILENT: usize = 7;

/// One segment behind some keys that do not ask, and one behind all of these and the first.
fn behind_silent() -> Vec<Segment> {
    let first = Segment {
        rows: 0..5,
        before: vec![2..5, 5..6],
    };
    let second = Segment {
        rows: 5..16,
        before: vec![0..SILENT, SILENT..SILENT + 5],
    };
    vec![first, second]
}

struct Case {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
}

impl Case {
    fn new(rows: usize) -> Self {
        Self::behind(0, rows)
    }

    /// With keys in front that belong to rows which do not ask.
    fn behind(silent: usize, rows: usize) -> Self {
        let (wide, narrow) = (HEADS.queries * HEADS.dim, HEADS.keys * HEADS.dim);
        Self {
            q: noise("q", rows * wide),
            k: noise("k", (silent + rows) * narrow),
            v: noise("v", (silent + rows) * narrow),
        }
    }

    fn inputs(&self) -> Inputs<'_> {
        Inputs {
            q: &self.q,
            k: &self.k,
            v: &self.v,
        }
    }
}

/// Row by row as the formula says, in f64.
fn by_formula(case: &Case, segments: &[Segment]) -> Vec<f64> {
    let Heads { queries, keys, dim } = HEADS;
    let silent = case.inputs().silent(HEADS);
    let mut out = vec![0.0; case.q.len()];
    for segment in segments {
        for row in segment.rows.clone() {
            for head in 0..queries {
                let key_head = head / (queries / keys);
                let own = silent + segment.rows.start..=silent + row;
                let seen: Vec<usize> = segment.before.iter().cloned().flatten().chain(own).collect();
                let score = |&other: &usize| -> f64 {
                    let q = &case.q[(row * queries + head) * dim..][..dim];
                    let k = &case.k[(other * keys + key_head) * dim..][..dim];
                    let product: f64 = q.iter().zip(k).map(|(&q, &k)| f64::from(q) * f64::from(k)).sum();
                    (product / (dim as f64).sqrt()).exp()
                };
                let weights: Vec<f64> = seen.iter().map(score).collect();
                let total: f64 = weights.iter().sum();
                for (weight, &other) in weights.iter().zip(&seen) {
                    for i in 0..dim {
                        let value = case.v[(other * keys + key_head) * dim + i];
                        out[(row * queries + head) * dim + i] += weight / total * f64::from(value);
                    }
                }
            }
        }
    }
    out
}

#[test]
fn rows_see_their_prefix_and_their_own_past() {
    for (case, segments) in [
        (Case::new(82), tree()),
        (Case::behind(SILENT, 16), behind_silent()),
    ] {
        let attended = attend(HEADS, case.inputs(), &segments);
        let expected = by_formula(&case, &segments);
        let apart = attended.values.iter().zip(&expected);
        let worst = apart.map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(worst < 1e-5, "{worst}");
    }
}

/// Every entry of every gradient against central differences of the formula in f64.
#[test]
fn gradients_are_the_slopes_of_the_formula() {
    let cut = |mut s: Segment| {
        s.rows.end = s.rows.end.min(16);
        s
    };
    let short: Vec<Segment> = tree().into_iter().map(cut).collect();
    slopes(Case::new(16), &short);
    slopes(Case::behind(SILENT, 16), &behind_silent());
}

fn slopes(mut case: Case, segments: &[Segment]) {
    const STEP: f32 = 1e-2;
    let silent = case.inputs().silent(HEADS) * HEADS.keys * HEADS.dim;
    let dy = noise("dy", case.q.len());
    let attended = attend(HEADS, case.inputs(), segments);
    let gradients = backward(
        HEADS,
        case.inputs(),
        segments,
        (&attended.values, &attended.log_sums),
        &dy,
    );
    let loss = |case: &Case| -> f64 {
        let y = by_formula(case, segments);
        y.iter().zip(&dy).map(|(y, &dy)| y * f64::from(dy)).sum()
    };
    for (which, gradient) in gradients.iter().enumerate() {
        // Nothing flows back to keys and values whose rows do not ask.
        let first = if which == 0 { 0 } else { silent };
        assert!(gradient[..first].iter().all(|d| *d == 0.0), "input {which}");
        for i in first..gradient.len() {
            let mut moved = |by: f32| {
                let part = [&mut case.q, &mut case.k, &mut case.v];
                let (was, now) = (part[which][i], part[which][i] + by);
                part.into_iter().nth(which).into_iter().for_each(|p| p[i] = now);
                let loss = loss(&case);
                [&mut case.q, &mut case.k, &mut case.v][which][i] = was;
                (now, loss)
            };
            let ((high, above), (low, below)) = (moved(STEP), moved(-STEP));
            let slope = (above - below) / f64::from(high - low);
            let off = (slope - f64::from(gradient[i])).abs();
            assert!(
                off < 2e-4,
                "input {which}, entry {i}: {slope} and {}",
                gradient[i]
            );
        }
    }
}
