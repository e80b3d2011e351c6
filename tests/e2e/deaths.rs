//! A resource's life is lived once without a death. That gives the writes that its plans lead to, on both sides; then it is
//! lived anew for each moment of each of them, and the operator dies there. Whatever was written down about the resource, on
//! the platform and in the cluster, must be the same at the end. (Two deaths in a row are in the model:
//! `src/engine/plan/properties/crashes.rs`.)

use std::collections::BTreeSet;

use apio_operator::{
    api::{DELETION, FINALIZER},
    engine::kind::Kind,
};
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use serde_json::{Value, json};
use testkit::{
    deployment::Operator,
    simulator::{Call, Fault, State},
};

use crate::{
    fixtures::manifest,
    in_process::{Failpoint, InProcess, Moment},
    world::{HasStatus, SOON, Watchable, World, new_name},
};

/// Part of every name; each life has another one in its place.
pub const ID: &str = "IDX";
/// Whose life it is.
const NAME: &str = "x-IDX";

/// A resource named `x-IDX`.
pub struct Life {
    pub kind: &'static str,
    /// Its first spec, if what is watched is not its beginning.
    pub first: Option<&'static str>,
    /// What others do on the platform before it goes on.
    pub given: fn(&mut State, &str),
    pub then: Then,
    /// The writes to the platform that it takes: so that a life which takes none is no proof.
    pub writes: usize,
}

/// What is done with the resource, which says how it ends: Ready, gone, or not gone for this reason.
pub enum Then {
    Apply(&'static str),
    Delete,
    Refuse(&'static str),
}

/// What can die and be started again.
pub trait Mortal {
    fn start(&self);
    /// Ends it when what it is doing is done.
    fn stop(&self);
    fn kill(&self);
    /// Where its writes to the API server are seen, if they are.
    fn failpoint(&self) -> Option<&Failpoint>;
}

impl Mortal for Operator {
    fn start(&self) {
        self.start_again().unwrap();
    }

    fn stop(&self) {
        assert_eq!(Self::stop(self), Some(0));
    }

    fn kill(&self) {
        Self::kill(self);
    }

    fn failpoint(&self) -> Option<&Failpoint> {
        None
    }
}

impl Mortal for InProcess {
    fn start(&self) {
        Self::start(self);
    }

    fn stop(&self) {
        Self::stop(self);
    }

    fn kill(&self) {
        Self::kill(self);
    }

    fn failpoint(&self) -> Option<&Failpoint> {
        Some(&self.failpoint)
    }
}

/// A write that an operator makes.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// To the API server: the number among those, method and path.
    Cluster(usize, String, String),
    /// To the platform: method and path.
    Platform(String, String),
}

impl Write {
    /// What it writes to.
    pub fn target(&self) -> &'static str {
        match self {
            Self::Platform(..) => "platform",
            Self::Cluster(_, _, path) if path.ends_with(&format!("/{NAME}")) => "finalizers",
            Self::Cluster(_, _, path) if path.ends_with(&format!("/{NAME}/status")) => "status",
            Self::Cluster(_, _, path) if path.ends_with("/events") => "events",
            other => panic!("{other:?} is of no known sort"),
        }
    }
}

/// What one life leads to.
#[derive(Debug, PartialEq)]
struct End {
    /// Method, path and body of what the platform carried out.
    carried_out: Vec<(String, String, Value)>,
    /// What the platform holds.
    holds: Value,
    /// What the resource says, if it is there.
    told: Option<Value>,
}

/// Lives once without a death, then dies at each moment of each write; which writes those are.
pub async fn dies_around_each_write<K>(world: &World, operator: &impl Mortal, life: &Life) -> Vec<Write>
where
    K: Watchable + HasStatus + Kind,
{
    let lives = Lives { world, operator, life };
    let (undisturbed, events, writes) = lives.live::<K>(None).await;
    assert_eq!(undisturbed.carried_out.len(), life.writes, "{undisturbed:?}");
    for (write, moment) in writes.iter().flat_map(|write| [(write, Moment::Before), (write, Moment::After)]) {
        let (died, told, _) = lives.live::<K>(Some((write, moment))).await;
        assert_eq!(died, undisturbed, "{moment:?} {write:?}\n{}", world.story());
        // An event may be lost with the operator or told again, but none tells what did not happen.
        assert!(told.is_subset(&events), "{moment:?} {write:?}: {told:?} {events:?}");
    }
    writes
}

struct Lives<'a, O> {
    world: &'a World,
    operator: &'a O,
    life: &'a Life,
}

