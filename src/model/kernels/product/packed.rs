//! A matrix of weights as it lies in memory, about as large as in its file, and the panels that it is unpacked into: where
//! few rows are multiplied, all that counts is how many bytes are read.

use std::ops::Range;

use half::f16;
use rayon::prelude::*;

use super::STEP;
use crate::model::kernels::lanes::{Aligned, LANES, Lanes};
use crate::model::kernels::widen;

/// The same four inputs of sixteen outputs, one byte each; or as many bytes of something else.
pub(super) type Line = Aligned<[u8; 64]>;

/// Inputs that are unpacked at a time: with what is multiplied by them they fit into the first cache.
const PANEL: usize = 512;
/// The shortest block.
const SHORTEST: usize = 16;
/// The longest.
const LONGEST: usize = 32;

/// How the weights of a matrix are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// Bits of a weight: 4, 5, 6 or 8.
    pub bits: u32,
    /// What the factor and the offset are kept as.
    pub scales: Scales,
}

/// How the factor and the offset of a block are kept, so that nothing of them is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scales {
    /// The factor as f32; the offset is so many factors that the middle of the range is 0.
    Centred,
    /// Both as f16.
    Halves,
    /// Both as f32.
    Singles,
}

impl Form {
    /// Inputs that share a factor and an offset.
    pub fn block(self) -> usize {
        if self.bits == 6 { SHORTEST } else { LONGEST }
    }

    /// Lines of the scales of one block of sixteen outputs.
    fn scale_lines(self) -> usize {
        match self.scales {
            Scales::Centred | Scales::Halves => 1,
            Scales::Singles => 2,
        }
    }

    /// Lines of the weights of one block of sixteen outputs.
    fn weight_lines(self) -> usize {
        let steps = self.block() / STEP;
        match self.bits {
            8 => steps,
            bits => steps / 2 + (steps * (bits as usize - 4)).div_ceil(8),
        }
    }

    fn lines(self) -> usize {
        self.scale_lines() + self.weight_lines()
    }

    /// Factors from the middle of the range down to 0.
    fn centre(self) -> f32 {
        (1_u32 << (self.bits - 1)) as f32
    }
}

/// What is the same for the inputs of one block, for each of sixteen outputs.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Affine {
    pub(super) factor: [f32; LANES],
    pub(super) offset: [f32; LANES],
}

/// One block of weights of one output: `w[i] = factor * quants[i] + offset`.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// One for each input of the block.
    pub quants: &'a [u8],
    /// The step between neighbouring values.
    pub factor: f32,
    /// The value of 0.
    pub offset: f32,
}

/// A matrix `[out, in]`, packed for [`multiply`](Self::multiply).
#[derive(Debug)]
pub struct PackedMatrix {
    pub(super) outputs: usize,
    pub(super) inputs: usize,
    pub(super) form: Form,
    /// `[out / 16, in / block]`, each the lines of its scales and those of its weights. Of these the first hold the low four
    /// bits, of a step of the first half of the block below one of the second half; what follows holds the bits above
    /// them, those of all steps in the order of these. Weights of eight bits lie as they are.
    lines: Vec<Line>,
}

impl PackedMatrix {
    /// All weights 0. `inputs` is a multiple of the block.
    pub fn zeros(outputs: usize, inputs: usize, form: Form) -> Self {
        debug_assert!(inputs.is_multiple_of(form.block()) && matches!(form.bits, 4 | 5 | 6 | 8));
        let blocks = outputs.div_ceil(LANES) * (inputs / form.block());
        Self {
            outputs,
            inputs,
            form,
            lines: vec![Aligned([0; 64]); blocks * form.lines()],
        }
    }

