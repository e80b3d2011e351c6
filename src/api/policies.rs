use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Manage (default): keep the platform equal to this resource. Observe: read and report, never write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ManagementPolicy {
    /// Keep the platform equal to this resource.
    #[default]
    Manage,
    /// Read and report only; nothing is ever written to the platform.
    Observe,
}

/// What to do with an object that is already on the platform and that this resource did not create. IfIdentical (default): take
/// it over when every declared field already agrees. Always: take it over and correct it. Never: refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdoptionPolicy {
    /// Take it over when every declared field already agrees; refuse otherwise.
    #[default]
    IfIdentical,
    /// Take it over and correct it.
    Always,
    /// Refuse.
    Never,
}

/// What to do when the platform changed behind the operator's back. Correct (default): write the declared values again.
/// Report: list the differences in status.drift and write nothing until the spec changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftPolicy {
    /// Write the declared values again.
    #[default]
    Correct,
    /// Write nothing, list the differences in `status.drift`.
    Report,
}

/// What deleting this resource does on the platform. Delete (default): delete the object, once the checks allow it. Orphan:
/// leave it there. The annotation apio.netaxis.be/deletion=Orphan does the same, even while deleting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Delete the object there, once the checks allow it.
    #[default]
    Delete,
    /// Leave it there.
    Orphan,
}

/// The policies that the three kinds share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policies {
    /// See [`ManagementPolicy`]. The manual shows the text of that type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub management_policy: Option<ManagementPolicy>,
    /// See [`AdoptionPolicy`]. The manual shows the text of that type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adoption_policy: Option<AdoptionPolicy>,
    /// See [`DriftPolicy`]. The manual shows the text of that type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift_policy: Option<DriftPolicy>,
    /// See [`DeletionPolicy`]. The manual shows the text of that type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
}

impl Policies {
    /// Management policy in force.
    pub fn management(&self) -> ManagementPolicy {
        self.management_policy.unwrap_or_default()
    }
    /// Adoption policy in force.
    pub fn adoption(&self) -> AdoptionPolicy {
        self.adoption_policy.unwrap_or_default()
    }
    /// Drift policy in force.
    pub fn drift(&self) -> DriftPolicy {
        self.drift_policy.unwrap_or_default()
    }
    /// Deletion policy in force.
    pub fn deletion(&self) -> DeletionPolicy {
        self.deletion_policy.unwrap_or_default()
    }
}
