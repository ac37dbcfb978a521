//! What a run will take, before it begins: memory and time.

use std::time::Instant;

use candle_core::{Device, Tensor};
use serde::Serialize;

use super::settings::{BatchSettings, Checkpointing, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::machine::bytes_of;
use crate::model::backend::Backend;
use crate::model::config::DecoderConfig;
use crate::model::linear::WeightForm;
use crate::model::lora::Target;

/// Rows whose logits are in memory at once, with their gradient.
const LOGIT_ROWS: usize = 256;
/// What does not stand in the sums: the program, the dataset, what the allocator holds back.
const BESIDE: u64 = 200_000_000;
/// Measured training takes so much longer than its products would at the measured rate (norms, attention, activations).
const OVERHEAD: f64 = 1.3;

/// What a run will take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Bytes of the base's weights.
    pub weights_bytes: u64,
    /// Bytes of what is kept of a pass for the derivative.
    pub activations_bytes: u64,
    /// Bytes of the logits that are in memory at once.
    pub logits_bytes: u64,
    /// Bytes of the factors, their gradients and the optimiser's means.
    pub optimiser_bytes: u64,
    /// All of them, and what lies beside them.
    pub total_bytes: u64,
    /// Bytes that are free now, where the system says so.
    pub available_bytes: Option<u64>,
    /// Whether activations are computed again backwards.
    pub checkpointing: bool,
    /// Numbers that learn.
    pub parameters: usize,
    /// Steps.
    pub steps: usize,
    /// Tokens that are read.
    pub tokens: usize,
    /// Operations a second that this machine was measured at, in 10^9.
    pub gflops: f64,
    /// Seconds it will take.
    pub seconds: f64,
}

/// What is read.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Steps.
    pub steps: usize,
    /// Tokens read forwards and backwards.
    pub tokens: usize,
    /// Of them, those whose logits are computed.
    pub learnt: usize,
    /// Tokens written one by one, in a batch.
    pub written: usize,
    /// Tokens of the largest pass: so many rows are in memory at once.
    pub rows: usize,
}

impl Load {
    /// Going through passes of so many tokens in each epoch, of which `learnt` have logits in all.
    pub fn of_passes(batch: &BatchSettings, epochs: &[Vec<usize>], learnt: usize) -> Self {
        let steps = batch.steps(epochs.iter().map(Vec::len));
        let made = epochs.iter().flat_map(|passes| passes.chunks(batch.accumulation));
        let tokens: usize = made.take(steps).flatten().sum();
        let all: usize = epochs.iter().flatten().sum();
        Self {
            steps,
            tokens,
            learnt: (learnt as f64 * tokens as f64 / all.max(1) as f64) as usize,
            written: 0,
            rows: epochs.iter().flatten().copied().max().unwrap_or(0),
        }
    }
}

