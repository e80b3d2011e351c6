use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text;

/// Another resource of this namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LocalReference {
    /// Name of the resource, in the same namespace.
    #[schemars(length(min = 1, max = 253), extend("x-kubernetes-validations" = text::line()))]
    pub name: String,
}
