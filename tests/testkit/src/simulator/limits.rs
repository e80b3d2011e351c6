//! The platform's attributes and their limits (platform contract, 4.2 and section 5): the simulator's own list, shared with nobody.

use serde_json::{Map, Value};

use super::reply::{Reply, invalid};
use super::settings::Assumptions;

/// What a call does with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Update,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// At most so many characters; `""` clears it if it may be cleared, and is refused otherwise.
    Text {
        max: usize,
        clearable: bool,
    },
    Whole {
        min: i64,
        max: i64,
    },
    Flag,
    OneOf(&'static [&'static str]),
    Parts(&'static [Attribute]),
    /// Sent back by clients that got it from a GET, and ignored.
    ReadOnly,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    pub(super) key: &'static str,
    pub(super) shape: Shape,
    /// Has to be in a POST.
    required: bool,
    /// May not be in a PUT.
    fixed: bool,
    /// Not in a GET as a matter of course: an option of the call, or shown under a condition.
    hidden: bool,
}

impl Attribute {
    const fn new(key: &'static str, shape: Shape) -> Attribute {
        Attribute { key, shape, required: false, fixed: false, hidden: false }
    }
    const fn required(mut self) -> Attribute {
        self.required = true;
        self
    }
    const fn fixed(mut self) -> Attribute {
        self.fixed = true;
        self
    }
    const fn hidden(mut self) -> Attribute {
        self.hidden = true;
        self
    }
}

const fn text(key: &'static str, max: usize) -> Attribute {
    Attribute::new(key, Shape::Text { max, clearable: true })
}

const fn unclearable(key: &'static str, max: usize) -> Attribute {
    Attribute::new(key, Shape::Text { max, clearable: false })
}

const fn flag(key: &'static str) -> Attribute {
    Attribute::new(key, Shape::Flag)
}

const fn read_only(key: &'static str) -> Attribute {
    Attribute::new(key, Shape::ReadOnly)
}

const CONTACT: &[Attribute] = &[text("name", 30), text("phoneNumber", 30), text("emailAddress", 80)];

const ADDRESS: &[Attribute] = &[
    text("addressLine1", 80),
    text("addressLine2", 80),
    text("city", 50),
    text("stateDisplayName", 50),
    text("postalCode", 50),
    text("country", 50),
];

/// Platform contract, 4.2.
pub(super) const GROUP: &[Attribute] = &[
    unclearable("groupId", 30).required().hidden(),
    text("groupName", 80).required(),
    Attribute::new("userLimit", Shape::Whole { min: 1, max: 999_999 }),
    read_only("userCount"),
    unclearable("defaultDomain", 80),
    text("cliName", 80),
    text("cliPhoneNumber", 23),
    text("locationDialingCode", 15),
    unclearable("timeZone", 127),
    read_only("timeZoneDisplayName"),
    Attribute::new("contactInformation", Shape::Parts(CONTACT)),
    Attribute::new("addressInformation", Shape::Parts(ADDRESS)),
    text("resellerId", 80).hidden(),
    text("templateName", 80).hidden(),
    flag("autoCreateDomain").hidden(),
];

/// Platform contract, section 5.
pub(super) const TENANT: &[Attribute] = &[
    unclearable("tenantId", 30).required(),
    Attribute::new("type", Shape::OneOf(&["ServiceProvider", "Enterprise"])).required().fixed(),
    unclearable("defaultDomain", 80),
    text("name", 80),
    text("supportEmail", 80),
    Attribute::new("contactInformation", Shape::Parts(CONTACT)),
    Attribute::new("addressInformation", Shape::Parts(ADDRESS)),
    flag("useCustomRoutingProfile").fixed(),
    flag("useTenantLanguages"),
    text("resellerId", 80).hidden(),
];

/// The tenant's external ids, which exist only with `APIO_OBJECT_CREATION.TENANT_DATA`. No limit is documented.
pub(super) const EXTERNAL_IDS: &[Attribute] =
    &[text("externalId1", 255), text("externalId2", 255), text("externalId3", 255), text("externalId4", 255)];

/// The body as far as it is to be kept: checked, without what is read-only or unknown.
pub(super) fn checked(
    list: &[Attribute],
    verb: Verb,
    body: &Map<String, Value>,
    assumptions: &Assumptions,
) -> Result<Map<String, Value>, Reply> {
    if verb == Verb::Create
        && let Some(missing) = list.iter().find(|a| a.required && matches!(body.get(a.key), None | Some(Value::Null)))
    {
        return Err(invalid(&format!("{} is missing", missing.key)));
    }
    let mut kept = Map::new();
    for (key, value) in body {
        let Some(attribute) = list.iter().find(|a| a.key == key) else {
            if assumptions.undocumented_keys.contains(key) {
                kept.insert(key.clone(), value.clone());
            } else if assumptions.refuse_unknown_keys {
                return Err(invalid(&format!("{key} is not a known key")));
            }
            continue;
        };
        if attribute.fixed && verb == Verb::Update {
            return Err(invalid(&format!("{key} can not be changed")));
        }
        if let Some(value) = accepted(attribute, verb, value, assumptions)? {
            kept.insert(key.clone(), value);
        }
    }
    Ok(kept)
}

