//! What the API server itself refuses, defaults and explains. No operator runs here.

use std::path::Path;

use apio_operator::api::{Group, Reseller, Tenant, text::is_id};
use kube::{
    Api,
    api::{DynamicObject, PostParams},
    discovery::ApiResource,
};
use serde_json::{Value, json};
use testkit::cluster::ControlPlane;

use crate::{
    fixtures::{acme, hq, manifest},
    world::{client, new_name, plane},
};

/// A namespace that no operator watches.
pub struct Unwatched {
    plane: &'static ControlPlane,
    namespace: String,
}

impl Unwatched {
    pub fn new() -> Self {
        let namespace = new_name();
        plane().run(&["create", "namespace", &namespace]).unwrap();
        Self { plane: plane(), namespace }
    }

    fn kubectl(&self, args: &[&str]) -> String {
        self.plane.run(&[&["-n", &self.namespace], args].concat()).unwrap()
    }

    fn apply(&self, yaml: &str) {
        self.plane.apply_in(&self.namespace, yaml).unwrap();
    }

    /// What the API server says to a manifest that it refuses.
    fn refused(&self, yaml: &str) -> String {
        match self.plane.apply_in(&self.namespace, yaml) {
            Ok(said) => panic!("taken: {said}\n{yaml}"),
            Err(error) => error.to_string(),
        }
    }

    pub fn assert_refused(&self, yaml: &str, words: &[&str]) {
        let said = self.refused(yaml);
        for word in words {
            assert!(said.contains(word), "{word:?} is not in: {said}");
        }
    }
}

/// Tries a manifest without keeping it; what the API server says against it.
pub async fn tried(kind: &str, spec: &Value) -> Option<String> {
    let resource = match kind {
        "Group" => ApiResource::erase::<Group>(&()),
        "Tenant" => ApiResource::erase::<Tenant>(&()),
        _ => ApiResource::erase::<Reseller>(&()),
    };
    let api: Api<DynamicObject> = Api::namespaced_with(client(plane()).await, "default", &resource);
    let object = DynamicObject::new("tried", &resource).data(json!({"spec": spec}));
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    match api.create(&parameters, &object).await {
        Ok(_) => None,
        Err(kube::Error::Api(status)) => Some(status.message),
        Err(error) => panic!("{error}"),
    }
}

/// The spec with the field at a dotted path set.
pub fn with(spec: &Value, path: &str, value: Value) -> Value {
    let mut spec = spec.clone();
    let place = path.split('.').fold(&mut spec, |object, key| &mut object[key]);
    *place = value;
    spec
}

/// A text of so many characters; a domain name has no accents.
pub fn long(path: &str, length: usize) -> String {
    if path == "defaultDomain" { "a" } else { "é" }.repeat(length)
}

async fn has_limits(kind: &str, spec: Value, limits: Limits) {
    for (path, longest) in limits {
        let refusal = tried(kind, &with(&spec, path, json!(long(path, longest + 1)))).await;
        let said = refusal.unwrap_or_else(|| panic!("{path} may be longer than {longest}"));
        assert!(said.contains(&format!("spec.{path}")) && said.contains(&longest.to_string()), "{said}");
        let taken = tried(kind, &with(&spec, path, json!(long(path, *longest)))).await;
        assert_eq!(taken, None, "{path} may have {longest}");
    }
}

/// Texts and how many characters each may have.
pub type Limits = &'static [(&'static str, usize)];

