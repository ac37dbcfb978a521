//! Against attention written out in f64, and figures by hand.

use super::*;
use crate::model::kv::{Held, Number};

const GEOMETRY: Geometry = Geometry {
    layers: 1,
    kv_heads: 2,
    dim: 32,
    hidden: 64,
    number: Number::F32,
    held: Held::Blocks,
};
const HEADS: usize = 6;
const WIDTH: usize = GEOMETRY.kv_heads * GEOMETRY.dim;

fn noise(stream: usize, count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i * 7_919 + stream * 104_729) as f32 * 0.618).sin())
        .collect()
}

/// Blocks that hold `keys` and `values` (`[n, WIDTH]`).
fn blocks(keys: &[f32], values: &[f32]) -> Vec<Arc<KvBlock>> {
    let mut blocks = Vec::new();
    for (i, (key, value)) in keys.chunks(WIDTH).zip(values.chunks(WIDTH)).enumerate() {
        if i % BLOCK == 0 {
            blocks.push(Arc::new(KvBlock::empty(GEOMETRY)));
        }
        Arc::make_mut(&mut blocks[i / BLOCK]).write(GEOMETRY, i % BLOCK, key, value);
    }
    blocks
}

/// One query (`[HEADS * D]`) over the first `seen` keys.
fn written_out(query: &[f32], keys: &[f32], values: &[f32], seen: usize) -> Vec<f64> {
    let dim = GEOMETRY.dim;
    let mut out = Vec::new();
    for head in 0..HEADS {
        let kv_head = head / (HEADS / GEOMETRY.kv_heads);
        let of = |all: &'static str, j: usize, d: usize| {
            let source = if all == "keys" { keys } else { values };
            f64::from(source[j * WIDTH + kv_head * dim + d])
        };
        let scores: Vec<f64> = (0..seen)
            .map(|j| {
                let dot: f64 = (0..dim)
                    .map(|d| f64::from(query[head * dim + d]) * of("keys", j, d))
                    .sum();
                (dot / (dim as f64).sqrt()).exp()
            })
            .collect();
        let total: f64 = scores.iter().sum();
        out.extend((0..dim).map(|d| {
            let sum: f64 = scores
                .iter()
                .enumerate()
                .map(|(j, s)| s * of("values", j, d))
                .sum();
            sum / total
        }));
    }
    out
}

fn assert_close(got: &[f32], want: &[f64], what: &str) {
    for (got, want) in got.iter().zip(want) {
        assert!((f64::from(*got) - want).abs() < 2e-6, "{what}: {got}, {want}");
    }
}

#[test]
fn a_causal_pass_equals_attention_written_out() {
    for tokens in [1, 5, 64, 130] {
        for prior in [0, 3, 64, 100] {
            let n = prior + tokens;
            let (keys, values) = (noise(1, n * WIDTH), noise(2, n * WIDTH));
            let queries = noise(3, tokens * HEADS * GEOMETRY.dim);
            let own = blocks(&keys, &values);
            let spans = [Span {
                first_row: 0,
                rows: tokens,
                position: prior,
                blocks: &own,
            }];
            let got = Attention {
                geometry: GEOMETRY,
                heads: HEADS,
                queries: &queries,
                shared: &[],
                spans: &spans,
            }
            .run();
            let width = HEADS * GEOMETRY.dim;
            for (row, (query, got)) in queries.chunks(width).zip(got.chunks(width)).enumerate() {
                let want = written_out(query, &keys, &values, prior + row + 1);
                assert_close(got, &want, &format!("{tokens} tokens after {prior}, row {row}"));
            }
        }
    }
}

#[test]
fn branches_see_the_shared_blocks_and_their_own() {
    let (shared_keys, shared_values) = (noise(1, 128 * WIDTH), noise(2, 128 * WIDTH));
    let shared = blocks(&shared_keys, &shared_values);
    let lengths = [3, 70, 1];
    let branches: Vec<_> = (0..3)
        .map(|b| {
            let (keys, values) = (
                noise(10 + b, lengths[b] * WIDTH),
                noise(20 + b, lengths[b] * WIDTH),
            );
            let own = blocks(&keys, &values);
            (keys, values, own)
        })
        .collect();
    // One row each, the last of its branch.
    let spans: Vec<_> = branches
        .iter()
        .enumerate()
        .map(|(b, (_, _, own))| Span {
            first_row: b,
            rows: 1,
            position: 128 + lengths[b] - 1,
            blocks: own,
        })
        .collect();
    let queries = noise(3, 3 * HEADS * GEOMETRY.dim);
    let got = Attention {
        geometry: GEOMETRY,
        heads: HEADS,
        queries: &queries,
        shared: &shared,
        spans: &spans,
    }
    .run();
    let width = HEADS * GEOMETRY.dim;
    for (b, (keys, values, _)) in branches.iter().enumerate() {
        let (keys, values) = (
            [&shared_keys[..], keys].concat(),
            [&shared_values[..], values].concat(),
        );
        let want = written_out(&queries[b * width..][..width], &keys, &values, 128 + lengths[b]);
        assert_close(&got[b * width..][..width], &want, &format!("branch {b}"));
    }
}

