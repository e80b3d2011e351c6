use std::fs;

use apio_operator::api::Group;
use k8s_openapi::api::{core::v1::ConfigMap, events::v1::Event};
use kube::api::ListParams;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    command_line,
    fixtures::{hq, manifest, settings},
    world::{World, has, message},
};

const VALID: &str = "apio_operator_settings_valid";

async fn with_acme(text: &str) -> World {
    let world = World::with_settings(text).await;
    world.platform.edit(|state| {
        state.add_tenant("Acme");
    });
    world
}

const RESELLERS: &str = "APIO_OBJECT_CREATION: {RESELLER: true}\n";

/// A text, and what is told about it: line and words. Without a text, the ConfigMap lacks its key.
type Bad = (Option<&'static str>, &'static [(Option<usize>, &'static str)]);

const BAD: [Bad; 19] = [
    (None, &[(None, "the ConfigMap lacks the key settings.yaml under data")]),
    // Not YAML.
    (Some("CHECK_GROUP: {\n"), &[(Some(2), "not valid YAML: ")]),
    (Some("CHECK_GROUP:\n\tCHECK_USERS: true\n"), &[(Some(2), "not valid YAML: ")]),
    (Some("CHECK_GROUP:\n  CHECK_USERS: true\n CHECK_TRUNK_USERS: true\n"), &[(Some(3), "not valid YAML: ")]),
    (
        Some("CHECK_GROUP:\n  CHECK_USERS: true\n  CHECK_USERS: false\n"),
        &[(Some(2), "not valid YAML: CHECK_GROUP: duplicate entry with key \"CHECK_USERS\"")],
    ),
    (Some("CHECK_GROUP: {}\n---\nAUTO_CREATE: {}\n"), &[(None, "not valid YAML: ")]),
    // Unknown keys.
    (
        Some(
            "# CHECK_USER: the comment is not meant\nCHECK_GROUP:\n  # CHECK_USER: nor this one\n  CHECK_USER: false\n",
        ),
        &[(Some(4), "unknown key CHECK_GROUP.CHECK_USER; did you mean CHECK_USERS?")],
    ),
    (Some("\ncheck_group: {}\n"), &[(Some(2), "unknown key check_group; did you mean CHECK_GROUP?")]),
    (Some("CHECK_USERS: false\n"), &[(Some(1), "unknown key CHECK_USERS; it belongs under CHECK_GROUP")]),
    (
        Some("APIO_OBJECT_CREATION:\n  RESELLER: true\nRESELLER: true\n"),
        &[(Some(3), "unknown key RESELLER; it belongs under APIO_OBJECT_CREATION")],
    ),
    (
        Some("AUTO_CREATE:\n  DOMAINS: true\n"),
        &[(Some(2), "unknown key AUTO_CREATE.DOMAINS; known are GROUP_DEFAULT_DOMAIN")],
    ),
    // Wrong types.
    (
        Some("CHECK_GROUP:\n  CHECK_USERS: no\n"),
        &[(Some(2), "CHECK_GROUP.CHECK_USERS must be true or false, not \"no\"")],
    ),
    (Some("CHECK_GROUP:\n  CHECK_USERS:\n"), &[(Some(2), "CHECK_GROUP.CHECK_USERS must be true or false, not null")]),
    (
        Some("AUTO_CREATE: {GROUP_DEFAULT_DOMAIN: 1}\n"),
        &[(Some(1), "AUTO_CREATE.GROUP_DEFAULT_DOMAIN must be true or false, not 1")],
    ),
    (Some("CHECK_GROUP: false\n"), &[(Some(1), "CHECK_GROUP must be a mapping of keys to values, not false")]),
    (Some("- CHECK_GROUP\n"), &[(Some(1), "the settings must be a mapping of keys to values, not [\"CHECK_GROUP\"]")]),
    (Some("CHECK_GROUP\n"), &[(Some(1), "the settings must be a mapping of keys to values, not \"CHECK_GROUP\"")]),
    (Some("1: true\n"), &[(Some(1), "the key 1 of the settings is no text")]),
    // Everything at once, and nothing of it is used.
    (
        Some("CHECK_GROUP:\n  CHECK_USERS: false\n  CHECK_IVRS: true\nAUTO_CREATE: 7\n"),
        &[
            (Some(3), "unknown key CHECK_GROUP.CHECK_IVRS; "),
            (Some(4), "AUTO_CREATE must be a mapping of keys to values, not 7"),
        ],
    ),
];

/// Each remark that `check-settings` makes about a text that it refuses.
async fn verdict(text: &str) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("settings.yaml");
    fs::write(&file, text).unwrap();
    let ended = command_line::operator(None, &["check-settings", file.to_str().unwrap()]).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{text}");
    let begin = format!("apio-operator: {}: ", file.display());
    ended.stderr.lines().map(|line| line.strip_prefix(&begin).unwrap().to_owned()).collect()
}

/// A remark about the text within a manifest, which has so many lines above it.
fn further_down(remark: &str, lines: usize) -> String {
    let mut parts = remark.split("line ");
    let mut moved = parts.next().unwrap().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        moved += &format!("line {}{rest}", number.parse::<usize>().unwrap() + lines);
    }
    moved
}

async fn in_force(world: &World, text: Option<&str>) {
    let other = text.is_none().then_some("misspelt");
    world.change::<ConfigMap>("apio-settings", json!({"data": {"settings.yaml": text, "settings.yml": other}})).await;
}

/// Waits until this is told on the ConfigMap.
async fn told(world: &World, note: &str) {
    world
        .poll(&format!("an event that says: {note}"), || async {
            let mut events = world.api::<Event>().list(&ListParams::default()).await.unwrap().into_iter();
            events.any(|event| {
                let about = event.regarding.and_then(|about| about.name);
                about.as_deref() == Some("apio-settings")
                    && event.reason.as_deref() == Some("SettingsInvalid")
                    && event.type_.as_deref() == Some("Warning")
                    && event.note.as_deref() == Some(note)
            })
        })
        .await;
}

#[tokio::test]
async fn bad_settings_are_told_alike_before_and_after_they_are_applied_and_the_last_good_ones_stay() {
    let world = with_acme(RESELLERS).await;
    for (n, (text, expected)) in BAD.into_iter().enumerate() {
        let remarks = verdict(text.unwrap_or("{kind: ConfigMap, data: {settings.yml: misspelt}}")).await;
        assert_eq!(remarks.len(), expected.len(), "{remarks:?}");
        for (remark, (line, words)) in remarks.iter().zip(expected) {
            let begin = line.map_or(words.to_string(), |line| format!("line {line}: {words}"));
            assert!(remark.starts_with(&begin), "{remark}\n{begin}");
        }
        if let Some(text) = text {
            let map = settings(text);
            let above = map.lines().position(|line| line.contains("settings.yaml")).unwrap() + 1;
            let there = verdict(&map).await;
            assert_eq!(there.len(), remarks.len());
            for (there, remark) in there.iter().zip(&remarks) {
                // (The parser tells more of where it began when that is not the first line.)
                assert!(there.starts_with(&further_down(remark, above)), "{there}\n{remark}");
            }
        }
        in_force(&world, text).await;
        told(&world, &format!("{}; the last good settings stay in force", remarks.join("; "))).await;
        assert_eq!(world.metric(VALID).await, 0, "{text:?}");
        // The last good settings create a reseller on the way.
        let name = format!("g{n}");
        world.apply(&manifest("Group", &name, &format!("tenantId: Acme, groupName: G, resellerId: {name}")));
        world.group(&name).await;
        in_force(&world, Some(RESELLERS)).await;
        world.poll("the metric rises", || async { world.metric(VALID).await == 1 }).await;
    }
    assert_eq!(world.bodies("POST", "/local/resellers/").len(), BAD.len());
}

#[tokio::test]
async fn after_a_restart_the_last_good_settings_are_forgotten_and_bad_ones_are_none() {
    let world = with_acme(RESELLERS).await;
    world.apply(&hq("resellerId: Best"));
    world.group("hq").await;
    in_force(&world, Some("CHECK_GRUP: {}")).await;
    let said = "line 1: unknown key CHECK_GRUP; did you mean CHECK_GROUP?";
    told(&world, &format!("{said}; the last good settings stay in force")).await;
    world.operator.kill();
    world.operator.start_again().unwrap();
    told(&world, &format!("{said}; there are no settings in force")).await;
    assert_eq!(world.metric(VALID).await, 0);
    nothing_is_decided_by_settings(&world).await;
}

#[tokio::test]
async fn without_its_config_map_nothing_is_created_on_the_way_and_no_group_is_deleted_until_it_is_back() {
    let world = with_acme(&format!("{RESELLERS}AUTO_CREATE: {{GROUP_DEFAULT_DOMAIN: true}}")).await;
    world.apply(&hq("resellerId: Best"));
    world.group("hq").await;
    world.delete("configmap/apio-settings");
    world.poll("the metric falls", || async { world.metric(VALID).await == 0 }).await;
    nothing_is_decided_by_settings(&world).await;
}

/// Groups are created and updated, and nothing else happens until there are settings, which wake what waits.
async fn nothing_is_decided_by_settings(world: &World) {
    world.platform.clear_journal();
    let group = |name: &str, more: &str| manifest("Group", name, &format!("tenantId: Acme, groupName: G, {more}"));
    world.apply(
        &(group("plain", "") + &group("sold", "resellerId: New") + &group("named", "defaultDomain: new.example")),
    );
    world.apply(&hq("resellerId: Best, userLimit: 30"));
    world.group("plain").await;
    world.group("hq").await;
    world.delete("group/hq");
    for (name, reason) in [("sold", "ResellerNotFound"), ("named", "DomainNotFound")] {
        world.reason::<Group>(name, "Ready", reason).await;
    }
    let hq: Group = world.reason("hq", "DeletionBlocked", "SettingsUnavailable").await;
    assert!(message(&hq, "DeletionBlocked").contains("settings ConfigMap") && has(&hq, "Reconciling"));
    let mut writes = world.writes();
    writes.sort();
    assert_eq!(writes, ["POST /tenants/Acme/groups/", "PUT /tenants/Acme/groups/HQ/"]);
    world.apply(&settings("APIO_OBJECT_CREATION: {RESELLER: true}\nAUTO_CREATE: {GROUP_DEFAULT_DOMAIN: true}"));
    for name in ["sold", "named"] {
        world.group(name).await;
    }
    world.until_gone::<Group>("hq").await;
    assert_eq!(world.metric(VALID).await, 1);
}

#[tokio::test]
async fn a_typo_leaves_the_last_good_settings_in_force_and_is_told_on_the_config_map() {
    let world = with_acme("CHECK_GROUP: {CHECK_USERS: false}").await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.apply(&settings("CHECK_GROUP:\n  CHECK_USER: true"));
    world.poll("the metric falls", || async { world.metric(VALID).await == 0 }).await;
    world.told("apio-settings", "SettingsInvalid").await;
    let events = world.kubectl(&["get", "events", "--field-selector", "reason=SettingsInvalid", "-o", "yaml"]);
    for word in ["type: Warning", "line 2", "CHECK_GROUP.CHECK_USER", "did you mean CHECK_USERS", "stay in force"] {
        assert!(events.replace("\n    ", " ").contains(word), "{word}: {events}");
    }
    world.apply(&settings("CHECK_GRUP: {}"));
    world
        .poll("an event of its own for another typo", || async {
            world.kubectl(&["get", "events", "-o", "yaml"]).contains("did you mean CHECK_GROUP?")
        })
        .await;
    // The last good ones do not check users.
    world.platform.edit(|state| state.add_user("Acme", "HQ", "a@acme.example", false));
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    world.apply(&settings("CHECK_GROUP: {}"));
    world.poll("the metric rises", || async { world.metric(VALID).await == 1 }).await;
}

#[tokio::test]
async fn settings_that_were_never_valid_are_no_settings() {
    let world = with_acme("CHECK_GROUP: {CHECK_USERS: maybe}").await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.delete("group/hq");
    let group: Group = world.reason("hq", "DeletionBlocked", "SettingsUnavailable").await;
    assert!(message(&group, "DeletionBlocked").contains("settings ConfigMap"));
    assert_eq!(world.metric(VALID).await, 0);
    world.apply(&settings("CHECK_GROUP: {}"));
    world.until_gone::<Group>("hq").await;
}

#[tokio::test]
async fn a_valid_change_wakes_what_it_concerns() {
    let world = with_acme("{}").await;
    world.apply(&hq("defaultDomain: new.example"));
    world.reason::<Group>("hq", "Ready", "DomainNotFound").await;
    world.apply(&settings("AUTO_CREATE: {GROUP_DEFAULT_DOMAIN: true}"));
    world.group("hq").await;
    assert_eq!(world.writes().len(), 3);
}

#[tokio::test]
async fn a_change_of_the_checks_wakes_a_blocked_deletion() {
    let world = with_acme("CHECK_GROUP: {}").await;
    world.apply(&hq(""));
    world.group("hq").await;
    world.platform.edit(|state| state.add_user("Acme", "HQ", "a@acme.example", false));
    world.delete("group/hq");
    world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
    world.apply(&settings("CHECK_GROUP: {CHECK_USERS: false}"));
    world.until_gone::<Group>("hq").await;
}

#[tokio::test]
async fn settings_pasted_from_the_platform_work() {
    let world = with_acme(
        r#"{"RESELLER_GROUP": true, "APIO_OBJECT_CREATION": {"GROUP_DATA": true, "RESELLER": true, "TENANT_DATA": true}}"#,
    )
    .await;
    world.apply(&hq("resellerId: Best"));
    world.group("hq").await;
    assert_eq!(world.writes(), ["POST /local/resellers/", "POST /tenants/Acme/groups/"]);
    assert!(world.operator.log().contains("TENANT_DATA is a setting of the platform"));
}
