//! What the instructions themselves give: the kernels' own, in bare loops over registers and the first cache, on all
//! threads at once. Of several shapes of loop the fastest is the limit, since how many sums a processor wants in flight
//! differs.

use std::hint::black_box;

use super::rate;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::unit;
use crate::error::Result;
use crate::model::kernels::lanes::{self, Aligned, LANES, Lanes, WithLanes};

/// Rounds of a loop: about a millisecond, beside which waking the threads does not matter.
const ROUNDS: usize = 1 << 18;

/// Which instructions bound a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// Integer dot products with weights of so many bits: 4, 5, 6 or 8.
    Dots(u32),
    /// Multiplication and addition of f32 numbers.
    Floats,
    /// The same as attention does them: in three products of bf16 numbers where the processor has a matrix unit.
    Attention,
}

impl Limit {
    /// The name of its figure.
    pub(super) fn figure(self) -> String {
        let unit = self.unit();
        match self {
            Self::Dots(bits) => format!("limit_dots_{bits}bit_{unit}"),
            Self::Floats => format!("limit_fma_{unit}"),
            Self::Attention => format!("limit_attention_{unit}"),
        }
    }

    /// The unit in names of figures: 10^9 operations a second.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Dots(_) => "gops",
            Self::Floats | Self::Attention => "gflops",
        }
    }

    /// Operations a second.
    pub(super) fn ops_per_second(self) -> Result<f64> {
        match self {
            Self::Dots(4) => dots::<4>(),
            Self::Dots(5) => dots::<5>(),
            Self::Dots(6) => dots::<6>(),
            Self::Dots(_) => dots::<8>(),
            Self::Floats => fastest([
                &|| lanes::dispatch(MulAdd::<4>),
                &|| lanes::dispatch(MulAdd::<6>),
                &|| lanes::dispatch(MulAdd::<8>),
                &|| lanes::dispatch(MulAdd::<12>),
            ]),
            Self::Attention => {
                #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
                if let Some(amx) = lanes::amx::Amx::get() {
                    return fastest([&|| unit::products(amx)]);
                }
                Self::Floats.ops_per_second()
            }
        }
    }
}

/// Short runs of steps are what the kernel does; long ones spend less on what is between them.
fn dots<const BITS: u32>() -> Result<f64> {
    let of_vectors = fastest([
        &|| lanes::dispatch(Dots::<4, 8, BITS>),
        &|| lanes::dispatch(Dots::<4, 64, BITS>),
        &|| lanes::dispatch(Dots::<8, 64, BITS>),
    ])?;
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if let Some(amx) = lanes::amx::Amx::get() {
        // Six bits come in blocks of 16.
        let of_unit = match BITS {
            6 => fastest([&|| unit::dots::<16>(amx)])?,
            _ => fastest([&|| unit::dots::<32>(amx)])?,
        };
        return Ok(of_vectors.max(of_unit));
    }
    Ok(of_vectors)
}

/// The fastest of some loops, each of which says how many operations a thread did.
fn fastest<const N: usize>(loops: [&dyn Fn() -> f64; N]) -> Result<f64> {
    let mut most = 0.0;
    for each in loops {
        let ops = each() * rayon::current_num_threads() as f64;
        let got = rate(ops, &|| {
            black_box(each());
            Ok(())
        })?;
        most = f64::max(most, got);
    }
    Ok(most)
}

/// `STEPS` steps of `R` rows at a time.
struct Dots<const R: usize, const STEPS: usize, const BITS: u32>;

impl<const R: usize, const STEPS: usize, const BITS: u32> WithLanes for Dots<R, STEPS, BITS> {
    type Output = f64;

    fn with<L: Lanes>(self, lanes: L) -> f64 {
        let rounds = ROUNDS / STEPS;
        rayon::broadcast(|_| {
            let weights = [Aligned([3_u8; 4 * LANES]); STEPS];
            let x = [[0x0102_0304_u32; R]; STEPS];
            let mut out = [[0.0_f32; LANES]; R];
            lanes.run(
                #[inline(always)]
                || {
                    for _ in 0..rounds {
                        let dots = lanes.dots::<R, BITS>(black_box(&weights), black_box(&x));
                        for (out, dots) in out.iter_mut().zip(dots) {
                            lanes.store(lanes.to_f32(dots), out);
                        }
                        black_box(&out);
                    }
                },
            );
        });
        (rounds * STEPS * R * 4 * LANES * 2) as f64
    }
}

/// `N` sums in flight.
struct MulAdd<const N: usize>;

impl<const N: usize> WithLanes for MulAdd<N> {
    type Output = f64;

    fn with<L: Lanes>(self, lanes: L) -> f64 {
        rayon::broadcast(|_| {
            let (a, b) = black_box((0.999_f32, 0.001_f32));
            let mut out = [[0.0_f32; LANES]; N];
            lanes.run(
                #[inline(always)]
                || {
                    let (a, b) = (lanes.splat(a), lanes.splat(b));
                    let mut sums = [a; N];
                    for _ in 0..ROUNDS {
                        for sum in &mut sums {
                            *sum = lanes.mul_add(a, *sum, b);
                        }
                    }
                    for (out, sum) in out.iter_mut().zip(sums) {
                        lanes.store(sum, out);
                    }
                },
            );
            black_box(&out);
        });
        (ROUNDS * N * LANES * 2) as f64
    }
}
