use kube::ResourceExt;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    api::{AutoCreating, Group, Ownership, OwnershipState, Reseller, Tenant},
    engine::{
        facts::{Cluster, Facts, Query, Reference},
        grants::Grants,
        ids::{Key, Level},
        kind::{Kind, Subject},
        plan::{Plan, Verdict, model::*, plan},
    },
};

#[test]
fn a_paused_resource_ends_before_anything_is_asked() {
    let pass = group("{tenantId: Acme}").with(|case| case.subject.paused = true).pass();
    assert_eq!((pass.verdict, pass.asked.len()), (Verdict::Paused, 0));
}

#[test]
fn a_deletion_without_our_finalizer_is_none_of_our_business() {
    let mut case = group("{tenantId: Acme}").synced(1).deleting().with(|case| case.subject.held = false);
    let pass = case.pass();
    assert_eq!((pass.verdict, pass.asked.len(), pass.report.status), (Verdict::Ignored, 0, None));
}

#[test]
fn a_paused_deletion_still_runs() {
    let mut case = group("{tenantId: Acme}").present(json!({})).synced(1).deleting();
    case.subject.paused = true;
    assert_eq!(case.pass().steps(), ["delete_group", "release"]);
}

#[test]
fn a_resource_that_observes_compares_and_writes_nothing() {
    let spec = "{tenantId: Acme, groupName: a, managementPolicy: Observe, autoCreateDomain: true, defaultDomain: d}";
    let absent = group(spec).pass();
    assert_eq!((absent.steps(), absent.reason()), (vec![], "NotFound"));
    let equal = group(spec).present(json!({"groupName": "a", "defaultDomain": "d"})).pass();
    assert_eq!((equal.steps(), equal.verdict), (vec![], Verdict::Synced));
    let other = group(spec).present(json!({"groupName": "b"})).pass();
    assert!(matches!(other.verdict, Verdict::Drifted(found) if found.len() == 2));
    assert_eq!(other.facts.taken().len(), 0);
}

/// The namespace may use this only.
fn granted<K>(case: &mut Case<K>, grant: &str) {
    case.cluster.grant = format!("{{'*': {grant}}}").parse::<Grants>().unwrap().of("ns");
}

/// Nothing was asked, nothing was done, and this is why.
fn assert_not_permitted(pass: &Pass, what: &str) {
    assert_eq!((pass.steps(), pass.asked.len(), pass.reason()), (vec![], 0, "NotPermitted"));
    let said = format!("namespace ns may not use {what}; have it added to the operator's --tenants-by-namespace, or ");
    assert!(pass.end().1.starts_with(&said), "{}", pass.end().1);
}

#[test]
fn a_tenant_that_the_namespace_may_not_use_is_neither_asked_for_nor_written_to_nor_deleted() {
    let spec = "{tenantId: Acme, groupName: a}";
    for case in [group(spec), group("{tenantId: Acme, managementPolicy: Observe}"), group(spec).synced(1).deleting()] {
        let mut case = case.present(json!({"groupName": "b"})).with(|case| granted(case, "[Globex]"));
        assert_not_permitted(&case.pass(), "tenant Acme");
    }
    let mut orphan = group(spec).present(json!({})).synced(1).deleting().with(|case| granted(case, "[]"));
    orphan.subject.orphan = true;
    assert_eq!(orphan.pass().steps(), ["release"]);
}

#[test]
fn a_reseller_that_the_namespace_may_not_use_is_neither_asked_for_nor_written_to_nor_deleted() {
    for spec in ["{}", "{managementPolicy: Observe}", "{adoptionPolicy: Always, externalName: Ours}"] {
        for case in [reseller(spec), reseller(spec).present(json!({})), reseller(spec).present(json!({})).synced(1)] {
            assert_not_permitted(&case.with(|case| granted(case, "['*', R1]")).pass(), "reseller R1");
        }
    }
    let held = || reseller("{}").present(json!({})).synced(1).deleting();
    assert_not_permitted(&held().with(|case| granted(case, "{resellers: [Other]}")).pass(), "reseller R1");
    let orphan = |case: &mut Case<Reseller>| case.subject.orphan = true;
    assert_eq!(held().with(|case| granted(case, "[]")).with(orphan).pass().steps(), ["release"]);
    assert_eq!(held().with(|case| granted(case, "{resellers: [R1]}")).pass().steps(), ["delete_reseller", "release"]);
}

