use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{observed::Observed, reseller::any_object};

/// What the operator knows, of all three kinds.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status speaks of; -1 until the operator has seen the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready: the platform matches the spec. Synced: the last comparison found no difference left. DeletionBlocked: what
    /// a deletion waits for. AnnotationUnreadable: what of the operator's annotations is not known to it. Reconciling and
    /// Stalled, present only while true: work is under way, or only a person can help.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    #[schemars(length(max = 16))]
    pub conditions: Vec<Condition>,
    /// The ids on the platform that this resource stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// A digest of what was declared, templateName included, when the platform was compared with it last. Only when it is
    /// another one now was what is declared changed; a policy never is such a change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<String>,
    /// Where resellerRef led then. When that resource goes, the object keeps the reseller that it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_reseller: Option<ComparedReseller>,
    /// The record that the object on the platform is this resource's. Without it nothing is deleted there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ownership: Option<Ownership>,
    /// Every value of the last look at the platform, but none of more than 256 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub observed: Option<Observed>,
    /// Users that a group holds, and its limit: "10/25".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// What a group holds, by kind. Present only while its deletion is blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
    /// Declared fields whose value on the platform differs, at most 32 of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    #[schemars(length(max = 32))]
    pub drift: Vec<Drift>,
    /// What the operator created on the platform for this resource besides its own object. It is never removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_created: Option<AutoCreated>,
    /// What the operator was about to create besides the object itself, while it is not known whether it did. What the
    /// platform then shows as the operator would have left it moves to autoCreated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_creating: Option<AutoCreating>,
    /// The value of the annotation apio.netaxis.be/requested-at that was handled last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_handled_requested_at: Option<String>,
}

/// Where resellerRef led.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComparedReseller {
    /// Name of the Reseller resource.
    pub resource: String,
    /// Name of the reseller on the platform.
    pub reseller_name: String,
}

/// The ids of an object on the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Id of the tenant, for a tenant and for a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Id of the group, for a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// Name of the reseller, for a reseller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reseller_name: Option<String>,
}

/// How the object on the platform came to be this resource's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OwnershipState {
    /// Its creation was begun, and it was not seen on the platform since.
    Pending,
    /// The operator created it.
    Created,
    /// It was there before and was taken over.
    Adopted,
}

/// The record that an object on the platform is this resource's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ownership {
    /// Address of the platform that holds the object.
    pub platform: String,
    /// Its ids there; they rule from then on, deletion included.
    pub key: Identity,
    /// How it came to be this resource's.
    pub state: OwnershipState,
    /// What its creation declared, while the result of that is not known: an object that reads back so, or in another form, is
    /// this resource's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub sent: Option<Map<String, Value>>,
}

/// Counts of what a group holds; a kind that was not counted is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// Users outside trunk groups (CHECK_USERS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<i64>,
    /// Users of trunk groups (CHECK_TRUNK_USERS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trunk_users: Option<i64>,
    /// Trunk groups (CHECK_TRUNK_GROUPS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trunk_groups: Option<i64>,
    /// IVRs (CHECK_SERVICE_USERS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ivrs: Option<i64>,
    /// Call centers (CHECK_SERVICE_USERS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_centers: Option<i64>,
    /// Hunt groups (CHECK_SERVICE_USERS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hunt_groups: Option<i64>,
}

/// A declared field whose value on the platform differs. Values are JSON text, shortened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drift {
    /// Path of the field, such as contactInformation.name.
    pub path: String,
    /// The declared value.
    pub desired: String,
    /// The value on the platform.
    pub observed: String,
}

/// What the operator was about to create besides the object itself.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoCreating {
    /// Domains to create at system level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 64))]
    pub system_domains: Vec<String>,
    /// Domains to assign to the tenant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 64))]
    pub tenant_domains: Vec<String>,
    /// Resellers to create.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 64))]
    pub resellers: Vec<String>,
}

/// What the operator created besides the object itself.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutoCreated {
    /// Domains created at system level or assigned to the tenant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 64))]
    pub domains: Vec<String>,
    /// Resellers created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[schemars(length(max = 64))]
    pub resellers: Vec<String>,
}
