//! What there is in a round: its namespaces, its resources, and what each stands for on the platform.

use std::{fmt, time::Duration};

/// The namespaces of a round; each has objects of its own on the platform.
pub const PLACES: [&str; 2] = ["east", "west"];
/// Tenants and resellers of a namespace. A third of its groups is in a tenant that no resource describes.
pub const PARENTS: u64 = 2;

/// How much there is of a round.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// The namespaces that are used.
    pub places: &'static [&'static str],
    /// Groups of a namespace.
    pub groups: u64,
    /// So many of them have a second resource that stands for them.
    pub twins: u64,
    /// Storms, each with a rest after it.
    pub phases: usize,
    /// Actions of a storm.
    pub actions: usize,
    /// Things that are tried one at a time when all is at rest.
    pub trials: usize,
    /// How long all is left alone at rest before nothing may change any more.
    pub pause: Duration,
    /// How often the operators look for drift.
    pub drift: Duration,
    /// How long the lease of an operator that died is respected.
    pub lease: Duration,
    /// Whether anybody changes anything on the platform, which only such a look finds.
    pub has_portal: bool,
}

impl Extent {
    /// Where the round itself takes long anyway.
    pub const LARGE: Self = Self {
        places: &PLACES,
        groups: 9,
        twins: 2,
        phases: 3,
        actions: 30,
        trials: 0,
        pause: Duration::from_secs(2),
        drift: Duration::from_secs(2),
        lease: Duration::from_secs(15),
        has_portal: true,
    };
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// `Group`, `Tenant` or `Reseller`.
    pub kind: &'static str,
    /// East or west.
    pub place: &'static str,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.place, self.name)
    }
}

/// What the platform calls it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Id {
    /// A tenant.
    Tenant(String),
    /// A group of a tenant.
    Group(String, String),
    /// A reseller.
    Reseller(String),
}

impl Target {
    /// Every resource of a round.
    pub fn all(extent: Extent) -> Vec<Self> {
        let named = |kind, letter: &str, count| {
            let letter = letter.to_owned();
            (0..count).map(move |n| (kind, format!("{letter}{n}")))
        };
        let kinds = || {
            named("Reseller", "r", PARENTS)
                .chain(named("Tenant", "t", PARENTS))
                .chain(named("Group", "g", extent.groups))
                .chain(named("Group", TWIN, extent.twins))
        };
        let places = extent.places.iter();
        places.flat_map(|place| kinds().map(move |(kind, name)| Self { kind, place, name })).collect()
    }

    /// The object that it stands for.
    pub fn id(&self) -> Id {
        let Self { kind, place, name } = self;
        match *kind {
            "Tenant" => Id::Tenant(format!("{place}-{name}")),
            "Reseller" => Id::Reseller(format!("{place}-{name}")),
            _ => Id::Group(format!("{place}-{}", self.tenant()), name.replace(TWIN, "g")),
        }
    }

    fn number(&self) -> u64 {
        self.name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or_default()
    }

    /// The tenant of a group: one that a resource describes, or `shared`, which is on the platform before.
    pub fn tenant(&self) -> String {
        match self.number() % (PARENTS + 1) {
            PARENTS => "shared".to_owned(),
            number => format!("t{number}"),
        }
    }

    /// Whether the platform has it before anybody applies it, with users in it that never leave.
    pub fn is_old(&self) -> bool {
        self.kind == "Group" && self.number() == PARENTS
    }
}

/// How the second resource of a group is called.
pub const TWIN: &str = "twin-of-g";
