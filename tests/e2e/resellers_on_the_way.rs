//! `APIO_OBJECT_CREATION.RESELLER`: resellers that a Group or a Tenant names by id.

use apio_operator::api::{Group, OwnershipState, PAUSED, Reseller, Tenant};
use serde_json::{Value, json};
use testkit::simulator::{Call, Fault};

use crate::{
    fixtures::{acme, hq, manifest, resource},
    world::{HasStatus, SOON, Watchable, World, has, is, is_held, message},
};

const RESELLERS: &str = "/local/resellers/";
const ON: &str = "APIO_OBJECT_CREATION: {RESELLER: true}";

async fn with_acme(settings: &str) -> World {
    let world = World::with_settings(settings).await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world
}

/// What is known of a reseller when it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    OnThePlatform,
    /// A resource stands for it, and is not there yet.
    OnItsWay,
    Nowhere,
}

/// A Group or a Tenant that names the reseller of its own name, when it is created or later.
struct Case {
    kind: &'static str,
    new: bool,
    known: Known,
}

/// Each kind, new or there, and each thing that may be known.
fn cases() -> impl Iterator<Item = Case> {
    let known = [Known::OnThePlatform, Known::OnItsWay, Known::Nowhere];
    let new = known.map(|known| [true, false].map(|new| (new, known))).concat();
    ["Group", "Tenant"]
        .into_iter()
        .flat_map(move |kind| new.clone().into_iter().map(move |(new, known)| Case { kind, new, known }))
}

impl Case {
    fn name(&self) -> String {
        format!("{}-{}-{:?}", self.kind, if self.new { "new" } else { "there" }, self.known).to_lowercase()
    }

    fn spec(&self) -> Value {
        match self.kind {
            "Group" => json!({"tenantId": "Acme", "groupName": "G"}),
            _ => json!({"type": "Enterprise"}),
        }
    }

    fn with_reseller(&self) -> String {
        let mut spec = self.spec();
        spec["resellerId"] = json!(self.name());
        resource(self.kind, &self.name(), &spec)
    }

    fn reseller(&self) -> String {
        manifest("Reseller", &self.name(), "externalName: Later")
    }

    /// The write of the object itself.
    fn own_write(&self) -> (String, Value) {
        let name = self.name();
        match (self.kind, self.new) {
            ("Group", true) => {
                ("POST /tenants/Acme/groups/".into(), json!({"groupId": name, "groupName": "G", "resellerId": name}))
            }
            ("Group", false) => (format!("PUT /tenants/Acme/groups/{name}/"), json!({"resellerId": name})),
            (_, true) => ("POST /tenants/".into(), json!({"tenantId": name, "type": "Enterprise", "resellerId": name})),
            (_, false) => (format!("PUT /tenants/{name}/"), json!({"resellerId": name})),
        }
    }

    /// Waits without a write, until the resource comes to the platform.
    async fn waits<K: Watchable + HasStatus>(&self, world: &World, reason: &str, words: &[&str]) {
        let name = self.name();
        let object: K = world.reason(&name, "Ready", reason).await;
        assert!(has(&object, "Reconciling") && !has(&object, "Stalled"), "{name}");
        assert_eq!(object.conditions().ownership.is_some(), !self.new, "{name}");
        let said = message(&object, "Ready");
        for word in words.iter().chain(&[name.as_str()]) {
            assert!(said.contains(word), "{word} is not in: {said}");
        }
        assert_eq!(world.written_about(&name), [], "{}", world.story());
        assert!(!world.platform.edit(|state| state.resellers.contains_key(&name)), "nor did the platform create it");
        match self.known {
            Known::OnItsWay => {
                world.kubectl(&["annotate", "reseller", &name, &format!("{PAUSED}-")]);
            }
            _ => {
                world.apply(&self.reseller());
            }
        }
    }

    async fn comes_true<K: Watchable + HasStatus>(&self, world: &World, on: bool) {
        let name = self.name();
        let created_by = match self.known {
            Known::OnThePlatform => None,
            Known::OnItsWay => {
                self.waits::<K>(world, "WaitingForReseller", &["a Reseller resource of this namespace"]).await;
                Some(json!({"name": name, "externalName": "Later"}))
            }
            Known::Nowhere if on => Some(json!({"name": name})),
            Known::Nowhere => {
                self.waits::<K>(world, "ResellerNotFound", &["resellerId", "APIO_OBJECT_CREATION.RESELLER"]).await;
                Some(json!({"name": name, "externalName": "Later"}))
            }
        };
        let object: K = world.ready(&name).await;
        let creation = created_by.map(|body| (format!("POST {RESELLERS}"), body));
        let expected: Vec<_> = creation.into_iter().chain([self.own_write()]).collect();
        assert_eq!(world.written_about(&name), expected, "{}", world.story());
        let status = object.conditions();
        assert_eq!(status.observed.unwrap().values()["resellerId"], json!(name));
        let by_itself = on && self.known == Known::Nowhere;
        let created = status.auto_created.map(|created| created.resellers).unwrap_or_default();
        assert_eq!(created, if by_itself { vec![name.clone()] } else { vec![] }, "{name}");
        if by_itself {
            world.told(&name, "ResellerCreated").await;
        }
    }
}

