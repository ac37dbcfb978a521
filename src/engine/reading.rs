//! From logits to a score: the distribution over the five levels, read before the grammar's mask.

use candle_core::Tensor;

use crate::engine::assessment::ScoreReading;
use crate::error::{Error, ErrorKind, Result};
use crate::model::tokenizer::Tokenizer;

/// The tokens of the digits 1 to 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelTokens([u32; 5]);

impl LevelTokens {
    /// Finds them.
    ///
    /// # Errors
    /// The tokenizer has no single token for a digit.
    pub fn of(tokenizer: &Tokenizer) -> Result<Self> {
        let mut tokens = [0; 5];
        for (token, digit) in tokens.iter_mut().zip(["1", "2", "3", "4", "5"]) {
            let [id] = tokenizer.encode(digit)?[..] else {
                return Err(Error::new(
                    ErrorKind::Model,
                    format!("the tokenizer has no token for the digit {digit}"),
                ));
            };
            *token = id;
        }
        Ok(Self(tokens))
    }

    /// The raw logits of the five levels in a row `[V]`.
    ///
    /// # Errors
    /// The row is not of rank 1 or too short.
    pub fn logits(&self, row: &[f32]) -> [f32; 5] {
        self.0.map(|token| row[token as usize])
    }
}

/// Reads the score from the raw logits of the levels and the whole row they stand in.
pub fn read(levels: [f32; 5], row: &[f32]) -> ScoreReading {
    let max = levels.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exps = levels.map(|l| f64::from(l - max).exp());
    let sum: f64 = exps.iter().sum();
    let probabilities = exps.map(|e| e / sum);
    let level = |i: usize| i as f64 + 1.0;
    let mean: f64 = probabilities.iter().enumerate().map(|(i, p)| p * level(i)).sum();
    let variance: f64 = probabilities
        .iter()
        .enumerate()
        .map(|(i, p)| p * (level(i) - mean).powi(2))
        .sum();
    let everything: f64 = row.iter().map(|&l| f64::from(l - max).exp()).sum();
    ScoreReading {
        score: mean as f32,
        raw_score: mean as f32,
        sd: variance.max(0.0).sqrt() as f32,
        probabilities: probabilities.map(|p| p as f32),
        validity: (sum / everything) as f32,
        margin: None,
    }
}

/// The rows of a `[rows, V]` tensor.
///
/// # Errors
/// The tensor is not of rank 2.
pub fn rows(logits: &Tensor) -> Result<Vec<Vec<f32>>> {
    Ok(logits.to_vec2()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: logits ln 1, ln 2, ln 4, ln 2, ln 1 give p = (1, 2, 4, 2, 1) / 10, mean 3, variance (4 + 2 + 2 + 4) / 10;
    /// with one more token of weight 10 half of the mass is on the levels.
    #[test]
    fn reads_mean_spread_and_validity() {
        let levels = [1.0_f32, 2.0, 4.0, 2.0, 1.0].map(f32::ln);
        let mut row = levels.to_vec();
        row.push(10.0_f32.ln());
        let reading = read(levels, &row);
        assert!((reading.score - 3.0).abs() < 1e-6);
        assert!((reading.sd - 1.2_f32.sqrt()).abs() < 1e-6);
        assert!((reading.probabilities[2] - 0.4).abs() < 1e-6);
        assert!((reading.validity - 0.5).abs() < 1e-6);
    }
}
