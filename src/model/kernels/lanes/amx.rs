//! The matrix unit of Intel's server processors (AMX): eight registers of sixteen rows of 64 bytes, and products of two
//! of them, sixteen by sixteen sums over 64 bytes in sixteen cycles.
//!
//! Its instructions have no stable wrappers: they are written out here, and nowhere else. A [`Tiles`] exists only while
//! the registers are set up for the thread that holds it, so that no product meets a register of another shape.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::marker::PhantomData;
use std::sync::OnceLock;

use super::x86::Vnni;
use super::{Aligned, LANES};

/// Most rows of a register.
pub const ROWS: usize = 16;
/// Registers of sums that are filled side by side.
pub const QUARTET: usize = 4;

/// Sixteen sums in each of `R` rows.
pub type Sums<T, const R: usize = ROWS> = Aligned<[[T; LANES]; R]>;

/// Sixteen rows of sixteen pairs of bf16 numbers. On the left of a product a row is a row of the matrix; on the right a
/// pair is two rows of it in one column.
pub type Half = Aligned<[[u32; LANES]; ROWS]>;

/// A matrix as the sum of two: its numbers rounded to bf16, and what that leaves.
pub type Factor = [Half; 2];

/// A processor with the unit, and a system that lets this program use it.
#[derive(Debug, Clone, Copy)]
pub struct Amx {
    lanes: Vnni,
}

impl Amx {
    /// Where there is one. Linux has to be asked first, since the registers make a thread's saved state 8 KiB larger.
    pub fn get() -> Option<Self> {
        static AMX: OnceLock<Option<Amx>> = OnceLock::new();
        *AMX.get_or_init(|| {
            let lanes = Vnni::try_new()?;
            (has_instructions() && is_permitted()).then_some(Self { lanes })
        })
    }

    /// What such a processor has besides.
    pub fn lanes(self) -> Vnni {
        self.lanes
    }

    /// Runs `op` with registers for products of `R` rows along `BYTES` bytes; compiled for this processor. What `op` calls
    /// must be inlined into it. It must not call `run`, nor wait for other threads: what the thread does meanwhile would
    /// set the registers up for itself.
    #[inline(always)]
    pub fn run<const R: usize, const BYTES: usize, T>(self, op: impl FnOnce(&Tiles<R, BYTES>) -> T) -> T {
        use super::Lanes as _;
        let tiles = Tiles::<R, BYTES>::set_up();
        self.lanes.run(
            #[inline(always)]
            || op(&tiles),
        )
    }
}

/// AMX-BF16, AMX-TILE and AMX-INT8, by the processor's own word.
fn has_instructions() -> bool {
    const WANTED: u32 = 1 << 22 | 1 << 24 | 1 << 25;
    __cpuid_count(7, 0).edx & WANTED == WANTED
}

/// Whether the system lets this process use the registers.
#[expect(unsafe_code, reason = "no wrapper knows this request")]
fn is_permitted() -> bool {
    /// `ARCH_REQ_XCOMP_PERM` and `XFEATURE_XTILEDATA` of the kernel's `asm/prctl.h`.
    const REQUEST: (libc::c_int, libc::c_ulong) = (0x1023, 18);
    // SAFETY: the request reads and writes no memory of ours.
    unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST.0, REQUEST.1) == 0 }
}

/// How the registers are set up, as the processor reads it: palette 1, and bytes and rows of each.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start: u8,
    reserved: [u8; 14],
    bytes: [u16; 16],
    rows: [u8; 16],
}

/// The registers of this thread, set up: 0 to 3 for sums of `R` rows, 4 and 5 for left factors of as many rows of `BYTES`
/// bytes, 6 and 7 for right factors. It gives them back when it ends.
#[derive(Debug)]
pub struct Tiles<const R: usize, const BYTES: usize>(PhantomData<*const ()>);

impl<const R: usize, const BYTES: usize> Tiles<R, BYTES> {
    #[expect(unsafe_code, reason = "an instruction without a wrapper")]
    #[inline]
    fn set_up() -> Self {
        const { assert!(R > 0 && R <= ROWS && BYTES > 0 && BYTES <= 64 && BYTES.is_multiple_of(4)) };
        let (wide, narrow) = (64, BYTES as u16);
        let (rows, deep) = (R as u8, (BYTES / 4) as u8);
        let mut configuration = Configuration {
            palette: 1,
            start: 0,
            reserved: [0; 14],
            bytes: [0; 16],
            rows: [0; 16],
        };
        configuration.bytes[..8].copy_from_slice(&[wide, wide, wide, wide, narrow, narrow, wide, wide]);
        configuration.rows[..8].copy_from_slice(&[rows, rows, rows, rows, rows, rows, deep, deep]);
        // SAFETY: only an `Amx` sets them up, whose processor has the instruction; it reads these 64 bytes.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, readonly, preserves_flags));
        }
        Self(PhantomData)
    }
}

