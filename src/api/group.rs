use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AddressInformation, ContactInformation, LocalReference, Policies, Status, text};

/// What a group of the platform should be. An absent field is not managed: the operator neither sets nor compares it.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "apio.netaxis.be",
    version = "v1alpha1",
    kind = "Group",
    plural = "groups",
    namespaced,
    status = "Status",
    derive = "PartialEq",
    category = "apio",
    doc = "A group of the APIO platform: a site or customer location inside a tenant, which holds users, trunk groups and services.",
    validation = Rule::new("has(self.spec.tenantRef) != has(self.spec.tenantId)")
        .message("exactly one of tenantRef and tenantId must be set: tenantRef.name names a Tenant resource of this namespace, tenantId a tenant of the platform")
        .field_path(".spec.tenantRef"),
    validation = Rule::new("(has(self.spec.tenantRef) ? self.spec.tenantRef.name : '') == (has(oldSelf.spec.tenantRef) ? oldSelf.spec.tenantRef.name : '') || has(self.status) && has(self.status.ownership)")
        .message("tenantRef is immutable until status.ownership says which tenant the group is in: a group cannot move to another tenant; create a new Group resource instead")
        .field_path(".spec.tenantRef"),
    validation = Rule::new("(has(self.spec.tenantId) ? self.spec.tenantId : '') == (has(oldSelf.spec.tenantId) ? oldSelf.spec.tenantId : '') || has(self.status) && has(self.status.ownership) && (!has(self.spec.tenantId) || has(self.status.ownership.key.tenantId) && self.spec.tenantId == self.status.ownership.key.tenantId)")
        .message("tenantId is immutable, but for the id of the tenant that status.ownership names: a group cannot move to another tenant; create a new Group resource instead")
        .field_path(".spec.tenantId"),
    validation = Rule::new("has(self.spec.groupId) || size(self.metadata.name) <= 30")
        .message("groupId must be set when the resource's name is longer than 30 characters, the platform's limit for a group id")
        .field_path(".spec.groupId"),
    validation = Rule::new("(has(self.spec.groupId) ? self.spec.groupId : self.metadata.name) == (has(oldSelf.spec.groupId) ? oldSelf.spec.groupId : oldSelf.metadata.name)")
        .message("groupId (default: the resource's name) is immutable; create a new Group resource instead")
        .field_path(".spec.groupId"),
    validation = Rule::new("has(self.spec.groupName) || (has(self.spec.managementPolicy) && self.spec.managementPolicy == 'Observe')")
        .message("groupName must be set unless managementPolicy is Observe")
        .field_path(".spec.groupName"),
    validation = Rule::new("!has(self.spec.resellerRef) || !has(self.spec.resellerId)")
        .message("at most one of resellerRef and resellerId may be set")
        .field_path(".spec.resellerRef"),
    printcolumn(name = "Tenant", type_ = "string", json_path = ".status.identity.tenantId"),
    printcolumn(name = "Group-ID", type_ = "string", json_path = ".status.identity.groupId"),
    printcolumn(name = "Domain", type_ = "string", json_path = ".status.observed.defaultDomain"),
    printcolumn(name = "Users", type_ = "string", json_path = ".status.usage"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Reseller", type_ = "string", json_path = ".status.observed.resellerId", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].message"#, priority = 1)
)]
pub struct GroupSpec {
    /// The Tenant resource that the group belongs to, in this namespace; it is waited for. Exactly one of tenantRef and
    /// tenantId must be set. A group never moves to another tenant. Once it is on the platform, tenantRef may name another
    /// resource of the same tenant, after a rename; until it does, the group goes on in the tenant of status.ownership.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_ref: Option<LocalReference>,
    /// Id of the tenant on the platform, for a tenant that no resource describes. Immutable; once the group is on the
    /// platform, the id of its tenant may take the place of tenantRef, and tenantRef that of the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30), extend("x-kubernetes-validations" = text::id()))]
    pub tenant_id: Option<String>,
    /// Id of the group on the platform, unique in its tenant. Default: the resource's name. Immutable.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 30), extend("x-kubernetes-validations" = text::id()))]
    pub group_id: Option<String>,
    /// Attributes of the group on the platform.
    #[serde(flatten)]
    pub attributes: GroupAttributes,
    /// The Reseller resource that owns the group, in this namespace; it is waited for. At most one of resellerRef and
    /// resellerId may be set. When that resource goes, the group keeps the reseller that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reseller_ref: Option<LocalReference>,
    /// Whether an unknown defaultDomain is created: overrides AUTO_CREATE.GROUP_DEFAULT_DOMAIN of the operator's settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_create_domain: Option<bool>,
    /// Template that the platform applies when the group is created and when what is declared here changes, policies aside.
    /// It fills attributes that are not declared here. It is never compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub template_name: Option<String>,
    /// Applications whose data of the group's users survives the deletion of the group (sent as _excludedAppIds).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 80)), extend("x-kubernetes-validations" = text::lines()))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub excluded_app_ids: Option<Vec<String>>,
    /// Policies.
    #[serde(flatten)]
    pub policies: Policies,
}

/// The attributes of a group, under the platform's own keys (platform contract, 4.2). This is the operator's only list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupAttributes {
    /// Display name of the group. Required unless managementPolicy is Observe.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub group_name: Option<String>,
    /// How many users the group may hold. The platform refuses a limit below the number of users that are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 999_999))]
    pub user_limit: Option<i32>,
    /// Domain of new users of the group; case does not matter in it. Whether an unknown domain is created is decided by autoCreateDomain. Cannot be cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80), extend("x-kubernetes-validations" = text::domain()))]
    pub default_domain: Option<String>,
    /// Name that the group presents as caller; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80), extend("x-kubernetes-validations" = text::line()))]
    pub cli_name: Option<String>,
    /// Number that the group presents as caller, a number of the group; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 23), extend("x-kubernetes-validations" = text::line()))]
    pub cli_phone_number: Option<String>,
    /// Dialing code of the location; "" clears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 15), extend("x-kubernetes-validations" = text::line()))]
    pub location_dialing_code: Option<String>,
    /// Time zone, such as Europe/Brussels. Cannot be cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 127), extend("x-kubernetes-validations" = text::line()))]
    pub time_zone: Option<String>,
    /// Whom to contact for the group. Keys that are absent here keep their value on the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_information: Option<ContactInformation>,
    /// Address of the group. Keys that are absent here keep their value on the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_information: Option<AddressInformation>,
    /// Name of the reseller on the platform that owns the group. Whether an unknown reseller is created is decided by
    /// APIO_OBJECT_CREATION.RESELLER of the operator's settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80), extend("x-kubernetes-validations" = text::id()))]
    pub reseller_id: Option<String>,
}