impl<O: Mortal> Lives<'_, O> {
    /// Lives, and gives the end, the reasons of the events, and the writes that it took without a death.
    async fn live<K>(&self, death: Option<(&Write, Moment)>) -> (End, BTreeSet<String>, Vec<Write>)
    where
        K: Watchable + HasStatus + Kind,
    {
        let (Self { world, operator, life }, id) = (self, new_name());
        let name = NAME.replace(ID, &id);
        if let Some(first) = life.first {
            self.apply::<K>(&id, first).await;
            // What is written for it is written before the look begins.
            world.ready::<K>(&name).await;
            world.looked::<K>(&name).await;
        }
        world.platform.edit(|state| (life.given)(state, &id));
        let earlier = world.platform.journal().last().map_or(0, |call| call.seq);
        match (death, operator.failpoint()) {
            (None, Some(failpoint)) => drop(failpoint.take()),
            (Some((Write::Cluster(number, ..), moment)), Some(failpoint)) => failpoint.arm(*number, moment),
            (Some((Write::Platform(method, path), moment)), _) => {
                let fault = if moment == Moment::Before { Fault::stuck() } else { Fault::stuck_after() };
                world.platform.inject(fault.on(method, &path.replace(ID, &id)));
            }
            _ => {}
        }
        match life.then {
            Then::Apply(spec) => self.apply::<K>(&id, spec).await,
            Then::Delete | Then::Refuse(_) => {
                drop(world.api::<K>().delete(&name, &DeleteParams::default()).await.unwrap())
            }
        }
        if let Some((write, moment)) = death {
            self.reached(write, moment, earlier, &id).await;
            operator.kill();
            world.platform.clear_faults();
            operator.start();
        }
        self.ended::<K>(&name).await;
        let mut writes = Vec::new();
        if death.is_none() {
            // Its last pass ends with it, events included.
            operator.stop();
            writes = self.writes(earlier, &id);
            operator.start();
        }
        let told = match life.then {
            Then::Delete => None,
            _ => Some(general(&id, &told(&world.looked::<K>(&name).await))),
        };
        let end = End { carried_out: self.carried_out(earlier, &id), holds: self.holds(&id), told };
        let events = world.events(&name).await.into_keys().collect();
        self.forget::<K>(&name).await;
        (end, events, writes)
    }

    /// As `kubectl apply --server-side` does it, without a program.
    async fn apply<K: Watchable>(&self, id: &str, spec: &str) {
        let name = NAME.replace(ID, id);
        let yaml = manifest(self.life.kind, &name, &spec.replace(ID, id));
        let object: Value = serde_yaml::from_str(&yaml).unwrap();
        let parameters = PatchParams::apply("kubectl").force();
        self.world.api::<K>().patch(&name, &parameters, &Patch::Apply(&object)).await.unwrap();
    }

    /// Waits for the moment of death.
    async fn reached(&self, write: &Write, moment: Moment, earlier: u64, id: &str) {
        let (Self { world, operator, .. }, what) = (self, format!("{moment:?} {write:?}"));
        match write {
            Write::Cluster(..) => {
                let reached = operator.failpoint().unwrap().reached();
                if tokio::time::timeout(SOON, reached).await.is_err() {
                    panic!("{what}: not within {SOON:?}\n{}", world.story());
                }
            }
            Write::Platform(method, path) => {
                let path = path.replace(ID, id);
                let is = |call: &Call| call.seq > earlier && call.method == *method && call.path == path;
                let reached = |call: &Call| is(call) && call.status.is_some() == (moment == Moment::After);
                world.platform.wait_for(&what, SOON, |calls, _| calls.iter().any(reached)).await;
            }
        }
    }

    async fn ended<K: Watchable + HasStatus>(&self, name: &str) {
        match self.life.then {
            Then::Apply(_) => drop(self.world.ready::<K>(name).await),
            Then::Delete => self.world.until_gone::<K>(name).await,
            Then::Refuse(reason) => drop(self.world.reason::<K>(name, "DeletionBlocked", reason).await),
        }
    }

    /// The writes that the operator made since.
    fn writes(&self, earlier: u64, id: &str) -> Vec<Write> {
        let seen = self.operator.failpoint().map(Failpoint::take).unwrap_or_default();
        let seen = seen.into_iter().enumerate();
        let mut writes: Vec<_> =
            seen.map(|(number, (method, path))| Write::Cluster(number, method, path.replace(id, ID))).collect();
        for (method, path, _) in self.carried_out(earlier, id) {
            let write = Write::Platform(method, path);
            assert!(!writes.contains(&write), "{write:?} twice: which of them is meant");
            writes.push(write);
        }
        writes
    }

    fn carried_out(&self, earlier: u64, id: &str) -> Vec<(String, String, Value)> {
        let is = |call: &Call| call.seq > earlier && call.status.is_some_and(|status| status < 300);
        let calls = self.world.platform.writes().into_iter().filter(is);
        calls.map(|call| (call.method, call.path.replace(id, ID), general(id, &json!(call.body)))).collect()
    }

    fn holds(&self, id: &str) -> Value {
        let holds = self.world.platform.edit(|state| {
            let tenant = format!("T-{id}");
            let group = state.group("Acme", &format!("G-{id}"));
            json!({
                "group": group.map(|group| json!([group.attributes, group.domains])),
                "tenant": state.tenants.get(&tenant).map(|tenant| &tenant.attributes),
                "reseller": state.resellers.get(&format!("R-{id}")),
                "domain": state.system_domains.contains(&format!("{id}.example")),
            })
        });
        general(id, &holds)
    }

    /// What is left goes the way that touches nothing on the platform: the next life is alone.
    async fn forget<K: Watchable>(&self, name: &str) {
        let (world, api) = (self.world, self.world.api::<K>());
        if api.get_opt(name).await.unwrap().is_some() {
            world.change::<K>(name, json!({"metadata": {"annotations": {DELETION: "Orphan"}}})).await;
            let _ = api.delete(name, &DeleteParams::default()).await;
            world.until_gone::<K>(name).await;
        }
        world.api::<Event>().delete_collection(&DeleteParams::default(), &ListParams::default()).await.unwrap();
    }
}

fn general(id: &str, value: &Value) -> Value {
    serde_json::from_str(&value.to_string().replace(id, ID)).unwrap()
}

/// The status, but for its times, the token of the look and the digest, in which the names are, and whether our finalizer is there.
fn told<K: Watchable + HasStatus>(object: &K) -> Value {
    let mut status = serde_json::to_value(object.conditions()).unwrap();
    for name in ["lastHandledRequestedAt", "compared"] {
        status.as_object_mut().unwrap().remove(name);
    }
    for condition in status["conditions"].as_array_mut().unwrap() {
        condition.as_object_mut().unwrap().remove("lastTransitionTime");
    }
    let held = object.meta().finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER);
    json!({"held": held, "status": status})
}
