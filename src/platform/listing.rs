//! A list as it is counted: read piece by piece and not kept, because a group may hold a hundred thousand users.

use std::{fmt, io::Read};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::beside::{Beside, RECORD, names_errors, says_more, the_only_list};
use crate::engine::check_group::Part;

/// Most members of an answer; a list has one, and few things beside it.
const MOST_MEMBERS: usize = 64;
/// Longest text beside a list that is kept.
const LONGEST_TEXT: usize = 80;

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// One part of a group, to be counted.
    Part(Part),
    /// The groups of a tenant, whose ids are kept.
    Groups,
}

impl List {
    /// The key of the list, where it is documented (platform contract, 3).
    const fn key(self) -> Option<&'static str> {
        match self {
            Self::Part(Part::Users) => Some("users"),
            Self::Part(Part::TrunkGroups) => Some("trunks"),
            Self::Part(Part::Ivrs) => Some("ivrs"),
            Self::Part(Part::CallCenters | Part::HuntGroups) => None,
            Self::Groups => Some("groups"),
        }
    }
}

/// An answer that should hold a list.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    members: Vec<(String, Member)>,
}

/// A member of an answer.
#[derive(Clone, Debug)]
pub enum Member {
    /// Neither a list nor an object; a text may be cut.
    Scalar(Value),
    /// An object, or a list that is not the one.
    Beside(Beside),
    Items(Items),
}

/// What is known of the items of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items {
    /// How many there are.
    pub all: usize,
    /// Those of them that are trunk users.
    pub in_trunk_groups: usize,
    /// Their group ids, where those are listed.
    pub groups: Vec<String>,
    /// Those without anything that identifies one.
    pub nameless: usize,
    /// What one of them is and no item can be.
    flaw: Option<&'static str>,
}

impl Listing {
    /// Reads an answer to the end.
    ///
    /// # Errors
    /// It is no JSON, or no object that could hold a list.
    pub fn read(answer: impl Read, list: List) -> Result<Self, serde_json::Error> {
        let mut json = serde_json::Deserializer::from_reader(answer);
        let listing = Members(list).deserialize(&mut json)?;
        json.end()?;
        Ok(listing)
    }

    /// The group ids that it shows, wherever they are.
    pub fn groups(&self) -> impl Iterator<Item = &String> {
        self.members.iter().flat_map(|(_, member)| match member {
            Member::Items(items) => items.groups.as_slice(),
            Member::Scalar(_) | Member::Beside(_) => &[],
        })
    }

    /// The items: of the documented key, or of the only member that can be a list.
    ///
    /// # Errors
    /// Why the answer does not say how many there are, as the end of a sentence that begins with the call.
    pub fn items(&self, list: List) -> Result<&Items, String> {
        let mut members: Vec<_> = self.members.iter().filter(|(name, _)| name != RECORD).collect();
        if members.iter().any(|(name, _)| names_errors(name)) {
            return Err("was answered with errors and no list".to_owned());
        }
        let at = match list.key() {
            Some(key) => members.iter().position(|(name, _)| name == key),
            None => the_only_list(&members),
        };
        let found = at.map(|at| &members.remove(at).1);
        let Some(Member::Items(items)) = found else {
            return Err(match list.key() {
                Some(key) => format!("was not answered with the list {key}"),
                None => "was not answered with exactly one list of objects that have an id".to_owned(),
            });
        };
        if let Some(flaw) = items.flaw {
            return Err(format!("was answered with a list in which one item {flaw}"));
        }
        if members.into_iter().any(|(name, member)| says_more(name, member, items.all)) {
            return Err(format!("shows {} and says beside them that there are more", items.all));
        }
        Ok(items)
    }
}

/// Reads the members of an answer.
struct Members(List);

impl<'de> DeserializeSeed<'de> for Members {
    type Value = Listing;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Listing, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Listing;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Listing, A::Error> {
        let mut listing = Listing::default();
        while let Some(name) = map.next_key::<String>()? {
            // Of two lists under one key the last would count.
            if listing.members.len() == MOST_MEMBERS || listing.members.iter().any(|(there, _)| *there == name) {
                return Err(A::Error::custom("a key that is there twice, or too many of them"));
            }
            // What begins with an underscore is none, so what it says of the list counts.
            let may_be_it = self.0.key().map_or_else(|| !name.starts_with('_'), |key| key == name);
            let member = map.next_value_seed(if may_be_it { Of::List(self.0) } else { Of::Beside })?;
            listing.members.push((name, member));
        }
        Ok(listing)
    }
}