/// Bytes that are free where `backend` calculates, if that is known.
pub fn available(backend: &Backend) -> Option<u64> {
    if let Backend::Tensors(_) = backend {
        return backend.free_memory();
    }
    bytes_of(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")
}

/// What training a model of these sizes on `load` takes, where it is calculated on `backend`.
///
/// # Errors
/// The measurement of the machine fails.
pub fn estimate(
    settings: &Settings,
    config: &DecoderConfig,
    form: WeightForm,
    load: Load,
    backend: &Backend,
) -> Result<Estimate> {
    let block: usize = Target::ALL
        .iter()
        .map(|t| t.shape(config))
        .map(|(o, i)| o * i)
        .sum();
    let (weights, table) = (block * config.layers, config.vocab * config.hidden);
    let available = available(backend);
    let whole = activation_bytes(config, load.rows);
    let inputs = (load.rows * config.hidden * config.layers * 4) as u64;
    let parameters = {
        let of = |t: &Target| t.shape(config);
        let one: usize = settings
            .lora
            .targets
            .iter()
            .map(of)
            .map(|(o, i)| settings.lora.r * (o + i))
            .sum();
        one * config.layers
    };
    let weights_bytes = match form {
        // At most nine eighths of a byte a weight, scales included; the table is kept as it lies in the file as well.
        WeightForm::Blocks => (weights + table) as u64 * 9 / 8 + table as u64,
        WeightForm::F32 => (weights + table) as u64 * 4 + table as u64,
    };
    let beside_weights = available.map(|free| free.saturating_sub(weights_bytes));
    let again = computed_again(settings.batch.checkpointing, whole, beside_weights);
    let parts = [
        weights_bytes,
        if again {
            inputs + whole / config.layers as u64
        } else {
            whole + inputs
        },
        (LOGIT_ROWS * config.vocab * 4 * 2) as u64,
        (parameters * 4 * 9) as u64,
    ];
    let gflops = rate(backend.device())?;
    // Forwards, backwards by the input, and forwards again where activations are not kept.
    let passes = if again { 3.0 } else { 2.0 };
    let products = load.tokens as f64 * weights as f64 * passes
        + load.learnt as f64 * table as f64 * 2.0
        + load.written as f64 * (weights + table) as f64;
    Ok(Estimate {
        weights_bytes: parts[0],
        activations_bytes: parts[1],
        logits_bytes: parts[2],
        optimiser_bytes: parts[3],
        total_bytes: parts.iter().sum::<u64>() + BESIDE,
        available_bytes: available,
        checkpointing: again,
        parameters,
        steps: load.steps,
        tokens: load.tokens,
        gflops,
        seconds: 2.0 * products / (gflops * 1e9) * OVERHEAD,
    })
}

/// Whether activations of `whole` bytes are computed again backwards, where so many are free beside the weights, if that is known.
fn computed_again(setting: Checkpointing, whole: u64, free: Option<u64>) -> bool {
    match setting {
        Checkpointing::Always => true,
        Checkpointing::Never => false,
        Checkpointing::Auto => free.is_some_and(|free| whole > free / 4),
    }
}

/// Bytes of the activations that the derivative of a pass of `rows` rows reads, all blocks together.
fn activation_bytes(c: &DecoderConfig, rows: usize) -> u64 {
    let (queries, keys) = (c.heads * c.head_dim, c.kv_heads * c.head_dim);
    // Input, middle, and both after their norms; queries and keys before and after the rotation; values; what attention
    // gave; gate and values of the feed-forward layer.
    let floats = 4 * c.hidden + 3 * queries + 3 * keys + 2 * c.intermediate + c.heads;
    (rows * c.layers * floats * 4) as u64
}

/// The rate of a product of the size that training has, in 10^9 operations a second: the best of a few.
fn rate(device: &Device) -> Result<f64> {
    const ROWS: usize = 512;
    const WIDTH: usize = 1024;
    let a = Tensor::ones((ROWS, WIDTH), candle_core::DType::F32, device)?;
    let b = Tensor::ones((WIDTH, WIDTH), candle_core::DType::F32, device)?;
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let started = Instant::now();
        std::hint::black_box(a.matmul(&b)?);
        device.synchronize()?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    Ok(2.0 * (ROWS * WIDTH * WIDTH) as f64 / best / 1e9)
}

impl Estimate {
    /// Refuses what will not fit.
    ///
    /// # Errors
    /// More memory is needed than is free.
    pub fn check(&self) -> Result<()> {
        let gb = |bytes: u64| bytes as f64 / 1e9;
        match self.available_bytes {
            Some(free) if self.total_bytes > free => Err(Error::new(
                ErrorKind::Usage,
                format!(
                    "training needs about {:.1} GB of memory, {:.1} GB are free",
                    gb(self.total_bytes),
                    gb(free)
                ),
            )
            .hint("a smaller batch.pack and batch.longest (of GRPO: grpo.group and grpo.longest_answer), batch.checkpointing = \"always\", or engine.weights = \"blocks\" need less")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::config::Family;
    use crate::model::lora::Adapter;
    use crate::seed::Seed;

    fn config() -> DecoderConfig {
        DecoderConfig {
            family: Family::Llama,
            layers: 4,
            hidden: 64,
            heads: 4,
            kv_heads: 2,
            head_dim: 16,
            intermediate: 96,
            vocab: 300,
            context: 1024,
            rope_base: 1e4,
            norm_eps: 1e-6,
        }
    }

    const LOAD: Load = Load {
        steps: 3,
        tokens: 1000,
        learnt: 100,
        written: 0,
        rows: 1024,
    };

    #[test]
    fn more_is_needed_for_more_and_too_much_is_refused() -> Result<()> {
        let mut settings = Settings::default();
        let small = estimate(&settings, &config(), WeightForm::Blocks, LOAD, &Backend::Kernels)?;
        let adapter = Adapter::new(&settings.lora, &config(), Seed::root(0))?;
        assert_eq!(small.parameters, adapter.parameters());
        settings.batch.checkpointing = Checkpointing::Never;
        let long = Load { rows: 32_768, ..LOAD };
        let large = estimate(&settings, &config(), WeightForm::F32, long, &Backend::Kernels)?;
        assert!(
            large.weights_bytes > small.weights_bytes && large.activations_bytes > small.activations_bytes
        );
        assert!(small.seconds > 0.0 && small.gflops > 0.1);
        let full = Estimate {
            available_bytes: Some(small.total_bytes - 1),
            ..small.clone()
        };
        assert!(full.check().is_err_and(|e| e.message().contains("GB are free")));
        assert!(small.check().is_ok());
        Ok(())
    }

    /// Whether activations are kept hangs on the pass that there is, not on the one that the settings allow.
    #[test]
    fn activations_that_take_more_than_a_quarter_are_computed_again() {
        use Checkpointing::{Always, Auto, Never};
        let cases = [
            (Auto, 25, Some(100), false),
            (Auto, 26, Some(100), true),
            (Auto, 26, None, false),
            (Always, 1, Some(100), true),
            (Never, 99, Some(100), false),
        ];
        for (setting, whole, free, again) in cases {
            assert_eq!(
                computed_again(setting, whole, free),
                again,
                "{setting:?} {whole} {free:?}"
            );
        }
    }

    #[test]
    fn a_larger_pass_takes_more() -> Result<()> {
        let of = |rows: usize| {
            let load = Load { rows, ..LOAD };
            estimate(
                &Settings::default(),
                &config(),
                WeightForm::Blocks,
                load,
                &Backend::Kernels,
            )
        };
        assert!(of(4096)?.activations_bytes > 2 * of(1024)?.activations_bytes);
        Ok(())
    }

    /// By hand: two passes a step; the epochs have two steps and one, of which two are made.
    #[test]
    fn a_load_is_that_of_the_steps_that_are_made() {
        let batch = BatchSettings {
            accumulation: 2,
            max_steps: 2,
            ..BatchSettings::default()
        };
        let load = Load::of_passes(&batch, &[vec![100, 50, 250], vec![300, 100]], 80);
        assert_eq!(
            (load.steps, load.tokens, load.learnt, load.rows),
            (2, 400, 40, 300)
        );
    }
}
