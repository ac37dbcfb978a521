//! The machine as far as it tells of itself. What a system does not tell is absent, never guessed.

use serde::Serialize;

use crate::model::kernels::lanes;

/// Where a benchmark ran.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: Option<String>,
    /// Threads of the arithmetic.
    pub threads: usize,
    /// Which implementation of the kernels, as [`lanes::name`] calls it.
    pub lanes: &'static str,
    /// Processes that wanted to run, on average over the last 1, 5 and 15 minutes.
    pub load: Option<[f64; 3]>,
}

impl Machine {
    /// As it is now; the size of the thread pool must have been set.
    pub fn now() -> Self {
        Self {
            processor: processor_name(),
            threads: rayon::current_num_threads(),
            lanes: lanes::name(),
            load: std::fs::read_to_string("/proc/loadavg")
                .ok()
                .as_deref()
                .and_then(averages),
        }
    }
}

/// The processor's name, where the system tells it.
pub fn processor_name() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The most memory that this process has held so far, in bytes, its code and what it maps of files included.
pub fn peak_rss() -> Option<u64> {
    bytes_of(&std::fs::read_to_string("/proc/self/status").ok()?, "VmHWM:")
}

/// A row of `/proc/meminfo` or `/proc/self/status`, which count in KiB.
pub fn bytes_of(info: &str, row: &str) -> Option<u64> {
    let number = info
        .lines()
        .find_map(|line| line.strip_prefix(row))?
        .split_whitespace()
        .next()?;
    Some(number.parse::<u64>().ok()? * 1024)
}

/// The three averages at the beginning of `/proc/loadavg`.
fn averages(text: &str) -> Option<[f64; 3]> {
    let mut numbers = text.split_whitespace().map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let info = "MemTotal:       24684648 kB\nMemFree:         1 kB\nMemAvailable:   14830592 kB\n";
        assert_eq!(bytes_of(info, "MemTotal:"), Some(24_684_648 * 1024));
        assert_eq!(bytes_of(info, "MemAvailable:"), Some(14_830_592 * 1024));
        assert_eq!(bytes_of(info, "SwapTotal:"), None);
    }

    #[test]
    fn the_load_is_three_numbers() {
        assert_eq!(averages("2.06 1.68 1.87 4/93 9780\n"), Some([2.06, 1.68, 1.87]));
        assert_eq!(averages("2.06 1.68"), None);
    }
}