#[test]
fn equal_keys_share_equally_and_huge_scores_neither_overflow_nor_vanish() {
    let dim = GEOMETRY.dim;
    let values: Vec<f32> = (0..100 * WIDTH).map(|i| (i / WIDTH) as f32).collect();
    let run = |keys: &[f32], query: f32| {
        let own = blocks(keys, &values);
        let spans = [Span {
            first_row: 0,
            rows: 1,
            position: 99,
            blocks: &own,
        }];
        Attention {
            geometry: GEOMETRY,
            heads: HEADS,
            queries: &vec![query; HEADS * dim],
            shared: &[],
            spans: &spans,
        }
        .run()
    };
    // The mean of 0..100.
    for y in run(&vec![1.0; 100 * WIDTH], 1.0) {
        assert!((y - 49.5).abs() < 1e-4, "{y}");
    }
    // One key, in the second block, is worth everything.
    let mut keys = vec![-1e4; 100 * WIDTH];
    keys[80 * WIDTH..81 * WIDTH].fill(1e4);
    for y in run(&keys, 100.0) {
        assert!((y - 80.0).abs() < 1e-6, "{y}");
    }
}

/// As keys lie beside quantised weights, where a processor with a matrix unit takes another way than vectors do.
#[test]
fn halves_of_any_size_equal_attention_written_out() {
    let geometry = Geometry {
        dim: 64,
        number: Number::F16,
        ..GEOMETRY
    };
    let (heads, width, n) = (14, geometry.kv_heads * geometry.dim, 300);
    // What f16 holds exactly; queries and values of several sizes, scores up to about 40.
    let halves = |stream| -> Vec<f32> {
        let noise = noise(stream, n * width).into_iter();
        noise.map(|x| half::f16::from_f32(4.0 * x).to_f32()).collect()
    };
    let (keys, values) = (halves(1), halves(2));
    let mut all = vec![KvBlock::empty(geometry); n.div_ceil(BLOCK)];
    for (i, (key, value)) in keys.chunks(width).zip(values.chunks(width)).enumerate() {
        all[i / BLOCK].write(geometry, i % BLOCK, key, value);
    }
    let all: Vec<_> = all.into_iter().map(Arc::new).collect();
    for tokens in [1, 9, 130] {
        let queries: Vec<f32> = noise(3, tokens * heads * geometry.dim)
            .into_iter()
            .map(|x| 5.0 * x)
            .collect();
        let span = Span {
            first_row: 0,
            rows: tokens,
            position: n - tokens,
            blocks: &all[2..],
        };
        let pass = Attention {
            geometry,
            heads,
            queries: &queries,
            shared: &all[..2],
            spans: &[span],
        };
        let got = pass.run();
        let all_rows = queries
            .chunks_exact(geometry.dim)
            .zip(got.chunks_exact(geometry.dim));
        for (row, (query, got)) in all_rows.enumerate() {
            let (token, kv_head) = (row / heads, row % heads / (heads / geometry.kv_heads));
            let seen = n - tokens + token + 1;
            let want = one_head(query, &keys, &values, width, kv_head * geometry.dim, seen);
            for (got, want) in got.iter().zip(want) {
                // 2^-16 of a score of 40, of a value of 4.
                assert!(
                    (f64::from(*got) - want).abs() < 2.4e-3,
                    "row {row}: {got}, {want}"
                );
            }
        }
        // A row alone gives the bits that it gives among others.
        let last = Span {
            rows: 1,
            position: n - 1,
            ..span
        };
        let alone = Attention {
            queries: &queries[(tokens - 1) * heads * geometry.dim..],
            spans: &[last],
            ..pass
        };
        assert_eq!(alone.run(), got[(tokens - 1) * heads * geometry.dim..]);
    }
}

/// One query `[D]` over the first `seen` keys, whose head begins in column `first` of `width`.
fn one_head(
    query: &[f32],
    keys: &[f32],
    values: &[f32],
    width: usize,
    first: usize,
    seen: usize,
) -> Vec<f64> {
    let dim = query.len();
    let of = |all: &[f32], j: usize, d: usize| f64::from(all[j * width + first + d]);
    let weights: Vec<f64> = (0..seen)
        .map(|j| {
            let dot: f64 = (0..dim).map(|d| f64::from(query[d]) * of(keys, j, d)).sum();
            (dot / (dim as f64).sqrt()).exp()
        })
        .collect();
    let total: f64 = weights.iter().sum();
    (0..dim)
        .map(|d| {
            let sum: f64 = weights
                .iter()
                .enumerate()
                .map(|(j, w)| w * of(values, j, d))
                .sum();
            sum / total
        })
        .collect()
}

#[test]
fn tasks_keep_all_threads_at_work() {
    // 256 tokens, at most 73 a task: two rounds of two.
    assert_eq!(per_task(256, 73, 2), 64);
    assert_eq!(per_task(8, 73, 2), 4);
    assert_eq!(per_task(1, 73, 16), 1);
    assert_eq!(per_task(100, 0, 2), 1);
}