#[test]
fn a_reseller_that_the_namespace_may_not_use_is_not_named_either() {
    let best = || Key::Reseller("Best".into());
    for (by_id, by_name) in [("resellerId: Best", false), ("resellerRef: {name: best}", true)] {
        for exists in [true, false] {
            let around = |cluster: &mut Cluster, platform: &mut Platform| {
                cluster.settings.as_mut().unwrap().reseller = true;
                cluster.references.extend(by_name.then(|| (Reference::Reseller("best".into()), "Best".into())));
                platform.objects.extend(exists.then(|| (best(), object(json!({})))));
            };
            let mut hq = group(&format!("{{tenantId: Acme, groupName: a, {by_id}}}"));
            around(&mut hq.cluster, &mut hq.platform);
            assert_not_permitted(&hq.clone().with(|case| granted(case, "[Acme, Best]")).pass(), "reseller Best");
            let mut acme = tenant(&format!("{{type: Enterprise, {by_id}}}"));
            around(&mut acme.cluster, &mut acme.platform);
            assert_not_permitted(&acme.with(|case| granted(case, "[Acme]")).pass(), "reseller Best");
            // What the spec names says nothing about a deletion: it takes what the record names.
            let going = hq.clone().present(json!({})).synced(1).deleting().with(|case| granted(case, "[Acme]"));
            assert_eq!(going.clone().pass().steps(), ["delete_group", "release"]);
            if exists || !by_name {
                let both = "{tenants: [Acme], resellers: [Best]}";
                assert_eq!(hq.with(|case| granted(case, both)).pass().verdict, Verdict::Synced);
            }
        }
    }
    // What an earlier pass was about to create is not looked for any more.
    let mut begun = group("{tenantId: Acme, groupName: a}").with(|case| granted(case, "[Acme]"));
    let resellers = vec!["Best".to_owned()];
    begun.subject.status.auto_creating = Some(AutoCreating { resellers, ..AutoCreating::default() });
    assert!(!begun.pass().asked.contains(&Query::Object(best())));
}

#[test]
fn a_domain_is_created_for_the_whole_platform_only_with_a_grant_and_assigned_to_the_own_tenant_without() {
    let spec = "{tenantId: Acme, groupName: a, defaultDomain: d, autoCreateDomain: true}";
    let pass = group(spec).with(|case| granted(case, "[Acme]")).pass();
    assert_eq!((pass.steps(), pass.reason()), (vec![], "NotPermitted"));
    assert_eq!(
        pass.end().1,
        "this namespace may not have defaultDomain d created at system level; create the domain there, or have systemDomains granted in the operator's --tenants-by-namespace"
    );
    let mut known = group(spec).with(|case| granted(case, "[Acme]"));
    known.platform.know(Level::System, "d");
    let pass = known.pass();
    assert_eq!(pass.steps(), ["hold", "assign_domain", "create_group"]);
    assert_eq!(pass.body("create_group")["autoCreateDomain"], json!(false), "the platform would create it as well");
    let pass = group(spec).with(|case| granted(case, "{tenants: [Acme], systemDomains: true}")).pass();
    assert_eq!(pass.steps(), ["hold", "create_domain", "assign_domain", "create_group"]);
    assert_eq!(pass.body("create_group")["autoCreateDomain"], json!(true));
}

