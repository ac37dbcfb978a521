//! One tree of random numbers: every consumer draws from a named branch of one seed, so that adding a consumer
//! changes nobody else's numbers.

use sha2::{Digest, Sha256};

/// A node of the seed tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

impl Seed {
    /// The root, as the person gave it.
    pub fn root(seed: u64) -> Self {
        Self(seed)
    }

    /// The branch called `name`.
    #[must_use]
    pub fn branch(self, name: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0.to_be_bytes());
        hasher.update(name.as_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        let mut first = [0_u8; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(first))
    }

    /// The number of this node.
    pub fn value(self) -> u64 {
        self.0
    }

    /// A stream of random numbers that begins here.
    pub fn stream(self) -> Stream {
        Stream(self.0)
    }
}

/// `SplitMix64` (Steele, Lea & Flood, 2014): small, fast, and fit for resampling and shuffling, not for secrets.
#[derive(Debug, Clone)]
pub struct Stream(u64);

impl Stream {
    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to below 1, of 53 random bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number in `0..n`, and 0 for an `n` of 0; the bias is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Puts items into a random order (Fisher & Yates, 1938; Durstenfeld's form).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_are_stable_and_apart() {
        let root = Seed::root(7);
        assert_eq!(root.branch("a"), root.branch("a"));
        assert_ne!(root.branch("a"), root.branch("b"));
        assert_ne!(root.branch("a"), Seed::root(8).branch("a"));
    }
    /// The reference implementation (Vigna, `splitmix64.c`) seeded with 1234567.
    #[test]
    fn streams_are_splitmix64() {
        let mut stream = Seed::root(1_234_567).stream();
        let first = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!([stream.bits(), stream.bits(), stream.bits()], first);
    }

    #[test]
    fn bounded_numbers_reach_every_value_and_no_other() {
        let mut stream = Seed::root(3).stream();
        let mut counts = [0_u32; 5];
        (0..5000).for_each(|_| counts[stream.below(5)] += 1);
        assert!(counts.iter().all(|n| (900..1100).contains(n)), "{counts:?}");
        assert_eq!(stream.below(0), 0);
    }
}
