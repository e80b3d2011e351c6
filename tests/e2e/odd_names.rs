//! What the definitions let through works: ids with every odd character, and the longest of everything.

use apio_operator::api::{Group, Reseller, Tenant};
use serde_json::{Map, Value, json};

use crate::{
    manifests::{CONTACT_AND_ADDRESS, Limits, OF_A_GROUP, OF_A_RESELLER, OF_A_TENANT, long as long_name, with},
    world::{World, message},
};

const ODD: [&str; 12] =
    ["a@b", "a+b", "a b", "a%b", "a?b#c", "a&b=c;d", "a\"b'c", "a:b", "...", "{a}|<b>^`~", "é漢字🙂", "-_."];

fn resource(kind: &str, name: &str, spec: &Value) -> String {
    let meta = json!({"name": name});
    format!(
        "---\n{}\n",
        json!({"apiVersion": "apio.netaxis.be/v1alpha1", "kind": kind, "metadata": meta, "spec": spec})
    )
}

/// A reseller, a tenant of it, and two groups in that, of which one names its tenant by id.
fn family(n: usize, id: &str, word: &str) -> String {
    let name = format!("n{n}");
    resource("Reseller", &name, &json!({"resellerName": id, "externalName": word}))
        + &resource("Tenant", &name, &json!({"tenantId": id, "type": "Enterprise", "name": word, "resellerId": id}))
        + &resource(
            "Group",
            &name,
            &json!({"tenantRef": {"name": name}, "groupId": id, "groupName": word, "resellerRef": {"name": name}}),
        )
        + &resource("Group", &format!("plain-{n}"), &json!({"tenantId": id, "groupId": "HQ", "groupName": word}))
}

async fn are_ready(world: &World) {
    for (n, id) in ODD.into_iter().enumerate() {
        let reseller: Reseller = world.ready(&format!("n{n}")).await;
        let tenant: Tenant = world.ready(&format!("n{n}")).await;
        let group = world.group(&format!("n{n}")).await;
        world.group(&format!("plain-{n}")).await;
        let identities = [reseller.status, tenant.status, group.status].map(|status| status.unwrap().identity.unwrap());
        assert_eq!(identities[0].reseller_name.as_deref(), Some(id));
        assert_eq!(identities[1].tenant_id.as_deref(), Some(id));
        assert_eq!((identities[2].tenant_id.as_deref(), identities[2].group_id.as_deref()), (Some(id), Some(id)));
    }
}

#[tokio::test]
async fn ids_with_odd_characters_are_created_changed_counted_and_deleted_like_any_other() {
    let world = World::new().await;
    let families = |word: &str| ODD.iter().enumerate().map(|(n, id)| family(n, id, word)).collect::<String>();
    world.apply(&families("First"));
    are_ready(&world).await;
    world.platform.edit(|state| {
        assert!(state.tenants.keys().map(String::as_str).eq(sorted(&ODD)), "{:?}", state.tenants.keys());
        assert!(state.resellers.keys().map(String::as_str).eq(sorted(&ODD)), "{:?}", state.resellers.keys());
        for (id, tenant) in &state.tenants {
            assert!(tenant.groups.keys().map(String::as_str).eq(sorted(&["HQ", id])), "{:?}", tenant.groups.keys());
        }
    });
    world.apply(&families("Second"));
    are_ready(&world).await;
    world.platform.edit(|state| {
        for (id, tenant) in &state.tenants {
            let words = [&tenant.attributes["name"], &state.resellers[id]["externalName"]];
            let groups = tenant.groups.values().map(|group| &group.attributes["groupName"]);
            assert!(words.into_iter().chain(groups).all(|word| word == "Second"), "{id}");
        }
    });
    let writes = world.platform.writes();
    let created = writes.iter().filter(|call| call.method == "POST").count();
    assert_eq!((created, writes.len()), (4 * ODD.len(), 8 * ODD.len()), "{}", world.story());

    world.platform.edit(|state| ODD.iter().for_each(|id| state.add_user(id, id, "a@acme.example", false)));
    world.kubectl(&["delete", "groups", "--all", "--wait=false"]);
    for n in 0..ODD.len() {
        let group: Group = world.reason(&format!("n{n}"), "DeletionBlocked", "GroupNotEmpty").await;
        assert!(message(&group, "DeletionBlocked").contains("1 user;"));
    }
    world.platform.edit(|state| ODD.iter().for_each(|id| state.clear_contents(id, id)));
    for n in 0..ODD.len() {
        world.nudge::<Group>(&format!("n{n}")).await;
    }
    world.kubectl(&["delete", "apio", "--all", "--wait=false"]);
    for n in 0..ODD.len() {
        let name = format!("n{n}");
        world.until_gone::<Group>(&name).await;
        world.until_gone::<Tenant>(&name).await;
        world.until_gone::<Reseller>(&name).await;
    }
    assert!(world.platform.edit(|state| state.tenants.is_empty() && state.resellers.is_empty()));
}

