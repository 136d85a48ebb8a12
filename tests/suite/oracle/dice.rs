//! Chance that can be repeated.

/// Numbers that are the same for the same seed (splitmix64, S. Vigna).
pub struct Dice(pub u64);

impl Dice {
    /// A number from 0 to one below this.
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    /// Whether one of so many throws hits.
    pub fn one_in(&mut self, throws: u64) -> bool {
        self.roll(throws) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len() as u64) as usize]
    }
}
