//! The x86 processors: AVX2, AVX-VNNI and AVX-512 VNNI.

use std::arch::x86_64::{__m256, __m256i, __m512, __m512i, _mm256_dpbusd_avx_epi32, _mm512_dpbusd_epi32};

use pulp::cast;
use pulp::x86::V3;

use super::{Aligned, LANES, Lanes};

/// AVX2 with FMA. `vpmaddubsw` adds two products in 16 bits: as many of its results are added there as cannot
/// overflow, before they are widened.
impl Lanes for V3 {
    type F32 = [__m256; 2];
    type I32 = [__m256i; 2];

    const NAME: &'static str = "avx2";

    #[inline(always)]
    fn run<T>(self, op: impl FnOnce() -> T) -> T {
        self.vectorize(op)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F32 {
        [self.avx._mm256_set1_ps(x); 2]
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
        [
            self.avx._mm256_mul_ps(a[0], b[0]),
            self.avx._mm256_mul_ps(a[1], b[1]),
        ]
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        [
            self.fma._mm256_fmadd_ps(a[0], b[0], c[0]),
            self.fma._mm256_fmadd_ps(a[1], b[1], c[1]),
        ]
    }

    #[inline(always)]
    fn to_f32(self, x: Self::I32) -> Self::F32 {
        [
            self.avx._mm256_cvtepi32_ps(x[0]),
            self.avx._mm256_cvtepi32_ps(x[1]),
        ]
    }

    #[inline(always)]
    fn dots<const R: usize, const BITS: u32>(
        self,
        weights: &[Aligned<[u8; 64]>],
        x: &[[u32; R]],
    ) -> [Self::I32; R] {
        match BITS {
            4 => narrow::<R, 8, ALL>(self, weights, x, 1),
            5 => narrow::<R, 4, ALL>(self, weights, x, 1),
            6 => narrow::<R, 2, ALL>(self, weights, x, 1),
            _ => {
                // Eight bits would overflow at once: the two halves of each byte, apart.
                let mut sums = narrow::<R, 8, HIGH>(self, weights, x, 16);
                let low = narrow::<R, 8, LOW>(self, weights, x, 1);
                for r in 0..R {
                    for c in 0..2 {
                        sums[r][c] = self.avx2._mm256_add_epi32(sums[r][c], low[r][c]);
                    }
                }
                sums
            }
        }
    }
}

/// Whole bytes, their low and their high halves. Constants, not closures: what a closure calls is not sure to be
/// compiled for the processor.
const ALL: u32 = 0;
const LOW: u32 = 1;
const HIGH: u32 = 2;

#[inline(always)]
fn part<const PART: u32>(simd: V3, bytes: __m256i) -> __m256i {
    let mask = simd.avx._mm256_set1_epi8(0x0f);
    match PART {
        LOW => simd.avx2._mm256_and_si256(bytes, mask),
        HIGH => simd
            .avx2
            ._mm256_and_si256(simd.avx2._mm256_srli_epi16::<4>(bytes), mask),
        _ => bytes,
    }
}

/// `dots` of a part of each weight, times `factor`, adding `RUN` results of `vpmaddubsw` in 16 bits.
#[inline(always)]
fn narrow<const R: usize, const RUN: usize, const PART: u32>(
    simd: V3,
    weights: &[Aligned<[u8; 64]>],
    x: &[[u32; R]],
    factor: i16,
) -> [[__m256i; 2]; R] {
    let factor = simd.avx._mm256_set1_epi16(factor);
    let zero = simd.avx._mm256_setzero_si256();
    let mut totals = [[zero; 2]; R];
    for (weights, x) in weights.chunks(RUN).zip(x.chunks(RUN)) {
        let mut sums = [[zero; 2]; R];
        for (weights, x) in weights.iter().zip(x) {
            let columns: [__m256i; 2] = cast(weights.0);
            let columns = [part::<PART>(simd, columns[0]), part::<PART>(simd, columns[1])];
            for r in 0..R {
                let x = simd.avx._mm256_set1_epi32(x[r].cast_signed());
                for c in 0..2 {
                    let products = simd.avx2._mm256_maddubs_epi16(columns[c], x);
                    sums[r][c] = simd.avx2._mm256_add_epi16(sums[r][c], products);
                }
            }
        }
        for r in 0..R {
            for c in 0..2 {
                let wide = simd.avx2._mm256_madd_epi16(sums[r][c], factor);
                totals[r][c] = simd.avx2._mm256_add_epi32(totals[r][c], wide);
            }
        }
    }
    totals
}

/// AVX2 with AVX-VNNI, whose `vpdpbusd` adds four products in 32 bits at once. A value of it exists only where the
/// processor has both.
#[derive(Debug, Clone, Copy)]
pub struct AvxVnni {
    v3: V3,
}

impl AvxVnni {
    /// Where the processor has it.
    pub fn try_new() -> Option<Self> {
        let v3 = V3::try_new()?;
        std::arch::is_x86_feature_detected!("avxvnni").then_some(Self { v3 })
    }
}

impl Lanes for AvxVnni {
    type F32 = [__m256; 2];
    type I32 = [__m256i; 2];