fn sorted<'a>(ids: &[&'a str]) -> Vec<&'a str> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn ids_that_differ_by_case_only_are_two_groups() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    let group =
        |name: &str, id: &str| resource("Group", name, &json!({"tenantId": "Acme", "groupId": id, "groupName": id}));
    world.apply(&(group("upper", "HQ") + &group("lower", "hq")));
    world.group("upper").await;
    world.group("lower").await;
    world.delete("group/upper");
    world.until_gone::<Group>("upper").await;
    assert!(world.platform.edit(|state| state.group("Acme", "HQ").is_none() && state.group("Acme", "hq").is_some()));
}

/// A spec with each of these texts as long as it may be.
fn longest(spec: Value, limits: &[Limits]) -> Value {
    limits.concat().into_iter().fold(spec, |spec, (path, most)| with(&spec, path, json!(long_name(path, most))))
}

/// The declared attributes among what the platform shows.
fn assert_observed(declared: &Value, observed: &Map<String, Value>, options: &[&str]) {
    for (key, value) in declared.as_object().unwrap() {
        assert!(options.contains(&key.as_str()) || observed.get(key) == Some(value), "{key}: {:?}", observed.get(key));
    }
}

#[tokio::test]
async fn the_longest_of_everything_is_created_read_back_told_and_deleted() {
    let world = World::new().await;
    let long = |n: usize| "é".repeat(n);
    world.platform.edit(|state| {
        state.settings.object_creation.tenant_data = true;
        state.add_system_domain(&long_name("defaultDomain", 80));
        state.add_template(&long(80), json!({}));
    });
    // Names of resources go into names of events, which are longer by a time.
    let name = "n".repeat(236);
    let apps: Vec<_> = (10..74).map(|n| format!("{n}{}", long(78))).collect();
    let reseller = longest(json!({"extraData": {"text": "x".repeat(60_000)}}), &[OF_A_RESELLER]);
    let tenant =
        longest(json!({"type": "Enterprise", "useTenantLanguages": true}), &[OF_A_TENANT, CONTACT_AND_ADDRESS]);
    let group =
        json!({"tenantRef": {"name": name}, "userLimit": 999_999, "autoCreateDomain": true, "excludedAppIds": apps});
    let group = longest(group, &[OF_A_GROUP, CONTACT_AND_ADDRESS]);
    let set = |group: &Value| {
        resource("Reseller", &name, &reseller) + &resource("Tenant", &name, &tenant) + &resource("Group", &name, group)
    };
    world.apply(&set(&group));
    let told: Reseller = world.ready(&name).await;
    assert_observed(&reseller, &told.status.unwrap().observed.unwrap().values(), &["resellerName"]);
    let told: Tenant = world.ready(&name).await;
    assert_observed(&tenant, &told.status.unwrap().observed.unwrap().values(), &[]);
    let told: Group = world.group(&name).await;
    let options = ["tenantRef", "groupId", "templateName", "autoCreateDomain", "excludedAppIds"];
    assert_observed(&group, &told.status.unwrap().observed.unwrap().values(), &options);
    assert_eq!(world.platform.writes().iter().filter(|call| call.method == "POST").count(), 3, "{}", world.story());

    // Every difference at once, in messages that fit.
    let reported = with(&group, "driftPolicy", json!("Report"));
    world.apply(&set(&reported));
    world.looked::<Group>(&name).await;
    world.platform.edit(|state| {
        let attributes = &mut state.group_mut(&long(30), &long(30)).unwrap().attributes;
        attributes.retain(|key, _| key == "defaultDomain");
    });
    let told: Group = world.looked(&name).await;
    let said = message(&told, "Synced");
    assert!(said.contains("; and 11 more; ") && said.chars().count() <= 1003, "{said}");
    assert_eq!(told.status.unwrap().drift.len(), 16);
    world.told(&name, "Drifted").await;
    assert!(world.kubectl(&["describe", "group", &name]).contains("Drifted"));
    assert_eq!(world.metric("apio_operator_event_failures_total").await, 0);

    world.kubectl(&["delete", "apio", "--all", "--wait=false"]);
    world.until_gone::<Group>(&name).await;
    world.until_gone::<Tenant>(&name).await;
    world.until_gone::<Reseller>(&name).await;
    let deleted = world.platform.edit(|state| state.deletions.clone());
    assert_eq!(deleted[0].excluded_app_ids, apps);
    assert!(world.platform.edit(|state| state.tenants.is_empty() && state.resellers.is_empty()));
}
