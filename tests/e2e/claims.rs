//! Whose object it is, for all three kinds: adoption by policy, creations that others were faster with, crashes, copies.

use apio_operator::api::{Group, OwnershipState, Reseller, Tenant};
use kube::ResourceExt;
use serde_json::{Value, json};
use testkit::{
    deployment::rights,
    simulator::{Call, Fault, State},
};

use crate::{
    fixtures::{acme, hq, manifest},
    world::{HasStatus, RULES, SOON, Watchable, World, has, is_held, message, new_name},
};

const POSTS: [&str; 3] = ["POST /local/resellers/", "POST /tenants/", "POST /tenants/Old/groups/"];

/// Name, policy, whether what is there is as declared, and whether it is taken over.
const ADOPTIONS: [(&str, &str, bool, bool); 6] = [
    ("if-same", "IfIdentical", true, true),
    ("if-other", "IfIdentical", false, false),
    ("always-same", "Always", true, true),
    ("always-other", "Always", false, true),
    ("never-same", "Never", true, false),
    ("never-other", "Never", false, false),
];

async fn is_taken_over_by_policy<K>(declared: &str, value: &str, collection: &str, seed: fn(&mut State, &str, &str))
where
    K: Watchable + HasStatus + ResourceExt,
{
    let world = World::new().await;
    let kind = K::kind(&());
    let (key, _) = declared.rsplit_once(": ").unwrap();
    let key = key.rsplit_once(' ').map_or(key, |(_, key)| key);
    world.platform.edit(|state| {
        for (name, _, same, _) in ADOPTIONS {
            seed(state, name, if same { value } else { "Theirs" });
        }
    });
    for (name, policy, ..) in ADOPTIONS {
        world.apply(&manifest(&kind, name, &format!("{declared}, adoptionPolicy: {policy}")));
    }
    for (name, _, _, taken) in ADOPTIONS {
        if taken {
            let object: K = world.ready(name).await;
            assert_eq!(object.conditions().ownership.unwrap().state, OwnershipState::Adopted, "{name}");
            assert!(is_held(&object), "{name}");
        } else {
            let object: K = world.reason(name, "Ready", "NotOwned").await;
            assert!(has(&object, "Stalled") && !is_held(&object), "{name}");
            assert!(message(&object, "Ready").contains("spec.adoptionPolicy"), "{}", message(&object, "Ready"));
            assert_eq!(object.conditions().ownership, None, "{name}");
        }
    }
    let update = format!("{collection}always-other/");
    assert_eq!(world.writes(), [format!("PUT {update}")], "{}", world.story());
    assert_eq!(world.bodies("PUT", &update), [json!({key: value})]);

    world.kubectl(&["delete", &K::plural(&()), "--all", "--wait=false"]);
    let mut deleted = Vec::new();
    for (name, _, _, taken) in ADOPTIONS {
        world.until_gone::<K>(name).await;
        deleted.extend(taken.then(|| format!("DELETE {collection}{name}/")));
    }
    let mut writes = world.writes().split_off(1);
    writes.sort();
    deleted.sort();
    assert_eq!(writes, deleted);
}

#[tokio::test]
async fn a_tenant_that_is_there_is_taken_over_by_policy_only() {
    is_taken_over_by_policy::<Tenant>("type: Enterprise, name: Ours", "Ours", "/tenants/", |state, id, name| {
        state.add_tenant(id);
        state.tenants.get_mut(id).unwrap().attributes.insert("name".into(), json!(name));
    })
    .await;
}

#[tokio::test]
async fn a_reseller_that_is_there_is_taken_over_by_policy_only() {
    is_taken_over_by_policy::<Reseller>("externalName: Ours", "Ours", "/local/resellers/", |state, id, name| {
        state.add_reseller(id);
        state.resellers.get_mut(id).unwrap().insert("externalName".into(), json!(name));
    })
    .await;
}

/// A resource of each kind.
fn ours() -> String {
    acme("name: Ours")
        + &manifest("Reseller", "best", "resellerName: Best, externalName: Ours")
        + &manifest("Group", "hq", "tenantId: Old, groupId: HQ, groupName: Ours")
}

/// The same objects, of others.
fn put_theirs(state: &mut State) {
    state.add_tenant("Acme");
    state.add_reseller("Best");
    state.add_group("Old", "HQ", json!({"groupName": "Theirs"}));
}

