//! Attention with the matrix unit, whose factors are bf16 and whose sums are f32.
//!
//! A number is the sum of two bf16 numbers, the nearest one and what that leaves: exactly for the f16 that keys and values
//! are kept in, up to 2^-17 of it for queries and weights. A product is three: nearest with nearest, rest with nearest,
//! nearest with rest. What is left out is within 2^-17 of a product, and has no sign of its own.

use std::arch::x86_64::{__m512, __m512i, _CMP_GT_OQ};
use std::f32::consts::LOG2_E;
use std::ops::Range;

use half::f16;

use super::{Kernel, Part, Seen};
use crate::model::kernels::lanes::amx::{Amx, Factor, QUARTET, ROWS, Sums, Tiles};
use crate::model::kernels::lanes::x86::Vnni;
use crate::model::kernels::lanes::{LANES, Lanes as _};
use crate::model::kv::{BLOCK, Geometry, KvBlock, Number};

/// Numbers along which one product of registers sums.
const DEPTH: usize = 32;

/// Whether keys and values lie as they are read here.
pub(super) fn fits(geometry: Geometry) -> bool {
    geometry.number == Number::F16 && geometry.dim.is_multiple_of(QUARTET * LANES)
}

/// The queries of a part, and what they have attended to so far.
pub(super) struct ByTiles<'a> {
    amx: Amx,
    part: Part<'a>,
    /// `[rows / 16, D / 32]`: scaled queries; scores are logarithms of base 2.
    queries: Vec<Factor>,
    /// `[rows / 16]`.
    states: Vec<State>,
    /// `[rows / 16, D / 16]`: unnormalised sums of values.
    sums: Vec<Sums<f32>>,
    /// `[D / 32, BLOCK / 16]`: the keys of a block.
    keys: Vec<Factor>,
    /// `[BLOCK / 32, D / 16]`: its values.
    values: Vec<Factor>,
    /// `[BLOCK / 16]`: the scores of a tile.
    scores: [Sums<f32>; QUARTET],
    /// `[BLOCK / 32]`: the weights of a tile.
    weights: [Factor; BLOCK / DEPTH],
}

/// The online softmax of sixteen rows.
#[derive(Clone, Copy)]
struct State {
    largest: [f32; ROWS],
    /// The sum of the weights, by lanes.
    total: Sums<f32>,
}

impl<'a> Kernel<'a> for ByTiles<'a> {
    type Processor = Amx;

    /// Turning a block into factors costs as much as sixteen rows do, and is a thirtieth of the work then.
    const TASK_ROWS: usize = 512;

    fn new(amx: Amx, part: Part<'a>) -> Self {
        let dim = part.pass.geometry.dim;
        let tiles = part.rows().div_ceil(ROWS);
        let state = State {
            largest: [f32::NEG_INFINITY; ROWS],
            total: Sums::default(),
        };
        let mut queries = vec![Factor::default(); tiles * (dim / DEPTH)];
        amx.lanes().run(
            #[inline(always)]
            || {
                let scale = amx.lanes().splat(LOG2_E / (dim as f32).sqrt());
                for row in 0..part.rows() {
                    let query = part.query(row).as_chunks::<LANES>().0;
                    for (i, halves) in query.as_chunks::<2>().0.iter().enumerate() {
                        let near = amx.lanes().mul(amx.lanes().load(&halves[0]), scale);
                        let far = amx.lanes().mul(amx.lanes().load(&halves[1]), scale);
                        let tile = &mut queries[row / ROWS * (dim / DEPTH) + i];
                        split(amx.lanes(), [near, far], tile, row % ROWS);
                    }
                }
            },
        );
        Self {
            amx,
            part,
            queries,
            states: vec![state; tiles],
            sums: vec![Sums::default(); tiles * (dim / LANES)],
            keys: vec![Factor::default(); dim / DEPTH * (BLOCK / LANES)],
            values: vec![Factor::default(); BLOCK / DEPTH * (dim / LANES)],
            scores: Default::default(),
            weights: Default::default(),
        }
    }

    fn block(&mut self, block: &KvBlock, rows: Range<usize>, seen: Seen) {
        let (amx, dim, head) = (self.amx, self.part.pass.geometry.dim, self.part.head);
        let Some((keys, values)) = block.as_f16(head, dim) else {
            debug_assert!(false, "only f16 fits");
            return;
        };
        amx.run(
            #[inline(always)]
            |tiles| {
                factors(amx.lanes(), keys, dim, &mut self.keys);
                factors(amx.lanes(), values, BLOCK, &mut self.values);
                for tile in rows.start / ROWS..rows.end.div_ceil(ROWS) {
                    let mut counts = [0; ROWS];
                    for (r, count) in counts.iter_mut().enumerate() {
                        let row = tile * ROWS + r;
                        if rows.contains(&row) {
                            *count = seen.map_or(BLOCK, |seen| seen(row));
                        }
                    }
                    self.tile(tiles, tile, &counts);
                }
            },
        );
    }

    fn write(&self, out: &mut [f32]) {
        let dim = self.part.pass.geometry.dim;
        for row in 0..self.part.rows() {
            let (tile, r) = (row / ROWS, row % ROWS);
            let inverse = 1.0 / self.states[tile].total.0[r].iter().sum::<f32>();
            let sums = &self.sums[tile * (dim / LANES)..][..dim / LANES];
            let out = &mut out[self.part.place(row)];
            for (out, sums) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
                for (out, sum) in out.iter_mut().zip(sums.0[r]) {
                    *out = sum * inverse;
                }
            }
        }
    }
}