    /// Sets the block `index` of the inputs of `output`, all of whose weights are 0 as yet.
    pub fn set(&mut self, output: usize, index: usize, block: &Block) {
        let Self { inputs, form, .. } = *self;
        let (group, lane) = (output / LANES, output % LANES);
        let first = (group * (inputs / form.block()) + index) * form.lines();
        let (scales, weights) = self.lines[first..][..form.lines()].split_at_mut(form.scale_lines());
        match form.scales {
            Scales::Centred => {
                let offset = -form.centre() * block.factor;
                debug_assert_eq!(block.offset.to_bits(), offset.to_bits(), "the middle is 0");
                put(scales, lane, block.factor.to_ne_bytes());
            }
            Scales::Halves => {
                put(scales, lane, f16::from_f32(block.factor).to_ne_bytes());
                put(scales, LANES + lane, f16::from_f32(block.offset).to_ne_bytes());
            }
            Scales::Singles => {
                put(scales, lane, block.factor.to_ne_bytes());
                put(scales, LANES + lane, block.offset.to_ne_bytes());
            }
        }
        debug_assert_eq!(block.quants.len(), form.block());
        let quants = block.quants.as_chunks::<STEP>().0;
        let half = quants.len() / 2;
        let mut add = |line: usize, word: u32| {
            let bytes = &mut weights[line].0.as_chunks_mut::<STEP>().0[lane];
            *bytes = (u32::from_le_bytes(*bytes) | word).to_le_bytes();
        };
        for (step, quants) in quants.iter().enumerate() {
            let word = u32::from_le_bytes(*quants);
            if form.bits == 8 {
                add(step, word);
                continue;
            }
            add(step % half, (word & 0x0f0f_0f0f) << (step / half * 4));
            let extra = form.bits as usize - 4;
            if extra > 0 {
                let above = (word >> 4) & mask(form.bits);
                add(half + step * extra / 8, above << (step * extra % 8));
            }
        }
    }

    /// Number of outputs and inputs.
    pub fn shape(&self) -> (usize, usize) {
        (self.outputs, self.inputs)
    }

    /// Bytes that it lies in.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.lines)
    }

    /// The weights of some outputs as f32, `[outputs, in]`.
    ///
    /// # Panics
    /// The first output is no multiple of 16.
    pub fn dense(&self, outputs: Range<usize>) -> Vec<f32> {
        assert!(outputs.start.is_multiple_of(LANES), "a group of outputs is whole");
        let mut dense = vec![0.0; outputs.len() * self.inputs];
        let first = outputs.start / LANES;
        let blocks = self.inputs / self.form.block();
        dense
            .par_chunks_mut(LANES * self.inputs)
            .enumerate()
            .for_each(|(i, rows)| {
                let mut panel = Panel::default();
                for index in 0..blocks {
                    panel.fill(self, first + i, index..index + 1);
                    let affine = &panel.affine[0].0;
                    for (lane, row) in rows.chunks_exact_mut(self.inputs).enumerate() {
                        let row = &mut row[index * self.form.block()..][..self.form.block()];
                        for (at, w) in row.iter_mut().enumerate() {
                            let quant = panel.weights[at / STEP].0[lane * STEP + at % STEP];
                            *w = affine.factor[lane] * f32::from(quant) + affine.offset[lane];
                        }
                    }
                }
            });
        dense
    }

    /// The blocks of a row, in parts of about one size that fit into a panel.
    pub(super) fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        let (all, most) = (self.inputs / self.form.block(), PANEL / self.form.block());
        let each = all.div_ceil(all.div_ceil(most).max(1)).max(1);
        (0..all)
            .step_by(each)
            .map(move |first| first..all.min(first + each))
    }
}

/// Writes number `i` of those that some lines hold.
fn put<const N: usize>(lines: &mut [Line], i: usize, bytes: [u8; N]) {
    let at = i * N;
    lines[at / 64].0[at % 64..][..N].copy_from_slice(&bytes);
}

/// What a weight has above its low four bits, in each of four bytes.
const fn mask(bits: u32) -> u32 {
    ((1 << (bits - 4)) - 1) * 0x0101_0101
}

/// Some blocks of the inputs of sixteen outputs, unpacked.
pub(super) struct Panel<'a> {
    /// `[blocks, block / 4]`.
    pub(super) weights: [Line; PANEL / STEP],
    /// `[blocks]`.
    pub(super) affine: [Aligned<Affine>; PANEL / SHORTEST],
    /// Which blocks.
    pub(super) blocks: Range<usize>,
    /// What will be unpacked next and was not asked for yet, so many lines a block.
    pub(super) next: &'a [Line],
    lines: usize,
}

impl Default for Panel<'_> {
    fn default() -> Self {
        Self {
            weights: [Aligned([0; 64]); PANEL / STEP],
            affine: [Aligned::default(); PANEL / SHORTEST],
            blocks: 0..0,
            next: &[],
            lines: 0,
        }
    }
}

impl<'a> Panel<'a> {
    /// The weights and the scales of its blocks.
    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    pub(super) fn filled(&self, block: usize) -> (&[Line], &[Aligned<Affine>]) {
        let count = self.blocks.len();
        (&self.weights[..count * (block / STEP)], &self.affine[..count])
    }

    /// Asks for the lines of one of the blocks behind the panel's, so that they are there when it is their turn.
    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    pub(super) fn ask(&self, block: usize) {
        for line in self.next.iter().skip(block * self.lines).take(self.lines) {
            prefetch(line);
        }
    }

