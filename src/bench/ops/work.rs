//! The kernels at work, on data of their own: nothing here is left as it was allocated, since pages that nobody wrote all
//! lie in one place of the cache.

use std::hint::black_box;
use std::rc::Rc;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use rayon::prelude::*;

use super::{Job, Limit, rate};
use crate::error::Result;
use crate::model::config::DecoderConfig;
use crate::model::kernels::attention::{Attention, Span};
use crate::model::kernels::lanes::{self, Lanes, WithLanes};
use crate::model::kernels::product::{Block, Form, PackedMatrix, Scales};
use crate::model::kv::{BLOCK, Geometry, Held, KvBlock, Number};

/// Rows of a product: reading a prefix, writing eight branches, writing one.
const ROWS: [usize; 3] = [256, 8, 1];
/// Keys that attention goes over.
const KEYS: usize = 4096;

/// All jobs, each group with what bounds it.
pub(super) fn groups(config: &DecoderConfig) -> Result<Vec<(Limit, Vec<Job>)>> {
    let (hidden, intermediate) = (config.hidden, config.intermediate);
    let shapes = [(intermediate, hidden), (hidden, intermediate)];
    let mut groups = Vec::new();
    for bits in [4, 5, 6, 8] {
        let jobs = shapes.iter().flat_map(|&shape| products(shape, bits));
        groups.push((Limit::Dots(bits), jobs.collect()));
    }
    groups.push((Limit::Attention, vec![prefill(config), decode(config)]));
    let dense = ROWS.map(|rows| dense(rows, shapes[0]));
    groups.push((Limit::Floats, dense.into_iter().collect::<Result<_>>()?));
    Ok(groups)
}

/// Numbers between -1 and 1 without a pattern that matters.
fn noise(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.618).sin()).collect()
}

/// Products with one matrix `[outputs, inputs]`.
fn products((outputs, inputs): (usize, usize), bits: u32) -> Vec<Job> {
    let matrix = Rc::new(matrix(outputs, inputs, bits));
    let job = |rows: usize| {
        let (matrix, x) = (Rc::clone(&matrix), noise(rows * inputs));
        Job {
            name: format!("product_{bits}bit_{inputs}x{outputs}_rows_{rows}"),
            ops: 2.0 * (rows * outputs * inputs) as f64,
            work: Box::new(move || {
                black_box(matrix.multiply(&x, &[]));
                Ok(())
            }),
        }
    };
    ROWS.map(job).into()
}

fn matrix(outputs: usize, inputs: usize, bits: u32) -> PackedMatrix {
    let form = Form {
        bits,
        scales: Scales::Centred,
    };
    let block = form.block();
    let mut matrix = PackedMatrix::zeros(outputs, inputs, form);
    let quants: Vec<u8> = (0..block).map(|i| (i * 7 % (1 << bits)) as u8).collect();
    let block_of = Block {
        quants: &quants,
        factor: 0.01,
        offset: -0.01 * (1 << (bits - 1)) as f32,
    };
    for output in 0..outputs {
        for index in 0..inputs / block {
            matrix.set(output, index, &block_of);
        }
    }
    matrix
}

/// The same in f32, as where the weights are dequantised.
fn dense(rows: usize, (outputs, inputs): (usize, usize)) -> Result<Job> {
    let x = Tensor::from_vec(noise(rows * inputs), (rows, inputs), &Device::Cpu)?;
    let weight = Tensor::from_vec(noise(outputs * inputs), (outputs, inputs), &Device::Cpu)?.t()?;
    Ok(Job {
        name: format!("gemm_f32_{inputs}x{outputs}_rows_{rows}"),
        ops: 2.0 * (rows * outputs * inputs) as f64,
        work: Box::new(move || {
            black_box(x.matmul(&weight)?);
            Ok(())
        }),
    })
}

/// Keys and values as they lie beside quantised weights.
fn geometry_of(config: &DecoderConfig) -> Geometry {
    Geometry {
        layers: config.layers,
        kv_heads: config.kv_heads,
        dim: config.head_dim,
        hidden: config.hidden,
        number: Number::F16,
        held: Held::Blocks,
    }
}

