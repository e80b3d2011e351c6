use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::Error as _};
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
    /// Keys in order and numbers as the API server writes them, so that equal values are equal texts.
    fn from(values: &Map<String, Value>) -> Self {
        let mut values = Value::Object(values.clone());
        normalise(&mut values);
        Self(values.to_string().into())
    }
}

/// It keeps whole numbers as 64-bit integers, and what is beyond them as floating-point numbers.
fn normalise(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_i64().is_none() => {
            const WHOLE: f64 = 9_007_199_254_740_992.0;
            let Some(float) = number.as_f64() else { return };
            *value = if float.fract() == 0.0 && float.abs() < WHOLE {
                Value::from(float as i64)
            } else {
                Value::from(float)
            };
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Object(items) => items.values_mut().for_each(normalise),
        _ => {}
    }
}

impl Serialize for Observed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<Map<String, Value>>(&self.0).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Observed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(&Map::deserialize(deserializer)?))
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
        let numbers = |text: &str| serde_json::from_str::<Observed>(text).unwrap();
        assert_eq!(
            numbers(r#"{"a": 1.0, "b": [-0.0], "c": {"d": 1e3}}"#),
            numbers(r#"{"a": 1, "b": [0], "c": {"d": 1000}}"#)
        );
        assert_ne!(numbers(r#"{"a": 1.5}"#), numbers(r#"{"a": 1}"#));
        assert!(serde_json::from_str::<Observed>("[]").is_err());
        assert!(Observed::default().values().is_empty());
    }
}
