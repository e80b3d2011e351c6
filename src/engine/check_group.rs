//! What forbids a deletion. [`Cleared`] is the permission to delete, and only this module can make one: unknown counts as
//! not empty.

use std::time::Duration;

use super::{
    facts::{Answer, Facts, Query},
    failure::{Cause, Failure},
    ids::{Key, Object, whole},
    plan::{Halt, Next, Verdict},
    reason::Reason,
    settings::Checks,
};
use crate::api::Contents;

/// The way out of a deletion that waits, for messages.
pub const LEAVE_IT: &str = "set the annotation apio.netaxis.be/deletion=Orphan to leave it there";

/// Longest time from the first question of a count to the deletion that it allows: whoever comes in between is deleted.
pub const FRESH: Duration = Duration::from_secs(3);
/// How often a pass counts before it says that the platform is too slow for that.
const COUNTS: u32 = 3;

/// The permission to delete one object, as long as its count is fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    counted: Duration,
}

impl Cleared {
    /// How long the pass had lasted when the count began.
    pub fn counted(&self) -> Duration {
        self.counted
    }

    /// When the pass has lasted this long: whether it has to be counted again.
    pub fn is_old(&self, now: Duration) -> bool {
        now.saturating_sub(self.counted) > FRESH
    }

    /// By a count that these questions made, which are asked again when that took too long.
    fn by(queries: &[Query], what: &str, facts: &Facts) -> Next<Self> {
        let counted = queries.iter().filter_map(|query| facts.asked(query)).min().unwrap_or(facts.now());
        let cleared = Self { counted };
        if !cleared.is_old(facts.now()) {
            return Ok(cleared);
        }
        if queries.iter().all(|query| facts.times(query) < COUNTS) {
            return Err(Halt::Ask(queries.to_vec()));
        }
        let words = format!("the platform takes more than {FRESH:?} to list them, in which others may have come");
        uncounted(what, &Failure::new(Cause::TimedOut, words)).stop()
    }
}

/// Why a deletion waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Reason of the `DeletionBlocked` condition.
    pub reason: Reason,
    /// One sentence with the remedy.
    pub message: String,
    /// What was counted.
    pub contents: Option<Box<Contents>>,
}

impl Blocked {
    /// Blocked without counts.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), contents: None }
    }

    /// Ends the pass.
    pub fn stop<T>(self) -> Next<T> {
        Err(Halt::Stop(Verdict::Blocked(self)))
    }
}

/// What a group holds, as the platform lists it (platform contract, 9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Users, trunk users among them.
    Users,
    /// Trunk groups.
    TrunkGroups,
    /// IVRs.
    Ivrs,
    /// Call centers.
    CallCenters,
    /// Hunt groups.
    HuntGroups,
}

impl Part {
    /// The checks that need this list.
    fn is_needed(self, checks: Checks) -> bool {
        match self {
            Self::Users => checks.users || checks.trunk_users,
            Self::TrunkGroups => checks.trunk_groups,
            Self::Ivrs | Self::CallCenters | Self::HuntGroups => checks.service_users,
        }
    }

    /// Name for a user.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::TrunkGroups => "trunk groups",
            Self::Ivrs => "IVRs",
            Self::CallCenters => "call centers",
            Self::HuntGroups => "hunt groups",
        }
    }
}

const PARTS: [Part; 5] = [Part::TrunkGroups, Part::Ivrs, Part::CallCenters, Part::HuntGroups, Part::Users];

/// A group may go when every enabled check counted zero.
pub fn group(tenant: &str, group: &str, observed: &Object, facts: &Facts) -> Next<Cleared> {
    let Some(settings) = facts.cluster.settings else {
        return Blocked::new(
            Reason::SettingsUnavailable,
            "the operator has no valid settings, so it does not know which CHECK_GROUP rules to apply; create or repair the settings ConfigMap",
        )
        .stop();
    };
    let checks = settings.checks;
    let needed: Vec<_> = PARTS.into_iter().filter(|part| part.is_needed(checks)).collect();
    let queries: Vec<_> = needed.iter().map(|part| Query::Count(tenant.to_owned(), group.to_owned(), *part)).collect();
    // One count, made at one moment.
    if queries.iter().any(|query| facts.answer(query).is_none()) {
        return Err(Halt::Ask(queries));
    }
    let mut contents = Contents::default();
    let mut unknown: Option<(Part, Failure)> = None;
    for (part, query) in needed.iter().zip(&queries) {
        match facts.answer(query) {
            Some(Ok(Answer::Count { items, in_trunk_groups })) => {
                count(&mut contents, checks, *part, *items, *in_trunk_groups);
                if let Some(failure) = more_than_listed(*part, *items, observed) {
                    unknown = Some((*part, failure));
                }
            }
            Some(Err(failure)) => unknown = unknown.or_else(|| Some((*part, failure.clone()))),
            _ => unknown = Some((*part, Failure::new(Cause::Bug, "not counted"))),
        }
    }
    let found = in_words(&contents);
    if !found.is_empty() {
        let message = format!(
            "the group still holds {}; remove them from {}, or {LEAVE_IT}",
            found.join(", "),
            Key::Group(tenant.to_owned(), group.to_owned())
        );
        return Blocked { reason: Reason::GroupNotEmpty, message, contents: Some(Box::new(contents)) }.stop();
    }
    if let Some((part, failure)) = unknown {
        let counted = (contents != Contents::default()).then(|| Box::new(contents));
        return Blocked { contents: counted, ..uncounted(&format!("{} of the group", part.name()), &failure) }.stop();
    }
    Cleared::by(&queries, "contents of the group", facts)
}

