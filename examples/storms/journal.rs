//! What may not be in the journal of the platform.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;
use testkit::simulator::Call;
use tokio::time::Instant;

use super::{
    actions::Id,
    ground::Grace,
    mandates::{Mandates, Write},
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
                let one = known.entry(id.clone()).or_default();
                match edit {
                    Edit::Occupied => one.occupied = one.occupied.or(Some(*after)),
                    Edit::Emptied => one.occupied = None,
                    // What was counted before may be on its way to be deleted.
                    Edit::Removed => (one.exists, one.occupied) = (None, None),
                }
            }
            let carried_out = call.status.is_some_and(|status| (200..300).contains(&status));
            if let Some(id) = counted(call)
                && carried_out
            {
                let counted = &mut known.entry(id).or_default().counted;
                counted.push((call.seq, call.at));
                // More than two operators there are never.
                if counted.len() > 2 {
                    counted.remove(0);
                }
            }
            let Some(id) = target(call) else { continue };
            let mut problem = |what: &str| wrong.push(format!("{what}: {} {call}", call.seq));
            let one = known.entry(id.clone()).or_default();
            match call.method.as_str() {
                "GET" => {
                    one.shown = call.answered;
                    one.exists = match call.status {
                        Some(200) => Some(true),
                        Some(404) => Some(false),
                        _ => one.exists,
                    }
                }
                // A reseller that several resources need is created by the first.
                "POST" if matches!(&id, Id::Reseller(name) if name.ends_with("-auto")) => {}
                "POST" => {
                    match one.exists {
                        // Else the look may have come behind this.
                        Some(true) if one.shown.is_none_or(|shown| shown <= call.at) => {
                            problem("created although it is there");
                        }
                        Some(true) => {}
                        None => problem("created without a look after a write whose result is unknown"),
                        Some(false) => {}
                    }
                    one.counted.clear();
                    after_write(one, call, true);
                }
                "DELETE" => {
                    let counted = one.counted.pop();
                    if let (Id::Group(..), Some(since)) = (&id, one.occupied)
                        && counted.is_none_or(|(counted, _)| counted > since)
                    {
                        problem("deleted although it was counted as not empty");
                    }
                    match (&id, counted) {
                        (Id::Group(..), None) => problem("deleted without a count"),
                        (Id::Group(..), Some((_, at))) if call.at - at > FRESH + grace.asked => {
                            problem(&format!("deleted {:?} after it was counted", call.at - at));
                        }
                        _ => {}
                    }
                    after_write(one, call, false);
                    if one.exists != Some(true) {
                        one.occupied = None;
                    }
                }
                _ => {}
            }
            let is_auto = matches!(&id, Id::Reseller(name) if name.ends_with("-auto"));
            if call.is_write() && !is_auto {
                let is_option = |key: &str| OPTIONS.contains(&key) || (key == "name" && matches!(id, Id::Reseller(_)));
                let fields = call.body.as_ref().and_then(Value::as_object).into_iter().flatten();
                let fields = fields.filter(|(key, _)| !is_option(key)).collect();
                if let Some(why) = mandates.forbid(&id, &Write { method: &call.method, fields, at: call.at, grace }) {
                    problem(&why);
                }
            }
        }
        wrong
    }
}

fn after_write(one: &mut Known, call: &Call, exists: bool) {
    one.shown = None;
    one.exists = match call.status {
        Some(200..300) => Some(exists),
        Some(_) => one.exists,
        None => None,
    };
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