#[test]
fn a_missing_reference_is_waited_for_by_name_without_a_call() {
    let mut case: Case<Group> = Case::new("Group", "hq", "{tenantRef: {name: acme}, groupName: a}");
    let pass = case.pass();
    assert_eq!(
        pass.end(),
        (
            "WaitingForTenant",
            "waiting for the Tenant resource acme, which does not exist in this namespace; create it there"
        )
    );
    assert_eq!(pass.asked, []);

    let pass = group("{tenantId: Acme, resellerRef: {name: best}}").pass();
    assert_eq!(
        pass.end(),
        (
            "WaitingForReseller",
            "waiting for the Reseller resource best, which does not exist in this namespace; create it there"
        )
    );
    let mut case = tenant("{type: Enterprise, resellerRef: {name: best}}");
    assert_eq!(case.pass().reason(), "WaitingForReseller");
}

#[test]
fn a_reference_stands_for_the_id_of_what_it_names() {
    let mut case: Case<Group> =
        Case::new("Group", "hq", "{tenantRef: {name: t}, groupName: a, resellerRef: {name: r}}");
    case.cluster.references.insert(Reference::Tenant("t".into()), "Acme".into());
    case.cluster.references.insert(Reference::Reseller("r".into()), "Best".into());
    case.platform.objects.insert(acme(), object(json!({})));
    case.platform.objects.insert(Key::Reseller("Best".into()), object(json!({})));
    let pass = case.pass();
    assert_eq!(pass.body("create_group"), json!({"groupId": "hq", "groupName": "a", "resellerId": "Best"}));
    assert!(case.platform.objects.contains_key(&hq()));
}

#[test]
fn a_better_claim_of_another_resource_refuses_before_any_call() {
    let rival = |case: &mut Case<Group>| case.cluster.rival = Some("ns/older".into());
    let pass = group("{tenantId: Acme}").with(rival).pass();
    assert_eq!((pass.reason(), pass.asked.len()), ("NotOwned", 0));
    assert!(pass.end().1.starts_with("ns/older stands for group hq of tenant Acme too"));
    let observing = group("{tenantId: Acme, managementPolicy: Observe}").present(json!({})).with(rival).pass();
    assert_eq!(observing.verdict, Verdict::Synced);
}

#[test]
fn another_platform_address_is_never_a_404_to_act_upon() {
    let mut case = group("{tenantId: Acme}").synced(1);
    case.cluster.platform = "https://other.test".into();
    for deleting in [false, true] {
        case.subject.deleting = deleting;
        let pass = case.pass();
        assert_eq!((pass.reason(), pass.asked.len(), pass.steps()), ("PlatformChanged", 0, vec![]));
        assert!(pass.end().1.contains(PLATFORM) && pass.end().1.contains("other.test"));
    }
}

#[test]
fn a_reference_that_now_leads_to_another_id_is_identity_changed() {
    let mut case = group("{tenantId: Acme}").synced(1);
    case.object.spec.tenant_id = Some("Other".into());
    let pass = case.pass();
    assert_eq!((pass.reason(), pass.asked.len()), ("IdentityChanged", 0));
    assert!(
        pass.end()
            .1
            .contains("stands for group hq of tenant Acme but its references now lead to group hq of tenant Other")
    );
}

#[test]
fn what_a_subject_says_comes_from_the_resource() {
    let object: Group = serde_yaml::from_str(
        "
apiVersion: apio.netaxis.be/v1alpha1
kind: Group
metadata:
  name: hq
  namespace: ns
  uid: u
  generation: 3
  finalizers: [apio.netaxis.be/platform]
  deletionTimestamp: 2026-01-01T00:00:00Z
  annotations: {apio.netaxis.be/paused: 'true', apio.netaxis.be/deletion: Orphan, apio.netaxis.be/requested-at: now}
spec: {tenantId: Acme}
",
    )
    .unwrap();
    let subject = Subject::of(&object);
    assert!(subject.held && subject.deleting && subject.paused && subject.orphan && !subject.observes());
    assert_eq!((subject.generation, subject.requested_at.as_deref()), (3, Some("now")));
    assert!(!subject.lingers, "nobody else holds it");
    let mut object = object;
    object.metadata.finalizers = Some(vec!["foregroundDeletion".into()]);
    assert!(Subject::of(&object).lingers && !Subject::of(&object).held);
    object.metadata.annotations.as_mut().unwrap().insert("apio.netaxis.be/paused".into(), "false".into());
    object.metadata.annotations.as_mut().unwrap().insert("apio.netaxis.be/deletion".into(), "Delete".into());
    assert!(!Subject::of(&object).paused && !Subject::of(&object).orphan);
}

