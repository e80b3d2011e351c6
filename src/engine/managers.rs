//! Who writes here. The API server keeps, with each resource, who manages which of its fields. Every operator has a name of its
//! own there, made of the namespace and the lease of its release: so two of them that were given the same namespaces meet as such,
//! and a resource is never that of both.

use std::{collections::BTreeSet, str::FromStr};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry};
use serde_json::Value;

/// What the names of operators begin with; operators up to 0.1.0 had no more than this.
pub const OPERATOR: &str = "apio-operator";
/// Longest name of a manager that the API server takes.
const LONGEST: usize = 128;
/// Digits of a number in a name.
const DIGITS: usize = 16;

/// What tells one operator from another. Those of one release share it, because their lease lets one write at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    namespace: String,
    lease: String,
}

impl Release {
    /// The release that has its lease there.
    pub fn new(namespace: impl Into<String>, lease: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), lease: lease.into() }
    }

    /// Its name as a manager of fields. Of a long one it has what fits, and a number that stands for the whole.
    fn manager(&self) -> String {
        let name = format!("{OPERATOR}/{}/{}", self.namespace, self.lease);
        if name.len() <= LONGEST {
            return name;
        }
        // The same in every version of the program, which the hasher of the library is not (this is FNV-1a).
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let number = name.bytes().fold(0xcbf2_9ce4_8422_2325, step);
        let begin: String = name.chars().take(LONGEST - DIGITS - 1).collect();
        format!("{begin}-{number:016x}")
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Whoever copies the name of the manager has it with what it begins with.
        let name = text.strip_prefix(OPERATOR).and_then(|rest| rest.strip_prefix('/')).unwrap_or(text);
        match name.split('/').collect::<Vec<_>>()[..] {
            [namespace, lease] if !namespace.is_empty() && !lease.is_empty() => Ok(Self::new(namespace, lease)),
            _ => Err("write the namespace and the lease of the release, as apio-old/apio-operator".to_owned()),
        }
    }
}

/// Whose a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder<'a> {
    /// No operator wrote to it.
    Nobody,
    /// Ours alone.
    Mine,
    /// That of an operator that we succeed.
    Predecessor,
    /// That of another operator, by its name.
    Other(&'a str),
}

/// Our own name, and those of the operators that we succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Managers {
    mine: String,
    predecessors: BTreeSet<String>,
}

impl Managers {
    /// Those of a release that succeeds others.
    pub fn new(mine: &Release, succeeded: &[Release]) -> Self {
        let mine = mine.manager();
        let mut predecessors: BTreeSet<String> = succeeded.iter().map(Release::manager).collect();
        predecessors.insert(OPERATOR.to_owned());
        predecessors.remove(&mine);
        Self { mine, predecessors }
    }

    /// Our own name.
    pub fn mine(&self) -> &str {
        &self.mine
    }

    /// Whose a resource is that these operators wrote to.
    pub fn holder<'a>(&self, operators: &'a [String]) -> Holder<'a> {
        let is_before = |name: &String| self.predecessors.contains(name);
        if let Some(other) = operators.iter().find(|name| **name != self.mine && !is_before(name)) {
            return Holder::Other(other);
        }
        match operators {
            [] => Holder::Nobody,
            operators if operators.iter().any(is_before) => Holder::Predecessor,
            _ => Holder::Mine,
        }
    }

    /// The entries of a resource, with those of our predecessors as ours. If they stayed, the API server would keep every field
    /// that they manage, and none could be taken away any more.
    pub fn taken_over(&self, entries: &[ManagedFieldsEntry]) -> Vec<ManagedFieldsEntry> {
        let mut all: Vec<ManagedFieldsEntry> = Vec::new();
        for entry in entries {
            let is_before = operator(entry).is_some_and(|name| self.predecessors.contains(name));
            let manager = if is_before { Some(self.mine.clone()) } else { entry.manager.clone() };
            let entry = ManagedFieldsEntry { manager, ..entry.clone() };
            match all.iter_mut().find(|there| identity(there) == identity(&entry)) {
                Some(there) => there.fields_v1 = merged(there.fields_v1.take(), entry.fields_v1),
                None => all.push(entry),
            }
        }
        all
    }
}

