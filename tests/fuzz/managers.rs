//! Who manages the fields of a resource, as any version of any tool wrote it.

use apio_operator::engine::managers::{Holder, Managers, Release, kept, operators};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

use super::{
    draw::Draw,
    json::{self, Json},
};

const NAMES: [&str; 8] = [
    "apio-operator",
    "apio-operator/ns/lease",
    "apio-operator/old/lease",
    "apio-operator/other/lease",
    "apio-operator/",
    "apio-operators",
    "kubectl",
    "argocd-controller",
];

/// Entries, and who holds the resource.
pub fn target(draw: &mut Draw<'_>) {
    let entries = draw.some(5, entry);
    let text = json::bytes(&Json::List(entries), draw);
    let Ok(entries) = serde_json::from_slice::<Vec<ManagedFieldsEntry>>(&text) else { return };
    let release = draw.word(&["old/lease", "apio-operator/old/lease", "ns/lease", "a", "/"]);
    let succeeded: Vec<Release> = release.parse().into_iter().collect();
    let managers = Managers::new(&Release::new("ns", "lease"), &succeeded);
    let operators_before = operators(&entries);
    let holder = managers.holder(&operators_before);
    let others = entries.iter().filter_map(|entry| entry.manager.as_deref());
    let mut others = others.filter(|name| name.starts_with("apio-operator/") && *name != managers.mine());
    if holder == Holder::Mine {
        assert_eq!(others.next(), None, "another operator's is not ours");
    }
    let of_kept = operators(&kept(&entries).unwrap_or_default());
    assert_eq!(of_kept, operators_before);
    let taken_over = managers.taken_over(&entries);
    assert_eq!(managers.taken_over(&taken_over), taken_over);
    let of_all = operators(&taken_over);
    let after = managers.holder(&of_all);
    assert_eq!(after, if holder == Holder::Predecessor { Holder::Mine } else { holder }, "{entries:?}");
}

fn entry(draw: &mut Draw<'_>) -> Json {
    let text = |text: String| Json::Plain(text.into());
    let mut members = vec![
        ("manager".to_owned(), text(draw.word(&NAMES))),
        ("operation".to_owned(), text(draw.word(&["Apply", "Update"]))),
        ("fieldsType".to_owned(), text("FieldsV1".to_owned())),
        ("fieldsV1".to_owned(), Json::drawn(draw, &["f:status", "f:spec", ".", "k:{\"type\":\"Ready\"}"], 0)),
    ];
    if draw.one_in(2) {
        members.push(("subresource".to_owned(), text(draw.word(&["status", "scale"]))));
    }
    if draw.one_in(4) {
        members.push((draw.word(&["manager", "time", "apiVersion"]), Json::drawn(draw, &["a"], 3)));
    }
    Json::Object(members)
}
