//! Paths of the contract. Ids are percent-encoded; every path ends in a slash.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::engine::{
    check_group::Part,
    failure::{Cause, Failure},
    ids::{Key, Level, misplaced},
};

/// Everything but RFC 3986's unreserved characters.
pub const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path below the prefix.
///
/// # Errors
/// An id that could lead to another object: nothing is asked, changed or deleted by it.
pub fn path(segments: &[&str]) -> Result<String, Failure> {
    let mut path = String::from("/");
    for segment in segments {
        if let Some(why) = misplaced(segment) {
            return Err(Failure::new(Cause::Rejected, why));
        }
        path.extend(utf8_percent_encode(segment, RESERVED));
        path.push('/');
    }
    Ok(path)
}

/// Path of an object.
pub fn object(key: &Key) -> Result<String, Failure> {
    match key {
        Key::Tenant(tenant) => path(&["tenants", tenant]),
        Key::Group(tenant, group) => path(&["tenants", tenant, "groups", group]),
        Key::Reseller(name) => path(&["local", "resellers", name]),
    }
}

/// Path of the collection that an object is created in.
pub fn collection(key: &Key) -> Result<String, Failure> {
    match key {
        Key::Tenant(_) => path(&["tenants"]),
        Key::Group(tenant, _) => path(&["tenants", tenant, "groups"]),
        Key::Reseller(_) => path(&["local", "resellers"]),
    }
}

/// Path of the domains of a level.
pub fn domains(level: &Level) -> Result<String, Failure> {
    match level {
        Level::System => path(&["system", "domains"]),
        Level::Tenant(tenant) => path(&["tenants", tenant, "domains"]),
        Level::Group(tenant, group) => path(&["tenants", tenant, "groups", group, "domains"]),
    }
}

/// Path of a list of what a group holds.
pub fn part(tenant: &str, group: &str, part: Part) -> Result<String, Failure> {
    let list: &[&str] = match part {
        Part::Users => &["users"],
        Part::TrunkGroups => &["services", "trunk_groups"],
        Part::Ivrs => &["services", "ivrs"],
        Part::CallCenters => &["services", "call_centers"],
        Part::HuntGroups => &["services", "hunt_groups"],
    };
    path(&[&["tenants", tenant, "groups", group], list].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_encoded_as_one_segment() {
        let key = Key::Group("a?b#c".into(), "HQ +1%@é".into());
        assert_eq!(object(&key).unwrap(), "/tenants/a%3Fb%23c/groups/HQ%20%2B1%25%40%C3%A9/");
    }

    #[test]
    fn an_id_that_could_lead_to_another_object_makes_no_path() {
        for id in ["", ".", "..", "../../tenants/Globex/groups/HQ", "a\\b", "%2F", "a\u{200b}"] {
            let (tenant, group) = (Key::Tenant(id.into()), Key::Group("Acme".into(), id.into()));
            let level = Level::Group("Acme".into(), id.into());
            for path in [
                object(&tenant),
                object(&group),
                object(&Key::Reseller(id.into())),
                collection(&Key::Group(id.into(), "HQ".into())),
                domains(&level),
                part("Acme", id, Part::Users),
            ] {
                assert_eq!(path.unwrap_err().cause, Cause::Rejected, "{id:?}");
            }
        }
        assert!(object(&Key::Tenant("...".into())).is_ok());
    }
}
