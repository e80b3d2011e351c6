use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AddressInformation, ContactInformation, LocalReference, Policies, Status, text};

/// What a tenant of the platform should be. An absent field is not managed: the operator neither sets nor compares it.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "apio.netaxis.be",
    version = "v1alpha1",
    kind = "Tenant",
    plural = "tenants",
    namespaced,
    status = "Status",
    derive = "PartialEq",
    category = "apio",
    doc = "A tenant of the APIO platform: a service provider or an enterprise, which holds groups.",
    validation = Rule::new("has(self.spec.tenantId) || size(self.metadata.name) <= 30")
        .message("tenantId must be set when the resource's name is longer than 30 characters, the platform's limit for a tenant id")
        .field_path(".spec.tenantId"),
    validation = Rule::new("(has(self.spec.tenantId) ? self.spec.tenantId : self.metadata.name) == (has(oldSelf.spec.tenantId) ? oldSelf.spec.tenantId : oldSelf.metadata.name)")
        .message("tenantId (default: the resource's name) is immutable; create a new Tenant resource instead")
        .field_path(".spec.tenantId"),
    validation = Rule::new("has(self.spec.type) || (has(self.spec.managementPolicy) && self.spec.managementPolicy == 'Observe')")
        .message("type must be set, to ServiceProvider or Enterprise, unless managementPolicy is Observe")
        .field_path(".spec.type"),
    validation = Rule::new("!has(oldSelf.spec.type) || (has(self.spec.type) && self.spec.type == oldSelf.spec.type)")
        .message("type is immutable: the platform cannot change the type of a tenant")
        .field_path(".spec.type"),
    validation = Rule::new("!has(self.spec.useCustomRoutingProfile) || !has(self.spec.type) || self.spec.type == 'ServiceProvider'")
        .message("useCustomRoutingProfile may be set only with type ServiceProvider")
        .field_path(".spec.useCustomRoutingProfile"),
    validation = Rule::new("!has(self.spec.resellerRef) || !has(self.spec.resellerId)")
        .message("at most one of resellerRef and resellerId may be set")
        .field_path(".spec.resellerRef"),
    printcolumn(name = "Tenant-ID", type_ = "string", json_path = ".status.identity.tenantId"),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.observed.type"),
    printcolumn(name = "Domain", type_ = "string", json_path = ".status.observed.defaultDomain"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Reseller", type_ = "string", json_path = ".status.observed.resellerId", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].message"#, priority = 1)
)]
pub struct TenantSpec {
    /// Id of the tenant on the platform. Default: the resource's name. Immutable.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30), extend("x-kubernetes-validations" = text::id()))]
    pub tenant_id: Option<String>,
    /// Attributes of the tenant on the platform.
    #[serde(flatten)]
    pub attributes: TenantAttributes,
    /// Whether the tenant has a routing profile of its own. Sent when the tenant is created, never compared; only with
    /// type ServiceProvider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_custom_routing_profile: Option<bool>,
    /// The Reseller resource that owns the tenant, in this namespace; it is waited for. At most one of resellerRef and
    /// resellerId may be set. When that resource goes, the tenant keeps the reseller that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reseller_ref: Option<LocalReference>,
    /// Policies.
    #[serde(flatten)]
    pub policies: Policies,
}

/// ServiceProvider or Enterprise. Required unless managementPolicy is Observe. Immutable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TenantType {
    /// A service provider.
    ServiceProvider,
    /// An enterprise.
    Enterprise,
}

/// The attributes of a tenant, under the platform's own keys (platform contract, 5). This is the operator's only list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantAttributes {
    /// ServiceProvider or Enterprise. Required unless managementPolicy is Observe. Immutable.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<TenantType>,
    /// Display name of the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub name: Option<String>,
    /// Default domain of the tenant; it must be known to the platform, and case does not matter in it. Cannot be cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80), extend("x-kubernetes-validations" = text::domain()))]
    pub default_domain: Option<String>,
    /// E-mail address of the tenant's support; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub support_email: Option<String>,
    /// Whom to contact for the tenant. Keys that are absent here keep their value on the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_information: Option<ContactInformation>,
    /// Address of the tenant. Keys that are absent here keep their value on the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_information: Option<AddressInformation>,
    /// Whether the tenant uses languages of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_tenant_languages: Option<bool>,
    /// Name of the reseller on the platform that owns the tenant. The platform propagates it to the tenant's groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80), extend("x-kubernetes-validations" = text::id()))]
    pub reseller_id: Option<String>,
    /// First external id, where the platform keeps TENANT_DATA; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub external_id1: Option<String>,
    /// Second external id, where the platform keeps TENANT_DATA; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub external_id2: Option<String>,
    /// Third external id, where the platform keeps TENANT_DATA; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub external_id3: Option<String>,
    /// Fourth external id, where the platform keeps TENANT_DATA; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub external_id4: Option<String>,
}
