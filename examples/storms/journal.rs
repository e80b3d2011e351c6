//! What may not be in the journal of the platform.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use testkit::simulator::Call;
use tokio::time::Instant;

use super::{
    ground::Grace,
    mandates::{Mandates, Write},
    targets::Id,
};

/// What an edit in the portal means for a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// It has a user that forbids its deletion.
    Occupied,
    /// It has none any more.
    Emptied,
    /// It is gone.
    Removed,
}

/// The edits of a round: each between two calls.
#[derive(Debug, Default)]
pub struct Edits(Vec<((u64, u64), Id, Edit)>);

/// How long a count may allow a deletion, from the moment of its first question.
const FRESH: Duration = Duration::from_secs(3);

/// Sent and never compared: options, and the ids of what is created.
const OPTIONS: [&str; 3] = ["autoCreateDomain", "groupId", "tenantId"];

/// What is known of an object while the journal is read.
#[derive(Clone, Debug, Default)]
struct Known {
    /// `None` after a write whose answer nobody saw.
    exists: Option<bool>,
    /// When the look was answered that showed it.
    shown: Option<Instant>,
    /// The number of the last call before it was known to hold a user.
    occupied: Option<u64>,
    /// Whether an operator created it, as far as anybody knows.
    is_created: bool,
    /// The numbers of the last counts of its users, of which each deletion takes one: two operators may count at the same time.
    counted: Vec<(u64, Instant)>,
}

impl Edits {
    /// Adds an edit that was made after the first of these calls and before what follows the second.
    pub fn push(&mut self, between: (u64, u64), id: Id, edit: Edit) {
        self.0.push((between, id, edit));
    }

    /// Every broken promise. What a write was decided on may be as old as the grace says.
    pub fn wrong(&self, journal: &[Call], mandates: &Mandates, grace: Grace) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut known: BTreeMap<Id, Known> = BTreeMap::new();
        let mut edits = self.0.iter().peekable();
        for call in journal {
            while let Some(((_, after), id, edit)) = edits.next_if(|((before, _), ..)| *before < call.seq) {
                known.entry(id.clone()).or_default().is_edited(*edit, *after);
            }
            if let Some(id) = counted(call).filter(|_| is_carried_out(call)) {
                known.entry(id).or_default().is_counted(call);
            }
            let Some(id) = target(call) else { continue };
            // A reseller that several resources need is created by the first.
            if call.method == "POST" && matches!(&id, Id::Reseller(name) if name.ends_with("-auto")) {
                continue;
            }
            let one = known.entry(id.clone()).or_default();
            let problems = match call.method.as_str() {
                "GET" => one.is_shown(call),
                "POST" => one.is_created(call),
                "DELETE" => one.is_deleted(call, &id, grace),
                _ => Vec::new(),
            };
            let write = mandate(call, &id, grace);
            let unasked = write.as_ref().and_then(|write| mandates.forbid(&id, write));
            let is_foreign = !known.get(&id).is_some_and(|one| one.is_created);
            let taken = write.filter(|write| is_foreign && !mandates.may_adopt(&id, write));
            let taken = taken.map(|_| "nobody may take it over".to_owned());
            wrong.extend(
                problems.into_iter().chain(unasked).chain(taken).map(|what| format!("{what}: {} {call}", call.seq)),
            );
        }
        wrong
    }
}

impl Known {
    fn is_edited(&mut self, edit: Edit, after: u64) {
        match edit {
            Edit::Occupied => self.occupied = self.occupied.or(Some(after)),
            Edit::Emptied => self.occupied = None,
            // What was counted before may be on its way to be deleted.
            Edit::Removed => (self.exists, self.occupied, self.is_created) = (None, None, false),
        }
    }

    fn is_counted(&mut self, call: &Call) {
        self.counted.push((call.seq, call.at));
        // More than two operators there are never.
        if self.counted.len() > 2 {
            self.counted.remove(0);
        }
    }

    fn is_shown(&mut self, call: &Call) -> Vec<String> {
        self.shown = call.answered;
        self.exists = match call.status {
            Some(200) => Some(true),
            Some(404) if call.is_performed => Some(false),
            _ => self.exists,
        };
        Vec::new()
    }

