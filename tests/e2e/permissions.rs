//! The rules of the chart: everything that is granted is used, nothing else is asked for, and a right that is missing is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use apio_operator::api::{Group, REQUESTED_AT, Reseller, Tenant};
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use testkit::{
    cluster::{ControlPlane, Request, Silent},
    deployment::rights,
    simulator::{PASSWORD, Simulator, USERNAME},
};

use crate::{
    fixtures::{acme, credentials, hq, manifest, settings},
    world::{HasStatus, RULES, SETTINGS, Watchable, World, client, defined, new_name, operator, plane, program},
};

/// One verb on one resource, under one name if the rule has names: the least that can be granted. The place is a section of
/// the rules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    place: &'static str,
    group: String,
    resource: String,
    name: Option<String>,
    verb: String,
}

fn granted() -> BTreeSet<Right> {
    let rules: BTreeMap<String, Vec<BTreeMap<String, Vec<String>>>> = serde_yaml::from_str(RULES).unwrap();
    assert_eq!(rules.keys().collect::<Vec<_>>(), ["cluster", "own", "watched"]);
    let mut all = BTreeSet::new();
    for (place, rule) in ["cluster", "own", "watched"].into_iter().flat_map(|p| rules[p].iter().map(move |r| (p, r))) {
        let names =
            rule.get("resourceNames").map_or_else(|| vec![None], |names| names.iter().cloned().map(Some).collect());
        for group in &rule["apiGroups"] {
            for resource in &rule["resources"] {
                for (name, verb) in names.iter().flat_map(|name| rule["verbs"].iter().map(move |verb| (name, verb))) {
                    let [group, resource, verb] = [group, resource, verb].map(Clone::clone);
                    all.insert(Right { place, group, resource, name: name.clone(), verb });
                }
            }
        }
    }
    all
}

impl Right {
    /// The right that a request is answered for.
    fn of(request: &Request, own: &str, watched: &str, granted: &BTreeSet<Self>) -> Self {
        let place = match &request.namespace {
            place if place == own => "own",
            place if place == watched => "watched",
            place if place.is_empty() => "cluster",
            other => panic!("nobody works in {other}: {request:?}"),
        };
        let Request { group, resource, verb, name, .. } = request.clone();
        let right = Self { place, group, resource, verb, name: None };
        if granted.contains(&right) { right } else { Self { name: Some(name), ..right } }
    }

    /// The words in which the API server refuses it.
    fn refusal(&self) -> String {
        format!("cannot {} resource \"{}\" in API group \"{}\"", self.verb, self.resource, self.group)
    }

