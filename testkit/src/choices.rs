//! Every random decision of the testkit, behind one small trait.
//!
//! It is not a source of good randomness: it is a source of *repeatable* decisions. The invariant
//! it guards: whoever supplies the choices decides the whole run, so a run can be recorded and
//! replayed, or driven by a fuzzer, by implementing [`Choices`].

/// Whoever decides what happens next.
pub trait Choices {
    /// A number in `0..n`; zero if `n` is zero.
    fn below(&mut self, n: u64) -> u64;

    /// True in about `per_million` of a million calls.
    fn chance(&mut self, per_million: u32) -> bool {
        self.below(1_000_000) < u64::from(per_million)
    }
}

/// Choices drawn from a seed.
///
/// The generator is `SplitMix64` (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators", OOPSLA 2014): one addition and a mix per draw, every seed is a good seed, and the
/// whole state is one word that a report can print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeded(u64);

impl Seeded {
    /// The choices that belong to `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Independent choices for the purpose `label`, so that a draw more in one part of a world
    /// does not shift the draws of another.
    #[must_use]
    pub fn fork(&self, label: u64) -> Self {
        let mut branch = Self(self.0 ^ label.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        Self(branch.bits())
    }

    /// Sixty-four bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl Choices for Seeded {
    fn below(&mut self, n: u64) -> u64 {
        // The high word of the product is uniform up to a bias of n / 2^64.
        let product = u128::from(self.bits()) * u128::from(n);
        u64::try_from(product >> 64).expect("the high word of a product of two words is a word")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_published_sequence_of_seed_zero() {
        let mut seeded = Seeded::new(0);
        assert_eq!(seeded.bits(), 0xE220_A839_7B1D_CDAF);
        assert_eq!(seeded.bits(), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn below_stays_below_and_reaches_every_number() {
        let mut seeded = Seeded::new(7);
        let mut seen = [0_u32; 5];
        for _ in 0..1_000 {
            seen[usize::try_from(seeded.below(5)).expect("small")] += 1;
        }
        assert!(seen.iter().all(|count| (150..250).contains(count)), "{seen:?}");
        assert_eq!(seeded.below(0), 0);
        assert!(!seeded.chance(0) && seeded.chance(1_000_000));
    }

    #[test]
    fn forks_differ_from_each_other_and_repeat() {
        let seeded = Seeded::new(9);
        assert_ne!(seeded.fork(1).bits(), seeded.fork(2).bits());
        assert_eq!(seeded.fork(1).bits(), seeded.fork(1).bits());
    }
}
