//! Comparing what a spec declares with what the platform holds. Only declared fields count; `""`, null and absent are equal.

use serde_json::Value;

use super::ids::{DEFAULT_DOMAIN, Object, is_same_domain};
use crate::api::{Drift, text::visible};

/// Longest text of a value in a status, in characters.
const SHOWN: usize = 200;
/// Most differences in a status.
const MOST: usize = 32;

/// A declared field whose value on the platform differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Path of the field: `key` or `key.key`.
    pub path: String,
    /// Declared value.
    pub desired: Value,
    /// Value on the platform; null when absent.
    pub observed: Value,
}

/// The paths of phone numbers, whose separators a platform may leave out.
const PHONE_NUMBERS: [&str; 3] = ["cliPhoneNumber", "contactInformation.phoneNumber", "locationDialingCode"];

impl Difference {
    /// Whether it is one text in two forms, as a platform may keep another one than it was sent: other blanks, another case, a
    /// phone number with other separators. What else a platform might do to a text is not known, so it is no form.
    pub fn is_of_form(&self) -> bool {
        let form = |value: &Value| match value {
            Value::String(text) => Some(self.form(text)),
            value => is_unset(value).then(String::new),
        };
        form(&self.desired).is_some_and(|desired| form(&self.observed) == Some(desired))
    }