/// None of the three is ours, and deleting the resources deletes nothing.
async fn assert_theirs_are_left_alone(world: &World) {
    async fn is_left_alone<K: Watchable + HasStatus>(world: &World, name: &str) {
        let object: K = world.reason(name, "Ready", "NotOwned").await;
        assert_eq!(object.conditions().ownership, None);
        let said = message(&object, "Ready");
        assert!(said.contains("is on the platform already and differs") && said.contains("\"Ours\""), "{said}");
        world.delete(&format!("{}/{name}", K::plural(&())));
        world.until_gone::<K>(name).await;
        world.told(name, "Left").await;
    }
    is_left_alone::<Tenant>(world, "acme").await;
    is_left_alone::<Reseller>(world, "best").await;
    is_left_alone::<Group>(world, "hq").await;
    let mut writes = world.writes();
    writes.sort();
    assert_eq!(writes, POSTS, "{}", world.story());
    let names = world.platform.edit(|state| {
        let group = state.group("Old", "HQ").unwrap().attributes["groupName"].clone();
        [state.tenants["Acme"].attributes["name"].clone(), state.resellers["Best"]["externalName"].clone(), group]
    });
    assert_eq!(names, ["Acme", "Best", "Theirs"]);
}

#[tokio::test]
async fn what_others_create_between_the_look_and_the_creation_is_not_ours() {
    let world = World::new().await;
    world.platform.edit(|state| {
        state.add_tenant("Old");
        put_theirs(state);
    });
    for place in ["/tenants/Acme/", "/local/resellers/Best/", "/tenants/Old/groups/HQ/"] {
        // At the first look it is not there yet.
        world.platform.inject(Fault::status(404).on("GET", place));
    }
    world.apply(&ours());
    assert_theirs_are_left_alone(&world).await;
    assert!(world.platform.writes().iter().all(|call| call.status == Some(400)));
}

#[tokio::test]
async fn what_others_create_while_the_operator_dies_in_its_creation_is_not_ours() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Old"));
    for post in POSTS {
        world.platform.inject(Fault::stuck().on("POST", post.trim_start_matches("POST ")));
    }
    world.apply(&ours());
    let begun = |calls: &[Call], _: &State| calls.iter().filter(|call| call.is_write()).count() == 3;
    world.platform.wait_for("three creations", SOON, begun).await;
    world.operator.kill();
    let group: Group = world.api().get("hq").await.unwrap();
    let record = group.status.unwrap().ownership.unwrap();
    let sent = json!({"groupName": "Ours"});
    assert_eq!((record.state, record.sent.as_ref()), (OwnershipState::Pending, sent.as_object()));
    world.platform.edit(put_theirs);
    world.operator.start_again().unwrap();
    assert_theirs_are_left_alone(&world).await;
}

#[tokio::test]
async fn what_was_created_before_the_operator_died_stays_ours_when_the_spec_changes_meanwhile() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.platform.inject(Fault::drop_after().on("POST", "/tenants/Acme/groups/"));
    world.apply(&hq("adoptionPolicy: Never, cliName: Before"));
    world.platform.wait_for("the group", SOON, |_, state| state.group("Acme", "HQ").is_some()).await;
    world.operator.kill();
    world.apply(&hq("adoptionPolicy: Never, cliName: After"));
    world.operator.start_again().unwrap();
    let group = world.group("hq").await;
    let record = group.status.unwrap().ownership.unwrap();
    assert_eq!((record.state, record.sent), (OwnershipState::Created, None));
    assert_eq!(world.bodies("PUT", "/tenants/Acme/groups/HQ/"), [json!({"cliName": "After"})]);
    assert_eq!(world.writes().len(), 2, "{}", world.story());
}

#[tokio::test]
async fn what_was_created_before_the_operator_died_stays_ours_in_the_form_that_the_platform_made_of_it() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.platform.inject(Fault::drop_after().on("POST", "/tenants/Acme/groups/"));
    world.apply(&hq("adoptionPolicy: Never, cliPhoneNumber: '+32 3 698'"));
    world.platform.wait_for("the group", SOON, |_, state| state.group("Acme", "HQ").is_some()).await;
    world.operator.kill();
    world.platform.edit(|state| {
        let kept = &mut state.group_mut("Acme", "HQ").unwrap().attributes;
        kept.insert("groupName".into(), json!("HEAD OFFICE"));
        kept.insert("cliPhoneNumber".into(), json!("+323698"));
    });
    world.operator.start_again().unwrap();
    let group = world.group("hq").await;
    assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Created);
    let sent = json!({"groupName": "Head office", "cliPhoneNumber": "+32 3 698"});
    assert_eq!(world.bodies("PUT", "/tenants/Acme/groups/HQ/"), [sent]);
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.writes().last().unwrap(), "DELETE /tenants/Acme/groups/HQ/");
}

#[tokio::test]
async fn a_finalizer_that_somebody_took_off_is_put_back_and_nothing_is_deleted() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&hq(""));
    world.group("hq").await;
    let none = json!({"metadata": {"finalizers": null}});
    world.change::<Group>("hq", none.clone()).await;
    world.until("hq", "held again", |group: &Group| is_held(group)).await;
    world.looked::<Group>("hq").await;
    // With nobody there to put it back, the resource goes, and the group stays.
    assert_eq!(world.operator.stop(), Some(0));
    world.delete("group/hq");
    world.change::<Group>("hq", none).await;
    world.until_gone::<Group>("hq").await;
    world.operator.start_again().unwrap();
    world.apply(&hq(""));
    let group = world.group("hq").await;
    assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Adopted);
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/"]);
}

