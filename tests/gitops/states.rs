//! Every state that a resource can be seen in, brought about live, with what kstatus and Argo CD shall make of it.

use serde_json::{Value, json};
use testkit::simulator::{Fault, Simulator};

use crate::{
    fixtures::manifest,
    live::{self, condition},
    world::{SOON, World},
};

/// One state of one resource.
pub struct State {
    pub kind: &'static str,
    /// Of the resource; also the id of its group and of its tenant on the platform.
    pub name: &'static str,
    spec: String,
    /// Done to the platform before the resource is there.
    before: fn(&Simulator, &str),
    /// Done once it is Ready.
    then: Option<fn(&World, &str)>,
    /// The condition and its reason that the state is known by.
    pub told: (&'static str, &'static str),
    /// The verdict of kstatus.
    pub kstatus: &'static str,
    /// The verdict of Argo CD.
    pub health: &'static str,
}

/// A Group of a tenant of its own.
fn group(
    name: &'static str,
    more: &str,
    told: (&'static str, &'static str),
    kstatus: &'static str,
    health: &'static str,
) -> State {
    let spec = format!("tenantId: {name}, groupName: Head office, {more}");
    State { kind: "Group", name, spec, before: |_, _| (), then: None, told, kstatus, health }
}

impl State {
    fn before(mut self, act: fn(&Simulator, &str)) -> Self {
        self.before = act;
        self
    }

    fn then(mut self, act: fn(&World, &str)) -> Self {
        self.then = Some(act);
        self
    }

    fn spec(mut self, spec: &str) -> Self {
        self.spec = spec.to_owned();
        self
    }

    fn kind(mut self, kind: &'static str, spec: &str) -> Self {
        self.kind = kind;
        self.spec(spec)
    }
}

fn groups(tenant: &str) -> String {
    format!("/tenants/{tenant}/groups/")
}

fn itself(name: &str) -> String {
    format!("/tenants/{name}/groups/{name}/")
}

fn there(platform: &Simulator, name: &str, attributes: Value) {
    platform.edit(|state| state.add_group(name, name, attributes));
}

fn edited(world: &World, name: &str) {
    world.platform.edit(|state| {
        state.group_mut(name, name).unwrap().attributes.insert("groupName".into(), json!("Edited"));
    });
    look(world, name);
}

fn look(world: &World, name: &str) {
    world.kubectl(&["annotate", "group", name, "apio.netaxis.be/requested-at=now"]);
}

fn deleted(world: &World, name: &str) {
    world.delete(&format!("group/{name}"));
}

const READY: &str = "Ready";
const BLOCKED: &str = "DeletionBlocked";

/// The states that one operator and one platform show at the same time, those first that pass by themselves.
pub fn states() -> Vec<State> {
    let mut all = vec![
        group("domain-not-found", "defaultDomain: no.example", (READY, "DomainNotFound"), "InProgress", "Progressing"),
        group("reseller-not-found", "resellerId: Nobody", (READY, "ResellerNotFound"), "InProgress", "Progressing"),
        group("creating", "", (READY, "Creating"), "InProgress", "Progressing")
            .before(|platform, name| platform.inject(Fault::stuck().on("POST", &groups(name)).forever())),
        group("waiting-for-tenant", "", (READY, "WaitingForTenant"), "InProgress", "Progressing")
            .spec("tenantRef: {name: nowhere}, groupName: Head office"),
        group(
            "waiting-for-reseller",
            "resellerRef: {name: nowhere}",
            (READY, "WaitingForReseller"),
            "InProgress",
            "Progressing",
        ),
        group("not-found", "managementPolicy: Observe", (READY, "NotFound"), "InProgress", "Progressing"),
        group("unreachable", "", (READY, "PlatformUnreachable"), "InProgress", "Progressing")
            .before(|platform, name| platform.inject(Fault::status(502).on("GET", &itself(name)).forever())),
        group("ready", "userLimit: 25", (READY, "Synced"), "Current", "Healthy"),
        group("drifted", "driftPolicy: Report", ("Synced", "Drifted"), "Current", "Healthy").then(edited),
        group("observed", "managementPolicy: Observe", (READY, "Synced"), "Current", "Healthy")
            .before(|platform, name| there(platform, name, json!({"groupName": "Head office"}))),
        group("paused", "", (READY, "Paused"), "InProgress", "Suspended")
            .then(|world, name| drop(world.kubectl(&["annotate", "group", name, "apio.netaxis.be/paused=true"]))),
    ];
    all.extend(stalled());
    all.extend(deletions());
    all.extend(parents());
    all
}