pub const CONTACT_AND_ADDRESS: Limits = &[
    ("contactInformation.name", 30),
    ("contactInformation.phoneNumber", 30),
    ("contactInformation.emailAddress", 80),
    ("addressInformation.addressLine1", 80),
    ("addressInformation.addressLine2", 80),
    ("addressInformation.city", 50),
    ("addressInformation.stateDisplayName", 50),
    ("addressInformation.postalCode", 50),
    ("addressInformation.country", 50),
];
pub const OF_A_GROUP: Limits = &[
    ("groupId", 30),
    ("groupName", 80),
    ("defaultDomain", 80),
    ("cliName", 80),
    ("cliPhoneNumber", 23),
    ("locationDialingCode", 15),
    ("timeZone", 127),
    ("resellerId", 80),
    ("templateName", 80),
];
pub const OF_A_TENANT: Limits = &[
    ("tenantId", 30),
    ("name", 80),
    ("defaultDomain", 80),
    ("supportEmail", 80),
    ("resellerId", 80),
    ("externalId1", 80),
    ("externalId2", 80),
    ("externalId3", 80),
    ("externalId4", 80),
];
pub const OF_A_RESELLER: Limits = &[("resellerName", 80), ("externalName", 80)];

#[tokio::test]
async fn the_texts_of_a_group_have_the_limits_of_the_platform() {
    has_limits("Group", json!({"tenantId": "Acme", "groupName": "G"}), OF_A_GROUP).await;
    has_limits("Group", json!({"tenantId": "Acme", "groupName": "G"}), CONTACT_AND_ADDRESS).await;
    has_limits("Group", json!({"groupName": "G"}), &[("tenantId", 30)]).await;
}

#[tokio::test]
async fn the_texts_of_a_tenant_and_of_a_reseller_have_the_limits_of_the_platform() {
    has_limits("Tenant", json!({"type": "Enterprise"}), OF_A_TENANT).await;
    has_limits("Tenant", json!({"type": "Enterprise"}), CONTACT_AND_ADDRESS).await;
    has_limits("Reseller", json!({}), OF_A_RESELLER).await;
}

/// Ids with whatever is odd, at the edges of what is refused, alone and within a word.
fn odd_ids() -> Vec<String> {
    let edges = "\u{0}\t\n\r\u{1f}\u{20}!./\\%;~\u{7f}\u{80}\u{85}\u{9f}\u{a0}\u{a1}\u{ac}\u{ad}\u{ae}\u{34e}\u{34f}\u{61c}\u{1160}\
        \u{1680}\u{180e}\u{1fff}\u{2000}\u{200a}\u{200b}\u{200f}\u{2010}\u{2027}\u{2028}\u{2029}\u{202a}\u{202e}\u{202f}\u{2030}\
        \u{205e}\u{205f}\u{2060}\u{2064}\u{206f}\u{2070}\u{2800}\u{3000}\u{3001}\u{3164}\u{e000}\u{fe00}\u{fe0f}\u{feff}\u{ff00}\
        \u{ffa0}\u{fff9}\u{fffc}\u{fffd}\u{1bca0}\u{1d173}\u{1d17b}\u{1f642}\u{e0000}\u{e0001}\u{e0fff}\u{e1000}\u{10ffff}é漢";
    let around = edges.chars().flat_map(|c| [format!("{c}"), format!("a{c}b"), format!("{c}a"), format!("a{c}")]);
    let words = [
        ".", "..", "...", ".a", "..a", "a..", "..;", "..;a", ".;", ";", ";a", "a;..", "a b", "a  b", "%2", "%2F",
        "%2f", "%zz", "%%41", "a%4", "100%", "%C3%A9", "../x", "a/../b", "..\\x", "?", "#", "&=+@:", "-_.~",
    ];
    around.chain(words.map(str::to_owned)).collect()
}

/// Where an id stands: kind, field, and a spec without it.
fn ids() -> [(&'static str, &'static str, Value); 6] {
    [
        ("Group", "groupId", json!({"tenantId": "Acme", "groupName": "G"})),
        ("Group", "tenantId", json!({"groupName": "G"})),
        ("Group", "resellerId", json!({"tenantId": "Acme", "groupName": "G"})),
        ("Tenant", "tenantId", json!({"type": "Enterprise"})),
        ("Tenant", "resellerId", json!({"type": "Enterprise"})),
        ("Reseller", "resellerName", json!({})),
    ]
}

