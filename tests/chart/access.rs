//! Who may do what: the operator in a list of namespaces, and people by the roles of the cluster.

use apio_operator::api::Group;
use serde_json::json;
use testkit::helm::Major;

use crate::{
    fixtures::hq,
    release::{Release, SYSTEM, TELEPHONY},
    world::World,
};

const OPERATOR: &str = "system:serviceaccount:apio-system:apio-apio-operator";

impl Release {
    fn may(&self, who: &str, verb: &str, what: &str, namespace: &str) -> bool {
        let place = format!("--namespace={namespace}");
        let what: Vec<&str> = what.split(' ').collect();
        let asked = [&["auth", "can-i", verb], &what[..], &[&place, "--as", who]].concat();
        let answer = self.plane.kubectl(&asked).output().unwrap();
        String::from_utf8(answer.stdout).unwrap().trim() == "yes"
    }
}

#[tokio::test]
async fn an_operator_of_some_namespaces_has_no_rights_in_others() {
    let release = Release::none().await;
    release.plane.create_namespace("other").unwrap();
    // Its own may be one of them.
    release.kubectl(&["create", "namespace", SYSTEM]);
    release.install(Major::Four, &json!({"watchNamespaces": [TELEPHONY, SYSTEM], "rbac": {"finishDeletions": false}}));
    release.add_credentials();
    release.platform.edit(|state| {
        state.add_tenant("Acme");
    });
    let world = release.operate(TELEPHONY).await;
    release.plane.apply_in("other", &hq("").replace("HQ", "Other")).unwrap();
    release.plane.apply_in(SYSTEM, &hq("").replace("HQ", "Own")).unwrap();
    world.apply(&hq(""));
    world.group("hq").await;
    let own = World { namespace: SYSTEM.to_owned(), ..world };
    own.group("hq").await;
    let world = World { namespace: TELEPHONY.to_owned(), ..own };
    for (what, telephony, other) in [("groups.apio.netaxis.be", true, false), ("secrets", false, false)] {
        assert_eq!(release.may(OPERATOR, "list", what, TELEPHONY), telephony, "{what}");
        assert_eq!(release.may(OPERATOR, "list", what, "other"), other, "{what}");
    }
    let mut created = world.writes();
    created.sort();
    assert_eq!(
        created,
        ["POST /tenants/Acme/groups/", "POST /tenants/Acme/groups/"],
        "two of three: not that of other"
    );
    assert!(world.platform.edit(|state| state.group("Acme", "Other").is_none()));
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
}

#[tokio::test]
async fn what_finishes_a_deletion_outlives_the_role_of_the_namespace_and_is_nothing_else() {
    let release = Release::none().await;
    let helm = release.install(Major::Four, &json!({"watchNamespaces": [TELEPHONY]}));
    release.plane.create_namespace("other").unwrap();
    let needed = [
        ("list", "groups.apio.netaxis.be"),
        ("watch", "tenants.apio.netaxis.be"),
        ("patch", "resellers.apio.netaxis.be"),
        ("patch", "groups.apio.netaxis.be --subresource=status"),
    ];
    for (verb, what) in needed {
        assert!(release.may(OPERATOR, verb, what, "other"), "{verb} {what}");
    }
    for (verb, what) in [
        ("create", "events.events.k8s.io"),
        ("create", "groups.apio.netaxis.be"),
        ("delete", "groups.apio.netaxis.be"),
        ("update", "groups.apio.netaxis.be"),
        ("list", "secrets"),
        ("get", "configmaps"),
    ] {
        assert!(!release.may(OPERATOR, verb, what, "other"), "{verb} {what}");
    }
    // As the deletion of a namespace does.
    release.kubectl(&["delete", "rolebinding,role", "--all", "-n", TELEPHONY]);
    for (verb, what) in needed {
        assert!(release.may(OPERATOR, verb, what, TELEPHONY), "{verb} {what}");
    }
    release
        .helm(&helm, "upgrade", &json!({"watchNamespaces": [TELEPHONY], "rbac": {"finishDeletions": false}}), &[])
        .unwrap();
    assert!(!release.may(OPERATOR, "list", "groups.apio.netaxis.be", "other"));
}

#[tokio::test]
async fn an_operator_of_all_namespaces_reads_no_secret_but_its_own() {
    let release = Release::none().await;
    release.install(Major::Four, &json!({}));
    assert!(release.may(OPERATOR, "list", "groups.apio.netaxis.be", "anywhere"));
    assert!(release.may(OPERATOR, "watch", "secrets/apio-credentials", SYSTEM));
    for (verb, what, namespace) in [
        ("list", "secrets", SYSTEM),
        ("get", "secrets", TELEPHONY),
        ("create", "groups.apio.netaxis.be", TELEPHONY),
        ("delete", "groups.apio.netaxis.be", TELEPHONY),
        ("update", "configmaps/apio-settings", SYSTEM),
        ("get", "configmaps", TELEPHONY),
        ("list", "pods", SYSTEM),
        ("get", "nodes", SYSTEM),
        ("delete", "customresourcedefinitions.apiextensions.k8s.io/groups.apio.netaxis.be", SYSTEM),
    ] {
        assert!(!release.may(OPERATOR, verb, what, namespace), "{verb} {what} in {namespace}");
    }
}

#[tokio::test]
async fn the_roles_of_the_cluster_have_our_kinds_and_a_value_takes_that_back() {
    let release = Release::none().await;
    if !release.plane.needs_controller_manager("the roles of the cluster") {
        return;
    }
    let helm = release.install(Major::Four, &json!({}));
    for role in ["view", "edit", "admin"] {
        let user = format!("--user={role}");
        release.kubectl(&["create", "rolebinding", role, "-n", TELEPHONY, &format!("--clusterrole={role}"), &user]);
    }
    let expected =
        [("view", "list", true), ("view", "create", false), ("edit", "create", true), ("admin", "delete", true)];
    let settled = |expected: &[(&str, &str, bool)]| {
        let may = |who: &str, verb: &str| {
            ["groups", "tenants", "resellers"]
                .iter()
                .all(|kind| release.may(who, verb, &format!("{kind}.apio.netaxis.be"), TELEPHONY))
        };
        let all = testkit::cluster::within(crate::world::SOON, || {
            expected.iter().all(|(who, verb, answer)| may(who, verb) == *answer).then_some(())
        });
        assert!(all.is_some(), "{expected:?}");
    };
    settled(&expected);
    // Nobody but the operator writes a status.
    assert!(!release.may("admin", "patch", "groups.apio.netaxis.be --subresource=status", TELEPHONY));
    release.helm(&helm, "upgrade", &json!({"rbac": {"aggregateToEdit": false}}), &[]).unwrap();
    settled(&[("view", "list", true), ("edit", "list", true), ("edit", "create", false), ("admin", "delete", false)]);
}