impl ByTiles<'_> {
    /// Sixteen rows through the block whose factors are at hand.
    #[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
    #[inline(always)]
    fn tile(&mut self, tiles: &Tiles<ROWS, 64>, tile: usize, seen: &[usize; ROWS]) {
        let (lanes, dim) = (self.amx.lanes(), self.part.pass.geometry.dim);
        let queries = &self.queries[tile * (dim / DEPTH)..][..dim / DEPTH];
        tiles.products::<true>(queries, &self.keys, BLOCK / LANES, &mut self.scores);
        let state = &mut self.states[tile];
        let shrink = weights(lanes, &self.scores, seen, state, &mut self.weights);
        let sums = &mut self.sums[tile * (dim / LANES)..][..dim / LANES];
        if let Some(shrink) = shrink {
            for sums in sums.iter_mut() {
                for (sums, shrink) in sums.0.iter_mut().zip(&shrink) {
                    lanes.store(lanes.mul(lanes.load(sums), lanes.splat(*shrink)), sums);
                }
            }
        }
        for (i, sums) in sums.as_chunks_mut::<QUARTET>().0.iter_mut().enumerate() {
            tiles.products::<false>(&self.weights, &self.values[i * QUARTET..], dim / LANES, sums);
        }
    }
}

/// Turns scores into 2^(score - largest so far), those not seen into 0, and these into factors; answers by how much what
/// was summed before shrinks, where it does.
#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
#[inline(always)]
fn weights(
    lanes: Vnni,
    scores: &[Sums<f32>; QUARTET],
    seen: &[usize; ROWS],
    state: &mut State,
    factors: &mut [Factor; BLOCK / DEPTH],
) -> Option<[f32; ROWS]> {
    let simd = lanes.avx512f;
    let mut shrink = [1.0; ROWS];
    let mut any = false;
    for r in 0..ROWS {
        if seen[r] == 0 {
            for [nearest, rest] in factors.iter_mut() {
                (nearest.0[r], rest.0[r]) = ([0; LANES], [0; LANES]);
            }
            continue;
        }
        let mut row: [__m512; QUARTET] = [lanes.splat(f32::NEG_INFINITY); QUARTET];
        for g in 0..QUARTET {
            let count = seen[r].saturating_sub(g * LANES).min(LANES);
            let mask = ((1_u32 << count) - 1) as u16;
            row[g] = simd._mm512_mask_mov_ps(row[g], mask, lanes.load(&scores[g].0[r]));
        }
        let most = simd._mm512_max_ps(
            simd._mm512_max_ps(row[0], row[1]),
            simd._mm512_max_ps(row[2], row[3]),
        );
        let largest = state.largest[r];
        if simd._mm512_cmp_ps_mask::<_CMP_GT_OQ>(most, lanes.splat(largest)) != 0 {
            state.largest[r] = simd._mm512_reduce_max_ps(most);
            let power = exp2(lanes, lanes.splat(largest - state.largest[r]));
            shrink[r] = pulp::cast::<_, [f32; LANES]>(power)[0];
            any = true;
        }
        let largest = lanes.splat(state.largest[r]);
        let mut sum = lanes.mul(lanes.load(&state.total.0[r]), lanes.splat(shrink[r]));
        for row in &mut row {
            *row = exp2(lanes, simd._mm512_sub_ps(*row, largest));
            sum = simd._mm512_add_ps(sum, *row);
        }
        lanes.store(sum, &mut state.total.0[r]);
        split(lanes, [row[0], row[1]], &mut factors[0], r);
        split(lanes, [row[2], row[3]], &mut factors[1], r);
    }
    any.then_some(shrink)
}

