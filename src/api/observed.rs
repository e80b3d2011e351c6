use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_json::{Map, Value};

/// Values of an object of the platform. They are kept as text: nothing decides on them, and for most resources they are the
/// largest part of what is in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed(Box<str>);

impl Observed {
    /// The values.
    pub fn values(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl From<&Map<String, Value>> for Observed {
    /// Keys in order, so that equal values are equal texts.
    fn from(values: &Map<String, Value>) -> Self {
        Self(serde_json::to_string(values).unwrap_or_default().into())
    }
}

impl Serialize for Observed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<Map<String, Value>>(&self.0).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Observed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Map::deserialize(deserializer)?;
        serde_json::to_string(&values).map(|text| Self(text.into())).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_reads_back_as_it_was_and_the_order_of_keys_means_nothing() {
        let text = r#"{"b": {"y": [1, 2.5, null], "x": "é\n"}, "a": true}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let observed: Observed = serde_json::from_str(text).unwrap();
        assert_eq!(json!(observed), value);
        assert_eq!(observed, Observed::from(value.as_object().unwrap()));
        assert_eq!(observed.values()["a"], json!(true));
        assert!(serde_json::from_str::<Observed>("[]").is_err());
        assert!(Observed::default().values().is_empty());
    }
}