/// What cannot be counted.
fn uncounted(what: &str, failure: &Failure) -> Blocked {
    let reason = match failure.cause.reason() {
        Reason::CredentialsUnavailable => Reason::CredentialsUnavailable,
        _ => Reason::ContentsUnknown,
    };
    let message = format!(
        "the {what} cannot be counted, and what is not known counts as not empty: {failure}; mend that, or {LEAVE_IT}"
    );
    Blocked::new(reason, message)
}

fn count(contents: &mut Contents, checks: Checks, part: Part, items: i64, in_trunk_groups: i64) {
    match part {
        Part::Users => {
            contents.users = checks.users.then_some(items - in_trunk_groups);
            contents.trunk_users = checks.trunk_users.then_some(in_trunk_groups);
        }
        Part::TrunkGroups => contents.trunk_groups = Some(items),
        Part::Ivrs => contents.ivrs = Some(items),
        Part::CallCenters => contents.call_centers = Some(items),
        Part::HuntGroups => contents.hunt_groups = Some(items),
    }
}

/// A list that shows fewer users than the group's own `userCount` is filtered or cut. One that is no number may say so too.
fn more_than_listed(part: Part, items: i64, observed: &Object) -> Option<Failure> {
    let user_count = observed.get("userCount").filter(|_| part == Part::Users)?;
    let words = match whole(user_count) {
        Some(count) if (0..=items).contains(&count) => return None,
        Some(count) => format!("the platform lists {items} users but says the group has {count}"),
        None => format!("the platform lists {items} users and gives the userCount {user_count}, which is no number"),
    };
    Some(Failure::new(Cause::Unreadable, words))
}

fn in_words(contents: &Contents) -> Vec<String> {
    [
        (contents.users, "user", "users"),
        (contents.trunk_users, "trunk user", "trunk users"),
        (contents.trunk_groups, "trunk group", "trunk groups"),
        (contents.ivrs, "IVR", "IVRs"),
        (contents.call_centers, "call center", "call centers"),
        (contents.hunt_groups, "hunt group", "hunt groups"),
    ]
    .into_iter()
    .filter_map(|(count, one, many)| match count? {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    })
    .collect()
}

/// A tenant may go when its complete list of groups is empty, and no resource names it.
pub fn tenant(key: &Key, tenant: &str, facts: &Facts) -> Next<Cleared> {
    let what = "groups of the tenant";
    let query = Query::Groups(tenant.to_owned());
    if let Some(Err(failure)) = facts.answer(&query) {
        return uncounted(what, failure).stop();
    }
    let groups = facts.groups(tenant)?;
    if groups.is_empty() {
        no_children(Reason::TenantInUse, key, facts)?;
        return Cleared::by(&[query], what, facts);
    }
    let message =
        format!("{key} still has the groups {} on the platform; delete them first, or {LEAVE_IT}", the_first(groups));
    Blocked::new(Reason::TenantInUse, message).stop()
}

/// A reseller may go when no resource names it; the platform refuses what is used elsewhere.
pub fn reseller(key: &Key, facts: &Facts) -> Next<Cleared> {
    no_children(Reason::ResellerInUse, key, facts)?;
    Cleared::by(&[Query::Object(key.clone())], "reseller", facts)
}

fn no_children(reason: Reason, key: &Key, facts: &Facts) -> Next<()> {
    let children = &facts.cluster.children;
    if children.is_empty() {
        return Ok(());
    }
    let named = the_first(children);
    let message = format!("{key} is still named by {named}; delete or change them first, or {LEAVE_IT}");
    Blocked::new(reason, message).stop()
}