impl<const R: usize, const BYTES: usize> Drop for Tiles<R, BYTES> {
    #[expect(unsafe_code, reason = "an instruction without a wrapper")]
    #[inline]
    fn drop(&mut self) {
        // SAFETY: as in `set_up`; it touches no memory.
        unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) };
    }
}

// What lies in a register between two of these instructions stays there: no function is compiled with the unit for a
// target feature, so the compiler neither uses nor saves its registers, and it keeps volatile assembly in its order.

/// Reads a register: `$stride` bytes from row to row.
macro_rules! load {
    ($register:literal, $from:expr, $stride:expr) => {
        asm!(
            concat!("tileloadd tmm", $register, ", [{0} + {1}*1]"),
            in(reg) $from, in(reg) $stride, options(nostack, readonly, preserves_flags)
        )
    };
}

/// Writes a register, its rows one behind the other.
macro_rules! store {
    ($register:literal, $to:expr) => {
        asm!(
            concat!("tilestored [{0} + {1}*1], tmm", $register),
            in(reg) $to, in(reg) 64_usize, options(nostack, preserves_flags)
        )
    };
}

macro_rules! zero {
    ($($register:literal)*) => {
        $(asm!(concat!("tilezero tmm", $register), options(nostack, nomem, preserves_flags));)*
    };
}

/// Adds the product of two registers to a third.
macro_rules! multiply {
    ($what:literal, $sums:literal, $left:literal, $right:literal) => {
        asm!(
            concat!($what, " tmm", $sums, ", tmm", $left, ", tmm", $right),
            options(nostack, nomem, preserves_flags)
        )
    };
}

/// Adds to each of the four sums the product of a left half with the right one of its column.
macro_rules! add_quartet {
    ($left:literal, $right:ident, $half:literal) => {
        load!(6, &raw const $right[0][$half], 64_usize);
        multiply!("tdpbf16ps", 0, $left, 6);
        load!(7, &raw const $right[1][$half], 64_usize);
        multiply!("tdpbf16ps", 1, $left, 7);
        load!(6, &raw const $right[2][$half], 64_usize);
        multiply!("tdpbf16ps", 2, $left, 6);
        load!(7, &raw const $right[3][$half], 64_usize);
        multiply!("tdpbf16ps", 3, $left, 7);
    };
}

impl<const R: usize, const BYTES: usize> Tiles<R, BYTES> {
    /// For each of `R` rows of activations (i8) and each column `c`: the sum over the steps `s` and `i < 4` of
    /// `weights[s][4 c + i]`, unsigned, times number `4 s + i` of the row. Exact.
    ///
    /// # Panics
    /// There are not `BYTES / 4` steps of weights.
    #[expect(unsafe_code, reason = "instructions without wrappers")]
    #[inline(always)]
    pub fn dots(
        &self,
        weights: &[Aligned<[u8; 64]>],
        x: &Aligned<[[u8; BYTES]; R]>,
        sums: &mut Sums<i32, R>,
    ) {
        assert_eq!(weights.len() * 4, BYTES, "steps of weights");
        // SAFETY: the registers are set up for these sizes, which are those of what is read and written.
        unsafe {
            load!(6, weights.as_ptr(), 64_usize);
            load!(4, &raw const *x, BYTES);
            zero!(0);
            multiply!("tdpbsud", 0, 4, 6);
            store!(0, &raw mut *sums);
        }
    }
}

impl Tiles<ROWS, 64> {
    /// The products of `left` (`[depth / 32]`) with the first four columns of `right` (`[depth / 32, columns]`), in the place
    /// of `sums` where these are `FRESH`, or else added to them. Left out is what the lesser half of the one makes with that
    /// of the other.
    #[expect(unsafe_code, reason = "instructions without wrappers")]
    #[inline(always)]
    pub fn products<const FRESH: bool>(
        &self,
        left: &[Factor],
        right: &[Factor],
        columns: usize,
        sums: &mut [Sums<f32>; QUARTET],
    ) {
        // SAFETY: the registers are set up for sixteen rows of 64 bytes, which all of these have.
        unsafe {
            if FRESH {
                zero!(0 1 2 3);
            } else {
                load!(0, &raw const sums[0], 64_usize);
                load!(1, &raw const sums[1], 64_usize);
                load!(2, &raw const sums[2], 64_usize);
                load!(3, &raw const sums[3], 64_usize);
            }
            for (left, right) in left.iter().zip(right.chunks(columns)) {
                load!(4, &raw const left[0], 64_usize);
                load!(5, &raw const left[1], 64_usize);
                // A sum is ready for the next product when the other three are made.
                add_quartet!(4, right, 0);
                add_quartet!(5, right, 0);
                add_quartet!(4, right, 1);
            }
            store!(0, &raw mut sums[0]);
            store!(1, &raw mut sums[1]);
            store!(2, &raw mut sums[2]);
            store!(3, &raw mut sums[3]);
        }
    }
}