fn accepted(
    attribute: &Attribute,
    verb: Verb,
    value: &Value,
    assumptions: &Assumptions,
) -> Result<Option<Value>, Reply> {
    let key = attribute.key;
    match (attribute.shape, value) {
        (Shape::ReadOnly, _) => return Ok(None),
        (Shape::Text { clearable, .. }, Value::String(text)) if text.is_empty() => {
            if !clearable || (attribute.required && verb == Verb::Create) {
                return Err(invalid(&format!("{key} can not be empty")));
            }
        }
        (Shape::Text { max, .. }, Value::String(text)) if text.chars().count() > max => {
            return Err(invalid(&format!("{key} has more than {max} characters")));
        }
        (Shape::Text { .. }, Value::String(_)) | (Shape::Flag, Value::Bool(_)) => {}
        (Shape::Text { .. }, _) => return Err(invalid(&format!("{key} is not a string"))),
        (Shape::Flag, _) => return Err(invalid(&format!("{key} is not a boolean"))),
        (Shape::Whole { min, max }, _) => {
            if !value.as_i64().is_some_and(|number| (min..=max).contains(&number)) {
                return Err(invalid(&format!("{key} is not an integer from {min} to {max}")));
            }
        }
        (Shape::OneOf(names), _) => {
            if !value.as_str().is_some_and(|name| names.contains(&name)) {
                return Err(invalid(&format!("{key} is none of {}", names.join(", "))));
            }
        }
        (Shape::Parts(parts), Value::Object(map)) => {
            return checked(parts, verb, map, assumptions).map(|kept| Some(Value::Object(kept)));
        }
        (Shape::Parts(_), _) => return Err(invalid(&format!("{key} is not an object"))),
    }
    Ok(Some(value.clone()))
}

/// What a GET shows of stored attributes: every key of the list, `""` for unset strings.
pub(super) fn shown(list: &[Attribute], stored: &Map<String, Value>, assumptions: &Assumptions) -> Map<String, Value> {
    let mut view = Map::new();
    for attribute in list.iter().filter(|a| !a.hidden) {
        let unset = match attribute.shape {
            Shape::Text { .. } => Value::from(""),
            Shape::Flag => Value::from(false),
            Shape::Parts(parts) => {
                let nothing = Map::new();
                let stored = stored.get(attribute.key).and_then(Value::as_object).unwrap_or(&nothing);
                view.insert(attribute.key.to_owned(), Value::Object(shown(parts, stored, assumptions)));
                continue;
            }
            Shape::Whole { .. } | Shape::OneOf(_) | Shape::ReadOnly => Value::Null,
        };
        let value = stored.get(attribute.key).cloned().unwrap_or(unset);
        if !value.is_null() {
            view.insert(attribute.key.to_owned(), value);
        }
    }
    for key in &assumptions.undocumented_keys {
        if let Some(value) = stored.get(key) {
            view.insert(key.clone(), value.clone());
        }
    }
    view
}

/// An id may not begin or end with a space (assumption 20).
pub(super) fn checked_id(key: &str, id: &str) -> Result<(), Reply> {
    if id != id.trim() {
        return Err(invalid(&format!("{key} begins or ends with a space")));
    }
    Ok(())
}

/// The names that clients in use send on POST instead of the documented ones (platform contract, 4.2, naming conflict).
pub(super) fn with_documented_names(mut body: Map<String, Value>) -> Map<String, Value> {
    for (short, long) in [("contact", "contactInformation"), ("address", "addressInformation")] {
        if !body.contains_key(long)
            && let Some(value) = body.remove(short)
        {
            body.insert(long.to_owned(), value);
        }
    }
    body
}

/// `state` was observed where `stateDisplayName` is documented; a test can make the state not settable at all.
pub(super) fn with_documented_state(mut body: Map<String, Value>, read_only: bool) -> Map<String, Value> {
    if let Some(Value::Object(address)) = body.get_mut("addressInformation") {
        if let Some(state) = address.remove("state") {
            address.entry("stateDisplayName").or_insert(state);
        }
        if read_only {
            address.remove("stateDisplayName");
        }
    }
    body
}