#[tokio::test]
async fn the_api_server_and_the_operator_agree_on_what_is_an_id() {
    let (kind, field, spec) = &ids()[0];
    for id in odd_ids() {
        let refusal = tried(kind, &with(spec, field, json!(id))).await;
        assert_eq!(refusal.is_none(), is_id(&id), "{id:?}: {refusal:?}");
    }
}

#[tokio::test]
async fn an_id_that_could_lead_to_another_object_is_refused_in_a_sentence() {
    for (kind, field, spec) in ids() {
        for id in [".", "..", " a", "a ", "a\nb", "a/b", "a\\b", "%2e", "a\u{200b}", "a\u{a0}"] {
            let said =
                tried(kind, &with(&spec, field, json!(id))).await.unwrap_or_else(|| panic!("{kind} {field} {id:?}"));
            let sentence = "must neither begin nor end with a space, nor hold /";
            for word in [&*format!("spec.{field}"), sentence, "it becomes part of a URL; choose another one"] {
                assert!(said.contains(word), "{said}");
            }
        }
        assert_eq!(tried(kind, &with(&spec, field, json!("... x"))).await, None, "{kind} {field}");
    }
}

#[tokio::test]
async fn values_outside_of_their_range_are_refused() {
    let group = json!({"tenantId": "Acme", "groupName": "G"});
    let many: Vec<_> = (0..65).map(|n| n.to_string()).collect();
    for (path, value, word) in [
        ("userLimit", json!(0), "1"),
        ("userLimit", json!(1_000_000), "999999"),
        ("userLimit", json!("25"), "integer"),
        ("groupName", json!(7), "string"),
        ("autoCreateDomain", json!("yes"), "boolean"),
        ("contactInformation", json!("Jo"), "object"),
        ("contactInformation.name", json!(["Jo"]), "string"),
        ("excludedAppIds", json!("crm"), "array"),
        ("tenantRef", json!("acme"), "object"),
        ("groupName", json!(""), "at least 1"),
        ("defaultDomain", json!(""), "at least 1"),
        ("timeZone", json!(""), "at least 1"),
        ("groupId", json!(" HQ"), "must neither begin"),
        ("groupId", json!("HQ "), "must neither begin"),
        ("excludedAppIds", json!(many), "64"),
        ("excludedAppIds", json!(["a", "a"]), "Duplicate"),
        ("managementPolicy", json!("Ignore"), "\"Observe\""),
        ("adoptionPolicy", json!("Sometimes"), "\"IfIdentical\""),
        ("driftPolicy", json!("No"), "\"Report\""),
        ("deletionPolicy", json!("Keep"), "\"Orphan\""),
        ("tenantRef", json!({}), "spec.tenantRef.name"),
    ] {
        let said =
            tried("Group", &with(&group, path, value.clone())).await.unwrap_or_else(|| panic!("{path}: {value}"));
        assert!(said.contains(&format!("spec.{path}")) && said.contains(word), "{said}");
    }
    for (path, value) in [("cliName", json!("")), ("contactInformation.name", json!("")), ("groupId", json!("H Q"))] {
        assert_eq!(tried("Group", &with(&group, path, value)).await, None, "{path}");
    }
    let said = tried("Tenant", &json!({"type": "Company"})).await.unwrap();
    assert!(said.contains("spec.type") && said.contains("\"ServiceProvider\", \"Enterprise\""), "{said}");
    let said = tried("Reseller", &json!({"extraData": [1]})).await.unwrap();
    assert!(said.contains("spec.extraData") && said.contains("object"), "{said}");
}

