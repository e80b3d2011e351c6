//! What of a spec is no attribute of the platform's object: the view of the checks, which is not taken from the operator.

/// Fields of a spec that are no attributes.
pub const NOT_ATTRIBUTES: [&str; 12] = [
    "tenantRef",
    "tenantId",
    "groupId",
    "resellerRef",
    "resellerName",
    "autoCreateDomain",
    "managementPolicy",
    "adoptionPolicy",
    "driftPolicy",
    "deletionPolicy",
    "templateName",
    "useCustomRoutingProfile",
];
