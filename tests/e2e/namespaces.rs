//! An operator of some namespaces, of which one is gone, is refused, or is deleted.

use apio_operator::api::Group;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use testkit::deployment::{finishing, rights};

use crate::{
    fixtures::{hq, manifest},
    in_process::InProcess,
    world::{RULES, World, has, is, message, new_name},
};

/// A world whose operator watches another namespace too: the world, and that as a user there sees it.
async fn with_team(gives: impl Fn(&World, &str)) -> (World, String) {
    let mut world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let team = new_name();
    gives(&world, &team);
    world.replace_operator(&world.platform.url(), &["--watch-namespaces", &team]);
    world.has_listed().await;
    (world, team)
}

fn grant(world: &World, team: &str) {
    world.plane.run(&["create", "namespace", team]).unwrap();
    world.plane.apply(&rights(RULES, &world.namespace, Some(team))).unwrap();
}

#[tokio::test]
async fn a_namespace_that_cannot_be_listed_does_not_stop_the_others() {
    let (world, team) = with_team(|_, _| {}).await;
    let (code, says) = world.page("/readyz").await.unwrap();
    assert_eq!((code, says.as_str()), (200, &*format!("ready\ncannot list namespace: {team}\n")));
    assert_eq!(world.metric("apio_operator_unlisted_namespaces").await, 1);
    // What nobody there can hold is made, and kept.
    world.apply(&hq("userLimit: 5"));
    world.group("hq").await;
    world
        .platform
        .edit(|state| state.group_mut("Acme", "HQ").unwrap().attributes.extend([("userLimit".into(), json!(7))]));
    world.looked::<Group>("hq").await;
    assert_eq!(world.bodies("PUT", "/tenants/Acme/groups/HQ/"), [json!({"userLimit": 5})]);
    // What may be another's is neither taken over nor deleted.
    world.platform.edit(|state| {
        state.add_group("Acme", "There", json!({}));
    });
    world.apply(&manifest(
        "Group",
        "there",
        "tenantId: Acme, groupId: There, groupName: There, adoptionPolicy: Always",
    ));
    let there: Group = world.reason("there", "Ready", "ClusterUnreachable").await;
    assert!(message(&there, "Ready").contains(&team) && has(&there, "Reconciling"), "{}", message(&there, "Ready"));
    world.delete("group/hq");
    let going: Group = world.reason("hq", "DeletionBlocked", "ClusterUnreachable").await;
    assert!(message(&going, "DeletionBlocked").contains(&team) && is(going.status.as_ref().unwrap(), "Ready", "False"));
    assert!(world.platform.edit(|state| state.group("Acme", "HQ").is_some()));

    grant(&world, &team);
    world.until_gone::<Group>("hq").await;
    world.group("there").await;
    // Each kind is tried again at its own time.
    world.poll("all is listed", || async { world.page("/readyz").await == Some((200, "ready\n".to_owned())) }).await;
    // One line for each failure, in words.
    let log = world.operator.log();
    let failures: Vec<_> = log.lines().filter(|line| line.contains("forbidden") && line.contains(&team)).collect();
    assert!(failures.len() as u64 <= world.metric("apio_operator_watch_failures_total").await, "{failures:#?}");
    assert!(!log.contains("Status {") && !log.contains("ApiError"), "{failures:#?}");
}

#[tokio::test]
async fn a_group_that_a_resource_claims_which_no_watch_shows_is_not_deleted() {
    claimed_unseen("groups", &hq("")).await;
}

/// What a group stands for is said by its tenant.
#[tokio::test]
async fn a_group_that_is_claimed_by_a_tenant_which_no_watch_shows_is_not_deleted() {
    let tenant = manifest("Tenant", "acme", "tenantId: Acme, type: Enterprise, managementPolicy: Observe");
    let group = manifest("Group", "hq", "tenantRef: {name: acme}, groupId: HQ, groupName: Head office");
    claimed_unseen("tenants", &(tenant + &group)).await;
}

