//! The Arm processors: NEON with the dot product of Armv8.2.

use std::arch::aarch64::{float32x4_t, int32x4_t};
use std::arch::asm;

use pulp::cast;

use super::{Aligned, LANES, Lanes};

pulp::simd_type! {
    /// NEON with `sdot`, which adds four products in 32 bits at once.
    pub struct DotProduct {
        pub neon: "neon",
        pub dotprod: "dotprod",
    }
}

/// `sums` plus the sum of four products of i8, for each of four columns; the compiler has no stable name for it yet.
#[expect(unsafe_code, reason = "the one instruction that has no stable intrinsic")]
#[inline(always)]
fn sdot(_: DotProduct, sums: int32x4_t, weights: int32x4_t, x: int32x4_t) -> int32x4_t {
    let mut sums = sums;
    // SAFETY: a `DotProduct` exists only where the processor has the instruction, which touches no memory.
    unsafe {
        asm!(
            ".arch_extension dotprod",
            "sdot {0:v}.4s, {1:v}.16b, {2:v}.16b",
            inout(vreg) sums, in(vreg) weights, in(vreg) x,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sums
}

impl DotProduct {
    /// Both halves of each byte, apart.
    #[inline(always)]
    fn halves(self, bytes: int32x4_t) -> [int32x4_t; 2] {
        let bytes = cast(bytes);
        [
            cast(self.neon.vshrq_n_u8::<4>(bytes)),
            cast(self.neon.vandq_u8(bytes, self.neon.vdupq_n_u8(15))),
        ]
    }
}

impl Lanes for DotProduct {
    type F32 = [float32x4_t; 4];
    type I32 = [int32x4_t; 4];

    const NAME: &'static str = "neon";

    #[inline(always)]
    fn run<T>(self, op: impl FnOnce() -> T) -> T {
        self.vectorize(op)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F32 {
        [self.neon.vdupq_n_f32(x); 4]
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F32 {
        cast(*from)
    }

    #[inline(always)]
    fn store(self, x: Self::F32, to: &mut [f32; LANES]) {
        *to = cast(x);
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        let mut product = a;
        for i in 0..4 {
            product[i] = self.neon.vmulq_f32(a[i], b[i]);
        }
        product
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        let mut sum = c;
        for i in 0..4 {
            sum[i] = self.neon.vfmaq_f32(c[i], a[i], b[i]);
        }
        sum
    }

    #[inline(always)]
    fn to_f32(self, x: Self::I32) -> Self::F32 {
        let mut numbers = self.splat(0.0);
        for i in 0..4 {
            numbers[i] = self.neon.vcvtq_f32_s32(x[i]);
        }
        numbers
    }

    /// Weights below 128 are the same as signed bytes. Those of eight bits go in halves.
    #[inline(always)]
    fn dots<const R: usize, const BITS: u32>(
        self,
        weights: &[Aligned<[u8; 64]>],
        x: &[[u32; R]],
    ) -> [Self::I32; R] {
        let zero = self.neon.vdupq_n_s32(0);
        let (mut sums, mut high) = ([[zero; 4]; R], [[zero; 4]; R]);
        for (weights, x) in weights.iter().zip(x) {
            let columns: [int32x4_t; 4] = cast(weights.0);
            for r in 0..R {
                let x = self.neon.vdupq_n_s32(x[r].cast_signed());
                for c in 0..4 {
                    if BITS < 8 {
                        sums[r][c] = sdot(self, sums[r][c], columns[c], x);
                    } else {
                        let [upper, lower] = self.halves(columns[c]);
                        high[r][c] = sdot(self, high[r][c], upper, x);
                        sums[r][c] = sdot(self, sums[r][c], lower, x);
                    }
                }
            }
        }
        if BITS >= 8 {
            for r in 0..R {
                for c in 0..4 {
                    sums[r][c] = self
                        .neon
                        .vmlaq_s32(sums[r][c], high[r][c], self.neon.vdupq_n_s32(16));
                }
            }
        }
        sums
    }
}
