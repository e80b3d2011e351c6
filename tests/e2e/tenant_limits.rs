//! `--tenants-by-namespace`.

use apio_operator::api::Group;

use crate::{
    fixtures::{acme, hq, manifest},
    world::{Wish, World, has, message},
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

    // What a namespace may not use any more it does not delete either, and Orphan lets go of it.
    world.replace_operator(&world.platform.url(), &["--tenants-by-namespace", r#"{"*": []}"#]);
    world.delete("group/own");
    world.reason::<Group>("own", "DeletionBlocked", "NotPermitted").await;
    world.kubectl(&["annotate", "group", "own", "apio.netaxis.be/deletion=Orphan"]);
    world.until_gone::<Group>("own").await;
    assert_eq!(world.writes(), ["POST /tenants/Globex/groups/"]);
}
