//! What Argo CD makes of our resources while nothing is deleted.

use apio_operator::api::{Group, OwnershipState};
use serde_json::{Value, json};

use crate::{
    application::{Application, Mode, branch, examples, is_synced},
    generated::committed,
    guide,
    world::is,
};

/// Attributes of group HQ on the platform.
fn headquarters(app: &Application, key: &str) -> Value {
    app.world.platform.edit(|state| state.group("Acme", "HQ").unwrap().attributes[key].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_is_synced_and_healthy_and_stays_so() {
    Mode::each(|mode| async move {
        let app = Application::of_examples(mode).await;
        // What is asked of the operator by hand is no difference either.
        app.world.looked::<Group>("headquarters").await;
        let everything = ["get", "apio,configmap", "-o", "yaml", "--show-managed-fields"];
        let before = app.world.kubectl(&everything);
        let (writes, looks) = (app.world.writes(), app.world.metric("apio_operator_reconciles_total").await);
        for _ in 0..3 {
            let manifest = app.is_as_in_git().await;
            assert_eq!(manifest["spec"].get("ignoreDifferences"), None);
        }
        // The same generation, resource version and owners of fields.
        assert_eq!(app.world.kubectl(&everything), before, "{}", app.story());
        assert_eq!(app.world.writes(), writes, "{}", app.story());
        assert_eq!(app.world.metric("apio_operator_reconciles_total").await, looks, "{}", app.story());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_in_one_wave_and_in_the_wrong_order_becomes_healthy() {
    Mode::each(|mode| async move {
        // Argo CD applies what is in one wave by kind and then by name, and knows no order of our kinds.
        let rename =
            |text: String, from: &str, to: &str| text.replace(&format!("name: {from}\n"), &format!("name: {to}\n"));
        let files = examples().into_iter().map(|(name, text)| {
            let text = rename(text, "headquarters", "a-headquarters");
            (name, rename(rename(text, "warehouse", "b-warehouse"), "best-reseller", "z-reseller"))
        });
        let files: Vec<_> = files.map(|(name, text)| (name, rename(text, "acme", "m-acme"))).collect();
        let app = Application::with(mode, &files, |_| ()).await;
        app.is_as_in_git().await;
        let kinds = ["ConfigMap", "Group", "Group", "Tenant", "Reseller"];
        assert_eq!(app.applied_first(), kinds, "{}", app.story());
        assert!(!app.health_so_far().contains(&"Degraded".to_owned()), "{}", app.story());
        let writes = app.world.writes();
        let position = |path: &str| writes.iter().position(|write| write == path).unwrap();
        assert!(position("POST /local/resellers/") < position("POST /tenants/"), "{}", app.story());
        assert!(position("POST /tenants/") < position("POST /tenants/Acme/groups/"), "{}", app.story());
    })
    .await;
}

/// The examples, with the groups in this wave and their tenant in that one.
fn in_waves(groups: &str, tenant: &str) -> Vec<(&'static str, String)> {
    let in_wave = |text: String, wave: &str| {
        let annotated = format!("metadata:\n  annotations: {{argocd.argoproj.io/sync-wave: {wave:?}}}\n");
        text.replacen("metadata:\n", &annotated, 1)
    };
    let placed = examples().into_iter().map(|(name, text)| match name {
        "tenant.yaml" => (name, in_wave(text, tenant)),
        name if name.starts_with("group") => (name, in_wave(text, groups)),
        name => (name, text),
    });
    placed.collect()
}

/// Argo CD begins no wave before the one before is healthy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_in_a_later_wave_than_its_groups_is_waited_for_until_git_says_otherwise() {
    Mode::each(|mode| async move {
        let app = Application::with(mode, &in_waves("0", "1"), |_| ()).await;
        app.until("the first wave is waited for", |app| {
            let operation = &app["status"]["operationState"];
            let message = operation["message"].as_str().unwrap_or_default();
            operation["phase"] == "Running"
                && message.starts_with("waiting for healthy state of ")
                && message.contains("/Group/")
        })
        .await;
        app.world.reason::<Group>("headquarters", "Ready", "WaitingForTenant").await;
        app.shows("headquarters", "Progressing", "acme").await;
        // What the next wave would bring is not there, however often the groups are looked at.
        for _ in 0..3 {
            app.world.looked::<Group>("headquarters").await;
        }
        assert_eq!(app.world.kubectl(&["get", "tenants", "-o", "name"]), "", "{}", app.story());
        assert!(!app.world.writes().iter().any(|write| write.contains("/tenants/")), "{}", app.story());

        for (name, text) in in_waves("1", "0") {
            app.repository.write(name, &text);
        }
        app.repository.commit("the tenant first");
        app.refresh().await;
        app.run(guide::TERMINATE);
        app.is_as_in_git().await;
        assert!(!app.health_so_far().contains(&"Degraded".to_owned()), "{}", app.story());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spec_that_the_platform_refuses_is_degraded_with_its_words() {
    Mode::each(|mode| async move {
        let app = Application::of_examples(mode).await;
        app.world.platform.edit(|state| {
            for n in 0..3 {
                state.add_user("Acme", "HQ", &format!("user{n}@hq.acme.example"), false);
            }
        });
        app.repository.write("group.yaml", &committed("examples/group.yaml").replace("userLimit: 25", "userLimit: 2"));
        app.repository.commit("fewer users than there are");
        app.refresh().await;
        app.shows("headquarters", "Degraded", "the platform refuses it: ").await;
        // It is in the cluster as in Git all the same: there is nothing for Argo CD to try again.
        let head = app.repository.head();
        let degraded = app.until("synced", |app| is_synced(app, &head)).await;
        assert_eq!(degraded["status"]["health"]["status"], "Degraded");
        app.repository.revert();
        app.is_as_in_git().await;
        assert_eq!(headquarters(&app, "userLimit"), json!(25));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_platform_that_is_down_makes_nothing_degraded() {
    Mode::each(|mode| async move {
        let app = Application::of_examples(mode).await;
        let failed = || app.world.metric(r#"apio_operator_reconciles_total{kind="Group",result="failed"}"#);
        app.world.platform.stop().await;
        app.world.nudge::<Group>("headquarters").await;
        app.world.poll("a failed look", || async { failed().await >= 1 }).await;
        app.is_as_in_git().await;

        app.repository.write("branch.yaml", &branch());
        app.repository.commit("a new group");
        app.refresh().await;
        app.shows("branch", "Progressing", "cannot be reached").await;
        app.world.poll("more tries", || async { failed().await >= 5 }).await;
        app.shows("branch", "Progressing", "cannot be reached").await;
        app.shows("headquarters", "Healthy", "the platform holds what the spec declares").await;

        app.world.platform.resume().await.unwrap();
        app.is_as_in_git().await;
        assert!(!app.health_so_far().contains(&"Degraded".to_owned()), "{}", app.story());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_by_kubectl_is_taken_back() {
    Mode::each(|mode| async move {
        let app = Application::of_examples(mode).await;
        let before = app.world.group("headquarters").await;
        app.world.kubectl(&["patch", "group/headquarters", "--type=merge", "-p", r#"{"spec":{"userLimit":30}}"#]);
        let after: Group = app
            .world
            .until("headquarters", "edited and taken back", |group: &Group| {
                let status = group.status.clone().unwrap_or_default();
                group.metadata.generation == before.metadata.generation.map(|generation| generation + 2)
                    && status.observed_generation == group.metadata.generation
                    && is(&status, "Ready", "True")
            })
            .await;
        assert_eq!(after.spec, before.spec);
        app.is_as_in_git().await;
        assert_eq!(headquarters(&app, "userLimit"), json!(25));
        assert_eq!(after.status.unwrap().ownership.unwrap().state, OwnershipState::Created);
    })
    .await;
}