    fn is_created(&mut self, call: &Call) -> Vec<String> {
        let problem = match self.exists {
            // Else the look may have come behind this.
            Some(true) if self.shown.is_none_or(|shown| shown <= call.at) => Some("created although it is there"),
            None => Some("created without a look after a write whose result is unknown"),
            Some(_) => None,
        };
        self.counted.clear();
        let is_refused = !call.is_performed || call.status.is_some_and(|status| (400..500).contains(&status));
        self.is_created |= !is_refused;
        self.is_written(call, true);
        problem.map(str::to_owned).into_iter().collect()
    }

    fn is_deleted(&mut self, call: &Call, id: &Id, grace: Grace) -> Vec<String> {
        let mut problems = Vec::new();
        let counted = self.counted.pop();
        if matches!(id, Id::Group(..)) {
            if self.occupied.is_some_and(|since| counted.is_none_or(|(counted, _)| counted > since)) {
                problems.push("deleted although it was counted as not empty".to_owned());
            }
            match counted.map(|(_, at)| call.at - at) {
                None => problems.push("deleted without a count".to_owned()),
                Some(age) if age > FRESH + grace.sent => problems.push(format!("deleted {age:?} after it was counted")),
                Some(_) => {}
            }
        }
        self.is_written(call, false);
        if self.exists != Some(true) {
            self.occupied = None;
        }
        problems
    }

    fn is_written(&mut self, call: &Call, exists: bool) {
        self.shown = None;
        self.exists = match call.status {
            Some(200..300) => Some(exists),
            Some(_) => self.exists,
            None => None,
        };
    }
}

fn is_carried_out(call: &Call) -> bool {
    call.status.is_some_and(|status| (200..300).contains(&status))
}

/// What somebody has to ask for.
fn mandate<'a>(call: &'a Call, id: &Id, grace: Grace) -> Option<Write<'a>> {
    let is_option = |key: &str| OPTIONS.contains(&key) || (key == "name" && matches!(id, Id::Reseller(_)));
    let fields = call.body.as_ref().and_then(Value::as_object).into_iter().flatten();
    let fields = fields.filter(|(key, _)| !is_option(key)).collect();
    call.is_write().then_some(Write { method: &call.method, fields, at: call.at, grace })
}

impl Id {
    /// Its path in the journal.
    pub fn path(&self) -> String {
        match self {
            Self::Tenant(tenant) => format!("/tenants/{tenant}/"),
            Self::Group(tenant, group) => format!("/tenants/{tenant}/groups/{group}/"),
            Self::Reseller(name) => format!("/local/resellers/{name}/"),
        }
    }
}

/// The object that a call is about.
fn target(call: &Call) -> Option<Id> {
    let named = |key: &str| call.body.as_ref()?.get(key)?.as_str().map(str::to_owned);
    let parts: Vec<_> = call.path.trim_matches('/').split('/').collect();
    match (call.method.as_str(), &parts[..]) {
        ("POST", ["tenants"]) => Some(Id::Tenant(named("tenantId")?)),
        ("POST", ["tenants", tenant, "groups"]) => Some(Id::Group((*tenant).to_owned(), named("groupId")?)),
        ("POST", ["local", "resellers"]) => Some(Id::Reseller(named("name")?)),
        (_, ["tenants", tenant]) => Some(Id::Tenant((*tenant).to_owned())),
        (_, ["tenants", tenant, "groups", group]) => Some(Id::Group((*tenant).to_owned(), (*group).to_owned())),
        (_, ["local", "resellers", name]) => Some(Id::Reseller((*name).to_owned())),
        _ => None,
    }
}

/// The group whose users a call counts.
fn counted(call: &Call) -> Option<Id> {
    let parts: Vec<_> = call.path.trim_matches('/').split('/').collect();
    match (call.method.as_str(), &parts[..]) {
        ("GET", ["tenants", tenant, "groups", group, "users"]) => {
            Some(Id::Group((*tenant).to_owned(), (*group).to_owned()))
        }
        _ => None,
    }
}
