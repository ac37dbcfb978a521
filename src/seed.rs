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
}
