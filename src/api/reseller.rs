use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Policies, Status, text};

/// What a reseller of the platform should be. An absent field is not managed: the operator neither sets nor compares it.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "apio.netaxis.be",
    version = "v1alpha1",
    kind = "Reseller",
    plural = "resellers",
    namespaced,
    status = "Status",
    derive = "PartialEq",
    category = "apio",
    doc = "A reseller of the APIO platform, which owns tenants and groups.",
    validation = Rule::new("has(self.spec.resellerName) || size(self.metadata.name) <= 80")
        .message("resellerName must be set when the resource's name is longer than 80 characters")
        .field_path(".spec.resellerName"),
    validation = Rule::new("(has(self.spec.resellerName) ? self.spec.resellerName : self.metadata.name) == (has(oldSelf.spec.resellerName) ? oldSelf.spec.resellerName : oldSelf.metadata.name)")
        .message("resellerName (default: the resource's name) is immutable; create a new Reseller resource instead")
        .field_path(".spec.resellerName"),
    printcolumn(name = "Reseller", type_ = "string", json_path = ".status.identity.resellerName"),
    printcolumn(name = "External-Name", type_ = "string", json_path = ".status.observed.externalName"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Message", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].message"#, priority = 1)
)]
pub struct ResellerSpec {
    /// Name of the reseller on the platform, which is its id there. Default: the resource's name. Immutable.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80), extend("x-kubernetes-validations" = text::id()))]
    pub reseller_name: Option<String>,
    /// Attributes of the reseller on the platform.
    #[serde(flatten)]
    pub attributes: ResellerAttributes,
    /// Policies.
    #[serde(flatten)]
    pub policies: Policies,
}

/// The attributes of a reseller, under the platform's own keys (platform contract, 7). This is the operator's only list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResellerAttributes {
    /// Name of the reseller in other systems; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub external_name: Option<String>,
    /// Free data kept with the reseller: any JSON object of up to 256 KiB and 32 levels, compared and written whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub extra_data: Option<Map<String, Value>>,
}

/// A JSON object whose keys are not known here. It has one owner, whole: a server-side apply that takes the last key out of
/// an object that it shares key by key makes it null, which is no object.
pub(super) fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "x-kubernetes-preserve-unknown-fields": true,
    })
}
