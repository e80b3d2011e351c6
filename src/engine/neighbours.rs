//! Which resources concern each other: who names whom, and who stands for one object of the platform. Every question is a
//! look-up, however many resources there are.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Bound,
    sync::Arc,
};

use super::{facts::Reference, ids::Key, kind::Subject};

/// What the others need to know of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbour {
    /// Kind of the resource.
    pub kind: Cow<'static, str>,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its unique id in the cluster.
    pub uid: Arc<str>,
    /// What a reference to it looks like, if there is such a thing.
    pub reference: Option<Reference>,
    /// The object of the platform that its spec leads to, as far as its references lead somewhere.
    pub key: Option<Key>,
    /// The object of its ownership record.
    pub recorded: Option<Key>,
    /// The resources that it refers to.
    pub references: Vec<Reference>,
    /// The objects of the platform that it names by id.
    pub named: Vec<Key>,
    /// The resellers that were created on its way.
    pub created: Vec<Key>,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether it only observes, and so claims nothing.
    pub observes: bool,
    /// Whether its object was on the platform at the last look.
    pub on_platform: bool,
    /// Whether it cannot be read which object it stands for.
    pub hides_object: bool,
    /// Whether it cannot be read which other objects it needs.
    pub hides_parents: bool,
    /// Whether it cannot be read if it holds its object.
    pub hides_record: bool,
}

impl Neighbour {
    /// What the others need to know of a resource whose spec leads to `key`.
    pub fn of(
        kind: Cow<'static, str>,
        subject: Subject,
        key: Option<Key>,
        reference: Option<Reference>,
        references: Vec<Reference>,
        named: Vec<Key>,
    ) -> Self {
        let created = subject.status.auto_created.iter().flat_map(|created| created.resellers.iter().cloned());
        Self {
            kind,
            reference,
            key,
            references,
            named,
            recorded: subject.recorded(),
            observes: subject.observes(),
            created: created.map(Key::Reseller).collect(),
            deleting: subject.deleting,
            on_platform: subject.status.observed.is_some(),
            hides_object: subject.unread.hide_object(),
            hides_parents: subject.unread.hide_parents(),
            hides_record: subject.unread.hide_record(),
            namespace: subject.namespace,
            name: subject.name,
            uid: subject.uid.into(),
        }
    }

    /// Whether its references lead to another object than the recorded one.
    pub fn is_moved(&self) -> bool {
        self.recorded.is_some() && self.key.is_some() && self.recorded != self.key
    }

    fn links(&self) -> impl Iterator<Item = Link> {
        let here = || self.namespace.clone();
        let claims = self.key.iter().chain(self.recorded.iter().filter(|_| self.is_moved() || self.key.is_none()));
        let named = self.named.iter().cloned().map(move |key| Link::Names(here(), key));
        let refers = self.references.iter().cloned().map(move |reference| Link::Refers(here(), reference));
        let created = self.created.iter().cloned().map(move |key| Link::Created(here(), key));
        let is = self.reference.iter().cloned().map(move |reference| Link::Is(here(), reference));
        let hidden = [
            self.hides_object.then(|| Link::HidesObject(self.kind.to_string())),
            self.hides_parents.then(|| Link::HidesParents(here())),
        ];
        let hidden = hidden.into_iter().flatten();
        claims.cloned().map(Link::Claims).chain(named).chain(refers).chain(created).chain(is).chain(hidden)
    }

    /// Whether it holds an object on the platform, or may hold one.
    pub fn holds(&self) -> bool {
        self.recorded.is_some() || self.hides_record
    }