/// A resource as `kubectl get -o yaml` gives it, under another name, with what the API server wants left out.
fn copied(mut object: Value, name: &str) -> Value {
    let meta = object["metadata"].as_object_mut().unwrap();
    for key in ["uid", "resourceVersion", "namespace"] {
        meta.remove(key);
    }
    meta.insert("name".into(), json!(name));
    object
}

#[tokio::test]
async fn a_copied_manifest_with_a_finalizer_owns_nothing_in_no_namespace() {
    let mut world = World::new().await;
    let beside = new_name();
    world.plane.run(&["create", "namespace", &beside]).unwrap();
    world.plane.apply(&rights(RULES, &world.namespace, Some(&beside))).unwrap();
    world.replace_operator(&world.platform.url(), &["--watch-namespaces", &beside]);
    let here = world.namespace.clone();

    world.platform.edit(|state| state.add_tenant("Old"));
    world.apply(&ours());
    world.ready::<Tenant>("acme").await;
    world.ready::<Reseller>("best").await;
    world.group("hq").await;
    let listed: Value = serde_json::from_str(&world.kubectl(&["get", "apio", "-o", "json"])).unwrap();
    let items = listed["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["metadata"]["finalizers"][0] == "apio.netaxis.be/platform"));
    for (place, name) in [(&here, Some("copy")), (&beside, None)] {
        world.namespace = place.clone();
        let names: Vec<_> =
            items.iter().map(|item| name.unwrap_or(item["metadata"]["name"].as_str().unwrap()).to_owned()).collect();
        for (item, name) in items.iter().zip(&names) {
            world.apply(&copied(item.clone(), name).to_string());
        }
        owns_nothing::<Tenant>(&world, name.unwrap_or("acme"), &here).await;
        owns_nothing::<Reseller>(&world, name.unwrap_or("best"), &here).await;
        owns_nothing::<Group>(&world, name.unwrap_or("hq"), &here).await;
    }
    let mut writes = world.writes();
    writes.sort();
    assert_eq!(writes, POSTS, "{}", world.story());
    world.namespace = here;
    world.looked::<Group>("hq").await;
    world.group("hq").await;
    assert_eq!(world.writes().len(), 3);
}

/// A copy is refused for the original's sake, and deleting it deletes only itself.
async fn owns_nothing<K: Watchable + HasStatus + ResourceExt>(world: &World, name: &str, original: &str) {
    let copy: K = world.reason(name, "Ready", "NotOwned").await;
    assert!(is_held(&copy), "the finalizer came with the copy");
    assert_eq!(copy.conditions().ownership, None);
    let said = message(&copy, "Ready");
    assert!(said.starts_with(&format!("{original}/")) && said.contains("came first"), "{said}");
    world.delete(&format!("{}/{name}", K::plural(&())));
    world.until_gone::<K>(name).await;
}

#[tokio::test]
async fn of_two_resources_that_come_at_once_one_creates_and_the_other_waits_for_its_end() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Old"));
    assert_eq!(world.operator.stop(), Some(0));
    let twice = ["one", "two"].map(|name| {
        manifest("Tenant", name, "tenantId: Acme, type: Enterprise, name: Ours")
            + &manifest("Reseller", name, "resellerName: Best, externalName: Ours")
            + &manifest("Group", name, "tenantId: Old, groupId: HQ, groupName: Ours")
    });
    world.apply(&twice.concat());
    world.operator.start_again().unwrap();
    one_has_it_then_the_other::<Tenant>(&world).await;
    one_has_it_then_the_other::<Reseller>(&world).await;
    one_has_it_then_the_other::<Group>(&world).await;
    let mut writes = world.writes();
    writes.sort();
    assert_eq!(writes, POSTS, "{}", world.story());
}

async fn one_has_it_then_the_other<K: Watchable + HasStatus>(world: &World) {
    let ends = ["Synced", "NotOwned"];
    let told = |object: &K| {
        let ready = object.conditions().conditions.into_iter().find(|condition| condition.type_ == "Ready");
        ready.map(|ready| ready.reason).filter(|reason| ends.contains(&reason.as_str()))
    };
    let one: K = world.until("one", "told", |object| told(object).is_some()).await;
    let (first, second) = if told(&one).as_deref() == Some("Synced") { ("one", "two") } else { ("two", "one") };
    world.ready::<K>(first).await;
    let refused: K = world.reason(second, "Ready", "NotOwned").await;
    assert_eq!(refused.conditions().ownership, None);
    assert!(message(&refused, "Ready").contains(&format!("/{first} stands for ")));
    world.delete(&format!("{}/{first}", K::plural(&())));
    world.until_gone::<K>(first).await;
    let heir: K = world.ready(second).await;
    assert_eq!(heir.conditions().ownership.unwrap().state, OwnershipState::Adopted);
}
