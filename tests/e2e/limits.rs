//! `--tenants-by-namespace`.

use apio_operator::api::{Group, Reseller, Tenant};
use kube::{Api, runtime::wait::await_condition};
use serde_json::json;
use testkit::deployment::rights;

use crate::{
    fixtures::{acme, hq, manifest},
    world::{RULES, SOON, Wish, World, has, is, message, new_name},
};

#[tokio::test]
async fn a_namespace_uses_its_own_tenants_only_and_does_not_even_see_the_others() {
    let limits = ["--tenants-by-namespace", r#"{"*": ["Globex"]}"#];
    let mut world = World::with(Wish { arguments: &limits, ..Wish::default() }).await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_tenant("Globex");
    });
    let observer = manifest("Group", "observer", "tenantId: Acme, groupId: Other, managementPolicy: Observe");
    world.apply(&(hq("") + &acme("") + &observer + &manifest("Group", "own", "tenantId: Globex, groupName: Own")));
    world.group("own").await;
    for name in ["hq", "observer"] {
        let group: Group = world.reason(name, "Ready", "NotPermitted").await;
        assert!(has(&group, "Stalled"));
        let said = format!("namespace {} may not use tenant Acme; ", world.namespace);
        assert!(message(&group, "Ready").starts_with(&said), "{}", message(&group, "Ready"));
    }
    world.reason::<Tenant>("acme", "Ready", "NotPermitted").await;
    let about_acme = world.platform.journal().into_iter().find(|call| call.path.contains("Acme"));
    assert!(about_acme.is_none(), "{about_acme:?}");

    // What names an object without the right to it stands in nobody's way: neither before the owner nor after it.
    let beside = new_name();
    world.plane.run(&["create", "namespace", &beside]).unwrap();
    world.plane.apply(&rights(RULES, &world.namespace, Some(&beside))).unwrap();
    let without = format!(r#"{{"{beside}": [], "*": ["Globex"]}}"#);
    let url = world.platform.url();
    world.replace_operator(&url, &["--watch-namespaces", &beside, "--tenants-by-namespace", &without]);
    let both = manifest("Group", "both", "tenantId: Globex, groupId: Both, groupName: Both");
    world.plane.apply_in(&beside, &both).unwrap();
    let there: Api<Group> = Api::namespaced(world.client.clone(), &beside);
    let refused = |group: Option<&Group>| {
        group.and_then(|group| group.status.as_ref()).is_some_and(|status| is(status, "Stalled", "True"))
    };
    tokio::time::timeout(SOON, await_condition(there, "both", refused)).await.unwrap().unwrap();
    world.apply(&both);
    world.group("both").await;
    world.delete("group/both");
    world.until_gone::<Group>("both").await;
    let about_both = ["POST /tenants/Globex/groups/", "DELETE /tenants/Globex/groups/Both/"];
    assert_eq!(world.writes()[1..], about_both, "{}", world.story());

    // What a namespace may not use any more it does not delete either, and Orphan lets go of it.
    world.replace_operator(&url, &["--tenants-by-namespace", r#"{"*": []}"#]);
    world.delete("group/own");
    world.reason::<Group>("own", "DeletionBlocked", "NotPermitted").await;
    world.kubectl(&["annotate", "group", "own", "apio.netaxis.be/deletion=Orphan"]);
    world.until_gone::<Group>("own").await;
    assert_eq!(world.writes().len(), 1 + about_both.len(), "{}", world.story());
}

#[tokio::test]
async fn resellers_and_system_domains_need_a_grant_of_their_own_once_a_namespace_is_limited() {
    let creating = "APIO_OBJECT_CREATION: {RESELLER: true}\nAUTO_CREATE: {GROUP_DEFAULT_DOMAIN: true}";
    let mut world = World::with_settings(creating).await;
    let seed = world.platform.url();
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_reseller("Theirs");
    });
    // Before there was a limit.
    world.apply(&manifest("Reseller", "own", "externalName: Own"));
    world.ready::<Reseller>("own").await;
    let before = world.writes().len();

    world.replace_operator(&seed, &["--tenants-by-namespace", r#"{"*": ["*"]}"#]);
    let asked = world.platform.journal().len();
    world.apply(&manifest("Reseller", "theirs", "resellerName: Theirs, externalName: Ours, adoptionPolicy: Always"));
    world.apply(&hq("resellerId: Theirs"));
    world.apply(&manifest("Group", "new", "tenantId: Acme, groupName: New, resellerId: New"));
    world.apply(&manifest("Group", "by-name", "tenantId: Acme, groupName: By name, resellerRef: {name: theirs}"));
    world.apply(&acme("adoptionPolicy: Always, resellerId: Theirs"));
    world.change::<Reseller>("own", json!({"spec": {"externalName": "Changed"}})).await;
    let mut said = Vec::new();
    for name in ["hq", "new", "by-name"] {
        said.push(message(&world.reason::<Group>(name, "Ready", "NotPermitted").await, "Ready"));
    }
    said.push(message(&world.reason::<Tenant>("acme", "Ready", "NotPermitted").await, "Ready"));
    for name in ["theirs", "own"] {
        said.push(message(&world.reason::<Reseller>(name, "Ready", "NotPermitted").await, "Ready"));
    }
    for (said, what) in said.iter().zip(["Theirs", "New", "Theirs", "Theirs", "Theirs", "own"]) {
        let begin = format!("namespace {} may not use reseller {what}; ", world.namespace);
        assert!(said.starts_with(&begin) && said.contains("--tenants-by-namespace"), "{said}");
    }
    world.delete("reseller/own");
    world.reason::<Reseller>("own", "DeletionBlocked", "NotPermitted").await;
    world.kubectl(&["annotate", "reseller", "own", "apio.netaxis.be/deletion=Orphan"]);
    world.until_gone::<Reseller>("own").await;
    let about = world.platform.journal().split_off(asked);
    let about: Vec<_> = about.iter().filter(|call| call.path.contains("resellers")).collect();
    assert!(about.is_empty(), "{about:?}");
    assert_eq!(world.writes().len(), before, "{}", world.story());

    world.apply(&manifest("Group", "domain", "tenantId: Acme, groupName: D, defaultDomain: new.example"));
    let group: Group = world.reason("domain", "Ready", "NotPermitted").await;
    assert!(message(&group, "Ready").contains("defaultDomain new.example created at system level"));
    assert_eq!(world.writes().len(), before, "{}", world.story());
    // Somebody else makes it known to the platform: to have it for the own tenant takes no more than that tenant.
    world.platform.edit(|state| state.add_system_domain("new.example"));
    world.looked::<Group>("domain").await;
    world.group("domain").await;
    let assigned = ["PUT /tenants/Acme/domains/", "POST /tenants/Acme/groups/"];
    assert_eq!(world.writes()[before..], assigned, "{}", world.story());

    let granted = r#"{"*": {"tenants": ["Acme"], "resellers": ["Theirs", "New"], "systemDomains": true}}"#;
    world.replace_operator(&seed, &["--tenants-by-namespace", granted]);
    for name in ["hq", "new", "by-name"] {
        world.group(name).await;
    }
    world.ready::<Reseller>("theirs").await;
    world.apply(&manifest("Group", "granted", "tenantId: Acme, groupName: G, defaultDomain: granted.example"));
    world.group("granted").await;
}