    fn rule(&self) -> Value {
        let mut rule = json!({"apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb]});
        if let Some(name) = &self.name {
            rule["resourceNames"] = json!([name]);
        }
        rule
    }
}

fn rules_of(granted: &BTreeSet<Right>) -> String {
    let section =
        |place: &str| -> Vec<_> { granted.iter().filter(|right| right.place == place).map(Right::rule).collect() };
    json!({"cluster": section("cluster"), "own": section("own"), "watched": section("watched")}).to_string()
}

/// An operator that lives apart from the resources, with these rights.
struct Apart {
    world: World,
    own: String,
}

impl Apart {
    async fn with(plane: &'static ControlPlane, granted: &BTreeSet<Right>) -> Self {
        let (own, watched) = (new_name(), new_name());
        let platform = Simulator::start().await.unwrap();
        for namespace in [&own, &watched] {
            plane.run(&["create", "namespace", namespace]).unwrap();
        }
        plane.apply(&rights(&rules_of(granted), &own, Some(&watched))).unwrap();
        plane.apply_in(&own, &(settings(SETTINGS) + &credentials(USERNAME, PASSWORD))).unwrap();
        let places = ["--namespace", &own, "--watch-namespaces", &watched];
        let operator = operator(program(), plane, &own, &platform.url(), &places);
        Self { world: World { plane, namespace: watched, platform, operator, client: client(plane).await }, own }
    }

    fn apply_at_home(&self, yaml: &str) {
        self.world.plane.apply_in(&self.own, yaml).unwrap();
    }

    /// Waits for an event in the operator's own namespace, so often.
    async fn told_at_home(&self, reason: &str, times: i32) {
        let events: Api<Event> = Api::namespaced(self.world.client.clone(), &self.own);
        let told = || async {
            let listed = events.list(&ListParams::default()).await.unwrap();
            let of_reason = listed.items.into_iter().filter(|event| event.reason.as_deref() == Some(reason));
            of_reason.map(|event| event.series.map_or(1, |series| series.count)).sum::<i32>() >= times
        };
        self.world.poll(reason, told).await;
    }

    /// What a person may read: the log, and what the resources say.
    async fn says(&self) -> String {
        let world = &self.world;
        [
            world.operator.log(),
            messages::<Group>(world).await,
            messages::<Tenant>(world).await,
            messages::<Reseller>(world).await,
        ]
        .concat()
    }

    /// A life: create, drift, bad settings, new credentials, a blocked deletion, deletions.
    async fn live(&self) {
        let world = &self.world;
        world.apply(&(acme("") + &hq("userLimit: 25") + &manifest("Reseller", "best", "externalName: Best SA")));
        world.group("hq").await;
        world.ready::<Tenant>("acme").await;
        world.ready::<Reseller>("best").await;
        // The same correction twice: the second event is the first one, counted up.
        for _ in 0..2 {
            let limit = ("userLimit".to_owned(), json!(5));
            world.platform.edit(|state| state.group_mut("Acme", "HQ").unwrap().attributes.extend([limit]));
            world.looked::<Group>("hq").await;
        }
        for times in 1..=2 {
            self.apply_at_home(&settings("CHECK_GRUP: {}"));
            self.told_at_home("SettingsInvalid", times).await;
            self.apply_at_home(&settings(SETTINGS));
            world.poll("valid settings", || async { world.metric("apio_operator_settings_valid").await == 1 }).await;
        }
        self.apply_at_home(&credentials(USERNAME, "wrong"));
        self.told_at_home("CredentialsInvalid", 1).await;
        self.apply_at_home(&credentials(USERNAME, PASSWORD));
        world.has_credentials(2).await;
        world.platform.edit(|state| state.add_user("Acme", "HQ", "a@acme.example", false));
        world.kubectl(&["delete", "group/hq", "tenant/acme", "reseller/best", "--wait=false"]);
        world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
        world.platform.edit(|state| state.clear_contents("Acme", "HQ"));
        // It may be on its way already: its tenant is being deleted too.
        let now = json!({"metadata": {"annotations": {REQUESTED_AT: "now"}}});
        let _ = world.api::<Group>().patch("hq", &PatchParams::default(), &Patch::Merge(&now)).await;
        world.until_gone::<Group>("hq").await;
        world.until_gone::<Tenant>("acme").await;
        world.until_gone::<Reseller>("best").await;
    }
}

async fn messages<K: Watchable + HasStatus>(world: &World) -> String {
    let all = world.api::<K>().list(&ListParams::default()).await.unwrap();
    all.items.iter().flat_map(|object| object.conditions().conditions).map(|condition| condition.message).collect()
}

#[tokio::test]
async fn everything_that_the_rules_grant_is_used_and_nothing_else_is_asked_for() {
    let start = || -> &'static ControlPlane { Box::leak(Box::new(ControlPlane::start_audited(&Silent).unwrap())) };
    let plane = tokio::task::spawn_blocking(start).await.unwrap();
    defined(plane);
    let granted = granted();
    let apart = Apart::with(plane, &granted).await;
    apart.live().await;
    assert_eq!(apart.world.operator.stop(), Some(0));
    let requests = plane.asked_by(&apart.own, "apio-operator");
    let denied: Vec<_> = requests.iter().filter(|request| request.denied).collect();
    assert!(denied.is_empty(), "{denied:#?}");
    let used: BTreeSet<_> =
        requests.iter().map(|request| Right::of(request, &apart.own, &apart.world.namespace, &granted)).collect();
    assert_eq!(granted.difference(&used).collect::<Vec<_>>(), Vec::<&Right>::new(), "granted for nothing");
    assert_eq!(used.difference(&granted).collect::<Vec<_>>(), Vec::<&Right>::new(), "not in the rules");
}

/// Takes one right after the other away; four at a time, because each waits most of the time.
#[test]
fn each_right_that_is_missing_is_told_in_the_log_or_in_a_status() {
    let plane = plane();
    let all = granted();
    let left = Mutex::new(all.iter().collect::<Vec<_>>());
    let next = || left.lock().unwrap().pop();
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                while let Some(missing) = next() {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(without(plane, &all, missing));
                }
            });
        }
    });
}

async fn without(plane: &'static ControlPlane, all: &BTreeSet<Right>, missing: &Right) {
    let mut granted = all.clone();
    granted.remove(missing);
    let apart = Apart::with(plane, &granted).await;
    let refusal = missing.refusal();
    let told = async {
        apart.world.poll(&format!("{missing:?}"), || async { apart.says().await.contains(&refusal) }).await;
    };
    tokio::select! {
        () = told => {}
        () = apart.live() => panic!("nothing broke without {missing:?}\n{}", apart.world.story()),
    }
}
