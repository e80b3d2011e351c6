//! Whether this operator may write to the platform.

/// The right to write, checked before each platform write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This operator is the only one by deployment (one replica, strategy Recreate): no election takes place.
    Sole,
}

impl Claim {
    /// Whether the claim holds now.
    pub const fn is_current(self) -> bool {
        matches!(self, Self::Sole)
    }
}