    /// What a user calls it: kind namespace/name.
    pub fn called(&self) -> String {
        format!("{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// A way from something to the resources that have to do with it. Names are those of one namespace; the platform's objects
/// are claimed from everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Link {
    Claims(Key),
    Names(String, Key),
    Created(String, Key),
    Refers(String, Reference),
    Is(String, Reference),
    HidesObject(String),
    HidesParents(String),
}

impl Link {
    fn hashed(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// Every watched resource, found by what it has to do with.
#[derive(Debug, Default)]
pub struct Neighbours {
    all: HashMap<Arc<str>, Box<Neighbour>>,
    /// Hashed, with the uid of each resource that has them: the resource itself knows what they were.
    links: BTreeSet<(u64, Arc<str>)>,
}

impl Neighbours {
    /// Takes a resource in as it is now; gives those that a change of it concerns.
    pub fn put(&mut self, now: Neighbour) -> Vec<Neighbour> {
        if self.all.get(&now.uid).is_some_and(|known| **known == now) {
            return Vec::new();
        }
        let mut concerned = self.take(&now.uid);
        for link in now.links() {
            self.links.insert((link.hashed(), now.uid.clone()));
        }
        concerned.extend(self.concerned(&now));
        self.all.insert(now.uid.clone(), Box::new(now));
        self.present(concerned)
    }

    /// Forgets a resource that is gone; gives those that this concerns.
    pub fn remove(&mut self, uid: &str) -> Vec<Neighbour> {
        let concerned = self.take(uid);
        self.present(concerned)
    }

    /// The uids of the resources of a kind, in one namespace or in all.
    pub fn uids(&self, kind: &str, namespace: Option<&str>) -> Vec<String> {
        let of_kind = self.all.values().filter(|one| one.kind == kind);
        of_kind
            .filter(|one| namespace.is_none_or(|place| one.namespace == place))
            .map(|one| one.uid.to_string())
            .collect()
    }

    /// The resources, of all namespaces, that stand for an object by their spec or by their record.
    pub fn claimants(&self, key: &Key) -> impl Iterator<Item = &Neighbour> {
        self.linked(Link::Claims(key.clone()))
    }

    /// The resources of a namespace that name an object: by its id, or by the resource that stands for it.
    pub fn children(&self, namespace: &str, key: &Key) -> Vec<&Neighbour> {
        let by_resource = self.claimants(key).filter(|one| one.namespace == namespace && one.key.as_ref() == Some(key));
        let by_name = by_resource
            .filter_map(|one| one.reference.clone())
            .flat_map(|it| self.linked(Link::Refers(namespace.to_owned(), it)));
        let by_id = self.linked(Link::Names(namespace.to_owned(), key.clone()));
        let children: BTreeMap<&str, &Neighbour> = by_name.chain(by_id).map(|one| (&*one.uid, one)).collect();
        children.into_values().collect()
    }

    /// Whether a resource of the namespace describes an object, and if so whether it is on its way out with every such one.
    pub fn described(&self, namespace: &str, key: &Key) -> Option<bool> {
        let mut describing =
            self.claimants(key).filter(|one| one.namespace == namespace && one.key.as_ref() == Some(key)).peekable();
        describing.peek()?;
        Some(describing.all(|one| one.deleting))
    }

    /// Whether a resource of the namespace lists an object as created on its way.
    pub fn is_created_on_the_way(&self, namespace: &str, key: &Key) -> bool {
        self.linked(Link::Created(namespace.to_owned(), key.clone())).next().is_some()
    }

    /// The resources of a kind, of all namespaces, of which it cannot be read what they stand for.
    pub fn hiding_object(&self, kind: &str) -> impl Iterator<Item = &Neighbour> + use<'_> {
        self.linked(Link::HidesObject(kind.to_owned()))
    }

    /// The resources of a namespace of which it cannot be read whom they name.
    pub fn hiding_parents(&self, namespace: &str) -> impl Iterator<Item = &Neighbour> + use<'_> {
        self.linked(Link::HidesParents(namespace.to_owned()))
    }

    fn known(&self, uid: &str) -> Option<&Neighbour> {
        self.all.get(uid).map(Box::as_ref)
    }

    fn linked(&self, link: Link) -> impl Iterator<Item = &Neighbour> {
        let hashed = link.hashed();
        let from = Bound::Included((hashed, Arc::from("")));
        let uids = self.links.range((from, Bound::Unbounded)).take_while(move |(one, _)| *one == hashed);
        uids.filter_map(|(_, uid)| self.known(uid)).filter(move |one| one.links().any(|it| it == link))
    }

    /// Takes a resource out, and gives the uids that it concerned.
    fn take(&mut self, uid: &str) -> BTreeSet<Arc<str>> {
        let Some(old) = self.all.remove(uid) else { return BTreeSet::new() };
        for link in old.links() {
            self.links.remove(&(link.hashed(), old.uid.clone()));
        }
        self.concerned(&old)
    }

    /// Whoever stands for the same object, names it, or is named by it.
    fn concerned(&self, one: &Neighbour) -> BTreeSet<Arc<str>> {
        let here = || one.namespace.clone();
        let own = one.key.iter().chain(&one.recorded);
        let to_it = own.flat_map(|key| {
            [Link::Claims(key.clone()), Link::Names(here(), key.clone()), Link::Created(here(), key.clone())]
        });
        let to_it = to_it.chain(one.reference.iter().map(|it| Link::Refers(here(), it.clone())));
        let mut uids: BTreeSet<Arc<str>> =
            to_it.flat_map(|link| self.linked(link)).map(|one| one.uid.clone()).collect();
        let from_it = one.references.iter().map(|it| Link::Is(here(), it.clone()));
        uids.extend(from_it.flat_map(|link| self.linked(link)).map(|one| one.uid.clone()));
        for key in one.named.iter().chain(&one.created) {
            uids.extend(self.claimants(key).filter(|it| it.namespace == one.namespace).map(|it| it.uid.clone()));
        }
        uids.remove(&one.uid);
        uids
    }

    fn present(&self, uids: BTreeSet<Arc<str>>) -> Vec<Neighbour> {
        uids.iter().filter_map(|uid| self.known(uid)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acme() -> Key {
        Key::Tenant("Acme".into())
    }

    fn best() -> Key {
        Key::Reseller("Best".into())
    }

    fn hq() -> Key {
        Key::Group("Acme".into(), "HQ".into())
    }

    fn one(namespace: &str, uid: &str) -> Neighbour {
        Neighbour { namespace: namespace.into(), name: uid.into(), uid: uid.into(), ..Neighbour::default() }
    }

    fn tenant(namespace: &str, uid: &str) -> Neighbour {
        let reference = Some(Reference::Tenant(uid.into()));
        Neighbour { kind: "Tenant".into(), reference, key: Some(acme()), ..one(namespace, uid) }
    }

    fn group(namespace: &str, uid: &str) -> Neighbour {
        Neighbour { kind: "Group".into(), key: Some(hq()), named: vec![acme()], ..one(namespace, uid) }
    }

    fn uids(concerned: &[Neighbour]) -> Vec<&str> {
        concerned.iter().map(|one| &*one.uid).collect()
    }

    #[test]
    fn a_tenant_and_those_that_name_it_concern_each_other_whichever_comes_first() {
        let by_id = group("a", "by-id");
        let by_name =
            Neighbour { references: vec![Reference::Tenant("t".into())], named: vec![], ..group("a", "by-name") };
        let mut table = Neighbours::default();
        assert_eq!(uids(&table.put(by_id.clone())), [""; 0]);
        table.put(by_name.clone());
        table.put(Neighbour { key: None, ..group("elsewhere", "other") });
        assert_eq!(uids(&table.put(tenant("a", "t"))), ["by-id", "by-name"]);
        assert_eq!(uids(&table.children("a", &acme()).into_iter().cloned().collect::<Vec<_>>()), ["by-id", "by-name"]);
        assert_eq!(table.children("elsewhere", &best()), Vec::<&Neighbour>::new());
        assert_eq!(
            uids(&table.put(Neighbour { on_platform: true, ..by_name })),
            ["by-id", "t"],
            "one object, one tenant"
        );
        assert_eq!(uids(&table.remove("t")), ["by-id", "by-name"]);
        assert_eq!(table.remove("t"), []);
    }

    #[test]
    fn a_name_means_a_resource_of_the_same_namespace_that_stands_for_the_object_by_its_spec() {
        let refers = Neighbour { references: vec![Reference::Tenant("t".into())], named: vec![], ..group("a", "g") };
        let moved = Neighbour { recorded: Some(acme()), key: Some(Key::Tenant("New".into())), ..tenant("a", "t") };
        for elsewhere in [tenant("b", "t"), moved] {
            let mut table = Neighbours::default();
            table.put(refers.clone());
            table.put(elsewhere.clone());
            assert_eq!(table.children("a", &acme()), Vec::<&Neighbour>::new(), "{elsewhere:?}");
        }
    }

    #[test]
    fn what_did_not_change_concerns_nobody() {
        let mut table = Neighbours::default();
        table.put(tenant("a", "t"));
        assert_eq!(uids(&table.put(group("a", "g"))), ["t"]);
        assert_eq!(table.put(group("a", "g")), []);
        assert_eq!(uids(&table.put(Neighbour { deleting: true, ..group("a", "g") })), ["t"]);
    }

    #[test]
    fn an_object_is_claimed_by_spec_and_by_record_from_every_namespace() {
        let mut table = Neighbours::default();
        let moved =
            Neighbour { recorded: Some(hq()), key: Some(Key::Group("New".into(), "HQ".into())), ..group("b", "moved") };
        assert!(moved.is_moved());
        for key in [None, Some(hq())] {
            assert!(!Neighbour { key, ..moved.clone() }.is_moved());
        }
        assert!(!group("b", "new").is_moved());
        assert_eq!(moved.called(), "Group b/moved");
        table.put(moved.clone());
        assert_eq!(uids(&table.put(group("a", "g"))), ["moved"]);
        assert_eq!(table.claimants(&hq()).count(), 2);
        assert_eq!(table.described("b", &hq()), None, "a record describes nothing");
        // Whoever held the object lets go of it: that concerns the other.
        assert_eq!(uids(&table.put(Neighbour { recorded: None, ..moved })), ["g"]);
        assert_eq!(table.claimants(&hq()).count(), 1);
    }

    #[test]
    fn an_object_is_on_its_way_out_only_with_every_resource_that_describes_it() {
        let mut table = Neighbours::default();
        assert_eq!(table.described("a", &acme()), None);
        table.put(Neighbour { deleting: true, ..tenant("a", "old") });
        assert_eq!(table.described("a", &acme()), Some(true));
        assert_eq!(table.described("b", &acme()), None, "of one namespace only");
        table.put(tenant("a", "new"));
        assert_eq!(table.described("a", &acme()), Some(false));
    }

    #[test]
    fn a_reseller_and_what_created_it_on_its_way_concern_each_other() {
        let mut table = Neighbours::default();
        table.put(Neighbour { created: vec![best()], ..group("a", "g") });
        assert!(table.is_created_on_the_way("a", &best()) && !table.is_created_on_the_way("b", &best()));
        let reseller = Neighbour { kind: "Reseller".into(), key: Some(best()), ..one("a", "r") };
        assert_eq!(uids(&table.put(reseller)), ["g"]);
        assert_eq!(uids(&table.remove("g")), ["r"]);
        assert!(!table.is_created_on_the_way("a", &best()));
        table.remove("r");
        assert!(table.links.is_empty());
    }

    #[test]
    fn those_of_which_it_cannot_be_read_whom_they_stand_for_or_name_are_found() {
        let mut table = Neighbours::default();
        table.put(Neighbour { hides_object: true, key: None, ..group("a", "g") });
        table.put(Neighbour { hides_parents: true, hides_record: true, ..group("b", "h") });
        let uids = |found: Vec<&Neighbour>| found.into_iter().map(|one| one.uid.to_string()).collect::<Vec<_>>();
        assert_eq!(uids(table.hiding_object("Group").collect()), ["g"]);
        assert_eq!(uids(table.hiding_object("Tenant").collect()), [""; 0]);
        assert_eq!(uids(table.hiding_parents("b").collect()), ["h"]);
        assert_eq!(uids(table.hiding_parents("a").collect()), [""; 0]);
        assert!(table.hiding_parents("b").all(Neighbour::holds) && !table.hiding_object("Group").any(Neighbour::holds));
        table.remove("g");
        assert_eq!(table.hiding_object("Group").count(), 0);
    }

    #[test]
    fn the_uids_of_a_kind_are_those_of_a_namespace_or_of_all() {
        let mut table = Neighbours::default();
        table.put(group("a", "1"));
        table.put(group("b", "2"));
        table.put(tenant("a", "3"));
        assert_eq!(table.uids("Group", Some("a")), ["1"]);
        assert_eq!(table.uids("Group", None).len(), 2);
    }
}
