//! What the kernels need of a processor, behind one trait: sixteen f32 lanes, and dot products of u8 weights with i8
//! activations. One implementation a processor family; the kernels themselves are written once.
//!
//! Every implementation gives the same bits: integer sums are exact, and the f32 operations are single roundings in an
//! order that the kernels fix.

/// Lanes of one vector, and columns of one block of weights.
pub const LANES: usize = 16;

/// Sixteen f32 numbers, and integer dot products.
pub trait Lanes: Copy + Send + Sync {
    /// Sixteen f32 numbers.
    type F32: Copy;
    /// Sixteen i32 numbers.
    type I32: Copy;

    /// What a report calls this implementation.
    const NAME: &'static str;

    /// Runs `op`, compiled for this processor. What `op` calls must be inlined into it.
    fn run<T>(self, op: impl FnOnce() -> T) -> T;

    /// `x` in every lane.
    fn splat(self, x: f32) -> Self::F32;
    /// From memory.
    fn load(self, from: &[f32; LANES]) -> Self::F32;
    /// To memory.
    fn store(self, x: Self::F32, to: &mut [f32; LANES]);
    /// `a * b`.
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// `a * b + c`, rounded once.
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// The nearest f32 numbers.
    fn to_f32(self, x: Self::I32) -> Self::F32;

    /// For each of `R` rows and each column `c`: the sum over the steps `s` and `i < 4` of `weights[s][4 c + i]` times byte
    /// `i` of `x[s][row]`, an i8 in -127..=127. Exact for up to 8 steps. No weight has more than `BITS` bits (4, 5, 6 or
    /// 8).
    fn dots<const R: usize, const BITS: u32>(self, weights: &[[u8; 64]], x: &[[u32; R]]) -> [Self::I32; R];
}

/// Work that is written for any processor.
pub trait WithLanes {
    /// What it gives.
    type Output;

    /// Does it.
    fn with<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Does `work` with the best that this processor has.
pub fn dispatch<W: WithLanes>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(lanes) = x86::Vnni::try_new() {
            return work.with(lanes);
        }
        if let Some(lanes) = pulp::x86::V3::try_new() {
            return work.with(lanes);
        }
    }
    work.with(Scalar)
}

/// What the implementation that [`dispatch`] chooses here is called: `avx512-vnni`, `avx2` or `scalar`.
pub fn name() -> &'static str {
    struct Name;

    impl WithLanes for Name {
        type Output = &'static str;

        fn with<L: Lanes>(self, _: L) -> &'static str {
            L::NAME
        }
    }

    dispatch(Name)
}

/// Plain code, for processors without an implementation of their own and as the reference of the others.
#[derive(Debug, Clone, Copy)]
pub struct Scalar;

#[expect(
    clippy::inline_always,
    reason = "kernels are compiled inside `run`, for its processor"
)]
impl Lanes for Scalar {
    type F32 = [f32; LANES];
    type I32 = [i32; LANES];

    const NAME: &'static str = "scalar";

    fn run<T>(self, op: impl FnOnce() -> T) -> T {
        op()
    }

    #[inline(always)]
    fn splat(self, x: f32) -> Self::F32 {
        [x; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::F32 {
        *from
    }

    #[inline(always)]
    fn store(self, x: Self::F32, to: &mut [f32; LANES]) {
        *to = x;
    }

    #[inline(always)]
    fn mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        std::array::from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }

    #[inline(always)]
    fn to_f32(self, x: Self::I32) -> Self::F32 {
        x.map(|x| x as f32)
    }

    #[inline(always)]
    fn dots<const R: usize, const BITS: u32>(self, weights: &[[u8; 64]], x: &[[u32; R]]) -> [Self::I32; R] {
        let mut sums = [[0_i32; LANES]; R];
        for (weights, x) in weights.iter().zip(x) {
            for (sums, x) in sums.iter_mut().zip(x) {
                let x = x.to_le_bytes().map(|byte| i32::from(byte.cast_signed()));
                for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<4>().0) {
                    *sum += weights.iter().zip(x).map(|(&w, x)| i32::from(w) * x).sum::<i32>();
                }
            }
        }
        sums
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(
    clippy::inline_always,
    reason = "kernels are compiled inside `run`, for its processor"
)]
mod x86 {
    use std::arch::x86_64::{__m256, __m256i, __m512, __m512i, _mm512_dpbusd_epi32};

    use pulp::cast;
    use pulp::x86::V3;

    use super::{LANES, Lanes};

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
            weights: &[[u8; 64]],
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
        weights: &[[u8; 64]],
        x: &[[u32; R]],
        factor: i16,
    ) -> [[__m256i; 2]; R] {
        let factor = simd.avx._mm256_set1_epi16(factor);
        let zero = simd.avx._mm256_setzero_si256();
        let mut totals = [[zero; 2]; R];
        for (weights, x) in weights.chunks(RUN).zip(x.chunks(RUN)) {
            let mut sums = [[zero; 2]; R];
            for (weights, x) in weights.iter().zip(x) {
                let columns: [__m256i; 2] = cast(*weights);
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
        fn dots<const R: usize, const BITS: u32>(self, weights: &[[u8; 64]], x: &[[u32; R]]) -> [__m512i; R] {
            let mut sums = [self.avx512f._mm512_setzero_si512(); R];
            for (weights, x) in weights.iter().zip(x) {
                let weights: __m512i = cast(*weights);
                for (sum, x) in sums.iter_mut().zip(x) {
                    let x = self.avx512f._mm512_set1_epi32(x.cast_signed());
                    // SAFETY: a `Vnni` exists only where the processor has AVX-512 VNNI.
                    *sum = unsafe { _mm512_dpbusd_epi32(*sum, weights, x) };
                }
            }
            sums
        }
    }
}
