//! What a group can hold, and which check of a deletion counts it: the view of the storms, which is not taken from the operator.

use testkit::simulator::{Group, State};

/// Something that a group holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A user.
    User,
    /// A user of a trunk group.
    TrunkUser,
    /// A trunk group.
    TrunkGroup,
    /// An IVR.
    Ivr,
    /// A call center.
    CallCenter,
    /// A hunt group.
    HuntGroup,
}

impl Content {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::User, Self::TrunkUser, Self::TrunkGroup, Self::Ivr, Self::CallCenter, Self::HuntGroup];

    /// Puts one more into a group.
    pub fn add(self, state: &mut State, tenant: &str, group: &str) {
        let Some(there) = state.group(tenant, group) else { return };
        let name = format!("c{}@{tenant}.example", self.count(there));
        match self {
            Self::User | Self::TrunkUser => {
                let name = format!("u{}@{tenant}.example", there.users.len());
                state.add_user(tenant, group, &name, self == Self::TrunkUser);
            }
            Self::TrunkGroup => state.add_trunk_group(tenant, group, &name),
            Self::Ivr => state.add_ivr(tenant, group, &name),
            Self::CallCenter => state.add_call_center(tenant, group, &name),
            Self::HuntGroup => state.add_hunt_group(tenant, group, &name),
        }
    }

    /// Whether it forbids a deletion under valid settings.
    pub fn is_checked(self, settings: &str) -> bool {
        let check = match self {
            Self::User => "CHECK_USERS",
            Self::TrunkUser => "CHECK_TRUNK_USERS",
            Self::TrunkGroup => "CHECK_TRUNK_GROUPS",
            Self::Ivr | Self::CallCenter | Self::HuntGroup => "CHECK_SERVICE_USERS",
        };
        !settings.contains(&format!("{check}: false"))
    }

    fn count(self, group: &Group) -> usize {
        let users = |in_trunk_group| group.users.values().filter(|user| user.in_trunk_group == in_trunk_group).count();
        match self {
            Self::User => users(false),
            Self::TrunkUser => users(true),
            Self::TrunkGroup => group.trunk_groups.len(),
            Self::Ivr => group.ivrs.len(),
            Self::CallCenter => group.call_centers.len(),
            Self::HuntGroup => group.hunt_groups.len(),
        }
    }
}

/// Whether what a group holds forbids its deletion under valid settings.
pub fn forbid_deletion(group: &Group, settings: &str) -> bool {
    Content::ALL.into_iter().any(|content| content.is_checked(settings) && content.count(group) > 0)
}
