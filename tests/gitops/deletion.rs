//! What Argo CD's deletions meet: the protection of groups that hold users.

use apio_operator::api::{Group, OwnershipState, Reseller, Tenant};
use kube::ResourceExt;
use serde_json::{Value, json};

use crate::{
    application::{Application, Mode, branch, examples},
    argo_cd::NAMESPACE,
    generated::committed,
    guide,
    live::condition,
    world::{is_held, message},
};

const IN_THE_WAY: &str = "the group still holds 1 user";

/// The examples, with a user in the group `headquarters`.
async fn with_a_user(mode: Mode) -> Application {
    let app = Application::of_examples(mode).await;
    app.world.platform.edit(|state| state.add_user("Acme", "HQ", "jo@hq.acme.example", false));
    app.world.platform.clear_journal();
    app
}

/// The group is taken out of Git, and its prune waits.
async fn prune(app: &Application) -> Group {
    app.repository.remove("group.yaml");
    app.repository.commit("no headquarters any more");
    app.refresh().await;
    app.world.reason("headquarters", "DeletionBlocked", "GroupNotEmpty").await
}

async fn empty(app: &Application) {
    app.world.platform.edit(|state| state.clear_contents("Acme", "HQ"));
    app.world.nudge::<Group>("headquarters").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_prune_of_a_group_with_users_waits_until_it_is_empty() {
    Mode::each(|mode| async move {
        let app = with_a_user(mode).await;
        let group = prune(&app).await;
        assert!(message(&group, "DeletionBlocked").starts_with(IN_THE_WAY) && is_held(&group));
        app.shows("headquarters", "Progressing", &message(&group, "DeletionBlocked")).await;
        app.until("not as in Git yet", |app| {
            let status = &app["status"];
            (&status["sync"]["status"], &status["health"]["status"]) == (&json!("OutOfSync"), &json!("Progressing"))
        })
        .await;
        app.world.told("headquarters", "GroupNotEmpty").await;
        let described = app.run(guide::DESCRIBE);
        assert_eq!(described.matches(IN_THE_WAY).count(), 4, "three conditions and an event: {described}");
        assert_eq!(app.world.writes(), [""; 0]);

        empty(&app).await;
        app.world.until_gone::<Group>("headquarters").await;
        app.is_as_in_git().await;
        assert_eq!(app.world.writes(), ["DELETE /tenants/Acme/groups/HQ/"]);
        assert!(!app.health_so_far().contains(&"Degraded".to_owned()), "{}", app.story());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prune_that_waits_holds_up_no_later_commit() {
    Mode::each(|mode| async move {
        let app = with_a_user(mode).await;
        prune(&app).await;
        app.repository.write("branch.yaml", &branch());
        app.repository.commit("a new group");
        app.refresh().await;
        app.group("branch", "is there", |group| condition(group, "Ready")["status"] == "True").await;
        let pruned: Group = app.world.reason("headquarters", "DeletionBlocked", "GroupNotEmpty").await;
        assert!(is_held(&pruned));
        assert_eq!(app.world.writes(), ["POST /tenants/Acme/groups/"], "{}", app.story());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prune_is_undone_without_a_write_to_the_platform() {
    Mode::each(|mode| async move {
        let app = with_a_user(mode).await;
        let pruned = prune(&app).await;
        app.repository.revert();
        app.refresh().await;
        app.run(guide::ORPHAN);
        let old = json!(pruned.uid());
        app.group("headquarters", "created again", |group| group["metadata"]["uid"] != old).await;
        app.is_as_in_git().await;
        let group = app.world.group("headquarters").await;
        assert_eq!(group.spec, pruned.spec);
        assert_eq!(group.status.unwrap().ownership.unwrap().state, OwnershipState::Adopted);
        assert_eq!(app.world.writes(), [""; 0], "{}", app.story());
        assert!(app.world.platform.edit(|state| state.group("Acme", "HQ").unwrap().users.len() == 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prune_that_must_be_confirmed_deletes_nothing_until_then_and_can_be_undone() {
    Mode::each(|mode| async move {
        let confirm = |app: &mut Value| {
            let options = app["spec"]["syncPolicy"]["syncOptions"].as_array_mut().unwrap();
            options.extend(
                guide::manifest("Application", "telephony")["spec"]["syncPolicy"]["syncOptions"]
                    .as_array()
                    .cloned()
                    .unwrap(),
            );
        };
        let app = Application::of_examples_with(mode, confirm).await;
        let before = app.world.group("headquarters").await;
        let writes = app.world.writes();
        let take_out = async || {
            app.repository.remove("group.yaml");
            app.repository.write("branch.yaml", &branch());
            app.repository.commit("no headquarters any more, but a branch");
            app.refresh().await;
            let waits = |app: &Value| {
                let operation = &app["status"]["operationState"];
                let message = operation["message"].as_str().unwrap_or_default();
                operation["phase"] == "Running" && message.contains("pruning confirmation")
            };
            app.until("the prune waits for its confirmation", waits).await;
        };
        take_out().await;
        app.repository.revert();
        app.refresh().await;
        app.run(guide::TERMINATE);
        app.is_as_in_git().await;
        let undone = app.world.group("headquarters").await;
        assert_eq!((undone.uid(), undone.metadata.generation), (before.uid(), before.metadata.generation));
        assert_eq!(app.world.writes(), writes, "{}", app.story());

        take_out().await;
        // What else is in the commit waits too.
        assert!(app.world.api::<Group>().get_opt("branch").await.unwrap().is_none());
        app.run(guide::APPROVE);
        app.is_as_in_git().await;
        assert!(app.world.api::<Group>().get_opt("headquarters").await.unwrap().is_none());
        let mut since = app.world.writes().split_off(writes.len());
        since.sort();
        assert_eq!(since, ["DELETE /tenants/Acme/groups/HQ/", "POST /tenants/Acme/groups/"], "{}", app.story());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_that_is_deleted_waits_for_its_groups_and_takes_everything_along() {
    Mode::each(|mode| async move {
        // The orphaned warehouse would keep its tenant.
        let files: Vec<_> = examples().into_iter().filter(|(name, _)| !name.contains("warehouse")).collect();
        let app = Application::with(mode, &files, |app| {
            app["metadata"]["finalizers"] = json!(["resources-finalizer.argocd.argoproj.io"]);
        })
        .await;
        app.is_as_in_git().await;
        app.world.platform.edit(|state| state.add_user("Acme", "HQ", "jo@hq.acme.example", false));
        app.world.platform.clear_journal();
        let name = app.world.namespace.clone();
        app.world.plane.run(&["delete", "application", &name, "-n", NAMESPACE, "--wait=false"]).unwrap();
        // The settings went with it, and without them no group is deleted.
        app.world.reason::<Group>("headquarters", "DeletionBlocked", "SettingsUnavailable").await;
        app.world.apply(&committed("examples/settings.yaml"));
        app.world.reason::<Group>("headquarters", "DeletionBlocked", "GroupNotEmpty").await;
        app.world.reason::<Tenant>("acme", "DeletionBlocked", "TenantInUse").await;
        app.world.reason::<Reseller>("best-reseller", "DeletionBlocked", "ResellerInUse").await;
        app.until("still there", |app| app["metadata"].get("deletionTimestamp").is_some()).await;
        assert_eq!(app.world.writes(), [""; 0]);

        empty(&app).await;
        app.until_gone().await;
        let deletes = ["/tenants/Acme/groups/HQ/", "/tenants/Acme/", "/local/resellers/BestReseller/"];
        assert_eq!(app.world.writes(), deletes.map(|path| format!("DELETE {path}")), "{}", app.story());
    })
    .await;
}