/// 2^x to about 2 units in the last place for x <= 0: x = n + r with |r| <= 1/2, the Taylor polynomial of 2^r, and n added
/// to the exponent.
#[inline(always)]
fn exp2(lanes: Vnni, x: __m512) -> __m512 {
    /// ln(2)^k / k!
    const TERMS: [f32; 7] = [
        1.540_353_1e-4,
        1.333_355_8e-3,
        9.618_129e-3,
        5.550_411e-2,
        2.402_265e-1,
        6.931_472e-1,
        1.0,
    ];
    let simd = lanes.avx512f;
    // What underflows is 0; infinity must not become a difference of two. In this order what is no number stays none.
    let x = simd._mm512_max_ps(lanes.splat(-200.0), x);
    let n = simd._mm512_roundscale_ps::<0>(x);
    let r = simd._mm512_sub_ps(x, n);
    let mut power = lanes.splat(TERMS[0]);
    for term in &TERMS[1..] {
        power = lanes.mul_add(power, r, lanes.splat(*term));
    }
    simd._mm512_scalef_ps(power, n)
}

/// Writes 32 numbers into row `row` of a factor. A word holds number `i` of the first sixteen and number `i` of the others;
/// the other factor of a product has its rows in the same order.
#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
#[inline(always)]
fn split(lanes: Vnni, [first, second]: [__m512; 2], [nearest, rest]: &mut Factor, row: usize) {
    let simd = lanes.avx512f;
    let (first_nearest, second_nearest) = (round(lanes, first), round(lanes, second));
    let first_rest = simd._mm512_sub_ps(first, simd._mm512_castsi512_ps(first_nearest));
    let second_rest = simd._mm512_sub_ps(second, simd._mm512_castsi512_ps(second_nearest));
    nearest.0[row] = pair(lanes, first_nearest, second_nearest);
    rest.0[row] = pair(
        lanes,
        simd._mm512_castps_si512(first_rest),
        simd._mm512_castps_si512(second_rest),
    );
}

/// The nearest bf16 number, in the upper half of each word.
#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
#[inline(always)]
fn round(lanes: Vnni, x: __m512) -> __m512i {
    let simd = lanes.avx512f;
    let half = simd._mm512_set1_epi32(0x8000);
    let raised = simd._mm512_add_epi32(simd._mm512_castps_si512(x), half);
    simd._mm512_and_epi32(raised, simd._mm512_set1_epi32(0xffff_0000_u32.cast_signed()))
}

/// The upper halves of two words in one, the first one's below.
#[inline(always)]
fn pair(lanes: Vnni, first: __m512i, second: __m512i) -> [u32; LANES] {
    /// a | (b & c)
    const MERGE: i32 = 0xf8;
    let simd = lanes.avx512f;
    let mask = simd._mm512_set1_epi32(0xffff_0000_u32.cast_signed());
    let first = simd._mm512_srli_epi32::<16>(first);
    pulp::cast(simd._mm512_ternarylogic_epi32::<MERGE>(first, second, mask))
}

/// The factors `[depth / 32, groups]` of `[groups, depth]` lines of sixteen numbers.
#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
#[inline(always)]
fn factors(lanes: Vnni, lines: &[[f16; LANES]], depth: usize, factors: &mut [Factor]) {
    let groups = lines.len() / depth;
    // In the order in which they lie: the processor fetches ahead.
    for (i, lines) in lines.as_chunks::<DEPTH>().0.iter().enumerate() {
        let (group, step) = (i / (depth / DEPTH), i % (depth / DEPTH));
        let factor = &mut factors[step * groups + group];
        for row in 0..LANES {
            let near = widen(lanes, &lines[row]);
            let far = widen(lanes, &lines[LANES + row]);
            split(lanes, [near, far], factor, row);
        }
    }
}

#[expect(clippy::inline_always, reason = "must be compiled inside `run`")]
#[inline(always)]
fn widen(lanes: Vnni, line: &[f16; LANES]) -> __m512 {
    lanes.avx512f._mm512_cvtph_ps(bytemuck::cast(*line))
}
