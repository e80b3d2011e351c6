//! What stands beside a list in an answer: it may say that the list is none, or not all.

use serde_json::Value;

use super::listing::Member;

/// The platform's own bookkeeping in what it answers (platform contract, 9).
pub const RECORD: &str = "_record_internal_id";
/// Names of members that count a list, and of those that say that it goes on.
const COUNTS: [&str; 3] = ["count", "total", "size"];
const GOES_ON: [&str; 4] = ["more", "next", "trunc", "partial"];

/// Whether a member of an answer tells of errors: then the rest is no answer.
pub fn names_errors(name: &str) -> bool {
    ["error", "errors"].contains(&name.trim_start_matches('_').to_lowercase().as_str())
}

/// The member that is neither a scalar nor anything beside a list, if it is the only one, and its items can be told apart.
pub fn the_only_list(members: &[&(String, Member)]) -> Option<usize> {
    const BESIDE: [&str; 12] = [
        "error", "warn", "message", "detail", "notice", "fault", "problem", "fail", "issue", "reject", "denied", "deny",
    ];
    let is_nested = |name: &str, member: &Member| !name.starts_with('_') && !matches!(member, Member::Scalar(_));
    let mut nested = members.iter().enumerate().filter(|(_, (name, member))| is_nested(name, member));
    let (at, (name, member)) = nested.next().filter(|_| nested.next().is_none())?;
    let is_list = matches!(member, Member::Items(items) if items.nameless == 0);
    (is_list && !BESIDE.iter().any(|word| name.to_lowercase().contains(word))).then_some(at)
}

/// Whether something beside a list says that it is longer, or cannot be read: no number there is larger than its length.
pub fn says_more(name: &str, member: &Member, shown: usize) -> bool {
    let is_named = |words: &[&str]| words.iter().any(|word| name.to_lowercase().contains(word));
    // Far below the numbers that a float does not hold exactly.
    let is_more = |number: f64| number > shown as f64;
    match member {
        Member::Scalar(Value::Null) => false,
        Member::Scalar(Value::Number(number)) => number.as_f64().is_none_or(is_more),
        Member::Object { largest, goes_on } if *goes_on || largest.is_some_and(is_more) => true,
        Member::Scalar(Value::Bool(false)) if is_named(&GOES_ON) => false,
        Member::Scalar(Value::String(text)) if is_named(&GOES_ON) => !text.is_empty(),
        _ => is_named(&COUNTS) || is_named(&GOES_ON),
    }
}

/// Whether a member of something beside a list says that the list goes on.
pub fn goes_on(name: &str, member: &Member) -> bool {
    let is_named = GOES_ON.iter().any(|word| name.to_lowercase().contains(word));
    match member {
        Member::Object { goes_on, .. } => *goes_on,
        Member::Scalar(Value::Bool(says)) => is_named && *says,
        Member::Scalar(Value::String(text)) => is_named && !text.is_empty(),
        _ => false,
    }
}
