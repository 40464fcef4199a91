//! Random choices that one number repeats: `SplitMix64`.

/// What one draw adds to the state: odd, so that every state comes up once.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The `count`-th number that follows from `seed`.
#[must_use]
pub fn mix(seed: u64, count: u64) -> u64 {
    let mut bits = seed.wrapping_add(count.wrapping_mul(STRIDE));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A stream of choices.
#[derive(Clone, Debug)]
pub struct Dice {
    seed: u64,
    drawn: u64,
}

impl Dice {
    /// The stream of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed: mix(seed, 0), drawn: 0 }
    }

    /// The stream of one of the threads in the round of `seed`.
    #[must_use]
    pub fn of_thread(seed: u64, number: usize) -> Self {
        Self::new(seed.rotate_left(8 * number as u32 + 8))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.drawn += 1;
        mix(self.seed, self.drawn)
    }

    /// From 0, less than `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        // The remainder prefers small numbers by less than one in 2^40: nobody counts that here.
        self.number() as usize % bound.max(1)
    }

    /// True once in so many times.
    pub fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    /// One of `these`.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn pick<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())]
    }

    /// The place of one of `weights`, each as often as its weight says.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (place, &weight) in weights.iter().enumerate() {
            if left < weight {
                return place;
            }
            left -= weight;
        }
        0
    }

    /// So many weights, for [`weighted`](Self::weighted): some things never, some often.
    pub fn weights(&mut self, count: usize) -> Vec<usize> {
        (0..count).map(|_| self.pick(&[0, 1, 3, 10])).collect()
    }
}
