//! Values that a plan knows, and values that are known after apply.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A part of a state. Serialized as its value, or as none.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Planned<T> {
    /// Observed, or decided by the plan.
    Known(T),
    /// Made while the plan is applied.
    #[default]
    AfterApply,
}

/// Stands in a plan for a value that is known after apply.
pub(super) const AFTER_APPLY: &str = "(known after apply)";

impl<T> Planned<T> {
    pub(crate) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::AfterApply => None,
        }
    }
}

impl<T: PartialEq> Planned<T> {
    /// Returns whether `actual` meets this value as a wish. Any value meets one
    /// that is known after apply.
    pub(crate) fn is_met_by(&self, actual: &Self) -> bool {
        *self == Self::AfterApply || self == actual
    }
}

impl<T> From<Option<T>> for Planned<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::AfterApply, Self::Known)
    }
}

impl<T: Serialize> Serialize for Planned<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.known().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Planned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_states_were_before() {
        for (planned, text) in [(Planned::Known(7), "7"), (Planned::AfterApply, "null")] {
            assert_eq!(serde_json::to_string(&planned).unwrap(), text);
            assert_eq!(serde_json::from_str::<Planned<i32>>(text).unwrap(), planned);
        }
        assert!(Planned::AfterApply.is_met_by(&Planned::Known(7)));
        assert!(!Planned::Known(7).is_met_by(&Planned::Known(8)));
    }
}
