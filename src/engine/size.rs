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

/// What the platform holds, as far as a status can: whatever it holds, a status must be written.
pub fn kept(observed: &Object) -> Object {
    observed
        .iter()
        .filter(|(_, value)| too_large(value).is_none())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
