//! How large a value may be. A resource keeps it up to three times: in its spec, in the record of its creation and in what was
//! observed; etcd takes 1.5 MiB at once.

use serde_json::Value;

use super::ids::Object;

/// The largest value of one field, as JSON; also about what `kubectl apply` can carry.
pub const LARGEST: usize = 256 * 1024;

/// The size of a value that is too large.
pub fn too_large(value: &Value) -> Option<usize> {
    Some(value.to_string().len()).filter(|size| *size > LARGEST)
}

/// The most that a status shows of an object, as JSON.
const MOST: usize = 2 * LARGEST;
/// How deep a value may be nested. The API server takes more; a resource with 128 levels can be listed by nobody in Rust.
const DEEPEST: usize = 32;

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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_status_cannot_hold_is_left_out() {
        let nested = |levels| (0..levels).fold(json!(1), |inner, _| json!([inner]));
        let text = json!("x".repeat(200 * 1024));
        let there = json!({"a": text, "b": text, "c": text, "d": nested(DEEPEST), "e": nested(DEEPEST + 1), "f": 5});
        let kept = kept(there.as_object().unwrap());
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["a", "b", "d", "f"]);
    }

    #[test]
    fn a_value_is_measured_as_json() {
        for (value, size) in [
            (json!("x".repeat(LARGEST - 2)), None),
            (json!("x".repeat(LARGEST - 1)), Some(LARGEST + 1)),
            (json!("\u{1}".repeat(LARGEST / 6 + 1)), Some(LARGEST / 6 * 6 + 8)),
            (json!({"k": "x".repeat(LARGEST)}), Some(LARGEST + 8)),
            (json!(["x".repeat(LARGEST)]), Some(LARGEST + 4)),
            (json!(1.5), None),
        ] {
            assert_eq!(too_large(&value), size);
        }
    }
}