    /// Unpacks some blocks of a group of outputs, compiled for the processor.
    pub(super) fn fill_by<L: Lanes>(
        &mut self,
        lanes: L,
        matrix: &'a PackedMatrix,
        group: usize,
        blocks: Range<usize>,
    ) {
        lanes.run(
            #[inline(always)]
            || self.fill(matrix, group, blocks),
        );
    }

    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    fn fill(&mut self, matrix: &'a PackedMatrix, group: usize, blocks: Range<usize>) {
        let (form, all) = (matrix.form, matrix.inputs / matrix.form.block());
        let first = (group * all + blocks.start) * form.lines();
        let lines = &matrix.lines[first..][..blocks.len() * form.lines()];
        self.blocks = blocks;
        self.next = &matrix.lines[first + lines.len()..];
        self.lines = form.lines();
        for (block, affine) in lines.chunks_exact(form.lines()).zip(&mut self.affine) {
            unpack_scales(form, &block[..form.scale_lines()], &mut affine.0);
        }
        match form.bits {
            4 => self.unpack::<4, 8>(form, lines),
            5 => self.unpack::<5, 8>(form, lines),
            6 => self.unpack::<6, 4>(form, lines),
            _ => self.unpack::<8, 8>(form, lines),
        }
    }

    /// Unpacks the weights of blocks of `STEPS` steps.
    #[expect(clippy::inline_always, reason = "must be compiled for the processor")]
    #[inline(always)]
    fn unpack<const BITS: u32, const STEPS: usize>(&mut self, form: Form, lines: &[Line]) {
        let blocks = self.weights.as_chunks_mut::<STEPS>().0;
        for (lines, steps) in lines.chunks_exact(form.lines()).zip(blocks) {
            let packed = &lines[form.scale_lines()..];
            if BITS == 8 {
                steps.copy_from_slice(packed);
                continue;
            }
            let (nibbles, above) = packed.split_at(STEPS / 2);
            for i in 0..STEPS / 2 {
                let words = words(&nibbles[i]);
                let (mut low, mut high) = ([0; LANES], [0; LANES]);
                for lane in 0..LANES {
                    low[lane] = words[lane] & 0x0f0f_0f0f;
                    high[lane] = (words[lane] >> 4) & 0x0f0f_0f0f;
                }
                if BITS > 4 {
                    add_above::<BITS>(above, i, &mut low);
                    add_above::<BITS>(above, i + STEPS / 2, &mut high);
                }
                steps[i].0 = bytemuck::cast(low);
                steps[i + STEPS / 2].0 = bytemuck::cast(high);
            }
        }
    }
}

/// Adds the bits above the low four of step `i`.
#[expect(clippy::inline_always, reason = "must be compiled for the processor")]
#[inline(always)]
fn add_above<const BITS: u32>(above: &[Line], i: usize, step: &mut [u32; LANES]) {
    let at = i * (BITS as usize - 4);
    let words = words(&above[at / 8]);
    for (step, word) in step.iter_mut().zip(words) {
        *step |= ((word >> (at % 8)) & const { mask(BITS) }) << 4;
    }
}

/// Brings a line nearer, where the processor can be asked to.
#[inline(always)]
fn prefetch(line: &Line) {
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "an instruction without a safe wrapper")]
    // SAFETY: every x86-64 processor has it, and it changes nothing that the program sees.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>((&raw const *line).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = line;
}

#[expect(clippy::inline_always, reason = "must be compiled for the processor")]
#[inline(always)]
fn words(line: &Line) -> [u32; LANES] {
    bytemuck::cast(line.0)
}

#[expect(clippy::inline_always, reason = "must be compiled for the processor")]
#[inline(always)]
fn unpack_scales(form: Form, lines: &[Line], affine: &mut Affine) {
    match form.scales {
        Scales::Centred => {
            affine.factor = bytemuck::cast(lines[0].0);
            let centre = -form.centre();
            for (offset, factor) in affine.offset.iter_mut().zip(affine.factor) {
                *offset = centre * factor;
            }
        }
        Scales::Halves => {
            let halves: [[f16; LANES]; 2] = bytemuck::cast(lines[0].0);
            for (factor, half) in affine.factor.iter_mut().zip(halves[0]) {
                *factor = widen(half);
            }
            for (offset, half) in affine.offset.iter_mut().zip(halves[1]) {
                *offset = widen(half);
            }
        }
        Scales::Singles => {
            affine.factor = bytemuck::cast(lines[0].0);
            affine.offset = bytemuck::cast(lines[1].0);
        }
    }
}