    const NAME: &'static str = "avx-vnni";

    #[expect(unsafe_code, reason = "pulp knows no token for this feature")]
    #[inline(always)]
    fn run<T>(self, op: impl FnOnce() -> T) -> T {
        #[target_feature(enable = "sse3,ssse3,sse4.1,sse4.2,popcnt,avx,avx2,bmi1,bmi2,fma,lzcnt,avxvnni")]
        #[inline]
        fn compiled<T>(op: impl FnOnce() -> T) -> T {
            op()
        }
        // SAFETY: an `AvxVnni` exists only where the processor has all of them: the others are those of `V3`.
        unsafe { compiled(op) }
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F32 {
        Lanes::splat(self.v3, x)
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F32 {
        Lanes::load(self.v3, from)
    }

    #[inline(always)]
    fn store(self, x: Self::F32, to: &mut [f32; LANES]) {
        Lanes::store(self.v3, x, to);
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        Lanes::mul(self.v3, a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        Lanes::mul_add(self.v3, a, b, c)
    }

    #[inline(always)]
    fn to_f32(self, x: Self::I32) -> Self::F32 {
        Lanes::to_f32(self.v3, x)
    }

    #[expect(unsafe_code, reason = "the one instruction that has no safe wrapper")]
    #[inline(always)]
    fn dots<const R: usize, const BITS: u32>(
        self,
        weights: &[Aligned<[u8; 64]>],
        x: &[[u32; R]],
    ) -> [Self::I32; R] {
        let mut sums = [[self.v3.avx._mm256_setzero_si256(); 2]; R];
        for (weights, x) in weights.iter().zip(x) {
            let columns: [__m256i; 2] = cast(weights.0);
            for r in 0..R {
                let x = self.v3.avx._mm256_set1_epi32(x[r].cast_signed());
                for c in 0..2 {
                    // SAFETY: an `AvxVnni` exists only where the processor has AVX-VNNI.
                    sums[r][c] = unsafe { _mm256_dpbusd_avx_epi32(sums[r][c], columns[c], x) };
                }
            }
        }
        sums
    }
}

pulp::simd_type! {
    /// AVX-512 with VNNI, whose `vpdpbusd` adds four products in 32 bits at once.
    pub struct Vnni {
        pub avx512f: "avx512f",
        pub avx512vnni: "avx512vnni",
    }
}

impl Lanes for Vnni {
    type F32 = __m512;
    type I32 = __m512i;

    const NAME: &'static str = "avx512-vnni";

    #[inline(always)]
    fn run<T>(self, op: impl FnOnce() -> T) -> T {
        self.vectorize(op)
    }

    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        self.avx512f._mm512_set1_ps(x)
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> __m512 {
        cast(*from)
    }

    #[inline(always)]
    fn store(self, x: __m512, to: &mut [f32; LANES]) {
        *to = cast(x);
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        self.avx512f._mm512_mul_ps(a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        self.avx512f._mm512_fmadd_ps(a, b, c)
    }

    #[inline(always)]
    fn to_f32(self, x: __m512i) -> __m512 {
        self.avx512f._mm512_cvtepi32_ps(x)
    }

    #[expect(unsafe_code, reason = "the one instruction that has no safe wrapper")]
    #[inline(always)]
    fn dots<const R: usize, const BITS: u32>(
        self,
        weights: &[Aligned<[u8; 64]>],
        x: &[[u32; R]],
    ) -> [__m512i; R] {
        let mut sums = [self.avx512f._mm512_setzero_si512(); R];
        for (weights, x) in weights.iter().zip(x) {
            let weights: __m512i = cast(weights.0);
            for (sum, x) in sums.iter_mut().zip(x) {
                let x = self.avx512f._mm512_set1_epi32(x.cast_signed());
                // SAFETY: a `Vnni` exists only where the processor has AVX-512 VNNI.
                *sum = unsafe { _mm512_dpbusd_epi32(*sum, weights, x) };
            }
        }
        sums
    }
}
