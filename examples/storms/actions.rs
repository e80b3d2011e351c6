//! What happens in a round: a pure function of its seed.

use std::time::Duration;

use serde_json::{Map, Value, json};
use testkit::simulator::Fault;

use super::{
    contents::Content,
    targets::{Extent, Id, PARENTS, TWIN, Target},
};

/// One thing that somebody does, or that goes wrong.
#[derive(Clone, Debug)]
pub enum Action {
    /// Somebody applies a resource.
    Apply(Target, Map<String, Value>),
    /// Somebody deletes it.
    Delete(Target),
    /// Somebody sets an annotation of ours.
    Annotate(Target, &'static str, &'static str),
    /// Somebody changes the settings.
    Settings(&'static str),
    /// Somebody removes them.
    NoSettings,
    /// Calls to the platform fail.
    Fault(Fault),
    /// Every session of the platform ends.
    ExpireSessions,
    /// The password is changed there, and no session goes on.
    RefuseLogins,
    /// The operators lose their rights in a namespace.
    Revoke(&'static str),
    /// They have them again.
    Grant(&'static str),
    /// The platform becomes slow.
    Slow(Duration),
    /// It is away for a while.
    PlatformAway(Duration),
    /// Somebody changes a group in the portal: a declared attribute and one that no resource declares.
    Portal(Target, String),
    /// Somebody puts something into it.
    Fill(Target, Content),
    /// Somebody empties the group.
    Empty(Target),
    /// Somebody removes it.
    Remove(Target),
    /// The platform loses a tenant with all that is in it.
    Lose(Target),
    /// An operator is killed and starts again.
    Kill(usize),
    /// An operator is stopped and starts again.
    Restart(usize),
    /// The API server is killed and starts again.
    RestartApi,
    /// The watches of a kind show everything so much later, where that can be had.
    Lag(&'static str, Duration),
    /// Nothing happens for a while.
    Wait(Duration),
}

/// How many releases of the operator are given the same namespaces, as nobody should.
pub fn releases(seed: u64) -> usize {
    if seed.is_multiple_of(3) { 2 } else { 1 }
}

/// SplitMix64: the same numbers on every machine.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below an end.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let at = self.below(from.len() as u64) as usize;
        from[at].clone()
    }
}

/// A policy of groups that only a newer operator knows, and where a definition of groups lists them.
pub const NEWER: &str = "Approve";
pub const POLICIES: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/driftPolicy/enum";

pub const PAUSED: &str = "apio.netaxis.be/paused";
/// What decides about a deletion, and how people spell it.
pub const DELETION: &str = "apio.netaxis.be/deletion";
const DELETIONS: [&str; 5] = ["Orphan", "Orphan", "orphan ", "Orphn", "Keep"];

/// Whether a value of that annotation leaves the object on the platform.
pub fn is_orphan(value: &str) -> bool {
    value.trim().eq_ignore_ascii_case("orphan")
}

/// How settings say that what is unknown is created.
pub const CREATES_RESELLERS: &str = "RESELLER: true";
pub const CREATES_DOMAINS: &str = "GROUP_DEFAULT_DOMAIN: true";

/// CHECK_USERS is never off: what it protects is what must survive.
const SETTINGS: [&str; 5] = [
    "AUTO_CREATE: {GROUP_DEFAULT_DOMAIN: true}\nAPIO_OBJECT_CREATION: {RESELLER: true}",
    "APIO_OBJECT_CREATION: {RESELLER: true}\nCHECK_GROUP: {CHECK_TRUNK_USERS: false, CHECK_TRUNK_GROUPS: false}",
    "AUTO_CREATE: {GROUP_DEFAULT_DOMAIN: true}\nCHECK_GROUP: {CHECK_SERVICE_USERS: false}",
    "CHECK_GROUP: {}",
    "CHECK_GROUP: {CHECK_USERS: maybe}",
];

/// The phases of a round, each a storm after which everything has to come to rest.
pub fn phases(seed: u64, extent: Extent) -> Vec<Vec<Action>> {
    let mut random = Random(seed);
    let all = Target::all(extent);
    let mut opening: Vec<_> = all.iter().map(|target| applied(&mut random, target.clone())).collect();
    shuffle(&mut random, &mut opening);
    let mut phases = Vec::new();
    for number in 0..extent.phases {
        let mut storm = if number == 0 { std::mem::take(&mut opening) } else { Vec::new() };
        for _ in 0..extent.actions {
            storm.push(action(&mut random, &all, extent));
        }
        if random.chance(25) {
            let at = random.below(storm.len() as u64) as usize;
            storm.insert(at, Action::RestartApi);
        }
        // What the round rests under is valid.
        storm.push(Action::Settings(random.pick(&SETTINGS[..4])));
        phases.push(storm);
    }
    phases
}

fn shuffle<T>(random: &mut Random, all: &mut [T]) {
    for at in (1..all.len()).rev() {
        all.swap(at, random.below(at as u64 + 1) as usize);
    }
}

fn action(random: &mut Random, all: &[Target], extent: Extent) -> Action {
    let any = random.pick(all);
    let groups: Vec<_> = all.iter().filter(|target| target.kind == "Group").cloned().collect();
    let group = random.pick(&groups);
    let time = Duration::from_millis(20 + random.below(300));
    let all_actions = if extent.has_portal { 104 } else { 90 };
    match random.below(all_actions) {
        0..26 => applied(random, any),
        26..38 => Action::Delete(any),
        38..41 => Action::Annotate(any, PAUSED, "true"),
        41..43 => Action::Annotate(any, DELETION, random.pick(&DELETIONS)),
        43..48 => Action::Settings(random.pick(&SETTINGS)),
        48..49 => Action::NoSettings,
        49..58 => Action::Fault(fault(random)),
        58..61 => Action::Fault(list_of_another_shape(random, &group)),
        61..63 => Action::Fault(tenant_away(random, &group)),
        63..65 => Action::ExpireSessions,
        65..66 => Action::RefuseLogins,
        66..68 => Action::Slow(Duration::from_millis(random.below(60))),
        68..71 => Action::PlatformAway(time * 4),
        71..77 => Action::Kill(random.below(2) as usize),
        77..79 => Action::Restart(random.below(2) as usize),
        79..80 => Action::Revoke(random.pick(extent.places)),
        80..81 => Action::Grant(random.pick(extent.places)),
        81..84 => Action::Lag(random.pick(&WATCHED), time * 8),
        84..90 => Action::Wait(time),
        90..91 => Action::Lose(Target { kind: "Tenant", name: format!("t{}", random.below(PARENTS)), ..any }),
        91..96 => Action::Portal(group, format!("{}", random.below(1000))),
        96..100 => Action::Fill(group, random.pick(&Content::ALL)),
        100..102 => Action::Empty(group),
        _ => Action::Remove(group),
    }
}

/// What an operator watches.
pub const WATCHED: [&str; 5] = ["groups", "tenants", "resellers", "configmaps", "secrets"];

fn fault(random: &mut Random) -> Fault {
    let fault = match random.below(14) {
        0 => Fault::status(429).retry_after(1),
        1 => Fault::status(429),
        2 => Fault::status(503),
        3 => Fault::status(500),
        4 => Fault::drop_before(),
        5 | 6 => Fault::drop_after(),
        7 => Fault::delay(Duration::from_millis(random.below(2500))),
        8 => Fault::truncated(),
        9 => Fault::stuck(),
        10 => Fault::partial(),
        // The pages of something in between.
        11 => Fault::html(random.pick(&[404, 408, 413, 503])),
        12 => Fault::empty(random.pick(&[421, 425, 499])),
        _ => Fault::delay(Duration::from_millis(1500)),
    };
    let method = random.pick(&["*", "*", "GET", "POST", "PUT", "DELETE"]);
    let times = if random.chance(20) { 12 } else { 1 + random.below(3) as u32 };
    fault.on(method, "*").times(times)
}

/// A list of what a group holds that is none, or not all of it.
pub fn list_of_another_shape(random: &mut Random, group: &Target) -> Fault {
    let lists = [
        ("users", "users"),
        ("services/trunk_groups", "trunks"),
        ("services/ivrs", "ivrs"),
        ("services/call_centers", "callCenters"),
        ("services/hunt_groups", "huntGroups"),
    ];
    let (list, key) = random.pick(&lists);
    let answers = [
        json!({"errors": []}),
        json!({(key): null, "errors": []}),
        json!({(key): {"serviceUserId": "x"}, "warnings": []}),
        json!({(key): [], "totalCount": 3}),
    ];
    let at = match group.id() {
        Id::Group(tenant, group) => format!("/tenants/{tenant}/groups/{group}/{list}/"),
        _ => "/nowhere/".to_owned(),
    };
    Fault::answer(random.pick(&answers)).on("GET", &at).times(1 + random.below(2) as u32)
}

/// One tenant's backend is down, in the platform's own words.
fn tenant_away(random: &mut Random, group: &Target) -> Fault {
    let at = match group.id() {
        Id::Group(tenant, _) => format!("/tenants/{tenant}/*"),
        _ => "/nowhere/".to_owned(),
    };
    Fault::error(504, 99, "BACKEND_TIMEOUT", "no answer").on("*", &at).times(5 + random.below(20) as u32)
}

/// Somebody applies it, with any spec.
pub fn applied(random: &mut Random, target: Target) -> Action {
    let mut spec = Map::new();
    let place = target.place;
    let mut put = |key: &str, value: Value| _ = spec.insert(key.to_owned(), value);
    let id = target.id();
    match target.kind {
        "Reseller" => {
            put("resellerName", json!(format!("{place}-{}", target.name)));
            if random.chance(70) {
                put("externalName", json!(random.pick(&["", "One SA", "Two SA"])));
            }
            if random.chance(40) {
                put("extraData", random.pick(&[json!({}), json!({"a": 1}), json!({"a": {"b": [2]}})]));
            }
        }
        "Tenant" => {
            put("tenantId", json!(format!("{place}-{}", target.name)));
            put("type", json!("Enterprise"));
            if random.chance(70) {
                put("name", json!(random.pick(&["One", "Two"])));
            }
            if random.chance(50) {
                put("supportEmail", json!(random.pick(&["", "help@acme.example"])));
            }
        }
        _ => {
            match &id {
                Id::Group(tenant, _) if tenant.ends_with("shared") => put("tenantId", json!(tenant)),
                _ => put("tenantRef", json!({"name": target.tenant()})),
            }
            if target.name.starts_with(TWIN) {
                put("groupId", json!(target.name.replace(TWIN, "g")));
            }
            put("groupName", json!(random.pick(&["One", "Two", "Three"])));
            if random.chance(50) {
                put("userLimit", json!(random.pick(&[20, 30])));
            }
            if random.chance(50) {
                put("cliName", json!(random.pick(&["", "Shop"])));
            }
            if random.chance(40) {
                let contacts = [json!({"name": "Jo"}), json!({"name": "", "phoneNumber": "021234567"})];
                put("contactInformation", random.pick(&contacts));
            }
            if random.chance(40) {
                put("defaultDomain", json!(format!("{}.{place}.example", random.pick(&["a", "b"]))));
                if random.chance(70) {
                    put("autoCreateDomain", json!(true));
                }
            }
        }
    }
    if target.kind != "Reseller" && random.chance(40) {
        if random.chance(60) {
            put("resellerRef", json!({"name": format!("r{}", random.below(PARENTS))}));
        } else {
            put("resellerId", json!(format!("{place}-auto")));
        }
    }
    match random.below(10) {
        0 => {}
        1 => put("adoptionPolicy", json!("Never")),
        _ => put("adoptionPolicy", json!("Always")),
    }
    if random.chance(10) {
        put("driftPolicy", json!("Report"));
    } else if target.kind == "Group" && random.chance(4) {
        put("driftPolicy", json!(NEWER));
    }
    if random.chance(15) {
        put("deletionPolicy", json!("Orphan"));
    }
    Action::Apply(target, spec)
}
