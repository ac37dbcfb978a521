//! What the kernels need of a processor, behind one trait: sixteen f32 lanes, and dot products of u8 weights with i8
//! activations. One implementation a processor family; beside them stands `amx`, a matrix unit, whose tiles are used in
//! other ways.
//!
//! Every implementation gives the same bits: integer sums are exact, and the f32 operations are single roundings in an
//! order that the kernels fix. Products by the matrix unit keep them too; attention by it does not.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[expect(
    clippy::inline_always,
    reason = "kernels are compiled inside `run`, for its processor"
)]
pub mod amx;
#[cfg(target_arch = "aarch64")]
#[expect(
    clippy::inline_always,
    reason = "kernels are compiled inside `run`, for its processor"
)]
mod arm;
#[cfg(target_arch = "x86_64")]
#[expect(
    clippy::inline_always,
    reason = "kernels are compiled inside `run`, for its processor"
)]
pub(in crate::model::kernels) mod x86;

/// Lanes of one vector, and columns of one block of weights.
pub const LANES: usize = 16;

/// Something that begins with a line of the cache: a vector read across the border of two costs two reads.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub struct Aligned<T>(pub T);

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
    fn dots<const R: usize, const BITS: u32>(
        self,
        weights: &[Aligned<[u8; 64]>],
        x: &[[u32; R]],
    ) -> [Self::I32; R];
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
        if let Some(lanes) = x86::AvxVnni::try_new() {
            return work.with(lanes);
        }
        if let Some(lanes) = pulp::x86::V3::try_new() {
            return work.with(lanes);
        }
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(lanes) = arm::DotProduct::try_new() {
        return work.with(lanes);
    }
    work.with(Scalar)
}

/// What is chosen here is called: `amx` where there is a matrix unit besides, or what [`dispatch`] chooses,
/// `avx512-vnni`, `avx-vnni`, `avx2`, `neon` or `scalar`.
pub fn name() -> &'static str {
    struct Name;

    impl WithLanes for Name {
        type Output = &'static str;

        fn with<L: Lanes>(self, _: L) -> &'static str {
            L::NAME
        }
    }

    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if amx::Amx::get().is_some() {
        return "amx";
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
    fn dots<const R: usize, const BITS: u32>(
        self,
        weights: &[Aligned<[u8; 64]>],
        x: &[[u32; R]],
    ) -> [Self::I32; R] {
        let mut sums = [[0_i32; LANES]; R];
        for (weights, x) in weights.iter().zip(x) {
            for (sums, x) in sums.iter_mut().zip(x) {
                let x = x.to_le_bytes().map(|byte| i32::from(byte.cast_signed()));
                for (sum, weights) in sums.iter_mut().zip(weights.0.as_chunks::<4>().0) {
                    *sum += weights.iter().zip(x).map(|(&w, x)| i32::from(w) * x).sum::<i32>();
                }
            }
        }
        sums
    }
}
