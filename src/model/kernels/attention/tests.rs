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

/// As keys lie beside quantised weights, where a processor with a matrix unit takes another way than vectors do, for the
/// widths of head that it has registers for. Rows of several branches lie in one tile, and a branch alone gives the same bits.
#[test]
fn halves_equal_attention_written_out_and_do_not_depend_on_other_branches() {
    for (dim, heads) in [(64, 14), (128, 4), (96, 6), (64, 2)] {
        let geometry = Geometry {
            dim,
            number: Number::F16,
            ..GEOMETRY
        };
        let width = geometry.kv_heads * dim;
        // What f16 holds exactly; scores up to about 40.
        let halves = |stream, n: usize| -> Vec<f32> {
            let noise = noise(stream, n * width).into_iter();
            noise.map(|x| half::f16::from_f32(4.0 * x).to_f32()).collect()
        };
        let filled = |keys: &[f32], values: &[f32]| -> Vec<Arc<KvBlock>> {
            let mut all = vec![KvBlock::empty(geometry); keys.len().div_ceil(BLOCK * width)];
            for (i, (key, value)) in keys.chunks(width).zip(values.chunks(width)).enumerate() {
                all[i / BLOCK].write(geometry, i % BLOCK, key, value);
            }
            all.into_iter().map(Arc::new).collect()
        };
        let shared = (halves(1, 128), halves(2, 128));
        let shared_blocks = filled(&shared.0, &shared.1);
        // Positions of each branch, and how many of the last ones ask.
        let sizes = [(3, 2), (140, 130), (1, 1), (70, 9)];
        let own: Vec<_> = (10..)
            .zip(sizes)
            .map(|(stream, (n, _))| (halves(stream, n), halves(stream + 10, n)))
            .collect();
        let own_blocks: Vec<_> = own.iter().map(|(keys, values)| filled(keys, values)).collect();
        let mut first_row = 0;
        let spans: Vec<_> = sizes
            .iter()
            .zip(&own_blocks)
            .map(|(&(n, rows), blocks)| {
                first_row += rows;
                Span {
                    first_row: first_row - rows,
                    rows,
                    position: 128 + n - rows,
                    blocks,
                }
            })
            .collect();
        let queries: Vec<f32> = noise(3, first_row * heads * dim)
            .into_iter()
            .map(|x| 5.0 * x)
            .collect();
        let pass = Attention {
            geometry,
            heads,
            queries: &queries,
            shared: &shared_blocks,
            spans: &spans,
        };
        let got = pass.run();
        for (span, (keys, values)) in spans.iter().zip(&own) {
            let (keys, values) = ([&shared.0[..], keys].concat(), [&shared.1[..], values].concat());
            for row in 0..span.rows * heads {
                let at = (span.first_row * heads + row) * dim..(span.first_row * heads + row + 1) * dim;
                let first = row % heads / (heads / geometry.kv_heads) * dim;
                let seen = span.position + row / heads + 1;
                let want = one_head(&queries[at.clone()], &keys, &values, width, first, seen);
                for (got, want) in got[at].iter().zip(want) {
                    // 2^-17 of a score of 40, of a value of 4.
                    assert!(
                        (f64::from(*got) - want).abs() < 1.3e-3,
                        "{dim} {heads}, row {row}: {got}, {want}"
                    );
                }
            }
            let asked = span.first_row * heads * dim..(span.first_row + span.rows) * heads * dim;
            let alone = Attention {
                queries: &queries[asked.clone()],
                spans: &[Span {
                    first_row: 0,
                    ..*span
                }],
                ..pass
            };
            assert_eq!(alone.run(), got[asked], "{dim} {heads}");
        }
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
