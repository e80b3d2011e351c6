//! Lists that prove that a group or a tenant is empty, held against a reading of their own. What it says of a list is less
//! than what the operator may say: whoever is counted was there, and whatever is doubtful is no number.

use apio_operator::engine::{
    check_group::Part,
    facts::{Answer, Query},
};
use serde_json::Value;

use super::{
    draw::Draw,
    json::{self, Json},
    platform::{Given, asked},
    told::told,
};

const PARTS: [Part; 5] = [Part::Users, Part::TrunkGroups, Part::Ivrs, Part::CallCenters, Part::HuntGroups];
const LISTS: [&str; 7] = ["users", "trunks", "ivrs", "groups", "callCenters", "huntGroups", "items"];
const BESIDE: [&str; 18] = [
    "total",
    "totalCount",
    "count",
    "size",
    "paging",
    "meta",
    "hasMore",
    "next",
    "isTruncated",
    "errors",
    "_errors",
    "Error",
    "warnings",
    "_record_internal_id",
    "_links",
    "code",
    "x",
    "length",
];
const OF_ITEMS: [&str; 8] = ["userId", "serviceUserId", "name", "id", "groupId", "inTrunkGroup", "x", "users"];

/// A list, as the platform gives it and as nobody would.
pub fn target(draw: &mut Draw<'_>) {
    let part = draw.of(&PARTS);
    let is_groups = draw.one_in(4);
    let key = match (is_groups, part) {
        (true, _) => Some("groups"),
        (_, Part::Users) => Some("users"),
        (_, Part::TrunkGroups) => Some("trunks"),
        (_, Part::Ivrs) => Some("ivrs"),
        (_, Part::CallCenters | Part::HuntGroups) => None,
    };
    let answer = answer(draw, key.unwrap_or("callCenters"));
    let (is_torn, status) = (draw.one_in(16), if draw.one_in(16) { draw.of(&[201, 206, 207, 404, 500]) } else { 200 });
    let bytes = if is_torn { json::bytes(&answer, draw) } else { answer.text(draw).into_bytes() };
    let given = Given { status, ..Given::yes(bytes.clone()) };
    let (tenant, group) = ("Acme".to_owned(), "HQ".to_owned());
    let query = if is_groups { Query::Groups(tenant) } else { Query::Count(tenant, group, part) };
    let seen = seen(&bytes, key);
    match asked(&query, given).0 {
        Ok(Answer::Count { items, in_trunk_groups }) => {
            assert_eq!(
                Some((items, in_trunk_groups)),
                seen.map(|seen| (seen.items, seen.in_trunk_groups)),
                "{answer:?}"
            );
            assert!(is_torn || !answer.has_twins_that_count(), "{answer:?}");
        }
        Ok(Answer::Groups(ids)) => {
            assert_eq!(Some(ids.len() as i64), seen.map(|seen| seen.items), "{answer:?}");
            assert!(is_torn || !answer.has_twins_that_count(), "{answer:?}");
        }
        Ok(other) => panic!("{other:?}"),
        Err(failure) => {
            told(&failure.to_string());
            assert!(status != 200 || is_torn || !is_plain(&answer, key), "{failure}: {answer:?}");
        }
    }
}

fn answer(draw: &mut Draw<'_>, key: &str) -> Json {
    let item = |draw: &mut Draw<'_>| match draw.below(16) {
        15 => Json::drawn(draw, &OF_ITEMS, 3),
        _ => Json::Object(draw.some(4, |draw| {
            let name = draw.of(&OF_ITEMS);
            let value = match (name, draw.below(8)) {
                (_, 7) => Json::drawn(draw, &OF_ITEMS, 3),
                ("inTrunkGroup", _) => Json::Plain(draw.of(&[true, false]).into()),
                _ => Json::Plain(draw.word(&["a", "b", "HQ"]).into()),
            };
            (name.to_owned(), value)
        })),
    };
    let list = Json::List(draw.some(4, item));
    let mut members = draw.some(3, |draw| {
        let name = if draw.one_in(4) { draw.word(&LISTS) } else { draw.word(&BESIDE) };
        (name, Json::drawn(draw, &BESIDE, 2))
    });
    if !draw.one_in(16) {
        let at = draw.below(members.len() + 1);
        members.insert(at, (draw.word(&[key, key, key, key, "other"]), list));
    }
    if draw.one_in(64) { Json::drawn(draw, &LISTS, 0) } else { Json::Object(members) }
}

/// What an answer shows.
struct Seen {
    items: i64,
    in_trunk_groups: i64,
}

/// What is there, if it may be told at all.
fn seen(bytes: &[u8], key: Option<&str>) -> Option<Seen> {
    let answer: Value = serde_json::from_slice(bytes).ok()?;
    let members = answer.as_object()?;
    let lists: Vec<_> = members.iter().filter(|(name, value)| value.is_array() && !name.starts_with('_')).collect();
    let (name, list) = match key {
        Some(key) => members.get_key_value(key)?,
        None => *lists.first().filter(|_| lists.len() == 1)?,
    };
    let list = list.as_array()?;
    let beside = members.iter().filter(|(other, _)| *other != name && *other != "_record_internal_id");
    for (other, value) in beside {
        let is_error = ["error", "errors"].contains(&other.trim_start_matches('_').to_lowercase().as_str());
        if is_error || largest(value).is_some_and(|number| number > list.len() as f64) {
            return None;
        }
    }
    let mut in_trunk_groups = 0;
    for item in list {
        in_trunk_groups += i64::from(*item.as_object()?.get("inTrunkGroup").unwrap_or(&Value::Bool(false)) == true);
    }
    Some(Seen { items: list.len() as i64, in_trunk_groups })
}

/// The largest number in a value.
fn largest(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Array(items) => items.iter().filter_map(largest).reduce(f64::max),
        Value::Object(members) => members.values().filter_map(largest).reduce(f64::max),
        _ => None,
    }
}

/// Whether it is nothing but a list of objects with one name each.
fn is_plain(answer: &Json, key: Option<&str>) -> bool {
    let is_named = |item: &Json| {
        matches!(item, Json::Object(fields) if matches!(&fields[..],
            [(name, Json::Plain(Value::String(id)))] if name == "userId" && !id.is_empty()))
    };
    matches!(answer, Json::Object(members) if matches!(&members[..],
        [(name, Json::List(items))] if name == key.unwrap_or("callCenters") && items.iter().all(is_named)))
}

impl Json {
    /// Whether it is doubtful what a member says that counts: of the answer, or of an item of a list.
    fn has_twins_that_count(&self) -> bool {
        let Self::Object(members) = self else { return false };
        let is_twin =
            |members: &[(String, Self)], at: usize| members[..at].iter().any(|(key, _)| *key == members[at].0);
        let counts = |name: &str| ["inTrunkGroup", "groupId"].contains(&name);
        let doubtful = |item: &Self| match item {
            Self::Object(fields) => (0..fields.len()).any(|at| counts(&fields[at].0) && is_twin(fields, at)),
            _ => false,
        };
        let in_lists = members.iter().any(|(name, value)| match value {
            Self::List(items) if LISTS.contains(&name.as_str()) => items.iter().any(doubtful),
            _ => false,
        });
        in_lists && members.iter().filter(|(_, value)| matches!(value, Self::List(_))).count() == 1
            || (0..members.len()).any(|at| is_twin(members, at))
    }
}
