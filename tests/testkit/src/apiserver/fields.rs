//! Sets of fields, as `metadata.managedFields` has them (`fieldsV1`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value, json};

use super::schema::{ListType, Schema};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Field(String),
    /// An item of a list, by its keys: an object as JSON.
    Key(String),
    /// An item of a set: its value as JSON.
    Item(String),
}

/// A set of paths. That a path is in it says nothing of the paths below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    members: BTreeSet<Step>,
    children: BTreeMap<Step, Fields>,
}

impl Step {
    /// What an item of such a list is called. `None` when it has no name: it lacks its keys.
    pub fn of_item(list: &ListType, item: &Value) -> Option<Self> {
        match list {
            ListType::Atomic => None,
            ListType::Set => Some(Self::Item(item.to_string())),
            ListType::Map(keys) => {
                let fields = item.as_object()?;
                let named = keys.iter().filter_map(|key| Some((key.clone(), fields.get(key)?.clone())));
                let named: Map<String, Value> = named.collect();
                (!named.is_empty()).then(|| Self::Key(Value::Object(named).to_string()))
            }
        }
    }

    fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(keys) => format!("k:{keys}"),
            Self::Item(value) => format!("v:{value}"),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        // What others wrote may have its keys in another order, or blanks.
        let canonical = |text: &str| serde_json::from_str::<Value>(text).ok().map(|value| value.to_string());
        match text.split_once(':')? {
            ("f", name) => Some(Self::Field(name.to_owned())),
            ("k", keys) => Some(Self::Key(canonical(keys)?)),
            ("v", value) => Some(Self::Item(canonical(value)?)),
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(name) => write!(to, ".{name}"),
            Self::Item(value) => write!(to, "[={value}]"),
            Self::Key(keys) => {
                let keys: BTreeMap<String, Value> = serde_json::from_str(keys).unwrap_or_default();
                let pairs: Vec<_> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(to, "[{}]", pairs.join(","))
            }
        }
    }
}

impl Fields {
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.is_empty()
    }

    pub fn insert(&mut self, path: &[Step]) {
        match path {
            [] => {}
            [last] => {
                self.members.insert(last.clone());
            }
            [first, rest @ ..] => self.children.entry(first.clone()).or_default().insert(rest),
        }
    }

    pub fn of_paths(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            set.insert(&path.iter().map(|name| Step::Field((*name).to_owned())).collect::<Vec<_>>());
        }
        set
    }

    pub fn has(&self, step: &Step) -> bool {
        self.members.contains(step)
    }

    /// What of it is below a step.
    pub fn below(&self, step: &Step) -> Option<&Fields> {
        self.children.get(step)
    }

    pub fn union(&self, other: &Self) -> Self {
        let mut children = self.children.clone();
        for (step, below) in &other.children {
            let merged = children.get(step).map_or_else(|| below.clone(), |own| own.union(below));
            children.insert(step.clone(), merged);
        }
        Self { members: &self.members | &other.members, children }
    }

    pub fn intersection(&self, other: &Self) -> Self {
        let both = self.children.iter().filter_map(|(step, below)| {
            let shared = below.intersection(other.children.get(step)?);
            (!shared.is_empty()).then(|| (step.clone(), shared))
        });
        Self { members: &self.members & &other.members, children: both.collect() }
    }

    pub fn difference(&self, other: &Self) -> Self {
        let left = self.children.iter().filter_map(|(step, below)| {
            let rest = other.children.get(step).map_or_else(|| below.clone(), |taken| below.difference(taken));
            (!rest.is_empty()).then(|| (step.clone(), rest))
        });
        Self { members: &self.members - &other.members, children: left.collect() }
    }

    /// Without these paths and everything below them.
    pub fn without(&self, other: &Self) -> Self {
        let left =
            self.children.iter().filter(|(step, _)| !other.members.contains(step)).filter_map(|(step, below)| {
                let rest = other.children.get(step).map_or_else(|| below.clone(), |taken| below.without(taken));
                (!rest.is_empty()).then(|| (step.clone(), rest))
            });
        Self { members: &self.members - &other.members, children: left.collect() }
    }

    /// With the fields of structs that have members below: `a.b` makes `a` a member if it is a named field.
    pub fn with_named(&self, schema: Option<&Schema>) -> Self {
        let mut members = self.members.clone();
        let children = self.children.iter().map(|(step, below)| {
            let of = match (step, schema) {
                (Step::Field(name), Some(schema)) => {
                    if schema.properties.contains_key(name) {
                        members.insert(step.clone());
                    }
                    schema.field(name)
                }
                (_, Some(schema)) => schema.items.as_deref(),
                _ => None,
            };
            (step.clone(), below.with_named(of))
        });
        let children = children.collect();
        Self { members, children }
    }

    /// Every path, members before what is below.
    pub fn paths(&self) -> Vec<String> {
        let mut all: Vec<String> = self.members.iter().map(Step::to_string).collect();
        for (step, below) in &self.children {
            all.extend(below.paths().into_iter().map(|path| format!("{step}{path}")));
        }
        all
    }

    pub fn encode(&self) -> Value {
        let mut fields: Map<String, Value> = self.members.iter().map(|step| (step.encode(), json!({}))).collect();
        for (step, below) in &self.children {
            let mut inner = below.encode();
            if self.members.contains(step) {
                inner["."] = json!({});
            }
            fields.insert(step.encode(), inner);
        }
        Value::Object(fields)
    }

    /// `None` when it is not such a set.
    pub fn decode(value: &Value) -> Option<Self> {
        let mut set = Self::default();
        for (name, inner) in value.as_object()?.iter().filter(|(name, _)| *name != ".") {
            let step = Step::decode(name)?;
            let below = Self::decode(inner)?;
            if below.is_empty() || inner.get(".").is_some() {
                set.members.insert(step.clone());
            }
            if !below.is_empty() {
                set.children.insert(step, below);
            }
        }
        Some(set)
    }
}