/// The operators among those who manage fields of a resource, each once.
pub fn operators(entries: &[ManagedFieldsEntry]) -> Vec<String> {
    entries.iter().filter_map(operator).collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

/// Of a resource's managers what has to be kept: which operators are among them.
pub fn kept(entries: &[ManagedFieldsEntry]) -> Option<Vec<ManagedFieldsEntry>> {
    let kept = operators(entries).into_iter().map(|name| ManagedFieldsEntry {
        manager: Some(name),
        subresource: Some(STATUS.to_owned()),
        ..ManagedFieldsEntry::default()
    });
    Some(kept.collect()).filter(|kept: &Vec<_>| !kept.is_empty())
}

const STATUS: &str = "status";

/// The operator that an entry is of. Without more than its beginning a name is an operator's in the status only: elsewhere
/// it may be that of a tool which somebody called so.
fn operator(entry: &ManagedFieldsEntry) -> Option<&str> {
    let name = entry.manager.as_deref()?;
    let rest = name.strip_prefix(OPERATOR)?;
    let is_ours = rest.starts_with('/') || rest.is_empty() && entry.subresource.as_deref() == Some(STATUS);
    is_ours.then_some(name)
}

/// What the API server tells entries apart by.
fn identity(entry: &ManagedFieldsEntry) -> [Option<&str>; 4] {
    [&entry.manager, &entry.operation, &entry.api_version, &entry.subresource].map(Option::as_deref)
}

fn merged(one: Option<FieldsV1>, other: Option<FieldsV1>) -> Option<FieldsV1> {
    let (mut fields, other) = match (one, other) {
        (Some(FieldsV1(one)), Some(FieldsV1(other))) => (one, other),
        (one, other) => return one.or(other),
    };
    add(&mut fields, other);
    Some(FieldsV1(fields))
}

fn add(fields: &mut Value, more: Value) {
    if let (Value::Object(fields), Value::Object(more)) = (fields, more) {
        for (name, below) in more {
            add(fields.entry(name).or_insert_with(|| Value::Object(serde_json::Map::new())), below);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(manager: &str, operation: &str, subresource: Option<&str>, fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            manager: Some(manager.into()),
            operation: Some(operation.into()),
            subresource: subresource.map(str::to_owned),
            fields_v1: Some(FieldsV1(fields)),
            ..ManagedFieldsEntry::default()
        }
    }

    fn of_status(manager: &str, fields: Value) -> ManagedFieldsEntry {
        entry(manager, "Apply", Some(STATUS), fields)
    }

    fn ours() -> Managers {
        Managers::new(&Release::new("new", "lease"), &["old/lease".parse().unwrap()])
    }

    #[test]
    fn a_resource_is_another_operators_whoever_else_wrote_to_it() {
        let (mine, before, other) = ("apio-operator/new/lease", "apio-operator/old/lease", "apio-operator/b/lease");
        for (names, holder) in [
            (&[][..], Holder::Nobody),
            (&["kubectl-edit", "apio-operators", "my-apio-operator/a/b"], Holder::Nobody),
            (&[mine, "kubectl-edit"], Holder::Mine),
            (&[OPERATOR], Holder::Predecessor),
            (&[before, mine], Holder::Predecessor),
            (&[other], Holder::Other(other)),
            (&[OPERATOR, before, mine, other], Holder::Other(other)),
        ] {
            let entries: Vec<_> = names.iter().map(|name| of_status(name, json!({}))).collect();
            assert_eq!(ours().holder(&operators(&entries)), holder, "{names:?}");
            let kept = kept(&entries).unwrap_or_default();
            assert_eq!(ours().holder(&operators(&kept)), holder, "what is kept says the same of {names:?}");
        }
        assert_eq!(Managers::new(&Release::new("a", "b"), &[Release::new("a", "b")]).predecessors.len(), 1, "itself");
    }

    #[test]
    fn a_finalizer_makes_a_resource_an_operators_and_a_spec_that_a_tool_of_the_same_name_applies_does_not() {
        let holder = |entry| format!("{:?}", ours().holder(&operators(&[entry])));
        assert_eq!(
            holder(entry("apio-operator/b/lease", "Update", None, json!({}))),
            "Other(\"apio-operator/b/lease\")"
        );
        assert_eq!(holder(entry(OPERATOR, "Apply", None, json!({}))), "Nobody");
    }

    #[test]
    fn a_name_fits_whatever_a_release_is_called_and_each_release_has_its_own() {
        let long = "l".repeat(253);
        let [one, other] = [&*long, &long[1..]].map(|lease| Release::new("n".repeat(63), lease).manager());
        assert!(one.len() == LONGEST && other.len() == LONGEST && one != other);
        assert_eq!(one, Release::new("n".repeat(63), &*long).manager());
        assert_eq!(one.parse::<Release>().unwrap().manager(), one, "as the manager is called");
        assert!(one.ends_with("-4119c81ff960124d"), "the same in every version: {one}");
        for text in ["old/lease", "apio-operator/old/lease"] {
            assert_eq!(text.parse::<Release>().unwrap().manager(), "apio-operator/old/lease");
        }
        for text in ["", "old", "old/", "/lease", "a/b/c"] {
            assert!(text.parse::<Release>().unwrap_err().contains("apio-old/apio-operator"), "{text}");
        }
    }

    #[test]
    fn what_predecessors_manage_is_ours_and_what_others_manage_stays_theirs() {
        let people = entry("kubectl-client-side-apply", "Update", None, json!({"f:spec": {}}));
        let tool = entry(OPERATOR, "Apply", None, json!({"f:spec": {}}));
        let before = [
            people.clone(),
            tool.clone(),
            of_status(OPERATOR, json!({"f:status": {"f:drift": {}, "f:identity": {"f:tenantId": {}}}})),
            entry("apio-operator/old/lease", "Update", None, json!({"f:metadata": {"f:finalizers": {}}})),
            of_status("apio-operator/new/lease", json!({"f:status": {"f:usage": {}, "f:identity": {"f:groupId": {}}}})),
        ];
        let mine = "apio-operator/new/lease";
        let fields =
            json!({"f:status": {"f:drift": {}, "f:usage": {}, "f:identity": {"f:tenantId": {}, "f:groupId": {}}}});
        let after = [
            people,
            tool,
            of_status(mine, fields),
            entry(mine, "Update", None, json!({"f:metadata": {"f:finalizers": {}}})),
        ];
        assert_eq!(ours().taken_over(&before), after);
        assert_eq!(ours().taken_over(&after), after);
        assert_eq!(ours().mine(), mine);
    }
}