#[test]
fn every_kind_hands_on_its_policies_and_its_status() {
    fn read<K: Kind + ResourceExt + DeserializeOwned>(spec: &str) -> Subject {
        let meta = "{name: a, namespace: ns, generation: 1}";
        let text = format!("metadata: {meta}\nspec: {spec}\nstatus: {{usage: '3'}}\n");
        Subject::of(&serde_yaml::from_str::<K>(&text).unwrap())
    }
    for subject in [
        read::<Group>("{tenantId: Acme, managementPolicy: Observe}"),
        read::<Tenant>("{type: Enterprise, managementPolicy: Observe}"),
        read::<Reseller>("{managementPolicy: Observe}"),
    ] {
        assert_eq!((subject.observes(), subject.status.usage.as_deref()), (true, Some("3")));
    }
}

#[test]
fn users_are_told_of_groups_only() {
    let there = object(json!({"userCount": 3, "userLimit": 5}));
    let told = [Group::usage(&there), Tenant::usage(&there), Reseller::usage(&there)];
    assert_eq!(told, [Some("3/5".to_owned()), None, None]);
}

#[test]
fn a_plan_is_a_question_first() {
    let case = group("{tenantId: Acme, groupName: a}");
    let facts = Facts::new(case.cluster.clone());
    assert!(matches!(plan(&case.object, &case.subject, &facts), Plan::Ask(queries) if queries.len() == 1));
}

#[test]
fn a_record_that_names_an_object_of_another_kind_deletes_nothing() {
    let record = |key: Key| {
        Some(Ownership { platform: PLATFORM.into(), key: key.identity(), state: OwnershipState::Created, sent: None })
    };
    let mut of_reseller = reseller("{}").deleting();
    of_reseller.platform.objects.insert(acme(), object(json!({})));
    of_reseller.subject.status.ownership = record(acme());
    assert_eq!(of_reseller.pass().steps(), Vec::<&str>::new());
    let mut of_tenant = tenant("{type: Enterprise}").deleting();
    of_tenant.platform.objects.insert(hq(), object(json!({})));
    of_tenant.subject.status.ownership = record(hq());
    assert_eq!(of_tenant.pass().reason(), "IdentityChanged");
}

#[test]
fn an_id_that_could_lead_to_another_object_is_neither_asked_for_nor_deleted() {
    for id in ["../../tenants/Globex/groups/HQ", "a%2Fb", "R\u{200b}"] {
        let stored = || {
            let case = reseller(&format!("{{resellerName: {}}}", json!(id)));
            case.present(json!({"name": id, "externalName": "theirs"})).synced(1)
        };
        let pass = stored().pass();
        assert_eq!((pass.reason(), pass.asked.len(), pass.steps()), ("Invalid", 0, vec![]), "{id:?}");
        assert!(pass.end().1.ends_with("; choose another one"), "{}", pass.end().1);
        let pass = stored().deleting().pass();
        assert_eq!((pass.reason(), pass.asked.len(), pass.steps()), ("Invalid", 0, vec![]), "{id:?}");
        assert!(pass.end().1.contains("nothing is deleted by it; ") && pass.end().1.contains("deletion=Orphan"));
        let pass = stored().deleting().with(|case| case.subject.orphan = true).pass();
        assert_eq!((pass.asked.len(), pass.steps()), (0, vec!["release"]));
        let pass = group(&format!("{{tenantId: {}, groupName: a}}", json!(id))).pass();
        assert_eq!((pass.reason(), pass.asked.len(), pass.steps()), ("Invalid", 0, vec![]), "{id:?}");
        let mut owned = group(&format!("{{tenantId: Acme, groupName: a, resellerId: {}}}", json!(id)));
        assert_eq!((owned.pass().reason(), owned.pass().steps()), ("Invalid", vec![]), "{id:?}");
    }
}
