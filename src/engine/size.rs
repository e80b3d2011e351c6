//! How large a value may be. A resource keeps it up to three times: in its spec, in the record of its creation and in what was
//! observed; etcd takes 1.5 MiB at once.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::ids::Object;

/// The largest value of one field, as JSON; also about what `kubectl apply` can carry.
pub const LARGEST: usize = 256 * 1024;
/// How deep the value of a field may be nested. The API server takes 10,000 levels; most that reads it takes far fewer.
pub const DEEPEST: usize = 32;

/// What a value must be to be the value of a field, if it is not.
pub fn unfit(value: &Value) -> Option<String> {
    if is_deeper(value, DEEPEST) {
        return Some(format!("nested more than {DEEPEST} levels deep, which is the most; nest it less"));
    }
    let size = value.to_string().len();
    (size > LARGEST).then(|| format!("{size} bytes long as JSON and may be {LARGEST} at most; make it shorter"))
}

/// The most that a status shows of an object, as JSON.
const MOST: usize = 2 * LARGEST;

/// What the platform holds, as far as a status can: whatever it holds, a status must be written, and read again.
pub fn kept(observed: &Object) -> Object {
    let mut left = MOST;
    let mut kept = Object::new();
    for (key, value) in observed {
        let size = value.to_string().len();
        if size <= LARGEST.min(left) && !is_deeper(value, DEEPEST) {
            left -= size;
            kept.insert(key.clone(), value.clone());
        }
    }
    kept
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1)),
        Value::Object(items) => levels == 0 || items.values().any(|item| is_deeper(item, levels - 1)),
        _ => false,
    }
}

/// JSON as it is read, whatever it holds: what is nested deeper than in any value that is fit is null, and the rest still
/// unfit. serde_json refuses 128 levels, and with them everything that comes in the same answer.
#[derive(Debug)]
pub struct Readable(pub Value);

impl<'de> Deserialize<'de> for Readable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Levels(2 * DEEPEST).deserialize(deserializer).map(Self)
    }
}

/// Reads so many levels.
#[derive(Clone, Copy)]
struct Levels(usize);

impl<'de> DeserializeSeed<'de> for Levels {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Levels {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let Some(below) = self.0.checked_sub(1).map(Levels) else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        };
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            all.push(item);
        }
        Ok(all.into())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let Some(below) = self.0.checked_sub(1).map(Levels) else {
            while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Null);
        };
        let mut all = Map::new();
        while let Some(key) = items.next_key()? {
            all.insert(key, items.next_value_seed(below)?);
        }
        Ok(all.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> Value {
        (0..levels).fold(json!(1), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"a": inner}) })
    }

    #[test]
    fn what_a_status_cannot_hold_is_left_out() {
        let text = json!("x".repeat(200 * 1024));
        let there = json!({"a": text, "b": text, "c": text, "d": nested(DEEPEST), "e": nested(DEEPEST + 1), "f": 5});
        let kept = kept(there.as_object().unwrap());
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["a", "b", "d", "f"]);
    }

    #[test]
    fn a_value_is_measured_as_json() {
        let long = |size: usize| Some(format!("{size} bytes long as JSON and may be 262144 at most; make it shorter"));
        let deep = || Some("nested more than 32 levels deep, which is the most; nest it less".to_owned());
        for (value, why) in [
            (json!("x".repeat(LARGEST - 2)), None),
            (json!("x".repeat(LARGEST - 1)), long(LARGEST + 1)),
            (json!("\u{1}".repeat(LARGEST / 6 + 1)), long(LARGEST / 6 * 6 + 8)),
            (json!({"k": "x".repeat(LARGEST)}), long(LARGEST + 8)),
            (json!(["x".repeat(LARGEST)]), long(LARGEST + 4)),
            (json!(1.5), None),
            (nested(DEEPEST), None),
            (nested(DEEPEST + 1), deep()),
        ] {
            assert_eq!(unfit(&value), why);
        }
    }

    #[test]
    fn whatever_is_fit_is_read_as_it_is_and_what_is_unfit_stays_so() {
        let read = |text: &str| serde_json::from_str::<Readable>(text).unwrap().0;
        let fit = json!({"a": [null, true, -1, u64::MAX, 1.5, "é\n", {}, []], "spec": {"extraData": nested(DEEPEST)}});
        assert_eq!(read(&fit.to_string()), fit);
        for levels in [DEEPEST + 1, 2 * DEEPEST, 127, 128, 10_000] {
            let inner = format!("{}1{}", r#"{"a":["#.repeat(levels), "]}".repeat(levels));
            let unfit_still = &read(&format!(r#"{{"before": 1, "spec": {{"extraData": {inner}}}, "after": 2}}"#));
            assert!(unfit(&unfit_still["spec"]["extraData"]).is_some(), "{levels}");
            assert_eq!((&unfit_still["before"], &unfit_still["after"]), (&json!(1), &json!(2)));
        }
    }
}
