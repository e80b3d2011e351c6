//! The operator dies around every write that the life of a resource takes, and is started again. It dies as a thread, at
//! writes to the API server and to the platform, and, for one life of each sort, as a process that is killed.

use std::{cell::RefCell, collections::BTreeSet};

use apio_operator::{
    api::{Group, Reseller, Tenant},
    engine::kind::Kind,
};
use serde_json::json;
use testkit::simulator::State;

use crate::{
    deaths::{
        Life,
        Then::{Apply, Delete, Refuse},
        Write, dies_around_each_write,
    },
    in_process::InProcess,
    world::{HasStatus, Watchable, World},
};

const ON_THE_WAY: &str = "AUTO_CREATE: {GROUP_DEFAULT_DOMAIN: true}\nAPIO_OBJECT_CREATION: {RESELLER: true}";

const GROUP: &str = "tenantId: Acme, groupId: G-IDX, groupName: One";
const OTHER_GROUP: &str = "tenantId: Acme, groupId: G-IDX, groupName: Two, userLimit: 30, defaultDomain: IDX.example, resellerId: R-IDX, adoptionPolicy: Always";
const RENAMED_GROUP: &str = "tenantId: Acme, groupId: G-IDX, groupName: Two";
const ORPHANED_GROUP: &str = "tenantId: Acme, groupId: G-IDX, groupName: One, deletionPolicy: Orphan";
const TENANT: &str = "tenantId: T-IDX, type: Enterprise, name: One";
const OTHER_TENANT: &str = "tenantId: T-IDX, type: Enterprise, name: Two, resellerId: R-IDX, adoptionPolicy: Always";
const ORPHANED_TENANT: &str = "tenantId: T-IDX, type: Enterprise, name: One, deletionPolicy: Orphan";
const RESELLER: &str = "resellerName: R-IDX, externalName: One";
const OTHER_RESELLER: &str = "resellerName: R-IDX, externalName: Two, adoptionPolicy: Always";
const ORPHANED_RESELLER: &str = "resellerName: R-IDX, externalName: One, deletionPolicy: Orphan";

const NOTHING: fn(&mut State, &str) = |_, _| ();

fn create(kind: &'static str, spec: &'static str, writes: usize) -> Life {
    Life { kind, first: None, given: NOTHING, then: Apply(spec), writes }
}

fn delete(kind: &'static str, first: &'static str, writes: usize) -> Life {
    Life { kind, first: Some(first), given: NOTHING, then: Delete, writes }
}

/// Somebody set fields that no spec declares.
fn edited(state: &mut State, id: &str) {
    if let Some(group) = state.tenants.get_mut("Acme").and_then(|tenant| tenant.groups.get_mut(&format!("G-{id}"))) {
        group.attributes.insert("cliName".into(), json!("kept"));
        group.attributes.insert("contactInformation".into(), json!({"name": "kept"}));
    }
    if let Some(tenant) = state.tenants.get_mut(&format!("T-{id}")) {
        tenant.attributes.insert("supportEmail".into(), json!("kept@example.net"));
    }
    if let Some(reseller) = state.resellers.get_mut(&format!("R-{id}")) {
        reseller.insert("extraData".into(), json!({"kept": true}));
    }
}

/// A world whose operator is a thread, and what its lives wrote to.
struct Dying {
    world: World,
    operator: InProcess,
    written: RefCell<BTreeSet<&'static str>>,
}

impl Dying {
    async fn new() -> Self {
        let world = world().await;
        assert_eq!(world.operator.stop(), Some(0));
        let operator = InProcess::like(&world.operator);
        operator.start();
        Self { world, operator, written: RefCell::default() }
    }

    /// Two of them, for lives at the same time.
    async fn two() -> (Self, Self) {
        tokio::join!(Self::new(), Self::new())
    }

    async fn dies<K: Watchable + HasStatus + Kind>(&self, life: Life) {
        let writes = dies_around_each_write::<K>(&self.world, &self.operator, &life).await;
        self.written.borrow_mut().extend(writes.iter().map(Write::target));
    }