#[tokio::test]
async fn what_contradicts_itself_is_refused_with_the_field_and_the_remedy() {
    let place = Unwatched::new();
    let group = |spec: &str| manifest("Group", "hq", spec);
    let long = "a-name-that-has-more-than-thirty-characters";
    let cases: &[(String, &[&str])] = &[
        (group("groupName: G"), &["spec.tenantRef", "exactly one of tenantRef and tenantId must be set"]),
        (
            group("groupName: G, tenantId: Acme, tenantRef: {name: acme}"),
            &["spec.tenantRef", "exactly one of tenantRef and tenantId must be set"],
        ),
        (group("tenantId: Acme"), &["spec.groupName", "must be set unless managementPolicy is Observe"]),
        (
            hq("resellerId: Best, resellerRef: {name: best}"),
            &["spec.resellerRef", "at most one of resellerRef and resellerId"],
        ),
        (
            manifest("Group", long, "tenantId: Acme, groupName: G"),
            &["spec.groupId", "groupId must be set when the resource's name is longer than 30"],
        ),
        (manifest("Tenant", long, "type: Enterprise"), &["spec.tenantId", "tenantId must be set"]),
        (manifest("Tenant", "acme", "name: A"), &["spec.type", "to ServiceProvider or Enterprise"]),
        (acme("useCustomRoutingProfile: true"), &["spec.useCustomRoutingProfile", "only with type ServiceProvider"]),
        (acme("resellerId: Best, resellerRef: {name: best}"), &["spec.resellerRef", "at most one"]),
        (
            manifest("Reseller", &format!("{long}-{long}"), "externalName: x"),
            &["spec.resellerName", "must be set when the resource's name is longer than 80"],
        ),
        (hq("usrLimit: 5"), &["spec.usrLimit", "unknown field"]),
        (hq("contactInformation: {mail: x}"), &["spec.contactInformation.mail", "unknown field"]),
        (acme("groupName: G"), &["spec.groupName", "unknown field"]),
        (manifest("Reseller", "best", "name: Best"), &["spec.name", "unknown field"]),
    ];
    for (yaml, words) in cases {
        place.assert_refused(yaml, words);
    }
    assert_eq!(place.kubectl(&["get", "apio", "-o", "name"]), "");
    place.apply(
        &(group("tenantId: Acme, managementPolicy: Observe") + &acme("").replace("Enterprise", "ServiceProvider")),
    );
}

#[tokio::test]
async fn ids_are_immutable_whether_changed_added_or_dropped() {
    let place = Unwatched::new();
    place.apply(&(hq("") + &acme("") + &manifest("Reseller", "best", "resellerName: Best")));
    let plain = manifest("Group", "plain", "tenantRef: {name: acme}, groupName: G");
    place.apply(&plain);
    let group = |name: &str, spec: &str| manifest("Group", name, &format!("groupName: G, {spec}"));
    let create_anew = "create a new Group resource instead";
    let cases: &[(String, &[&str])] = &[
        (group("hq", "tenantId: Acme, groupId: Other"), &["spec.groupId", create_anew]),
        (group("hq", "tenantId: Acme"), &["spec.groupId", create_anew]),
        (group("plain", "tenantRef: {name: acme}, groupId: Other"), &["spec.groupId", create_anew]),
        (group("hq", "tenantId: Other, groupId: HQ"), &["spec.tenantId", create_anew]),
        (group("hq", "tenantRef: {name: acme}, groupId: HQ"), &["spec.tenantId", "is immutable"]),
        (group("plain", "tenantRef: {name: other}"), &["spec.tenantRef", create_anew]),
        (group("plain", "tenantId: acme"), &["spec.tenantRef", "is immutable"]),
        (manifest("Tenant", "acme", "tenantId: Other, type: Enterprise"), &["spec.tenantId", "is immutable"]),
        (manifest("Tenant", "acme", "type: Enterprise"), &["spec.tenantId", "is immutable"]),
        (manifest("Tenant", "acme", "tenantId: Acme, type: ServiceProvider"), &["spec.type", "is immutable"]),
        (manifest("Reseller", "best", "resellerName: Other"), &["spec.resellerName", "is immutable"]),
        (manifest("Reseller", "best", "externalName: x"), &["spec.resellerName", "is immutable"]),
    ];
    for (yaml, words) in cases {
        place.assert_refused(yaml, words);
    }
    // To spell out the id that is in force already moves nothing.
    place.apply(&group("plain", "tenantRef: {name: acme}, groupId: plain"));
    place.apply(&plain);
}

