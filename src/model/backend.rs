//! Where a model runs, and by whose arithmetic.

use candle_core::Device;

pub use crate::config::DeviceChoice;
use crate::error::{Error, ErrorKind, Result};

/// Whose arithmetic a decoder uses, and where.
#[derive(Debug, Clone)]
pub enum Backend {
    /// This project's kernels, on the processor.
    Kernels,
    /// candle's operations, on one of its devices.
    Tensors(Device),
}

impl Backend {
    /// What was chosen; `Auto` takes a graphics card if this build can use one and one is there.
    ///
    /// # Errors
    /// `Usage` when a card is asked for and this build cannot use one; `Engine` when there is none, or it refuses.
    pub fn open(choice: DeviceChoice) -> Result<Self> {
        match choice {
            DeviceChoice::Cpu => Ok(Self::Kernels),
            DeviceChoice::Cuda => cuda(),
            DeviceChoice::Auto => Ok(cuda().unwrap_or(Self::Kernels)),
        }
    }

    /// The choice without `Auto`: what is kept of an answer says where it was calculated.
    #[must_use]
    pub fn choose(choice: DeviceChoice) -> DeviceChoice {
        match choice {
            DeviceChoice::Auto if cuda().is_ok() => DeviceChoice::Cuda,
            DeviceChoice::Auto => DeviceChoice::Cpu,
            chosen => chosen,
        }
    }

    /// Where its tensors lie.
    pub fn device(&self) -> &Device {
        match self {
            Self::Kernels => &Device::Cpu,
            Self::Tensors(device) => device,
        }
    }

    /// Bytes that are free on the card; none on the processor, whose memory is the system's.
    pub fn free_memory(&self) -> Option<u64> {
        #[cfg(feature = "cuda")]
        if let Self::Tensors(Device::Cuda(_)) = self {
            let told = candle_core::cuda::cudarc::driver::result::mem_get_info();
            return told.ok().map(|(free, _)| free as u64);
        }
        None
    }

    /// Lets a card round the factors of its products to 10 bits behind the point (TF32), which its matrix units multiply
    /// several times as fast, from now on and in the whole process. Gradients are noisier than that; what scores is not
    /// calculated so.
    pub fn round_products(&self) {
        #[cfg(feature = "cuda")]
        if let Self::Tensors(Device::Cuda(_)) = self {
            candle_core::cuda::set_gemm_reduced_precision_f32(true);
        }
    }

    /// As a person reads it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tensors(Device::Cuda(_)) => "CUDA",
            Self::Tensors(_) | Self::Kernels => "CPU",
        }
    }
}

/// A backend that is not this project's kernels: a graphics card in a build that uses one, else candle's operations on
/// the processor.
///
/// # Errors
/// The card refuses.
#[cfg(test)]
pub fn other() -> Result<Backend> {
    if cfg!(feature = "cuda") {
        cuda()
    } else {
        Ok(Backend::Tensors(Device::Cpu))
    }
}

/// The first card that the driver shows.
fn cuda() -> Result<Backend> {
    if !cfg!(feature = "cuda") {
        let what = "engine.device = \"cuda\": this build has no CUDA";
        return Err(Error::new(ErrorKind::Usage, what).hint("`make cuda` builds one that has"));
    }
    card().map(Backend::Tensors).map_err(|e| {
        Error::new(ErrorKind::Engine, "engine.device = \"cuda\": no card can be used")
            .hint("`nvidia-smi` says what the driver sees; engine.device = \"cpu\" runs without one")
            .because(e)
    })
}

#[cfg(not(feature = "cuda"))]
fn card() -> candle_core::Result<Device> {
    Device::new_cuda(0)
}

/// A pass is a thousand small operations: what each costs besides its arithmetic decides how fast branches are written.
#[cfg(feature = "cuda")]
#[expect(unsafe_code, reason = "the driver's settings are set by foreign functions")]
fn card() -> candle_core::Result<Device> {
    use candle_core::cuda::WrapErr as _;
    use candle_core::cuda::cudarc::driver::{result, sys};
    let device = Device::new_cuda(0)?;
    // SAFETY: a `Device` has one stream, which runs everything in order; its tensors are used on no other.
    unsafe { device.as_cuda_device()?.disable_event_tracking() };
    let card = result::device::get(0).w()?;
    let mut kept = u64::MAX;
    let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // Freed memory stays with the process instead of going back to the driver whenever the stream is empty.
    // SAFETY: the card exists, so its pool does; the attribute is a 64-bit number, which outlives the call.
    unsafe {
        let pool = result::device::get_default_mem_pool(card).w()?;
        result::mem_pool::set_attribute(pool, attribute, (&raw mut kept).cast()).w()?;
    }
    Ok(device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_always_there() -> Result<()> {
        assert_eq!(Backend::open(DeviceChoice::Cpu)?.name(), "CPU");
        assert!(Backend::open(DeviceChoice::Auto).is_ok());
        Ok(())
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_build_without_cuda_says_how_to_get_one() {
        let error = Backend::open(DeviceChoice::Cuda).err();
        let error = error.filter(|e| e.kind() == ErrorKind::Usage && e.hints()[0].contains("make cuda"));
        assert!(error.is_some());
    }
}
