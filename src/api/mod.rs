//! The custom resources: types only, no I/O. Their doc comments are the manual that `kubectl explain` prints.

mod crds;
mod group;
mod information;
mod observed;
mod policies;
mod references;
mod reseller;
mod status;
mod tenant;
pub mod text;

pub use crds::{crds, manifests};
pub use group::{Group, GroupAttributes, GroupSpec};
pub use information::{AddressInformation, ContactInformation};
pub use observed::Observed;
pub use policies::{AdoptionPolicy, DeletionPolicy, DriftPolicy, ManagementPolicy, Policies};
pub use references::LocalReference;
pub use reseller::{Reseller, ResellerAttributes, ResellerSpec};
pub use status::{
    AutoCreated, AutoCreating, ComparedReseller, Contents, Drift, Identity, Ownership, OwnershipState, Status,
};
pub use tenant::{Tenant, TenantAttributes, TenantSpec, TenantType};

/// API group of the three kinds.
pub const API_GROUP: &str = "apio.netaxis.be";
/// Begins the name of every annotation of ours.
pub const PREFIX: &str = "apio.netaxis.be/";
/// Keeps a resource until the platform's object is gone or released.
pub const FINALIZER: &str = "apio.netaxis.be/platform";
/// While present with any value but `false`, nothing is written to the platform for this resource (a deletion still runs).
pub const PAUSED: &str = "apio.netaxis.be/paused";
/// A new value asks for a look at the platform now; it is echoed in `status.lastHandledRequestedAt`.
pub const REQUESTED_AT: &str = "apio.netaxis.be/requested-at";
/// With the value `Orphan`, a deletion leaves the platform as it is; works on a resource that is already being deleted. With
/// any other value nothing is deleted.
pub const DELETION: &str = "apio.netaxis.be/deletion";