#[tokio::test]
async fn a_new_resource_is_in_progress_until_somebody_has_seen_it() {
    let place = Unwatched::new();
    place.apply(&(hq("") + &acme("") + &manifest("Reseller", "best", "externalName: x")));
    let seen = place.kubectl(&["get", "apio", "-o", "jsonpath={.items[*].status}"]);
    assert_eq!(seen, [r#"{"observedGeneration":-1}"#; 3].join(" "));
}

/// Whether everything that is written is in what is read, at the same place.
fn is_part(written: &Value, read: &Value) -> Result<(), String> {
    match (written, read) {
        (Value::Object(written), Value::Object(_)) => written
            .iter()
            .try_for_each(|(key, value)| is_part(value, &read[key]).map_err(|problem| format!(".{key}{problem}"))),
        (Value::Array(written), Value::Array(items)) if written.len() == items.len() => {
            written.iter().zip(items).try_for_each(|(written, read)| is_part(written, read))
        }
        (Value::Number(written), Value::Number(read)) if written.as_f64() == read.as_f64() => Ok(()),
        _ if written == read => Ok(()),
        _ => Err(format!(": {written} was read as {read}")),
    }
}

#[tokio::test]
async fn the_api_server_keeps_the_definitions_as_they_are_and_finds_nothing_to_complain_of() {
    for crd in apio_operator::api::crds() {
        let name = crd.metadata.name.as_deref().unwrap();
        let live: Value = serde_json::from_str(&plane().run(&["get", "crd", name, "-o", "json"]).unwrap()).unwrap();
        assert_eq!(is_part(&serde_json::to_value(&crd).unwrap(), &live), Ok(()), "{name}");
        let conditions = live["status"]["conditions"].as_array().unwrap();
        let bad = conditions.iter().find(|condition| {
            let good = ["Established", "NamesAccepted"].contains(&condition["type"].as_str().unwrap());
            condition["status"] != if good { "True" } else { "False" }
        });
        assert!(bad.is_none() && conditions.len() >= 2, "{conditions:?}");
    }
}

#[tokio::test]
async fn every_example_is_taken_by_the_api_server() {
    let place = Unwatched::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let manifests: Vec<_> = files.filter(|path| path.extension().is_some_and(|kind| kind == "yaml")).collect();
    assert!(manifests.len() >= 6, "{manifests:?}");
    for path in manifests {
        place.kubectl(&["apply", "--validate=strict", "--dry-run=server", "-f", path.to_str().unwrap()]);
    }
}

#[tokio::test]
async fn kubectl_explains_every_field() {
    let place = Unwatched::new();
    let explain = |what: &str| {
        let said = place.kubectl(&["explain", what, "--api-version=apio.netaxis.be/v1alpha1"]);
        said.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let spec = explain("group.spec");
    for word in ["userLimit", "How many users the group may hold", "tenantRef", "autoCreateDomain", "deletionPolicy"] {
        assert!(spec.contains(word), "{spec}");
    }
    for (what, word) in [
        ("tenant.spec.type", "Immutable"),
        ("group.spec.managementPolicy", "Manage (default)"),
        ("group.spec.adoptionPolicy", "IfIdentical (default)"),
        ("group.spec.driftPolicy", "Correct (default)"),
        ("group.spec.deletionPolicy", "Delete (default)"),
    ] {
        let said = explain(what);
        assert!(said.contains(word), "{said}");
    }
    for what in ["group.spec", "group.status", "tenant.spec", "reseller.spec", "group.spec.contactInformation"] {
        let said = explain(what);
        assert!(!said.contains("<no description>"), "{said}");
    }
}