    fn form(&self, text: &str) -> String {
        let folded = text.to_lowercase();
        if PHONE_NUMBERS.contains(&self.path.as_str()) {
            return folded.chars().filter(|char| !char.is_whitespace() && !"-./()".contains(*char)).collect();
        }
        folded.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The keys of the platform that are compared and merged key by key (platform contract, 12, row 8). Every other object is
/// one value.
const NESTED: [&str; 2] = ["contactInformation", "addressInformation"];

/// Every declared field that differs, in the order of the keys.
pub fn differences(declared: &Object, observed: &Object) -> Vec<Difference> {
    let mut found = Vec::new();
    for (key, desired) in declared {
        let there = observed.get(key).unwrap_or(&Value::Null);
        match nested(key, desired) {
            Some(keys) => {
                for (inner, desired) in keys {
                    let there = there.get(inner).unwrap_or(&Value::Null);
                    push(&mut found, format!("{key}.{inner}"), desired, there);
                }
            }
            None => push(&mut found, key.clone(), desired, there),
        }
    }
    found
}

fn push(found: &mut Vec<Difference>, path: String, desired: &Value, observed: &Value) {
    let is_same = equal(desired, observed) || path == DEFAULT_DOMAIN && are_one_domain(desired, observed);
    if !is_same {
        found.push(Difference { path, desired: desired.clone(), observed: observed.clone() });
    }
}

/// The first declared field whose value on the platform is of another type, so that it cannot be compared: a write might
/// replace what is only written otherwise. What is not declared may be anything.
pub fn incomparable(declared: &Object, observed: &Object) -> Option<String> {
    declared.iter().find_map(|(key, desired)| {
        let there = observed.get(key)?;
        let odd = |path: String, desired: &Value, there: &Value| {
            (!is_unset(there) && kind(desired) != kind(there))
                .then(|| format!("{path} is {}, which is {} and not {}", text(there), kind(there), kind(desired)))
        };
        odd(key.clone(), desired, there).or_else(|| {
            let (desired, there) = (nested(key, desired)?, there.as_object()?);
            desired.iter().find_map(|(inner, desired)| odd(format!("{key}.{inner}"), desired, there.get(inner)?))
        })
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The keys of a value that is compared key by key.
fn nested<'a>(key: &str, value: &'a Value) -> Option<&'a Object> {
    value.as_object().filter(|_| NESTED.contains(&key))
}

/// Whether both are texts, and names of one domain.
pub fn are_one_domain(a: &Value, b: &Value) -> bool {
    a.as_str().zip(b.as_str()).is_some_and(|(a, b)| is_same_domain(a, b))
}

fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        // 1 and 1.0 are one number; the API server writes both as 1.
        (Value::Number(a), Value::Number(b)) => a == b || (a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b || (is_unset(a) && is_unset(b)),
    }
}

/// Whether a value means nothing: `""`, null, no key, nothing in it.
pub fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The body of an update: the changed fields, contact and address whole (declared keys over the observed ones, so that
/// merging and replacing platforms give the same result).
pub fn update_body(declared: &Object, observed: &Object, differences: &[Difference]) -> Object {
    let mut body = Object::new();
    for difference in differences {
        let key = difference.path.split('.').next().unwrap_or_default();
        if let Some(desired) = declared.get(key) {
            body.insert(key.to_owned(), whole(key, desired, observed.get(key)));
        }
    }
    body
}

/// The keys of a contact or an address in a body that are not declared, and are sent along as they are on the platform.
pub fn foreign(declared: &Object, body: &Object) -> Vec<String> {
    let of = |(key, sent): (&String, &Value)| -> Vec<String> {
        let ours = declared.get(key).and_then(Value::as_object);
        let foreign = nested(key, sent).into_iter().flat_map(Object::keys);
        foreign
            .filter(|inner| !ours.is_some_and(|ours| ours.contains_key(*inner)))
            .map(|inner| format!("{key}.{inner}"))
            .collect()
    };
    body.iter().flat_map(of).collect()
}

/// A declared value as it is sent: nested objects over what the platform holds.
pub fn whole(key: &str, desired: &Value, observed: Option<&Value>) -> Value {
    match (nested(key, desired), observed.and_then(Value::as_object)) {
        (Some(desired), Some(observed)) => {
            let mut merged = observed.clone();
            merged.extend(desired.clone());
            Value::Object(merged)
        }
        _ => desired.clone(),
    }
}

/// The differences as a status shows them.
pub fn shown(differences: &[Difference]) -> Vec<Drift> {
    differences
        .iter()
        .take(MOST)
        .map(|difference| Drift {
            path: difference.path.clone(),
            desired: text(&difference.desired),
            observed: text(&difference.observed),
        })
        .collect()
}

/// One clause per difference, for a message.
pub fn sentence(differences: &[Difference]) -> String {
    let mut clauses: Vec<_> = differences
        .iter()
        .take(5)
        .map(|d| format!("{} is {} and should be {}", d.path, text(&d.observed), text(&d.desired)))
        .collect();
    if differences.len() > clauses.len() {
        clauses.push(format!("and {} more", differences.len() - clauses.len()));
    }
    clauses.join("; ")
}

/// A value as a user reads it. It is shortened before it is escaped, so that what an earlier version wrote is this with escapes.
pub fn text(value: &Value) -> String {
    let text = if value.is_null() { "unset".to_owned() } else { value.to_string() };
    if text.chars().count() <= SHOWN {
        return visible(&text);
    }
    visible(&text.chars().take(SHOWN).chain("...".chars()).collect::<String>())
}

/// Whether a status tells these differences, in the escapes of this version or as an earlier one wrote them.
pub fn are_told(told: &[Drift], differences: &[Difference]) -> bool {
    let now = |drift: &Drift| Drift {
        path: drift.path.clone(),
        desired: visible(&drift.desired),
        observed: visible(&drift.observed),
    };
    told.iter().map(now).eq(shown(differences))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Object {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn unset_empty_and_absent_are_equal() {
        let declared = object(json!({"cliName": "", "contactInformation": {"name": ""}}));
        assert_eq!(differences(&declared, &object(json!({}))), []);
        assert_eq!(differences(&declared, &object(json!({"cliName": null, "contactInformation": {}}))), []);
    }

    #[test]
    fn undeclared_fields_never_differ() {
        assert_eq!(differences(&object(json!({})), &object(json!({"groupName": "x"}))), []);
    }

    #[test]
    fn an_update_carries_the_changed_fields_only_and_a_contact_whole() {
        let declared = object(json!({"groupName": "a", "userLimit": 5, "contactInformation": {"name": "Jo"}}));
        let observed =
            object(json!({"groupName": "a", "userLimit": 4, "contactInformation": {"name": "X", "unknown": 1}}));
        let found = differences(&declared, &observed);
        assert_eq!(found.iter().map(|d| d.path.as_str()).collect::<Vec<_>>(), ["contactInformation.name", "userLimit"]);
        assert_eq!(
            Value::Object(update_body(&declared, &observed, &found)),
            json!({"userLimit": 5, "contactInformation": {"name": "Jo", "unknown": 1}})
        );
    }

    #[test]
    fn what_is_sent_along_undeclared_is_known_by_its_path() {
        let declared = object(json!({"groupName": "a", "contactInformation": {"name": "Jo"}, "extraData": {"a": 1}}));
        let body = object(json!({
            "groupName": "a", "contactInformation": {"name": "Jo", "phoneNumber": "1", "unheard": true}, "extraData": {"b": 2},
        }));
        assert_eq!(foreign(&declared, &body), ["contactInformation.phoneNumber", "contactInformation.unheard"]);
        assert_eq!(foreign(&declared, &declared), [""; 0]);
    }

    #[test]
    fn a_number_is_one_however_it_is_written_inside_of_values_too() {
        for (a, b, equal) in [
            (json!(25), json!(25.0), true),
            (json!({"a": [1, {"b": 2}]}), json!({"a": [1.0, {"b": 2.0}]}), true),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), false),
            (json!({"a": 1}), json!({"b": 1}), false),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992_i64), false),
            (json!(25), json!("25"), false),
            (json!([1]), json!([1, 2]), false),
            (json!([1, 2]), json!([2, 1]), false),
        ] {
            let found = differences(&object(json!({"extraData": a})), &object(json!({"extraData": b})));
            assert_eq!(found.is_empty(), equal, "{a} {b}");
        }
    }

