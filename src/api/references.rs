use kube::core::Rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Another resource of this namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocalReference {
    /// Name of the resource, in the same namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// What holds for an id at `spec.field`, which goes into URLs.
pub(super) fn of_id(field: &str) -> Rule {
    let id = format!("self.spec.{field}");
    let message = format!(
        "{field} must neither begin nor end with a space, nor hold a line break, nor be . or .., which no URL can carry; choose another one"
    );
    Rule::new(format!(r"!has({id}) || ({id}.matches('^\\S(.*\\S)?$') && !({id} in ['.', '..']))"))
        .message(message.as_str())
        .field_path(format!(".spec.{field}"))
}