/// So many positions of keys and values.
fn blocks(geometry: Geometry, positions: usize) -> Vec<Arc<KvBlock>> {
    let numbers = noise(geometry.kv_heads * geometry.dim);
    let mut blocks = vec![KvBlock::empty(geometry); positions.div_ceil(BLOCK)];
    for position in 0..positions {
        blocks[position / BLOCK].write(geometry, position % BLOCK, &numbers, &numbers);
    }
    blocks.into_iter().map(Arc::new).collect()
}

/// Multiplications and additions of attention, where the rows see `seen` keys in all.
fn attention_ops(config: &DecoderConfig, seen: usize) -> f64 {
    4.0 * (seen * config.heads * config.head_dim) as f64
}

/// The last chunk of a prefix: 256 rows, each of which sees the keys before it.
fn prefill(config: &DecoderConfig) -> Job {
    const ROWS: usize = 256;
    let geometry = geometry_of(config);
    let (heads, own) = (config.heads, blocks(geometry, KEYS));
    let queries = noise(ROWS * heads * geometry.dim);
    let seen = (KEYS - ROWS + 1..=KEYS).sum();
    Job {
        name: format!("attention_prefill_rows_{ROWS}_keys_{KEYS}"),
        ops: attention_ops(config, seen),
        work: Box::new(move || {
            let span = Span {
                first_row: 0,
                rows: ROWS,
                position: KEYS - ROWS,
                blocks: &own,
            };
            let pass = Attention {
                geometry,
                heads,
                queries: &queries,
                shared: &[],
                spans: &[span],
            };
            black_box(pass.run());
            Ok(())
        }),
    }
}

/// Eight branches of one prefix, one row each.
fn decode(config: &DecoderConfig) -> Job {
    const ROWS: usize = 8;
    let geometry = geometry_of(config);
    let (heads, shared) = (config.heads, blocks(geometry, KEYS));
    let own: Vec<_> = (0..ROWS).map(|_| blocks(geometry, 1)).collect();
    let queries = noise(ROWS * heads * geometry.dim);
    Job {
        name: format!("attention_decode_rows_{ROWS}_keys_{KEYS}"),
        ops: attention_ops(config, ROWS * (KEYS + 1)),
        work: Box::new(move || {
            let span = |(row, blocks)| Span {
                first_row: row,
                rows: 1,
                position: KEYS,
                blocks,
            };
            let own = own.iter().map(Vec::as_slice).enumerate();
            let pass = Attention {
                geometry,
                heads,
                queries: &queries,
                shared: &shared,
                spans: &own.map(span).collect::<Vec<_>>(),
            };
            black_box(pass.run());
            Ok(())
        }),
    }
}

/// More memory than any cache holds.
pub(super) struct Memory(Vec<u64>);

impl Memory {
    pub(super) fn new() -> Self {
        const BYTES: u64 = 256 << 20;
        Self((0..BYTES / 8).collect())
    }

    /// Bytes a second that all threads read together.
    pub(super) fn read_rate(&self) -> Result<f64> {
        rate(size_of_val(&*self.0) as f64, &|| {
            black_box(lanes::dispatch(Sum(&self.0)));
            Ok(())
        })
    }
}

/// The sum of numbers, one part a thread.
struct Sum<'a>(&'a [u64]);

impl WithLanes for Sum<'_> {
    type Output = u64;

    fn with<L: Lanes>(self, lanes: L) -> u64 {
        let part = self.0.len().div_ceil(rayon::current_num_threads());
        let parts = self.0.par_chunks(part).map(|part| {
            lanes.run(
                #[inline(always)]
                || {
                    let mut sums = [0_u64; 32];
                    for numbers in part.as_chunks::<32>().0 {
                        for (sum, number) in sums.iter_mut().zip(numbers) {
                            *sum = sum.wrapping_add(*number);
                        }
                    }
                    sums.iter().fold(0_u64, |all, sum| all.wrapping_add(*sum))
                },
            )
        });
        parts.reduce(|| 0, u64::wrapping_add)
    }
}