#[tokio::test]
async fn a_reseller_that_is_named_is_found_or_waited_for_or_created_as_the_settings_say() {
    for on in [true, false] {
        let world = with_acme(&format!("APIO_OBJECT_CREATION: {{RESELLER: {on}, GROUP_DATA: {}}}", !on)).await;
        // The platform's own setting never decides.
        world.platform.edit(|state| state.settings.object_creation.reseller = !on);
        for case in cases() {
            match case.known {
                Known::OnThePlatform => world.platform.edit(|state| state.add_reseller(&case.name())),
                Known::OnItsWay => {
                    let paused = format!("{{annotations: {{{PAUSED}: 'true'}}, name:");
                    world.apply(&case.reseller().replace("{name:", &paused));
                }
                Known::Nowhere => {}
            }
            if !case.new {
                world.apply(&resource(case.kind, &case.name(), &case.spec()));
            }
        }
        for case in cases().filter(|case| !case.new) {
            match case.kind {
                "Group" => drop(world.group(&case.name()).await),
                _ => drop(world.ready::<Tenant>(&case.name()).await),
            }
        }
        world.platform.clear_journal();
        world.apply(&cases().map(|case| case.with_reseller()).collect::<String>());
        for case in cases() {
            match case.kind {
                "Group" => case.comes_true::<Group>(&world, on).await,
                _ => case.comes_true::<Tenant>(&world, on).await,
            }
        }
    }
}

#[tokio::test]
async fn a_reseller_that_a_resource_describes_is_left_to_that_resource() {
    let world = with_acme(ON).await;
    world.platform.inject(Fault::status(503).on("POST", RESELLERS));
    world.apply(&manifest("Reseller", "best", "resellerName: Best, externalName: Best SA"));
    world.reason::<Reseller>("best", "Ready", "PlatformUnreachable").await;
    world.apply(&hq("resellerId: Best"));
    let group = world.group("hq").await;
    let body = json!({"name": "Best", "externalName": "Best SA"});
    assert_eq!(world.bodies("POST", RESELLERS), [body.clone(), body]);
    assert!(group.status.unwrap().auto_created.is_none());
}

#[tokio::test]
async fn a_resource_takes_over_the_reseller_that_a_group_created_on_its_way_and_no_other() {
    let world = with_acme(ON).await;
    world.platform.edit(|state| state.add_reseller("Theirs"));
    world.apply(&hq("resellerId: Best"));
    world.group("hq").await;
    world.apply(
        &(manifest("Reseller", "best", "resellerName: Best, externalName: Best SA")
            + &manifest("Reseller", "theirs", "resellerName: Theirs, externalName: Ours")),
    );
    let best: Reseller = world.ready("best").await;
    assert!(is_held(&best));
    assert_eq!(best.status.unwrap().ownership.unwrap().state, OwnershipState::Adopted);
    world.reason::<Reseller>("theirs", "Ready", "NotOwned").await;
    assert_eq!(world.writes(), ["POST /local/resellers/", "POST /tenants/Acme/groups/", "PUT /local/resellers/Best/"]);
    assert_eq!(world.bodies("PUT", "/local/resellers/Best/"), [json!({"externalName": "Best SA"})]);
    // From now on it is the resource's: it goes with it.
    world.kubectl(&["delete", "group/hq", "reseller/best", "--wait=false"]);
    world.until_gone::<Reseller>("best").await;
    assert_eq!(world.writes()[3..], ["DELETE /tenants/Acme/groups/HQ/", "DELETE /local/resellers/Best/"]);
}