/// Another namespace's watch of a kind shows nothing any more when a claim is made there.
async fn claimed_unseen(kind: &str, claim: &str) {
    let (world, team) = with_team(grant).await;
    world.apply(&hq(""));
    world.group("hq").await;
    assert_eq!(world.operator.stop(), Some(0));
    let operator = InProcess::like(&world.operator);
    operator.failpoint.silence(&format!("/namespaces/{team}/{kind}"));
    operator.start();
    world.has_listed().await;
    world.plane.apply_in(&team, claim).unwrap();
    world.delete("group/hq");
    let going: Group = world.reason("hq", "DeletionBlocked", "ClusterUnreachable").await;
    let says = message(&going, "DeletionBlocked");
    assert!(says.contains(&format!("the watch of the {kind} of namespace {team} does not show")), "{says}");
    assert!(world.platform.edit(|state| state.group("Acme", "HQ").is_some()));
    // With what it watches it goes on: the other resource stands for the group.
    operator.kill();
    world.operator.start_again().unwrap();
    world.until_gone::<Group>("hq").await;
    assert!(!world.writes().iter().any(|write| write.starts_with("DELETE")), "{}", world.story());
}

#[tokio::test]
async fn the_deletion_of_a_namespace_that_loses_its_role_first_is_finished() {
    let (mut world, team) = with_team(|world, team| {
        grant(world, team);
        world.plane.apply(&finishing(RULES, &world.namespace)).unwrap();
    })
    .await;
    if !world.plane.needs_controller_manager("the deletion of a namespace") {
        return;
    }
    let own = std::mem::replace(&mut world.namespace, team.clone());
    world.apply(&(hq("") + &manifest("Group", "annex", "tenantId: Acme, groupName: Annex")));
    world.group("hq").await;
    world.group("annex").await;
    world.platform.edit(|state| state.add_user("Acme", "HQ", "a@acme.example", false));
    world.plane.run(&["delete", "namespace", &team, "--wait=false"]).unwrap();
    let going: Group = world.reason("hq", "DeletionBlocked", "GroupNotEmpty").await;
    assert!(is(going.status.as_ref().unwrap(), "Ready", "False"));
    world.until_gone::<Group>("annex").await;
    let is_gone =
        |what: &str| world.plane.run(&["get", what, "-n", &team, "-o", "name"]).is_ok_and(|names| names.is_empty());
    world.poll("the Role is gone", || async { is_gone("rolebindings") && is_gone("roles") }).await;
    // Nor does an operator that starts now miss it.
    world.operator.stop();
    world.operator.start_again().unwrap();
    let orphan = Patch::Merge(json!({"metadata": {"annotations": {"apio.netaxis.be/deletion": "Orphan"}}}));
    world.api::<Group>().patch("hq", &PatchParams::default(), &orphan).await.unwrap();
    world.until_gone::<Group>("hq").await;
    assert!(world.platform.edit(|state| state.group("Acme", "HQ").is_some()));
    // The rest is served, and a namespace that is gone is one without resources.
    world.namespace = own;
    world.apply(&hq(""));
    world.group("hq").await;
    world.delete("group/hq");
    world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
}

#[tokio::test]
async fn what_another_finalizer_keeps_does_not_say_that_it_is_ready() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.platform.edit(|state| {
        state.add_group("Acme", "Seen", json!({}));
    });
    world.apply(&(hq("") + &manifest("Group", "seen", "tenantId: Acme, groupId: Seen, managementPolicy: Observe")));
    for name in ["hq", "seen"] {
        world.group(name).await;
        let finalizers = json!([{"op": "add", "path": "/metadata/finalizers", "value": ["example.net/other"]}]);
        let held = name == "hq";
        let one = json!([{"op": "add", "path": "/metadata/finalizers/-", "value": "example.net/other"}]);
        let patch = if held { one } else { finalizers }.to_string();
        world.kubectl(&["patch", "group", name, "--type=json", "-p", &patch]);
        world.delete(&format!("group/{name}"));
        let left: Group = world
            .until(name, "says that only another holds it", |group: &Group| {
                has(group, "Ready") && message(group, "Ready").contains("its other finalizers")
            })
            .await;
        let status = left.status.unwrap();
        assert!(is(&status, "Ready", "False") && !status.conditions.iter().any(|one| one.type_ == "DeletionBlocked"));
        world.kubectl(&[
            "patch",
            "group",
            name,
            "--type=json",
            "-p",
            r#"[{"op": "remove", "path": "/metadata/finalizers"}]"#,
        ]);
        world.until_gone::<Group>(name).await;
    }
    assert!(world.platform.edit(|state| state.group("Acme", "Seen").is_some() && state.group("Acme", "HQ").is_none()));
}
