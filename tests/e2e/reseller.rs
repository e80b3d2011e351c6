use apio_operator::{
    api::Reseller,
    engine::size::{DEEPEST, LARGEST},
};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::{
    fixtures::{hq, manifest},
    world::{World, has, message},
};

const BEST: &str = "/local/resellers/Best/";

fn best(more: &str) -> String {
    manifest("Reseller", "best", &format!("resellerName: Best, {more}"))
}

#[tokio::test]
async fn a_reseller_is_created_changed_corrected_and_deleted() {
    let world = World::new().await;
    world.apply(&best("externalName: Best SA, extraData: {tier: gold, contacts: [1, two]}"));
    world.ready::<Reseller>("best").await;
    world.apply(&best("externalName: Best SA, extraData: {tier: silver}"));
    world.ready::<Reseller>("best").await;
    world.platform.edit(|state| {
        state.resellers.get_mut("Best").unwrap().insert("externalName".into(), json!("Worst"));
    });
    world.looked::<Reseller>("best").await;
    world.delete("reseller/best");
    world.until_gone::<Reseller>("best").await;
    assert_eq!(
        world.bodies("POST", "/local/resellers/"),
        [json!({"name": "Best", "externalName": "Best SA", "extraData": {"tier": "gold", "contacts": [1, "two"]}})]
    );
    assert_eq!(
        world.bodies("PUT", BEST),
        [json!({"extraData": {"tier": "silver"}}), json!({"externalName": "Best SA"})]
    );
    assert_eq!(world.writes().last().unwrap(), "DELETE /local/resellers/Best/");
    assert_eq!(world.writes().len(), 4, "{}", world.story());
}

#[tokio::test]
async fn a_reseller_that_a_resource_names_stays_until_that_is_gone() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.apply(&(best("") + &hq("resellerRef: {name: best}")));
    world.group("hq").await;
    world.delete("reseller/best");
    let reseller: Reseller = world.reason("best", "DeletionBlocked", "ResellerInUse").await;
    let said = message(&reseller, "DeletionBlocked");
    assert!(said.contains("/hq"), "{said}");
    assert!(!world.writes().iter().any(|write| write.starts_with("DELETE")));
    world.delete("group/hq");
    world.until_gone::<Reseller>("best").await;
    assert_eq!(world.writes()[2..], ["DELETE /tenants/Acme/groups/HQ/", "DELETE /local/resellers/Best/"]);
}

#[tokio::test]
async fn a_reseller_that_the_platform_keeps_for_others_stays_and_says_so_in_its_words() {
    let world = World::new().await;
    world.apply(&best(""));
    world.ready::<Reseller>("best").await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_group("Acme", "HQ", json!({"resellerId": "Best"}));
    });
    world.delete("reseller/best");
    let reseller: Reseller = world.reason("best", "DeletionBlocked", "PlatformRefused").await;
    let said = message(&reseller, "DeletionBlocked");
    assert!(said.contains("reseller Best is referenced by group HQ of tenant Acme"), "{said}");
    assert!(has(&reseller, "Reconciling"));
    world.platform.edit(|state| state.tenants.clear());
    world.nudge::<Reseller>("best").await;
    world.until_gone::<Reseller>("best").await;
}

#[tokio::test]
async fn extra_data_can_be_emptied_by_a_server_side_apply() {
    let world = World::new().await;
    let (api, owner) = (world.api::<Reseller>(), PatchParams::apply("somebody"));
    for data in [json!({"a": 1, "b": {"c": 2}}), json!({})] {
        let spec = json!({"resellerName": "Best", "extraData": data});
        let best = json!({"apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Reseller", "metadata": {"name": "best"}, "spec": spec});
        api.patch("best", &owner, &Patch::Apply(&best)).await.unwrap();
        world.ready::<Reseller>("best").await;
    }
    assert_eq!(world.bodies("PUT", BEST), [json!({"extraData": {}})]);
}

/// What comes by a server-side apply can be larger than what `kubectl apply` carries.
#[tokio::test]
async fn extra_data_is_kept_up_to_its_limit_refused_above_it_and_ignored_when_others_wrote_it() {
    let world = World::new().await;
    let (api, owner) = (world.api::<Reseller>(), PatchParams::apply("somebody"));
    let text = |length: usize| json!({"text": "x".repeat(length - r#"{"text":""}"#.len())});
    let apply = async |spec: Value| {
        let best = json!({"apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Reseller", "metadata": {"name": "best"}, "spec": spec});
        api.patch("best", &owner, &Patch::Apply(&best)).await.unwrap();
    };
    let observed = |reseller: Reseller| reseller.status.unwrap().observed.unwrap().values();
    apply(json!({"resellerName": "Best", "extraData": text(LARGEST)})).await;
    let told = observed(world.ready("best").await);
    assert_eq!(told["extraData"], text(LARGEST), "three times in the resource while it was created");
    apply(json!({"resellerName": "Best", "extraData": text(LARGEST + 1)})).await;
    let reseller: Reseller = world.reason("best", "Stalled", "Invalid").await;
    assert!(message(&reseller, "Ready").contains("extraData is 262145 bytes long"), "{}", message(&reseller, "Ready"));
    assert_eq!(world.writes(), ["POST /local/resellers/"]);
    // More than etcd takes, by somebody else.
    world.platform.edit(|state| {
        state.resellers.get_mut("Best").unwrap().insert("extraData".into(), text(2_000_000));
    });
    apply(json!({"resellerName": "Best", "externalName": "Best SA"})).await;
    let told = observed(world.ready("best").await);
    assert_eq!((told["externalName"].as_str(), told.get("extraData")), (Some("Best SA"), None));
    assert_eq!(world.bodies("PUT", BEST), [json!({"externalName": "Best SA"})]);
}

/// No Rust program reads 128 levels by itself, and one resource that nobody can read would keep the whole list from being read.
#[tokio::test]
async fn extra_data_that_is_nested_too_deep_is_refused_and_in_nobodys_way() {
    let world = World::new().await;
    let deep = |levels: usize| {
        let data = format!("{}{{}}{}", r#"{"a":"#.repeat(levels - 1), "}".repeat(levels - 1));
        format!(
            r#"{{"apiVersion": "apio.netaxis.be/v1alpha1", "kind": "Reseller", "metadata": {{"name": "deep"}}, "spec": {{"extraData": {data}}}}}"#
        )
    };
    let why = "jsonpath={.status.conditions[?(@.type=='Ready')].message}";
    let refused = "extraData is nested more than 32 levels deep, which is the most; nest it less";
    for levels in [DEEPEST + 1, 1_000] {
        world.apply(&deep(levels));
        world.kubectl(&["wait", "reseller/deep", "--for=condition=Stalled", "--timeout=60s"]);
        assert_eq!(world.kubectl(&["get", "reseller/deep", "-o", why]), refused, "{levels}");
    }
    world.operator.start_again().unwrap();
    world.apply(&best(""));
    world.ready::<Reseller>("best").await;
    assert_eq!(world.writes(), ["POST /local/resellers/"], "of the other one");
    world.apply(&deep(DEEPEST));
    world.ready::<Reseller>("deep").await;

    // By somebody else, on the platform.
    world.platform.edit(|state| {
        let data = (0..1_000).fold(json!(1), |inner, _| json!({"a": inner}));
        state.resellers.get_mut("Best").unwrap().insert("extraData".into(), data);
    });
    world.apply(&best("externalName: Best SA"));
    world.ready::<Reseller>("best").await;
    assert_eq!(world.bodies("PUT", BEST), [json!({"externalName": "Best SA"})]);
}
