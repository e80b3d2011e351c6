//! `--tenants-by-namespace`.

use apio_operator::api::Group;
use kube::{Api, runtime::wait::await_condition};
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
    world.reason::<apio_operator::api::Tenant>("acme", "Ready", "NotPermitted").await;
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
