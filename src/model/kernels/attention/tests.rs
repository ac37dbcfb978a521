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
