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

struct Case {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
}

impl Case {
    fn new(rows: usize) -> Self {
        let (wide, narrow) = (HEADS.queries * HEADS.dim, HEADS.keys * HEADS.dim);
        Self {
            q: noise("q", rows * wide),
            k: noise("k", rows * narrow),
            v: noise("v", rows * narrow),
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
    let (case, segments) = (Case::new(82), tree());
    let attended = attend(HEADS, case.inputs(), &segments);
    let expected = by_formula(&case, &segments);
    let worst = attended
        .values
        .iter()
        .zip(&expected)
        .map(|(a, b)| (f64::from(*a) - b).abs())
        .fold(0.0, f64::max);
    assert!(worst < 1e-5, "{worst}");
}

/// Every entry of every gradient against central differences of the formula in f64.
#[test]
fn gradients_are_the_slopes_of_the_formula() {
    const STEP: f32 = 1e-2;
    let segments: Vec<Segment> = tree()
        .into_iter()
        .map(|mut s| {
            s.rows.end = s.rows.end.min(16);
            s
        })
        .collect();
    let mut case = Case::new(16);
    let dy = noise("dy", case.q.len());
    let attended = attend(HEADS, case.inputs(), &segments);
    let gradients = backward(
        HEADS,
        case.inputs(),
        &segments,
        (&attended.values, &attended.log_sums),
        &dy,
    );
    let loss = |case: &Case| -> f64 {
        let y = by_formula(case, &segments);
        y.iter().zip(&dy).map(|(y, &dy)| y * f64::from(dy)).sum()
    };
    for (which, gradient) in gradients.iter().enumerate() {
        for i in 0..gradient.len() {
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