/// Reads one member.
#[derive(Clone, Copy)]
enum Of {
    /// What may be the list.
    List(List),
    /// What stands beside it, or in that.
    Beside,
}

impl<'de> DeserializeSeed<'de> for Of {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Member, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Of {
    type Value = Member;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Member, E> {
        Ok(Member::Scalar(Value::Null))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Member, E> {
        Ok(Member::Scalar(value.into()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Member, E> {
        Ok(Member::Scalar(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Member, E> {
        Ok(Member::Scalar(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Member, E> {
        Ok(Member::Scalar(value.into()))
    }
    fn visit_str<E>(self, value: &str) -> Result<Member, E> {
        Ok(Member::Scalar(value.chars().take(LONGEST_TEXT).collect::<String>().into()))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Member, A::Error> {
        let mut beside = Beside::default();
        while let Some(name) = map.next_key::<String>()? {
            beside.add(&name, &map.next_value_seed(Of::Beside)?);
        }
        Ok(Member::Beside(beside))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Member, A::Error> {
        match self {
            Self::List(of) => {
                let mut items = Items::default();
                while let Some(item) = list.next_element::<Item>()? {
                    items.add(item, of);
                }
                Ok(Member::Items(items))
            }
            Self::Beside => {
                let mut beside = Beside::default();
                while let Some(item) = list.next_element_seed(Self::Beside)? {
                    beside.add("", &item);
                }
                Ok(Member::Beside(beside))
            }
        }
    }
}

impl Items {
    fn add(&mut self, item: Item, list: List) {
        let flaw = match &item {
            Item::Strange => Some("is no object"),
            Item::Object(fields) => fields.flaw,
        };
        self.flaw = self.flaw.or(flaw);
        self.all += 1;
        let Item::Object(fields) = item else { return };
        self.nameless += usize::from(!fields.is_named);
        self.in_trunk_groups += usize::from(fields.in_trunk_group);
        if list == List::Groups {
            self.groups.push(fields.group.unwrap_or_else(|| "(without an id)".to_owned()));
        }
    }
}

/// An item of a list: an object, or something that cannot be one.
enum Item {
    Strange,
    Object(Fields),
}

/// What counts of an item.
#[derive(Default)]
struct Fields {
    is_named: bool,
    in_trunk_group: bool,
    group: Option<String>,
    flaw: Option<&'static str>,
    /// Those of them that were there.
    names: Vec<&'static str>,
}

/// What identifies an item of the lists of a group (platform contract, 9).
const IDS: [&str; 4] = ["userId", "serviceUserId", "name", "id"];

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Item;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a JSON value")
            }
            fn visit_unit<E>(self) -> Result<Item, E> {
                Ok(Item::Strange)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Item, E> {
                Ok(Item::Strange)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Item, E> {
                Ok(Item::Strange)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Item, E> {
                Ok(Item::Strange)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Item, E> {
                Ok(Item::Strange)
            }
            fn visit_str<E>(self, _: &str) -> Result<Item, E> {
                Ok(Item::Strange)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Item, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Item::Strange)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
                let mut fields = Fields::default();
                while let Some(Name(name)) = map.next_key()? {
                    match name {
                        None => drop(map.next_value::<IgnoredAny>()?),
                        Some(name) => fields.set(name, &map.next_value()?),
                    }
                }
                Ok(Item::Object(fields))
            }
        }

        json.deserialize_any(Reader)
    }
}

impl Fields {
    fn set(&mut self, name: &'static str, value: &Value) {
        if self.names.contains(&name) {
            // Of two values the last would count.
            self.flaw = Some("has a key twice");
        }
        self.names.push(name);
        match (name, value) {
            ("inTrunkGroup", Value::Bool(flag)) => self.in_trunk_group = *flag,
            ("inTrunkGroup", _) => self.flaw = Some("has an inTrunkGroup that is neither true nor false"),
            ("groupId", Value::String(id)) => self.group = Some(id.clone()),
            ("groupId", _) => self.flaw = Some("has a groupId that is no text"),
            (_, Value::String(id)) => self.is_named |= !id.is_empty(),
            _ => {}
        }
    }
}

/// The name of a field that counts; any other is none.
struct Name(Option<&'static str>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Name;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a key")
            }
            fn visit_str<E>(self, key: &str) -> Result<Name, E> {
                Ok(Name(["inTrunkGroup", "groupId"].into_iter().chain(IDS).find(|name| *name == key)))
            }
        }

        json.deserialize_str(Reader)
    }
}

#[cfg(test)]
mod tests;
