//! A confidence interval.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A closed interval; serialises as `[low, high]`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// From `half` below `centre` to `half` above it.
    pub(crate) fn around(centre: f64, half: f64) -> Self {
        Self { low: centre - half, high: centre + half }
    }

    /// The interval of a number, where this is that of its logarithm.
    pub(crate) fn exp(self) -> Self {
        Self { low: self.low.exp(), high: self.high.exp() }
    }

    /// Whether `value` lies inside.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.low, self.high].serialize(serializer)
    }
}

/// JSON has no infinity, so an end without a number is one.
impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(ends: D) -> Result<Self, D::Error> {
        let [low, high] = <[Option<f64>; 2]>::deserialize(ends)?;
        Ok(Self { low: low.unwrap_or(f64::NEG_INFINITY), high: high.unwrap_or(f64::INFINITY) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_pairs() {
        let interval = Interval { low: 0.5, high: 2.0 };
        assert_eq!(serde_json::to_string(&interval).unwrap(), "[0.5,2.0]");
        assert!(interval.contains(2.0) && !interval.contains(2.1));
    }

    #[test]
    fn an_end_without_a_number_is_infinite() {
        let interval: Interval = serde_json::from_str("[null, 2.0]").unwrap();
        assert_eq!(interval, Interval { low: f64::NEG_INFINITY, high: 2.0 });
    }
}
