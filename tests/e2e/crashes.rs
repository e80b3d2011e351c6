//! The operator is killed around every write to the platform that it makes, and started again. Which writes there are is
//! read from the journal of the same life without a death. (Deaths between the writes to the cluster, and two deaths in a
//! row, are in the model: `src/engine/plan/properties/crashes.rs`.)

use apio_operator::{
    api::{Group, Reseller, Tenant},
    engine::kind::Kind,
};
use serde_json::{Value, json};
use testkit::simulator::{Call, Fault, State};

use crate::{
    fixtures::manifest,
    world::{HasStatus, SOON, Watchable, World, is_held, new_name},
};

/// Part of every name; each life has another one in its place.
const ID: &str = "IDX";
const ON_THE_WAY: &str = "AUTO_CREATE: {GROUP_DEFAULT_DOMAIN: true}\nAPIO_OBJECT_CREATION: {RESELLER: true}";

/// A resource named `x-IDX`: what is on the platform before, its first spec, if it has one, and what is done then.
struct Life {
    kind: &'static str,
    given: fn(&mut State, &str),
    first: Option<&'static str>,
    then: Then,
    /// The writes that it takes: so that a life which takes none is no proof.
    writes: usize,
}

enum Then {
    Apply(&'static str),
    Delete,
}
use Then::{Apply, Delete};

/// Where the operator dies: before a write is carried out, or before it hears that it was.
#[derive(Clone, Copy, Debug)]
enum Moment {
    Before,
    After,
}

const NOTHING: fn(&mut State, &str) = |_, _| ();

/// Lives once without a death, then dies at each moment of each write.
async fn dies_around_each_write<K: Watchable + HasStatus + Kind>(world: &World, life: &Life) {
    let undisturbed = live::<K>(world, life, None).await;
    assert_eq!(undisturbed.0.len(), life.writes, "{:?}", undisturbed.0);
    for write in &undisturbed.0 {
        for moment in [Moment::Before, Moment::After] {
            let died = live::<K>(world, life, Some((write, moment))).await;
            assert_eq!(died, undisturbed, "{moment:?} {write:?}\n{}", world.story());
        }
    }
}

/// Method, path and body of a write that was carried out.
type Write = (String, String, Option<Value>);

/// What one life leads to: the writes that were carried out, what the platform holds, what the resource says.
type End = (Vec<Write>, Value, Vec<(String, String, String)>);

async fn live<K>(world: &World, life: &Life, death: Option<(&Write, Moment)>) -> End
where
    K: Watchable + HasStatus + Kind,
{
    let id = &new_name();
    let name = format!("x-{id}");
    let spec = |spec: &str| manifest(life.kind, &name, &spec.replace(ID, id));
    world.platform.edit(|state| (life.given)(state, id));
    if let Some(first) = life.first {
        world.apply(&spec(first));
        world.looked::<K>(&name).await;
    }
    let earlier = world.platform.journal().last().map_or(0, |call| call.seq);
    if let Some(((method, path, _), moment)) = death {
        let fault = match moment {
            Moment::Before => Fault::stuck(),
            Moment::After => Fault::stuck_after(),
        };
        world.platform.inject(fault.on(method, &path.replace(ID, id)));
    }
    match life.then {
        Apply(then) => _ = world.apply(&spec(then)),
        Delete => world.delete(&format!("{}/{name}", life.kind)),
    }
    if let Some(((method, path, _), moment)) = death {
        let path = path.replace(ID, id);
        let reached = |call: &Call| {
            let arrived = call.seq > earlier && call.method == *method && call.path == path;
            arrived && call.status.is_some() == matches!(moment, Moment::After)
        };
        world.platform.wait_for("the moment of death", SOON, |calls, _| calls.iter().any(reached)).await;
        world.operator.kill();
        world.platform.clear_faults();
        world.operator.start_again().unwrap();
    }
    let mut told = Vec::new();
    if let Apply(_) = life.then {
        world.ready::<K>(&name).await;
        let end = world.looked::<K>(&name).await;
        assert!(is_held(&end));
        let status = end.conditions();
        let ownership = status.ownership.map(|record| format!("{:?}", record.state)).unwrap_or_default();
        told = status.conditions.into_iter().map(|one| (one.type_, one.status, one.reason)).collect();
        told.push(("ownership".to_owned(), ownership, String::new()));
    } else {
        world.until_gone::<K>(&name).await;
    }
    let general = |value: &Value| serde_json::from_str(&value.to_string().replace(id, ID)).unwrap();
    let carried_out = |call: &Call| call.seq > earlier && call.status.is_some_and(|status| status < 300);
    let writes = world.platform.writes().into_iter().filter(carried_out);
    let writes = writes.map(|call| (call.method, call.path.replace(id, ID), call.body.as_ref().map(general))).collect();
    let holds = world.platform.edit(|state| {
        let tenant = format!("T-{id}");
        let group = state.group("Acme", &format!("G-{id}"));
        json!({
            "group": group.map(|group| json!([group.attributes, group.domains])),
            "tenant": state.tenants.get(&tenant).map(|tenant| &tenant.attributes),
            "reseller": state.resellers.get(&format!("R-{id}")),
            "domain": state.system_domains.contains(&format!("{id}.example")),
        })
    });
    (writes, general(&holds), told)
}

async fn world() -> World {
    let world = World::with_settings(ON_THE_WAY).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world
}

const GROUP: &str = "tenantId: Acme, groupId: G-IDX, groupName: One";
const OTHER_GROUP: &str = "tenantId: Acme, groupId: G-IDX, groupName: Two, userLimit: 30, defaultDomain: IDX.example, resellerId: R-IDX, adoptionPolicy: Always";
const TENANT: &str = "tenantId: T-IDX, type: Enterprise, name: One";
const OTHER_TENANT: &str = "tenantId: T-IDX, type: Enterprise, name: Two, resellerId: R-IDX, adoptionPolicy: Always";
const RESELLER: &str = "resellerName: R-IDX, externalName: One";
const OTHER_RESELLER: &str = "resellerName: R-IDX, externalName: Two, adoptionPolicy: Always";

#[tokio::test]
async fn a_create_is_finished_once_whenever_the_operator_was_killed() {
    let world = world().await;
    let create = |kind, spec, writes| Life { kind, given: NOTHING, first: None, then: Apply(spec), writes };
    dies_around_each_write::<Group>(&world, &create("Group", GROUP, 1)).await;
    dies_around_each_write::<Group>(&world, &create("Group", OTHER_GROUP, 4)).await;
    dies_around_each_write::<Tenant>(&world, &create("Tenant", OTHER_TENANT, 2)).await;
    dies_around_each_write::<Reseller>(&world, &create("Reseller", RESELLER, 1)).await;
}

#[tokio::test]
async fn an_update_is_finished_once_whenever_the_operator_was_killed() {
    let world = world().await;
    let update =
        |kind, first, then, writes| Life { kind, given: NOTHING, first: Some(first), then: Apply(then), writes };
    dies_around_each_write::<Group>(&world, &update("Group", GROUP, OTHER_GROUP, 5)).await;
    dies_around_each_write::<Tenant>(&world, &update("Tenant", TENANT, OTHER_TENANT, 2)).await;
    dies_around_each_write::<Reseller>(&world, &update("Reseller", RESELLER, OTHER_RESELLER, 1)).await;
}

#[tokio::test]
async fn a_takeover_is_finished_once_whenever_the_operator_was_killed() {
    let world = world().await;
    let adopt = |kind, given, then, writes| Life { kind, given, first: None, then: Apply(then), writes };
    let group = |state: &mut State, id: &str| {
        state.add_group("Acme", &format!("G-{id}"), json!({"groupName": "Theirs", "cliName": "kept"}));
    };
    let tenant = |state: &mut State, id: &str| state.add_tenant(&format!("T-{id}"));
    let reseller = |state: &mut State, id: &str| state.add_reseller(&format!("R-{id}"));
    dies_around_each_write::<Group>(&world, &adopt("Group", group, OTHER_GROUP, 5)).await;
    dies_around_each_write::<Tenant>(&world, &adopt("Tenant", tenant, OTHER_TENANT, 2)).await;
    dies_around_each_write::<Reseller>(&world, &adopt("Reseller", reseller, OTHER_RESELLER, 1)).await;
}

#[tokio::test]
async fn a_deletion_is_finished_once_whenever_the_operator_was_killed() {
    let world = world().await;
    let delete = |kind, first| Life { kind, given: NOTHING, first: Some(first), then: Delete, writes: 1 };
    dies_around_each_write::<Group>(&world, &delete("Group", GROUP)).await;
    dies_around_each_write::<Tenant>(&world, &delete("Tenant", TENANT)).await;
    dies_around_each_write::<Reseller>(&world, &delete("Reseller", RESELLER)).await;
}
