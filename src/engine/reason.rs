//! Every reason that a user reads, each once: what it says, and what it makes of a resource.

use std::fmt;

/// What a reason makes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is as somebody wants it: neither `Reconciling` nor `Stalled`.
    Settled,
    /// Work is under way, or something else has to happen first: `Reconciling`.
    Waiting,
    /// It may still come, because things that are applied together arrive in any order: `Reconciling` for a while, then
    /// `Stalled`.
    MayCome,
    /// Only a person can help: `Stalled`.
    Stalled,
    /// A deletion waits: `DeletionBlocked`, and `Reconciling`.
    Blocked,
    /// An event on something that is no resource of ours.
    Event,
}

catalogue! {
    /// The reason of a condition or of an event that a person may have to look up.
    pub enum Reason: State {
        /// The platform holds what the spec declares.
        Synced => State::Settled,
        /// The platform differs from the spec, and a policy of the spec says to leave it so.
        Drifted => State::Settled,
        /// The annotation `apio.netaxis.be/paused` is set: the platform is neither asked nor written to for this resource. A
        /// deletion still runs, with its checks.
        Paused => State::Settled,

        /// The object is about to be created on the platform.
        Creating => State::Waiting,
        /// The resource is being deleted. Without `DeletionBlocked`, the platform took the deletion and still shows the
        /// object.
        Deleting => State::Waiting,
        /// The platform took an update and does not hold its values yet: they are sent again, three times in all.
        Updating => State::Waiting,
        /// The tenant of the group is not there yet, or is being deleted.
        WaitingForTenant => State::Waiting,
        /// The reseller of the resource is not there yet, or is being deleted.
        WaitingForReseller => State::Waiting,
        /// The resource only observes, and the platform has no such object.
        NotFound => State::Waiting,
        /// The platform cannot be reached, has no time, or answers something that is not documented.
        PlatformUnreachable => State::Waiting,
        /// The Kubernetes API refuses or does not answer a call of the operator.
        ClusterUnreachable => State::Waiting,
        /// This operator does not hold the lease, or no longer, so it may not write to the platform.
        NotLeader => State::Waiting,

        /// The platform does not know the `defaultDomain` of the group, and nothing says to create it.
        DomainNotFound => State::MayCome,
        /// The platform does not know the `resellerId`, and nothing says to create it.
        ResellerNotFound => State::MayCome,

        /// The object on the platform is not this resource's: it was there before, or another resource stands for it.
        NotOwned => State::Stalled,
        /// The platform refuses what the spec declares.
        Invalid => State::Stalled,
        /// The platform took an update three times and holds another value all the same.
        NotAccepted => State::Stalled,
        /// The platform says that the object exists and does not show it to the operator's account.
        NotVisible => State::Stalled,
        /// The object was removed on the platform, and the drift policy says not to create it again.
        Removed => State::Stalled,
        /// The references of the spec now lead to another object than the one that this resource stands for.
        IdentityChanged => State::Stalled,
        /// The object of this resource is on another platform than the one that the operator serves now.
        PlatformChanged => State::Stalled,
        /// The operator's `--tenants-by-namespace` does not let the namespace use the tenant or the reseller, or create the domain.
        NotPermitted => State::Stalled,
        /// An annotation of the operator has a value or a name that is not known, so it may not say what was meant: nothing is
        /// deleted.
        AnnotationUnreadable => State::Stalled,
        /// The operator's account may not do this.
        Denied => State::Stalled,
        /// The operator has no credentials for the platform, or the platform refuses them.
        CredentialsUnavailable => State::Stalled,
        /// A field of the resource cannot be read by this version of the operator, so nothing is done for it.
        Unreadable => State::Stalled,
        /// The operator contradicts itself: a bug.
        InternalError => State::Stalled,

        /// The group still holds what a `CHECK_GROUP` rule counts.
        GroupNotEmpty => State::Blocked,
        /// What the group or the tenant holds cannot be counted, and what is not known counts as not empty.
        ContentsUnknown => State::Blocked,
        /// There are no valid settings, so it is not known which `CHECK_GROUP` rules are on.
        SettingsUnavailable => State::Blocked,
        /// The tenant still has groups on the platform, or a resource that is on the platform names it.
        TenantInUse => State::Blocked,
        /// A resource that is on the platform names the reseller.
        ResellerInUse => State::Blocked,
        /// The platform refuses the deletion.
        PlatformRefused => State::Blocked,
        /// Another resource stands for the object too, and has not taken it over: it is paused, or its `adoptionPolicy` does not
        /// let it.
        NotTakenOver => State::Blocked,

        /// The settings ConfigMap was changed to something that is not valid.
        SettingsInvalid => State::Event,
        /// The credentials Secret was changed to something that cannot be used.
        CredentialsInvalid => State::Event,
    }
}

impl Reason {
    /// What it makes of a resource.
    pub const fn state(self) -> State {
        self.row()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