#[tokio::test]
async fn an_operator_that_died_leaves_word_of_a_reseller_that_it_created_and_no_claim_to_that_of_others() {
    let world = with_acme(ON).await;
    for (name, fault, created) in [("ours", Fault::stuck_after(), true), ("theirs", Fault::stuck(), false)] {
        world.platform.clear_journal();
        world.platform.inject(fault.on("POST", RESELLERS));
        world.apply(&manifest("Group", name, &format!("tenantId: Acme, groupName: G, resellerId: {name}")));
        let reached = |call: &Call| call.path == RESELLERS && call.status.is_some() == created;
        world.platform.wait_for("the creation", SOON, |calls, _| calls.iter().any(reached)).await;
        let begun: Group = world.api().get(name).await.unwrap();
        let status = begun.status.unwrap();
        assert_eq!((status.auto_creating.unwrap().resellers, status.auto_created), (vec![name.to_owned()], None));
        world.operator.kill();
        if !created {
            world.platform.edit(|state| {
                state.add_reseller(name);
                state.resellers.get_mut(name).unwrap().insert("externalName".into(), json!("A colleague's"));
            });
        }
        world.operator.start_again().unwrap();
        let status = world.group(name).await.status.unwrap();
        let listed = status.auto_created.map(|created| created.resellers).unwrap_or_default();
        assert_eq!((listed.len(), status.auto_creating), (usize::from(created), None), "{name}");

        world.apply(&manifest("Reseller", name, "externalName: Ours"));
        let put = format!("PUT {RESELLERS}{name}/");
        if created {
            world.ready::<Reseller>(name).await;
            assert!(world.writes().contains(&put));
        } else {
            world.reason::<Reseller>(name, "Ready", "NotOwned").await;
            assert!(!world.writes().contains(&put));
        }
    }
}

#[tokio::test]
async fn a_reseller_and_a_group_that_names_it_come_together_in_any_order() {
    let world = with_acme(ON).await;
    let names: Vec<_> = (0..8).map(|n| format!("r{n}")).collect();
    let set = names.iter().enumerate().map(|(n, name)| {
        let group = manifest("Group", name, &format!("tenantId: Acme, groupName: G, resellerId: {name}"));
        let reseller = manifest("Reseller", name, "externalName: Described");
        if n % 2 == 0 { group + &reseller } else { reseller + &group }
    });
    world.apply(&set.collect::<String>());
    for name in &names {
        world.group(name).await;
        let reseller: Reseller = world.ready(name).await;
        assert_eq!(reseller.status.unwrap().observed.unwrap().values()["externalName"], "Described");
    }
    let created = |path: &str| {
        let calls = world.platform.writes().into_iter();
        calls.filter(|call| call.method == "POST" && call.path == path && call.status == Some(201)).count()
    };
    assert_eq!((created(RESELLERS), created("/tenants/Acme/groups/")), (names.len(), names.len()));
    assert!(!world.writes().iter().any(|write| write.starts_with("DELETE")));
}

#[tokio::test]
async fn a_reseller_that_leaves_the_spec_is_left_on_the_platform_and_not_managed_any_more() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_reseller("Other"));
    let best = manifest("Reseller", "best", "resellerName: Best");
    world.apply(&(best + &acme("resellerRef: {name: best}") + &hq("resellerId: Best")));
    world.group("hq").await;
    world.ready::<Tenant>("acme").await;
    world.platform.clear_journal();
    world.apply(&(acme("") + &hq("")));
    let known = |status: &apio_operator::api::Status| status.observed.as_ref().unwrap().values()["resellerId"].clone();
    let statuses = [world.group("hq").await.conditions(), world.ready::<Tenant>("acme").await.conditions()];
    for status in statuses {
        assert!(is(&status, "Synced", "True"));
        assert_eq!(known(&status), json!("Best"));
    }
    // What becomes of it is nobody's business here.
    world.platform.edit(|state| {
        let tenant = state.tenants.get_mut("Acme").unwrap();
        tenant.attributes.insert("resellerId".into(), json!("Other"));
        tenant.groups.get_mut("HQ").unwrap().attributes.insert("resellerId".into(), json!("Other"));
    });
    let statuses = [world.looked::<Group>("hq").await.conditions(), world.looked::<Tenant>("acme").await.conditions()];
    for status in statuses {
        assert!(is(&status, "Synced", "True"));
        assert_eq!(known(&status), json!("Other"));
    }
    assert_eq!(world.writes(), [""; 0]);
}

#[tokio::test]
async fn a_reseller_that_was_created_on_the_way_is_never_removed() {
    let world = with_acme(ON).await;
    world.apply(&hq("resellerId: Best"));
    world.group("hq").await;
    world.delete("group/hq");
    world.until_gone::<Group>("hq").await;
    assert!(world.platform.edit(|state| state.resellers.contains_key("Best")));
}
