//! Texts of specs: what a block scalar, a word processor or a cell of a spreadsheet leaves around them.

use apio_operator::api::Group;
use serde_json::{Value, json};

use crate::{
    fixtures::manifest,
    manifests::{CONTACT_AND_ADDRESS, OF_A_GROUP, OF_A_RESELLER, OF_A_TENANT, Unwatched, tried, with},
    misplaced_ids::{until_refused, until_taken, with_rules, without_rules_of_fields},
    world::{Wish, World, own_plane},
};

#[tokio::test]
async fn a_text_that_is_more_than_one_line_or_ends_in_what_nobody_sees_is_refused_in_a_sentence() {
    let group = json!({"tenantId": "Acme", "groupName": "G"});
    let specs = [
        ("Group", group, OF_A_GROUP),
        ("Tenant", json!({"type": "Enterprise"}), OF_A_TENANT),
        ("Reseller", json!({}), OF_A_RESELLER),
    ];
    for (kind, spec, fields) in specs {
        let contacts = if kind == "Reseller" { &[] } else { CONTACT_AND_ADDRESS };
        for (path, _) in fields.iter().chain(contacts) {
            for odd in ["a\n", "a\tb", " a", "a ", "a\u{0}", "a\u{a0}", "\u{200b}a", "a\u{2028}b", " "] {
                let said = tried(kind, &with(&spec, path, json!(odd))).await;
                let said = said.unwrap_or_else(|| panic!("{kind} {path} {odd:?} is taken"));
                assert!(said.contains(&format!("spec.{path}: Invalid value")) && said.contains(": must "), "{said}");
            }
        }
    }
    let group = |field: &str, value: Value| with(&json!({"tenantId": "Acme", "groupName": "G"}), field, value);
    for name in ["Head  office", "é漢字🙂", "Support ❤\u{fe0f}", "می\u{200c}خواهم", "a/b\\c"] {
        assert_eq!(tried("Group", &group("groupName", json!(name))).await, None, "{name}");
    }
    assert_eq!(tried("Group", &group("cliName", json!(""))).await, None);
    assert!(
        tried("Group", &group("excludedAppIds", json!(["crm", "erp "]))).await.unwrap().contains("each must neither")
    );
    for domain in ["SIP.Acme.example", "a_b.c-d.e1", "x"] {
        assert_eq!(tried("Group", &group("defaultDomain", json!(domain))).await, None, "{domain}");
    }
    for domain in [".a", "a.", "a..b", "-a.b", "a-.b", "ä.example", "a b", "a/b", "a@b", "*.example"] {
        let said = tried("Group", &group("defaultDomain", json!(domain))).await;
        assert!(said.is_some_and(|said| said.contains("must be a domain name such as")), "{domain}");
    }
}

#[tokio::test]
async fn what_came_along_with_a_copied_text_is_refused_at_apply_with_the_name_of_its_field() {
    let place = Unwatched::new();
    let group = |more: &str| manifest("Group", "copied", &format!("groupId: C1, {more}"));
    let block = "apiVersion: apio.netaxis.be/v1alpha1\nkind: Group\nmetadata: {name: copied}\nspec:\n  tenantId: Acme\n  groupName: C1\n  \
        defaultDomain: |\n    c1.acme.example\n";
    for (yaml, field) in [
        (block.to_owned(), "spec.defaultDomain"),
        (group("tenantId: Acme, groupName: \"C1\\t\""), "spec.groupName"),
        (group("tenantId: Acme, groupName: C1, defaultDomain: \"c1.acme.example \""), "spec.defaultDomain"),
        (group("tenantId: \"Acme\\u200b\", groupName: C1"), "spec.tenantId"),
        (manifest("Group", "copied", "tenantId: Acme, groupId: \"C1\\u00a0\", groupName: C1"), "spec.groupId"),
        (group("tenantId: Acme, groupName: \"C1\\0\""), "spec.groupName"),
        (
            group("tenantId: Acme, groupName: C1, contactInformation: {emailAddress: \"jo@acme.example \"}"),
            "spec.contactInformation.emailAddress",
        ),
    ] {
        place.assert_refused(&yaml, &[&format!("{field}: Invalid value"), ": must "]);
    }
}

#[tokio::test]
async fn a_text_that_was_stored_before_it_was_refused_is_kept_and_the_rest_can_be_changed() {
    let plane = own_plane().await;
    without_rules_of_fields(plane);
    let world = World::with(Wish { plane: Some(plane), ..Wish::default() }).await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
        state.add_tenant_domain("Acme", "sip.acme.example ");
    });
    let odd = |more: &str| {
        let texts = "defaultDomain: 'sip.acme.example ', cliName: \"a\\nb\", excludedAppIds: ['crm ']";
        let spec = format!("tenantId: Acme, groupId: HQ, groupName: 'Head office ', {texts}, {more}");
        manifest("Group", "hq", &format!("{spec}contactInformation: {{name: 'Jo ', phoneNumber: '1'}}"))
    };
    until_taken(&world, &odd("")).await;
    world.group("hq").await;
    with_rules(plane);
    until_refused(&world, "hq", json!({"groupName": "Head\toffice"})).await;
    world.platform.clear_journal();
    world.kubectl(&["label", "group", "hq", "team=voice"]);
    world.looked::<Group>("hq").await;
    assert_eq!(world.writes(), [""; 0], "{}", world.story());
    world.apply(&odd("userLimit: 7, "));
    world.looked::<Group>("hq").await;
    assert_eq!(world.bodies("PUT", "/tenants/Acme/groups/HQ/"), [json!({"userLimit": 7})]);
    world.apply(&odd("userLimit: 7, ").replace("'1'", "'2'"));
    world.looked::<Group>("hq").await;
    let sent = json!({"contactInformation": {"name": "Jo ", "phoneNumber": "2", "emailAddress": ""}});
    assert_eq!(world.bodies("PUT", "/tenants/Acme/groups/HQ/")[1..], [sent]);
}
