//! Computes an axis: a few round numbers that cover all values, and the position of each value between
//! them.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// The number of steps that an axis should have, approximately.
const STEPS: f64 = 4.0;

/// An axis, from its first tick to its last.
#[derive(Debug)]
pub(super) struct Scale {
    /// The ticks, evenly spaced and ascending. Zero is one of them.
    pub(super) ticks: Vec<Decimal>,
    from: f64,
    to: f64,
}

impl Scale {
    /// Creates the axis for these values. If they are `whole` numbers, so are the ticks.
    pub(super) fn new(values: impl IntoIterator<Item = f64>, whole: bool) -> Self {
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        for value in values {
            (low, high) = (low.min(value), high.max(value));
        }
        let range = if high > low { high - low } else { 1.0 };
        let step = round_step(range / STEPS, whole);
        let size = step.to_f64().unwrap_or(1.0);
        let first = (low / size).floor().to_i64().unwrap_or_default();
        let last = (high / size).ceil().to_i64().unwrap_or_default().max(first + 1);
        let ticks = (first..=last).filter_map(|nth| step.checked_mul(Decimal::from(nth)));
        let ticks = ticks.collect();
        Self { ticks, from: first as f64 * size, to: last as f64 * size }
    }

    /// Returns the position of a value on the axis, from 0 (its first tick) to 1 (its last).
    pub(super) fn share(&self, value: f64) -> f64 {
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }
}

/// Returns the smallest number that is not below `least` and is 1, 2 or 5 times a power of ten.
fn round_step(least: f64, whole: bool) -> Decimal {
    let least = if whole { least.max(1.0) } else { least };
    let exponent = least.log10().floor();
    let lead = least / 10_f64.powf(exponent);
    // The tolerance is for the rounding errors of floats.
    let (lead, exponent) = match lead {
        lead if lead <= 1.000_001 => (1, exponent),
        lead if lead <= 2.000_001 => (2, exponent),
        lead if lead <= 5.000_001 => (5, exponent),
        _ => (1, exponent + 1.0),
    };
    Decimal::from_scientific(&format!("{lead}e{exponent}")).unwrap_or(Decimal::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], whole: bool, ticks: &str) {
        let scale = Scale::new(values.iter().copied(), whole);
        let told: Vec<_> = scale.ticks.iter().map(|tick| tick.normalize().to_string()).collect();
        assert_eq!(told.join(" "), ticks, "{values:?}");
        for value in values {
            assert!((0.0..=1.0).contains(&scale.share(*value)));
        }
    }

    #[test]
    fn ticks_are_few_and_round_and_take_in_zero() {
        check(&[3.0, 17.0], true, "0 5 10 15 20");
        check(&[1.0], true, "0 1");
        check(&[1.0], false, "0 0.5 1");
        check(&[0.3], false, "0 0.1 0.2 0.3");
        check(&[812.5, 640.0], false, "0 500 1000");
        check(&[-30.0, 45.0], true, "-40 -20 0 20 40 60");
        check(&[1_234_567.0], true, "0 500000 1000000 1500000");
    }

    #[test]
    fn values_that_are_no_amounts_still_have_an_axis() {
        check(&[], true, "0 1");
        check(&[0.0, 0.0], false, "0 0.5");
        check(&[1e28], false, "0 5000000000000000000000000000 10000000000000000000000000000");
    }

    #[test]
    fn a_value_stands_where_its_share_is() {
        let scale = Scale::new([20.0], true);
        assert!((scale.share(5.0) - 0.25).abs() < 1e-9);
    }
}