/// Only a person can help.
fn stalled() -> Vec<State> {
    let group = |name, more, reason| group(name, more, (READY, reason), "Failed", "Degraded");
    vec![
        group("not-owned", "", "NotOwned")
            .before(|platform, name| there(platform, name, json!({"groupName": "Theirs"}))),
        group("not-visible", "", "NotVisible").before(|platform, name| {
            platform.inject(Fault::error(400, 11, "ALREADY_EXISTS", "there").on("POST", &groups(name)).forever());
        }),
        group("invalid", "", "Invalid").before(|platform, name| {
            platform
                .inject(Fault::error(400, 4001, "INVALID_VALUE", "no such zone").on("POST", &groups(name)).forever());
        }),
        group("denied", "", "Denied")
            .before(|platform, name| platform.inject(Fault::status(403).on("GET", &itself(name)).forever())),
        group("not-accepted", "", "NotAccepted").then(|world, name| {
            world.platform.inject(Fault::refuse_value("cliName").on("PUT", &itself(name)).forever());
            world.kubectl(&["patch", "group", name, "--type=merge", "-p", r#"{"spec":{"cliName":"Acme"}}"#]);
        }),
        group("removed", "driftPolicy: Report", "Removed").then(|world, name| {
            world.platform.edit(|state| state.tenants.get_mut(name).unwrap().groups.clear());
            look(world, name);
        }),
        group("identity-changed", "", "IdentityChanged")
            .before(|platform, _| platform.edit(|state| state.add_tenant("Other")))
            .spec("tenantRef: {name: moves}, groupName: Head office")
            .then(|world, _| {
                world.kubectl(&["annotate", "tenant/moves", "apio.netaxis.be/deletion=Orphan"]);
                world.kubectl(&["delete", "tenant/moves"]);
                world.apply(&manifest("Tenant", "moves", "tenantId: Other, type: Enterprise"));
            }),
    ]
}

/// The deletion waits, or goes on.
fn deletions() -> Vec<State> {
    let group = |name, told| group(name, "", told, "Terminating", "Progressing").then(deleted);
    vec![
        group("not-empty", (BLOCKED, "GroupNotEmpty")).then(|world, name| {
            world.platform.edit(|state| state.add_user(name, name, "jo@acme.example", false));
            deleted(world, name);
        }),
        group("contents-unknown", (BLOCKED, "ContentsUnknown")).before(|platform, name| {
            platform.inject(Fault::status(403).on("GET", &format!("{}users/", itself(name))).forever());
        }),
        group("refused", (BLOCKED, "PlatformRefused")).before(|platform, name| {
            let refusal = Fault::error(400, 29, "CAN_NOT_DELETE_NON_EMPTY", "group contains users");
            platform.inject(refusal.on("DELETE", &itself(name)).forever());
        }),
        group("deletion-denied", (BLOCKED, "Denied"))
            .before(|platform, name| platform.inject(Fault::status(403).on("DELETE", &itself(name)).forever())),
        group("still-shown", (READY, "Deleting"))
            .before(|platform, name| platform.inject(Fault::empty(204).on("DELETE", &itself(name)).forever())),
    ]
}

/// The other two kinds, each healthy, waiting, stalled and being deleted.
fn parents() -> Vec<State> {
    let state = |name, told, kstatus, health| group(name, "", told, kstatus, health);
    let tenant = "type: Enterprise";
    vec![
        state("tenant-ready", (READY, "Synced"), "Current", "Healthy").kind("Tenant", tenant),
        state("tenant-waiting", (READY, "WaitingForReseller"), "InProgress", "Progressing")
            .kind("Tenant", "type: Enterprise, resellerRef: {name: nowhere}"),
        state("tenant-of-another-type", (READY, "Invalid"), "Failed", "Degraded")
            .kind("Tenant", "type: ServiceProvider, adoptionPolicy: Always"),
        state("tenant-in-use", (BLOCKED, "TenantInUse"), "Terminating", "Progressing")
            .kind("Tenant", tenant)
            .before(|platform, name| there(platform, name, json!({"groupName": "Depot"})))
            .then(|world, name| world.delete(&format!("tenant/{name}"))),
        state("reseller-ready", (READY, "Synced"), "Current", "Healthy").kind("Reseller", "externalName: Best SA"),
        state("reseller-unreachable", (READY, "PlatformUnreachable"), "InProgress", "Progressing")
            .kind("Reseller", "externalName: Best SA")
            .before(|platform, name| {
                platform.inject(Fault::status(502).on("GET", &format!("/local/resellers/{name}/")).forever());
            }),
        state("reseller-not-owned", (READY, "NotOwned"), "Failed", "Degraded")
            .kind("Reseller", "externalName: Best SA")
            .before(|platform, name| platform.edit(|state| state.add_reseller(name))),
        state("reseller-in-use", (BLOCKED, "ResellerInUse"), "Terminating", "Progressing")
            .kind("Reseller", "externalName: Best SA")
            .then(|world, name| {
                world.apply(&manifest(
                    "Group",
                    "uses",
                    "tenantId: ready, groupName: G, resellerRef: {name: reseller-in-use}",
                ));
                world.kubectl(&["wait", "group/uses", "--for=condition=Ready", "--timeout=60s"]);
                world.delete(&format!("reseller/{name}"));
            }),
    ]
}

/// Brings a state about and gives the object.
pub async fn bring_about(world: &World, state: &State) -> Value {
    prepare(world, state);
    if let Some(then) = state.then {
        seen(world, state.kind, state.name, READY, "Synced").await;
        then(world, state.name);
    }
    seen(world, state.kind, state.name, state.told.0, state.told.1).await
}

fn prepare(world: &World, state: &State) {
    if state.kind != "Reseller" && state.name != "tenant-ready" {
        world.platform.edit(|platform| platform.add_tenant(state.name));
    }
    (state.before)(&world.platform, state.name);
    if state.name == "identity-changed" {
        world.apply(&manifest("Tenant", "moves", "tenantId: identity-changed, type: Enterprise"));
    }
    world.apply(&manifest(state.kind, state.name, &state.spec));
}

/// Waits until a condition has this reason for the present spec.
pub async fn seen(world: &World, kind: &str, name: &str, condition_type: &str, reason: &str) -> Value {
    let api = live::api(&world.client, "apio.netaxis.be/v1alpha1", kind, &world.namespace);
    let wanted = |object: &Value| {
        let told = condition(object, condition_type);
        told["reason"] == reason && told["observedGeneration"] == object["metadata"]["generation"]
    };
    let found = live::until(&api, name, SOON, wanted).await;
    found.unwrap_or_else(|| panic!("{kind} {name} is not {reason} within {SOON:?}\n{}", world.story()))
}