/// Some names, and how many more there are.
fn the_first(names: &[String]) -> String {
    let named = names.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        ..=5 => named,
        all => format!("{named} and {} more", all - 5),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::engine::{facts::Cluster, settings::Settings};

    fn facts() -> Facts {
        Facts::new(Cluster { settings: Some(Settings::default()), ..Cluster::default() })
    }

    fn reason(next: Next<Cleared>) -> &'static str {
        match next {
            Err(Halt::Stop(Verdict::Blocked(blocked))) => blocked.reason.name(),
            other => panic!("not blocked: {other:?}"),
        }
    }

    #[test]
    fn all_five_lists_are_asked_at_once() {
        let Err(Halt::Ask(queries)) = group("t", "g", &Object::new(), &facts()) else { panic!("nothing asked") };
        assert_eq!(queries, PARTS.map(|part| Query::Count("t".into(), "g".into(), part)));
    }

    #[test]
    fn only_five_zeros_clear() {
        let count = |items| Ok(Answer::Count { items, in_trunk_groups: 0 });
        let all = |answer: &dyn Fn(Part) -> Result<Answer, Failure>| {
            let mut facts = facts();
            for part in PARTS {
                facts.learn(Query::Count("t".into(), "g".into(), part), answer(part));
            }
            group("t", "g", &Object::new(), &facts)
        };
        assert_eq!(all(&|_| count(0)), Ok(Cleared { counted: Duration::ZERO }));
        for part in PARTS {
            assert_eq!(reason(all(&|of| count((of == part).into()))), "GroupNotEmpty");
            assert_eq!(
                reason(all(&|of| if of == part { Ok(Answer::Object(None)) } else { count(0) })),
                "ContentsUnknown"
            );
        }
    }

    #[test]
    fn a_user_count_that_is_larger_than_the_list_or_no_number_blocks() {
        let all = Settings::default().checks;
        let none = Checks { users: false, trunk_users: false, service_users: false, trunk_groups: false };
        let deleted = |checks: Checks, user_count: Value| {
            let mut facts = facts();
            facts.cluster.settings = Some(Settings { checks, ..Settings::default() });
            for part in PARTS {
                facts.learn(
                    Query::Count("t".into(), "g".into(), part),
                    Ok(Answer::Count { items: 0, in_trunk_groups: 0 }),
                );
            }
            group("t", "g", &Object::from_iter([("userCount".to_owned(), user_count)]), &facts)
        };
        for none_there in [json!(0), json!(0.0), json!(-0.0)] {
            assert_eq!(deleted(all, none_there), Ok(Cleared { counted: Duration::ZERO }));
        }
        for some in [
            json!(3),
            json!(3.0),
            json!("3"),
            json!("0"),
            json!([3]),
            json!({"n": 0}),
            json!(0.5),
            json!(-1),
            json!(null),
            json!(1e300),
        ] {
            assert_eq!(reason(deleted(all, some.clone())), "ContentsUnknown", "{some}");
        }
        assert_eq!(reason(deleted(Checks { users: true, ..none }, json!(3))), "ContentsUnknown");
        let of_trunk_groups = deleted(Checks { trunk_groups: true, ..none }, json!(3));
        assert_eq!(of_trunk_groups, Ok(Cleared { counted: Duration::ZERO }), "users may stay");
    }

    #[test]
    fn a_count_allows_a_deletion_for_three_seconds() {
        let cleared = Cleared { counted: Duration::from_secs(1) };
        assert_eq!(cleared.counted(), Duration::from_secs(1));
        for (milliseconds, old) in [(0, false), (1000, false), (4000, false), (4001, true)] {
            assert_eq!(cleared.is_old(Duration::from_millis(milliseconds)), old, "{milliseconds}");
        }
    }

    #[test]
    fn counts_are_told_only_when_something_was_counted() {
        let blocked = |known: &[Part]| {
            let mut facts = facts();
            for part in PARTS {
                let answer = known.contains(&part).then_some(Answer::Count { items: 0, in_trunk_groups: 0 });
                let answer = answer.ok_or_else(|| Failure::new(Cause::Unreadable, "filtered"));
                facts.learn(Query::Count("t".into(), "g".into(), part), answer);
            }
            match group("t", "g", &Object::new(), &facts) {
                Err(Halt::Stop(Verdict::Blocked(blocked))) => blocked,
                other => panic!("not blocked: {other:?}"),
            }
        };
        assert_eq!(blocked(&[]).contents, None);
        let ivrs_alone = blocked(&[Part::Ivrs]);
        assert_eq!(ivrs_alone.contents, Some(Box::new(Contents { ivrs: Some(0), ..Contents::default() })));
        assert!(ivrs_alone.message.starts_with("the trunk groups of the group cannot be counted"), "{ivrs_alone:?}");
    }
}
