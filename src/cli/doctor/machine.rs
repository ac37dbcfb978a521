//! The machine: processor, memory.

use super::Finding;
use crate::machine::{bytes_of, processor_name};

/// Bytes that the default model needs while it scores, with room for a long dossier.
const COMFORTABLE_MEMORY: u64 = 4_000_000_000;

pub(super) fn findings() -> Vec<Finding> {
    vec![version(), processor(), memory()]
}

fn version() -> Finding {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    Finding::ok(
        "version",
        format!("plumb {}, {os} {arch}", env!("CARGO_PKG_VERSION")),
    )
}

fn processor() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let features = features();
    let name = processor_name().map_or_else(String::new, |name| format!("{name}, "));
    let text = format!("{name}{cores} cores, {}", features.join(" "));
    if cfg!(target_arch = "x86_64") && !features.contains(&"avx2") {
        return Finding::warn("processor", text, "without AVX2 scoring takes many times longer");
    }
    Finding::ok("processor", text)
}

/// The vector instructions that the engine's arithmetic can use.
#[cfg(target_arch = "x86_64")]
fn features() -> Vec<&'static str> {
    let known = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
        ("avxvnni", std::arch::is_x86_feature_detected!("avxvnni")),
        // Only where the system lets it be used.
        ("amx", crate::model::kernels::lanes::name() == "amx"),
    ];
    known
        .into_iter()
        .filter(|(_, here)| *here)
        .map(|(name, _)| name)
        .collect()
}

/// The vector instructions that the engine's arithmetic can use.
#[cfg(not(target_arch = "x86_64"))]
fn features() -> Vec<&'static str> {
    if cfg!(target_arch = "aarch64") {
        vec!["neon"]
    } else {
        Vec::new()
    }
}

fn memory() -> Finding {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let (Some(total), Some(free)) = (bytes_of(&info, "MemTotal:"), bytes_of(&info, "MemAvailable:")) else {
        return Finding::ok("memory", "this system does not tell");
    };
    let gb = |bytes: u64| bytes as f64 / 1e9;
    let text = format!("{:.1} GB, {:.1} GB of it free", gb(total), gb(free));
    if free < COMFORTABLE_MEMORY {
        let small = "close other programs, or score with a small model: `plumb models list`";
        return Finding::warn("memory", text, small);
    }
    Finding::ok("memory", text)
}
