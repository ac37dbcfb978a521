//! The matrix unit of Intel's server processors (AMX): eight registers of sixteen rows of 64 bytes, and products of two
//! of them, sixteen by sixteen sums of 64 bytes each in sixteen cycles.
//!
//! Its instructions have no stable wrappers: they are written out here, and nowhere else. A [`Tiles`] exists only while
//! the registers are set up for the thread that holds it, so that no product meets a register of another shape.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::marker::PhantomData;
use std::sync::OnceLock;

use super::x86::Vnni;
use super::{Aligned, LANES};

/// Rows of a register.
pub const ROWS: usize = 16;

/// Registers that sums are made in side by side.
pub const QUARTET: usize = 4;

/// Sixteen rows of sixteen sums.
pub type Sums<T> = Aligned<[[T; LANES]; ROWS]>;

/// Sixteen rows of sixteen pairs of bf16 numbers. On the left a row is a row of the matrix; on the right a pair is two rows
/// of it in one column.
pub type Factor = Aligned<[[u32; LANES]; ROWS]>;

/// A processor with the unit, and a system that lets this program use it.
#[derive(Debug, Clone, Copy)]
pub struct Amx {
    /// What such a processor has besides.
    pub lanes: Vnni,
}

impl Amx {
    /// Where there is one. Linux has to be asked first, since the registers make a thread's saved state 8 KiB larger.
    pub fn get() -> Option<Self> {
        static LANES: OnceLock<Option<Amx>> = OnceLock::new();
        *LANES.get_or_init(|| {
            let lanes = Vnni::try_new()?;
            let found = has_instructions() && std::arch::is_x86_feature_detected!("avx512bf16");
            (found && is_permitted()).then_some(Self { lanes })
        })
    }

    /// Runs `op` with registers for products along `bytes` bytes at a time, at most 64; compiled for this processor. What
    /// `op` calls must be inlined into it.
    #[inline(always)]
    pub fn run<T>(self, bytes: u8, op: impl FnOnce(Tiles) -> T) -> T {
        use super::Lanes as _;
        let _released = Released::configure(bytes);
        self.lanes.run(
            #[inline(always)]
            || op(Tiles(PhantomData)),
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

/// How the registers are set up, as the processor reads it: palette 1, and rows and bytes of each.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start: u8,
    reserved: [u8; 14],
    bytes: [u16; 16],
    rows: [u8; 16],
}

/// Gives the registers back, also when what used them ends early.
struct Released;

impl Released {
    /// Registers 0 to 3 hold sums, 4 and 5 left factors of sixteen rows, 6 and 7 right factors.
    #[expect(unsafe_code, reason = "an instruction without a wrapper")]
    #[inline]
    fn configure(bytes: u8) -> Self {
        debug_assert!(bytes.is_multiple_of(4) && bytes <= 64);
        let (wide, narrow, deep) = (64, u16::from(bytes), bytes / 4);
        let all = ROWS as u8;
        let mut configuration = Configuration {
            palette: 1,
            start: 0,
            reserved: [0; 14],
            bytes: [0; 16],
            rows: [0; 16],
        };
        configuration.bytes[..8].copy_from_slice(&[wide, wide, wide, wide, narrow, narrow, wide, wide]);
        configuration.rows[..8].copy_from_slice(&[all, all, all, all, all, all, deep, deep]);
        // SAFETY: an `Amx` exists, whose processor has the instruction; it reads these 64 bytes.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, readonly)) };
        Self
    }
}

impl Drop for Released {
    #[expect(unsafe_code, reason = "an instruction without a wrapper")]
    #[inline]
    fn drop(&mut self) {
        // SAFETY: as in `configure`; it touches no memory.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}

/// The registers of this thread, set up.
#[derive(Debug, Clone, Copy)]
pub struct Tiles(PhantomData<*const ()>);

/// Reads a register: `$stride` bytes from row to row.
macro_rules! load {
    ($register:literal, $from:expr, $stride:expr) => {
        asm!(concat!("tileloadd tmm", $register, ", [{0} + {1}*1]"), in(reg) $from, in(reg) $stride, options(nostack, readonly))
    };
}

/// Writes a register, its rows one behind the other.
macro_rules! store {
    ($register:literal, $to:expr) => {
        asm!(concat!("tilestored [{0} + {1}*1], tmm", $register), in(reg) $to, in(reg) 64_usize, options(nostack))
    };
}

macro_rules! zero {
    ($($register:literal)*) => {
        $(asm!(concat!("tilezero tmm", $register), options(nostack, nomem));)*
    };
}

/// Adds the product of two registers to a third.
macro_rules! multiply {
    ($what:literal, $sums:literal, $left:literal, $right:literal) => {
        asm!(
            concat!($what, " tmm", $sums, ", tmm", $left, ", tmm", $right),
            options(nostack, nomem)
        )
    };
}

/// Adds to each of the four sums the product of a left factor with the right one of its column.
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

impl Tiles {
    /// For each of sixteen rows of `BYTES` activations (i8) and each column `c`: the sum over the steps `s` and `i < 4` of
    /// `weights[s][4 c + i]`, unsigned, times number `4 s + i` of the row. `BYTES` is what the registers were set up for.
    /// Exact.
    #[expect(unsafe_code, reason = "instructions without wrappers")]
    #[inline(always)]
    pub fn dots<const BYTES: usize>(
        self,
        weights: &[Aligned<[u8; 64]>],
        x: &Aligned<[[u8; BYTES]; ROWS]>,
        sums: &mut Sums<i32>,
    ) {
        debug_assert!(weights.len() * 4 == BYTES);
        // SAFETY: a `Tiles` exists only where the registers are set up, and the lengths are those that they read and write.
        unsafe {
            load!(6, weights.as_ptr(), 64_usize);
            load!(4, &raw const *x, BYTES);
            zero!(0);
            multiply!("tdpbsud", 0, 4, 6);
            store!(0, &raw mut *sums);
        }
    }

    /// The products of `left` (`[depth / 32]`) with the first four columns of `right` (`[depth / 32, columns]`), in the place
    /// of `sums` where these are `FRESH`, or else added to them. A factor is two whose sum it is: the product leaves out that
    /// of the two lesser ones.
    #[expect(unsafe_code, reason = "instructions without wrappers")]
    #[inline(always)]
    pub fn products<const FRESH: bool>(
        self,
        left: &[[Factor; 2]],
        right: &[[Factor; 2]],
        columns: usize,
        sums: &mut [Sums<f32>; QUARTET],
    ) {
        debug_assert!(right.len() + columns >= left.len() * columns + QUARTET);
        // SAFETY: a `Tiles` exists only where the registers are set up, and what is read and written is that long.
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