    /// That deaths were tried around writes to all of these, and to nothing else.
    fn wrote_to<const N: usize>(&self, targets: [&'static str; N]) {
        assert_eq!(*self.written.borrow(), BTreeSet::from(targets));
    }
}

async fn world() -> World {
    let world = World::with_settings(ON_THE_WAY).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world
}

#[tokio::test]
async fn a_create_is_finished_once_wherever_the_operator_died() {
    let (one, two) = Dying::two().await;
    let groups = async {
        one.dies::<Group>(create("Group", GROUP, 1)).await;
        one.dies::<Group>(create("Group", OTHER_GROUP, 4)).await;
    };
    let others = async {
        two.dies::<Tenant>(create("Tenant", TENANT, 1)).await;
        two.dies::<Tenant>(create("Tenant", OTHER_TENANT, 2)).await;
        two.dies::<Reseller>(create("Reseller", RESELLER, 1)).await;
    };
    tokio::join!(groups, others);
    for dying in [one, two] {
        dying.wrote_to(["events", "finalizers", "platform", "status"]);
    }
}

#[tokio::test]
async fn an_update_is_finished_once_wherever_the_operator_died() {
    let update =
        |kind, first, then, writes| Life { kind, first: Some(first), given: edited, then: Apply(then), writes };
    let (one, two) = Dying::two().await;
    let groups = one.dies::<Group>(update("Group", GROUP, OTHER_GROUP, 5));
    let others = async {
        two.dies::<Tenant>(update("Tenant", TENANT, OTHER_TENANT, 2)).await;
        two.dies::<Reseller>(update("Reseller", RESELLER, OTHER_RESELLER, 1)).await;
    };
    tokio::join!(groups, others);
    for dying in [one, two] {
        dying.wrote_to(["events", "platform", "status"]);
    }
}

#[tokio::test]
async fn a_takeover_is_finished_once_wherever_the_operator_died() {
    let adopt = |kind, given, then, writes| Life { kind, first: None, given, then: Apply(then), writes };
    let group = |state: &mut State, id: &str| {
        state.add_group("Acme", &format!("G-{id}"), json!({"groupName": "Theirs"}));
        edited(state, id);
    };
    let tenant = |state: &mut State, id: &str| {
        state.add_tenant(&format!("T-{id}"));
        edited(state, id);
    };
    let reseller = |state: &mut State, id: &str| {
        state.add_reseller(&format!("R-{id}"));
        edited(state, id);
    };
    let (one, two) = Dying::two().await;
    let as_declared = |state: &mut State, id: &str| {
        state.add_group("Acme", &format!("G-{id}"), json!({"groupName": "One"}));
        edited(state, id);
    };
    let groups = async {
        one.dies::<Group>(adopt("Group", group, OTHER_GROUP, 5)).await;
        one.dies::<Group>(adopt("Group", as_declared, GROUP, 0)).await;
    };
    let others = async {
        two.dies::<Tenant>(adopt("Tenant", tenant, OTHER_TENANT, 2)).await;
        two.dies::<Reseller>(adopt("Reseller", reseller, OTHER_RESELLER, 1)).await;
    };
    tokio::join!(groups, others);
    for dying in [one, two] {
        dying.wrote_to(["events", "finalizers", "platform", "status"]);
    }
}

#[tokio::test]
async fn a_deletion_is_finished_once_wherever_the_operator_died() {
    let (one, two) = Dying::two().await;
    let deleted = async {
        one.dies::<Group>(delete("Group", GROUP, 1)).await;
        one.dies::<Tenant>(delete("Tenant", TENANT, 1)).await;
        one.dies::<Reseller>(delete("Reseller", RESELLER, 1)).await;
    };
    let orphaned = async {
        two.dies::<Group>(delete("Group", ORPHANED_GROUP, 0)).await;
        two.dies::<Tenant>(delete("Tenant", ORPHANED_TENANT, 0)).await;
        two.dies::<Reseller>(delete("Reseller", ORPHANED_RESELLER, 0)).await;
    };
    tokio::join!(deleted, orphaned);
    one.wrote_to(["events", "finalizers", "platform"]);
    two.wrote_to(["events", "finalizers"]);
}

#[tokio::test]
async fn a_group_that_holds_users_is_not_deleted_wherever_the_operator_died() {
    let given = |state: &mut State, id: &str| {
        state.add_user("Acme", &format!("G-{id}"), &format!("jo@{id}.example"), false);
    };
    let dying = Dying::new().await;
    dying
        .dies::<Group>(Life { kind: "Group", first: Some(GROUP), given, then: Refuse("GroupNotEmpty"), writes: 0 })
        .await;
    dying.wrote_to(["events", "status"]);
}

#[tokio::test]
async fn a_killed_process_is_survived_around_each_write_to_the_platform() {
    let world = world().await;
    let update = Life { kind: "Group", first: Some(GROUP), given: edited, then: Apply(RENAMED_GROUP), writes: 1 };
    for life in [create("Group", GROUP, 1), update, delete("Group", GROUP, 1)] {
        dies_around_each_write::<Group>(&world, &world.operator, &life).await;
    }
}
