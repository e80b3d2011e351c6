//! What stands beside a list in an answer: it may say that the list is none, or not all.

use serde_json::Value;

use super::listing::Member;

/// The platform's own bookkeeping in what it answers (platform contract, 9).
pub const RECORD: &str = "_record_internal_id";
/// Names of members that count a list, and of those that say that it goes on.
const COUNTS: [&str; 5] = ["count", "total", "size", "found", "length"];
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
    // Far below the numbers that a float does not hold exactly.
    let is_more = |number: f64| number > shown as f64;
    match member {
        Member::Scalar(Value::Null) => false,
        Member::Scalar(Value::Number(number)) => number.as_f64().is_none_or(is_more),
        Member::Beside(Beside { largest, goes_on }) if *goes_on || largest.is_some_and(is_more) => true,
        Member::Scalar(Value::Bool(false)) if is_named(name, &GOES_ON) => false,
        Member::Scalar(Value::String(text)) if is_named(name, &GOES_ON) => !text.is_empty(),
        _ => is_named(name, &COUNTS) || is_named(name, &GOES_ON),
    }
}

/// What an object or a list says that stands beside the list.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    largest: Option<f64>,
    goes_on: bool,
}

impl Beside {
    /// It has this member; one of a list has no name.
    pub fn add(&mut self, name: &str, member: &Member) {
        let number = match member {
            Member::Scalar(Value::Number(number)) => number.as_f64(),
            // A count in whatever form.
            Member::Scalar(Value::String(text)) if is_named(name, &COUNTS) => {
                Some(text.parse().unwrap_or(f64::INFINITY))
            }
            Member::Beside(inner) => inner.largest,
            _ => None,
        };
        self.largest = number.into_iter().chain(self.largest).reduce(f64::max);
        self.goes_on |= match member {
            Member::Beside(inner) => inner.goes_on,
            Member::Scalar(Value::Bool(says)) => *says && is_named(name, &GOES_ON),
            Member::Scalar(Value::String(text)) => !text.is_empty() && is_named(name, &GOES_ON),
            _ => false,
        };
    }
}

fn is_named(name: &str, words: &[&str]) -> bool {
    words.iter().any(|word| name.to_lowercase().contains(word))
}