    #[test]
    fn a_declared_field_of_another_type_cannot_be_compared_and_an_undeclared_one_may_be_anything() {
        let declared =
            object(json!({"userLimit": 25, "contactInformation": {"name": "Jo"}, "useTenantLanguages": true}));
        for fine in [
            json!({}),
            json!({"userLimit": 25.5, "contactInformation": null}),
            json!({"contactInformation": "", "useTenantLanguages": null}),
            json!({"contactInformation": [], "resellerId": 7, "timeZone": {}, "addressInformation": "x"}),
            json!({"contactInformation": {"name": null, "phoneNumber": 3}}),
        ] {
            assert_eq!(incomparable(&declared, &object(fine.clone())), None, "{fine}");
        }
        for (odd, told) in [
            (json!({"userLimit": "25"}), "userLimit is \"25\", which is a text and not a number"),
            (json!({"contactInformation": "Jo"}), "contactInformation is \"Jo\", which is a text and not an object"),
            (
                json!({"contactInformation": {"name": 7}}),
                "contactInformation.name is 7, which is a number and not a text",
            ),
            (json!({"useTenantLanguages": 1}), "useTenantLanguages is 1, which is a number and not true or false"),
        ] {
            assert_eq!(incomparable(&declared, &object(odd)).as_deref(), Some(told));
        }
    }

    #[test]
    fn another_form_is_what_a_platform_may_make_of_a_text_and_nothing_else() {
        let is_of_form = |path: &str, desired: Value, observed: Value| {
            Difference { path: path.into(), desired, observed }.is_of_form()
        };
        for (path, sent, kept) in [
            ("groupName", "Head office ", "Head office"),
            ("groupName", " Head \t office", "head Office"),
            ("groupName", "  ", ""),
            ("groupName", "Head\u{a0}office", "Head office"),
            ("defaultDomain", "SIP.Acme.example", "sip.acme.example"),
            ("cliPhoneNumber", "+32 (3) 698-12.34", "+3236981234"),
            ("contactInformation.phoneNumber", "+32 3/698", "+323698"),
        ] {
            assert!(is_of_form(path, json!(sent), json!(kept)), "{path}: {sent:?} {kept:?}");
        }
        assert!(is_of_form("cliName", json!(" "), Value::Null));
        for (path, sent, kept) in [
            ("groupName", json!("Head office"), json!("Headoffice")),
            ("groupName", json!("12-3"), json!("123")),
            ("groupName", json!("Zürich"), json!("Zurich")),
            ("cliPhoneNumber", json!("+323698"), json!("00323698")),
            ("cliPhoneNumber", json!("+323698"), Value::Null),
            ("userLimit", json!(25), json!("25")),
            ("userLimit", json!(25), json!(26)),
            ("useTenantLanguages", json!(true), json!(false)),
            ("extraData", json!({"a": "b"}), json!({"a": "B"})),
        ] {
            assert!(!is_of_form(path, sent.clone(), kept.clone()), "{path}: {sent} {kept}");
        }
    }

    #[test]
    fn a_default_domain_is_compared_without_case_and_any_other_text_with_it() {
        let declared = object(json!({"defaultDomain": "SIP.Acme.example", "groupName": "A"}));
        let found = differences(&declared, &object(json!({"defaultDomain": "sip.acme.example", "groupName": "a"})));
        assert_eq!(found.iter().map(|d| d.path.as_str()).collect::<Vec<_>>(), ["groupName"]);
        assert_eq!(
            differences(&declared, &object(json!({"defaultDomain": "acme.example", "groupName": "A"}))).len(),
            1
        );
    }

    #[test]
    fn what_looks_alike_is_shown_with_escapes_and_counts_as_told_by_a_status_without_them() {
        let differ = [Difference { path: "groupName".into(), desired: json!("HQ"), observed: json!("HQ\u{a0}") }];
        assert_eq!(sentence(&differ), "groupName is \"HQ\\u00a0\" and should be \"HQ\"");
        assert!(are_told(&shown(&differ), &differ));
        let before = Drift { path: "groupName".into(), desired: "\"HQ\"".into(), observed: "\"HQ\u{a0}\"".into() };
        assert!(are_told(std::slice::from_ref(&before), &differ));
        assert!(!are_told(&[], &differ) && !are_told(&[before], &[]));
    }

    #[test]
    fn extra_data_is_one_value() {
        let found =
            differences(&object(json!({"extraData": {"a": 1}})), &object(json!({"extraData": {"a": 1, "b": 2}})));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "extraData");
    }

    #[test]
    fn long_values_are_shortened() {
        let d = Difference { path: "x".into(), desired: json!("é".repeat(500)), observed: Value::Null };
        assert!(shown(std::slice::from_ref(&d))[0].desired.chars().count() < 210);
        assert_eq!(shown(&[d])[0].observed, "unset");
    }
}
