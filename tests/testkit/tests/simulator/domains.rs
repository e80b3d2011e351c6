use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::simulator::Simulator;

use crate::client::{GROUPS, HQ, acme, acme_hq};

const SYSTEM: &str = "/system/domains/";
const TENANT: &str = "/tenants/Acme/domains/";
const GROUP: &str = "/tenants/Acme/groups/HQ/domains/";

/// On which levels a domain is.
fn levels(platform: &Simulator, domain: &str) -> [bool; 3] {
    platform.edit(|s| {
        let has = |domains: Option<&BTreeSet<String>>| domains.is_some_and(|domains| domains.contains(domain));
        let group = s.group("Acme", "HQ").map(|group| &group.domains);
        [has(Some(&s.system_domains)), has(s.tenants.get("Acme").map(|tenant| &tenant.domains)), has(group)]
    })
}

fn new_group(extra: Value) -> Value {
    let mut body = json!({"groupId": "HQ", "groupName": "x"});
    body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    body
}

#[tokio::test]
async fn each_level_tells_its_domains_and_its_default() {
    let (_platform, client) = acme_hq().await;
    let both = json!(["sip.acme.example", "sip.example.net"]);
    assert_eq!(client.get(SYSTEM).await.ok(), json!({"defaultDomain": "sip.example.net", "domains": both}));
    assert_eq!(client.get(TENANT).await.ok(), json!({"defaultDomain": "sip.example.net", "domains": both}));
    let own = json!({"defaultDomain": "sip.acme.example", "domains": ["sip.acme.example"]});
    assert_eq!(client.get(GROUP).await.ok(), own);
}

#[tokio::test]
async fn a_domain_is_created_at_system_level_and_deleted_by_body() {
    let (platform, client) = acme_hq().await;
    for key in ["domain", "domains"] {
        let created = client.post(SYSTEM, json!({"domain": "new.example"})).await;
        assert_eq!((created.status, created.body), (201, json!({})));
        assert_eq!(levels(&platform, "new.example"), [true, false, false]);
        let value = if key == "domain" { json!("new.example") } else { json!(["new.example"]) };
        let deleted = client.call("DELETE", SYSTEM, Some(json!({key: value}))).await;
        assert_eq!((deleted.status, deleted.body), (200, json!({})));
        assert_eq!(levels(&platform, "new.example"), [false, false, false]);
    }
}

#[tokio::test]
async fn a_duplicate_domain_at_system_level_answers_code_11() {
    let (_platform, client) = acme_hq().await;
    assert_eq!(client.post(SYSTEM, json!({"domain": "sip.acme.example"})).await.code(), Some(11));
}

#[tokio::test]
async fn a_put_adds_to_the_domains_of_a_level_and_keeps_the_others() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| s.add_system_domain("new.example"));
    let tenant = client.put(TENANT, json!({"domains": ["new.example"]})).await.ok();
    assert_eq!(tenant["domains"], json!(["new.example", "sip.acme.example", "sip.example.net"]));
    let group = client.put(GROUP, json!({"domains": ["new.example"]})).await.ok();
    assert_eq!(group["domains"], json!(["new.example", "sip.acme.example"]));
    client.put(GROUP, json!({"domains": ["new.example"]})).await.ok();
}

#[tokio::test]
async fn a_domain_must_be_at_the_level_above_before_it_is_assigned() {
    let (platform, client) = acme_hq().await;
    let body = json!({"domains": ["sip.acme.example", "new.example"]});
    client.put(TENANT, body.clone()).await.assert_invalid("new.example");
    platform.edit(|s| s.add_system_domain("new.example"));
    client.put(GROUP, body.clone()).await.assert_invalid("new.example");
    assert_eq!(levels(&platform, "new.example"), [true, false, false]);
    client.put(TENANT, body.clone()).await.ok();
    client.put(GROUP, body).await.ok();
    assert_eq!(levels(&platform, "new.example"), [true, true, true]);
}

#[tokio::test]
async fn a_delete_unassigns_the_domains_of_its_body() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| s.add_group_domain("Acme", "HQ", "new.example"));
    for (path, left) in [(GROUP, [true, true, false]), (TENANT, [true, false, false])] {
        let answer = client.call("DELETE", path, Some(json!({"domains": ["new.example"]}))).await;
        assert_eq!((answer.status, answer.body), (200, json!({})));
        assert_eq!(levels(&platform, "new.example"), left);
    }
}

