//! What Flux makes of our resources.

use std::time::Instant;

use apio_operator::api::{Group, OwnershipState};
use kube::ResourceExt;
use serde_json::Value;

use crate::{
    application::examples,
    flux::{Kustomization, SOON},
    generated::committed,
    guide, live,
    world::is_held,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kustomization_is_ready_only_after_our_resources_are_and_owns_their_specs() {
    let flux = Kustomization::with(&examples()[..1]).await;
    flux.is_as_in_git().await;
    flux.world.platform.stop().await;
    for (name, content) in examples() {
        flux.repository.write(name, &content);
    }
    flux.repository.commit("everything");
    flux.publish().await;
    flux.world.reason::<apio_operator::api::Reseller>("best-reseller", "Ready", "PlatformUnreachable").await;
    let waiting = flux.says("Reconciling", "Progressing", "Running health checks").await;
    assert_ne!(live::condition(&waiting, "Ready")["status"], "True");
    flux.world.platform.resume().await.unwrap();
    flux.is_as_in_git().await;
    for name in ["headquarters", "warehouse"] {
        let group: Group = flux.world.api().get(name).await.unwrap();
        let status = group.status.clone().unwrap();
        assert!(crate::world::is(&status, "Ready", "True"), "{}", flux.story());
        let owners = group.managed_fields().iter().filter(|entry| {
            let fields = serde_json::to_value(&entry.fields_v1).unwrap();
            fields.get("f:spec").is_some()
        });
        assert_eq!(owners.filter_map(|entry| entry.manager.as_deref()).collect::<Vec<_>>(), ["kustomize-controller"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_resource_fails_its_kustomization_at_once() {
    let flux = Kustomization::with(&examples()).await;
    flux.is_as_in_git().await;
    flux.world.platform.edit(|state| {
        for n in 0..3 {
            state.add_user("Acme", "HQ", &format!("user{n}@hq.acme.example"), false);
        }
    });
    flux.repository.write("group.yaml", &committed("examples/group.yaml").replace("userLimit: 25", "userLimit: 2"));
    flux.repository.commit("fewer users than there are");
    let began = Instant::now();
    flux.publish().await;
    let failed = flux.says("Ready", "HealthCheckFailed", "headquarters").await;
    assert!(began.elapsed() < SOON, "its timeout is {}", failed["spec"]["timeout"]);
    assert_eq!(failed["spec"]["timeout"], "5m");
    flux.repository.revert();
    flux.publish().await;
    flux.is_as_in_git().await;
}

fn take_out(flux: &Kustomization) {
    flux.repository.remove("group.yaml");
    flux.repository.commit("no headquarters any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pruned_is_protected_by_the_finalizer_and_can_be_undone() {
    let flux = Kustomization::with(&examples()).await;
    flux.is_as_in_git().await;
    flux.world.platform.edit(|state| state.add_user("Acme", "HQ", "jo@hq.acme.example", false));
    flux.world.platform.clear_journal();
    take_out(&flux);
    flux.publish().await;
    let pruned: Group = flux.world.reason("headquarters", "DeletionBlocked", "GroupNotEmpty").await;
    // Flux has asked for the deletion and does not wait for its end.
    let ready: Value = flux.is_as_in_git().await;
    assert!(!ready["status"]["inventory"].to_string().contains("headquarters"), "{}", flux.story());

    flux.run(guide::ORPHAN);
    flux.world.until_gone::<Group>("headquarters").await;
    flux.repository.revert();
    flux.publish().await;
    flux.is_as_in_git().await;
    let group = flux.world.group("headquarters").await;
    assert!(group.uid() != pruned.uid() && is_held(&group));
    assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Adopted);
    assert_eq!(flux.world.writes(), [""; 0], "{}", flux.story());

    flux.world.platform.edit(|state| state.clear_contents("Acme", "HQ"));
    take_out(&flux);
    flux.publish().await;
    flux.world.until_gone::<Group>("headquarters").await;
    assert_eq!(flux.world.writes(), ["DELETE /tenants/Acme/groups/HQ/"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_not_be_pruned_stays_when_it_is_taken_out_of_git() {
    let kept = guide::blocks("yaml").into_iter().find(|block| block.contains("prune: disabled")).unwrap();
    let group = committed("examples/group.yaml").replace("metadata:\n", &kept);
    let files: Vec<_> = examples()
        .into_iter()
        .map(|(name, text)| (name, if name == "group.yaml" { group.clone() } else { text }))
        .collect();
    let flux = Kustomization::with(&files).await;
    flux.is_as_in_git().await;
    let writes = flux.world.writes();
    take_out(&flux);
    flux.publish().await;
    flux.is_as_in_git().await;
    let group = flux.world.group("headquarters").await;
    assert_eq!(group.metadata.deletion_timestamp, None);
    assert_eq!(flux.world.writes(), writes);
}