#[tokio::test]
async fn a_default_or_used_domain_can_not_be_removed() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| {
        s.add_group_domain("Acme", "HQ", "used.example");
        s.add_user("Acme", "HQ", "u@used.example", false);
    });
    for (path, body) in [
        (GROUP, json!({"domains": ["used.example"]})),
        (GROUP, json!({"domains": ["sip.acme.example"]})),
        (TENANT, json!({"domains": ["used.example"]})),
        (TENANT, json!({"domains": ["sip.example.net"]})),
        (SYSTEM, json!({"domain": "used.example"})),
        (SYSTEM, json!({"domain": "sip.example.net"})),
    ] {
        client.call("DELETE", path, Some(body)).await.assert_invalid("in use");
    }
    platform.edit(|s| s.tenants.clear());
    client.call("DELETE", SYSTEM, Some(json!({"domain": "sip.example.net"}))).await.assert_invalid("in use");
    client.call("DELETE", SYSTEM, Some(json!({"domain": "used.example"}))).await.ok();
}

#[tokio::test]
async fn an_unknown_default_domain_is_refused_without_auto_creation() {
    let (platform, client) = acme().await;
    client.post(GROUPS, new_group(json!({"defaultDomain": "new.example"}))).await.assert_invalid("new.example");
    assert!(platform.edit(|s| s.group("Acme", "HQ").is_none()));
    platform.edit(|s| s.add_system_domain("new.example"));
    client.post(GROUPS, new_group(json!({"defaultDomain": "new.example"}))).await.assert_invalid("new.example");
}

#[tokio::test]
async fn the_setting_auto_creates_an_unknown_default_domain_on_all_levels() {
    let (platform, client) = acme().await;
    platform.edit(|s| s.settings.auto_create.group_default_domain = true);
    let created = client.post(GROUPS, new_group(json!({"defaultDomain": "new.example"}))).await.ok();
    assert_eq!(created["defaultDomain"], "new.example");
    assert_eq!(levels(&platform, "new.example"), [true, true, true]);
}

#[tokio::test]
async fn auto_create_domain_of_the_call_overrides_the_setting_both_ways() {
    let (platform, client) = acme().await;
    let on = json!({"defaultDomain": "new.example", "autoCreateDomain": true});
    client.post(GROUPS, new_group(on)).await.ok();
    assert_eq!(levels(&platform, "new.example"), [true, true, true]);
    platform.edit(|s| s.settings.auto_create.group_default_domain = true);
    let off = json!({"defaultDomain": "other.example", "autoCreateDomain": false});
    client.put(HQ, off).await.assert_invalid("other.example");
    assert_eq!(levels(&platform, "other.example"), [false, false, false]);
}

#[tokio::test]
async fn a_put_creates_and_assigns_a_default_domain_too() {
    let (platform, client) = acme_hq().await;
    client.put(HQ, json!({"defaultDomain": "new.example"})).await.assert_invalid("new.example");
    let changed = client.put(HQ, json!({"defaultDomain": "new.example", "autoCreateDomain": true})).await.ok();
    assert_eq!(changed["defaultDomain"], "new.example");
    assert_eq!(changed.get("autoCreateDomain"), None);
    assert_eq!(levels(&platform, "new.example"), [true, true, true]);
}

#[tokio::test]
async fn a_domain_of_the_tenant_is_assigned_when_it_becomes_the_default() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| s.add_tenant_domain("Acme", "new.example"));
    client.put(HQ, json!({"defaultDomain": "new.example"})).await.ok();
    assert_eq!(levels(&platform, "new.example"), [true, true, true]);
}

#[tokio::test]
async fn the_stricter_reading_wants_the_default_domain_assigned_beforehand() {
    let (platform, client) = acme_hq().await;
    platform.edit(|s| {
        s.settings.assumptions.default_domain_must_be_assigned = true;
        s.add_tenant_domain("Acme", "new.example");
    });
    client.put(HQ, json!({"defaultDomain": "new.example"})).await.assert_invalid("new.example");
    client.put(GROUP, json!({"domains": ["new.example"]})).await.ok();
    client.put(HQ, json!({"defaultDomain": "new.example"})).await.ok();
}

#[tokio::test]
async fn an_auto_created_domain_stays_when_the_group_goes() {
    let (platform, client) = acme().await;
    client.post(GROUPS, new_group(json!({"defaultDomain": "new.example", "autoCreateDomain": true}))).await.ok();
    assert_eq!(client.delete(HQ).await.status, 200);
    assert_eq!(levels(&platform, "new.example"), [true, true, false]);
}
