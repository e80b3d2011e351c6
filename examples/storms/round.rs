//! Carries out what happens in a round, and waits until everything has come to rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use apio_operator::api::{Group, REQUESTED_AT, Reseller, Tenant};
use k8s_openapi::api::{
    core::v1::{ConfigMap, Secret},
    events::v1::Event,
};
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
};
use serde_json::{Map, Value, json};
use testkit::simulator::{Account, PASSWORD, Simulator, USERNAME};
use tokio::time::{Instant, sleep};

use super::{
    actions::{Action, PAUSED, WATCHED, is_orphan, phases},
    ground::{Ground, namespace, patiently},
    journal::{Edit, Edits},
    mandates::Mandates,
    resources::{self, World},
    targets::{Extent, Id, Target},
};

/// Between two actions: so that the operator is in the middle of something.
const PAUSE: Duration = Duration::from_millis(30);
/// Between two looks at everything.
pub(super) const LOOK: Duration = Duration::from_millis(200);
/// How long everything may take to come to rest by itself, beside the lease of an operator that died, and how long when it is
/// asked to look.
const BY_ITSELF: Duration = Duration::from_secs(135);
pub(super) const WHEN_ASKED: Duration = Duration::from_secs(90);

/// What is wrong after a storm.
pub struct Broken {
    /// What was done until then.
    pub done: String,
    /// One sentence each.
    pub problems: Vec<String>,
}

/// One round.
pub struct Round<G> {
    pub(super) ground: G,
    pub(super) extent: Extent,
    all: Vec<Target>,
    pub platform: Simulator,
    /// What was done in the portal, and when.
    pub(super) edits: Edits,
    pub(super) mandates: Mandates,
    pub(super) settings: &'static str,
    /// What may be left on the platform by a deletion.
    orphans: BTreeSet<Id>,
    /// How often the operator died.
    pub deaths: usize,
    /// What did not come to rest without being asked to look.
    pub nudged: Vec<String>,
}

impl<G: Ground> Round<G> {
    /// With what is on the platform before anybody declares anything.
    pub fn new(ground: G, extent: Extent) -> Self {
        let all = Target::all(extent);
        let platform = ground.platform().clone();
        let mut edits = Edits::default();
        platform.edit(|state| {
            for place in extent.places {
                state.add_tenant(&format!("{place}-shared"));
            }
            for target in all.iter().filter(|target| target.is_old()) {
                if let Id::Group(tenant, group) = target.id() {
                    state.add_group(&tenant, &group, json!({"groupName": "Old", "locationDialingCode": "7"}));
                    state.add_user(&tenant, &group, &format!("a@{tenant}.example"), false);
                    edits.push((0, 0), Id::Group(tenant, group), Edit::Occupied);
                }
            }
        });
        Self {
            ground,
            extent,
            all,
            platform,
            edits,
            mandates: Mandates::default(),
            settings: "",
            orphans: BTreeSet::new(),
            deaths: 0,
            nudged: Vec::new(),
        }
    }

    /// All storms of a seed; gives how many actions they were. What is wrong comes with what was done until then.
    pub async fn weathers(&mut self, seed: u64) -> Result<usize, Broken> {
        let mut done = Vec::new();
        for (number, storm) in phases(seed, self.extent).iter().enumerate() {
            done.push(format!("-- phase {number}"));
            done.extend(storm.iter().map(|action| format!("{action:?}")));
            self.weather(storm).await.map_err(|problems| Broken { done: done.join("\n"), problems })?;
        }
        self.trials(seed, &mut done).await?;
        Ok(done.len())
    }

    /// A storm, the rest after it, and what is wrong then.
    async fn weather(&mut self, storm: &[Action]) -> Result<(), Vec<String>> {
        self.ground.storm(true);
        for action in storm {
            self.act(action).await;
            sleep(PAUSE).await;
        }
        self.ground.storm(false);
        for plural in WATCHED {
            self.ground.lag(plural, Duration::ZERO);
        }
        self.platform.clear_faults();
        self.platform.set_latency(Duration::ZERO);
        for place in self.extent.places {
            self.act(&Action::Grant(place)).await;
        }
        self.let_in().await;
        for target in self.all.clone() {
            self.annotate(&target, PAUSED, Value::Null).await;
        }
        if let Err(problems) = self.rests(None, BY_ITSELF + self.extent.lease).await {
            self.nudged.extend(problems);
        }
        let token = format!("look-{}", self.platform.look(<[_]>::len));
        for target in self.all.clone() {
            self.annotate(&target, REQUESTED_AT, json!(token)).await;
        }
        self.rests(Some(&token), WHEN_ASKED).await?;
        let wrong = self.edits.wrong(&self.platform.journal(), &self.mandates, self.ground.grace());
        if !wrong.is_empty() {
            return Err(wrong);
        }
        self.is_quiet().await?;
        self.is_alive()
    }

    /// Whether every operator goes on.
    pub(super) fn is_alive(&self) -> Result<(), Vec<String>> {
        let is_broken = |number| self.ground.has_ended(number) || self.ground.has_panicked(number);
        if self.operators().any(is_broken) {
            return Err(vec!["an operator ended by itself, or panicked".to_owned()]);
        }
        Ok(())
    }

    /// The platform takes the password again, and a person says so.
    pub(super) async fn let_in(&self) {
        self.platform.edit(|state| state.add_account(USERNAME, Account::system(PASSWORD)));
        for system in self.ground.systems() {
            let api = Api::<Secret>::namespaced(self.ground.client().clone(), system);
            let asked =
                json!({"metadata": {"annotations": {REQUESTED_AT: format!("{}", self.platform.look(<[_]>::len))}}});
            let params = PatchParams::default();
            let patched = patiently(async || api.patch("apio-credentials", &params, &Patch::Merge(&asked)).await).await;
            patched.unwrap_or_else(|error| panic!("the Secret cannot be annotated: {error}"));
        }
    }

    pub(super) async fn act(&mut self, action: &Action) {
        match action {
            Action::Apply(target, spec) => self.apply(target, spec).await,
            Action::Delete(target) => {
                let api = self.api(target.kind, target.place);
                let began = Instant::now();
                let deleted = patiently(async || api.delete(&target.name, &DeleteParams::default()).await).await;
                // One that is gone was deleted by a try that had no answer, or is not minded.
                let is_gone = matches!(&deleted, Err(kube::Error::Api(status)) if status.code == 404);
                if deleted.is_ok() || is_gone {
                    self.mandates.delete(target, began);
                }
            }
            Action::Annotate(target, name, value) => {
                if is_orphan(value) {
                    self.orphans.insert(target.id());
                }
                self.annotate(target, name, json!(value)).await;
            }
            Action::Settings(text) => {
                self.settings = text;
                let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "apio-settings"}, "data": {"settings.yaml": text}});
                let params = PatchParams::apply("chaos").force();
                let patch = Patch::Apply(&settings);
                for system in self.ground.systems() {
                    let api = Api::<ConfigMap>::namespaced(self.ground.client().clone(), system);
                    let _ = patiently(async || api.patch("apio-settings", &params, &patch).await).await;
                }
            }
            Action::NoSettings => {
                for system in self.ground.systems() {
                    let api = Api::<ConfigMap>::namespaced(self.ground.client().clone(), system);
                    let _ = patiently(async || api.delete("apio-settings", &DeleteParams::default()).await).await;
                }
            }
            Action::Fault(fault) => self.platform.inject(fault.clone()),
            Action::ExpireSessions => self.platform.expire_sessions(),
            Action::RefuseLogins => {
                self.platform.edit(|state| state.add_account(USERNAME, Account::system("another")));
                self.platform.expire_sessions();
            }
            Action::Revoke(place) | Action::Grant(place) => {
                let is_granted = matches!(action, Action::Grant(_));
                let namespace = namespace(self.ground.systems(), place);
                for system in self.operators() {
                    self.ground.permit(system, &namespace, is_granted);
                }
            }
            Action::Slow(latency) => self.platform.set_latency(*latency),
            Action::PlatformAway(time) => {
                self.platform.stop().await;
                sleep(*time).await;
                self.resume_platform().await;
            }
            Action::Portal(..) | Action::Fill(..) | Action::Empty(_) | Action::Remove(_) => self.portal(action),
            Action::Lose(tenant) => self.lose(tenant),
            Action::Kill(number) => {
                let number = number % self.operators().len();
                self.ground.kill(number);
                self.start_operator(number);
            }
            Action::Restart(number) => {
                let number = number % self.operators().len();
                self.ground.stop(number).await;
                self.start_operator(number);
            }
            Action::Lag(plural, by) => self.ground.lag(plural, *by),
            Action::RestartApi => self.ground.restart_api().await,
            Action::Wait(time) => sleep(*time).await,
        }
    }

    pub(super) async fn resume_platform(&self) {
        self.platform.resume().await.unwrap_or_else(|error| panic!("the port of the platform is lost: {error}"));
    }

    fn start_operator(&mut self, number: usize) {
        self.deaths += 1;
        self.ground.start(number);
    }

    fn operators(&self) -> std::ops::Range<usize> {
        0..self.ground.systems().len()
    }

    /// What the kubelet does: an operator that lost its lease while the API server was away ends.
    fn revive(&mut self) {
        for number in self.operators() {
            if self.ground.has_ended(number) {
                self.start_operator(number);
            }
        }
    }

    async fn apply(&mut self, target: &Target, spec: &Map<String, Value>) {
        if spec.get("deletionPolicy").is_some() {
            self.orphans.insert(target.id());
        }
        let api = self.api(target.kind, target.place);
        let resource = json!({"apiVersion": "apio.netaxis.be/v1alpha1", "kind": target.kind, "metadata": {"name": target.name}, "spec": spec});
        let params = PatchParams::apply("chaos").force();
        let began = Instant::now();
        let applied = patiently(async || api.patch(&target.name, &params, &Patch::Apply(&resource)).await).await;
        let applied = applied.unwrap_or_else(|error| panic!("{target} cannot be applied: {error}"));
        self.mandates.note(target, &applied, began);
    }

    pub(super) async fn annotate(&mut self, target: &Target, name: &str, value: Value) {
        let api = self.api(target.kind, target.place);
        let patch = json!({"metadata": {"annotations": {name: value}}});
        let params = PatchParams::default();
        let began = Instant::now();
        // What is not there has no annotations.
        if let Ok(now) = patiently(async || api.patch(&target.name, &params, &Patch::Merge(&patch)).await).await {
            self.mandates.note(target, &now, began);
        }
    }

    /// Waits until nothing is wrong with any resource; what still is when the time is over.
    pub(super) async fn rests(&mut self, token: Option<&str>, limit: Duration) -> Result<(), Vec<String>> {
        let until = Instant::now() + limit;
        let (mut seen, mut wrong) = (None, Vec::new());
        loop {
            self.revive();
            let news = self.ground.news();
            if news.is_none() || news != seen {
                seen = news;
                self.hear_what_was_left().await;
                let resources = self.resources().await;
                wrong = self.platform.edit(|state| {
                    let Self { all, orphans, settings, .. } = &*self;
                    resources::wrong(&World { all, resources: &resources, state, orphans, settings }, token)
                });
            }
            if wrong.is_empty() {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(wrong);
            }
            sleep(LOOK).await;
        }
    }

    /// What is not certainly the operator's is left on the platform, and told.
    async fn hear_what_was_left(&mut self) {
        for &place in self.extent.places {
            let events =
                Api::<Event>::namespaced(self.ground.client().clone(), &namespace(self.ground.systems(), place));
            let params = ListParams::default();
            let events = patiently(async || events.list(&params).await).await;
            let events = events.unwrap_or_else(|error| panic!("the events cannot be listed: {error}"));
            // Without a warning is what somebody wanted to be left, or what had no record.
            let is_told =
                |event: &Event| event.reason.as_deref() == Some("Left") && event.type_.as_deref() == Some("Warning");
            let left = events.into_iter().filter(is_told);
            for about in left.filter_map(|event| event.regarding) {
                let is_it = |target: &Target| target.place == place && about.name.as_ref() == Some(&target.name);
                let targets = self.all.iter().filter(|target| is_it(target));
                self.orphans.extend(targets.filter(|it| about.kind.as_deref() == Some(it.kind)).map(Target::id));
            }
        }
    }

    pub(super) async fn resources(&self) -> BTreeMap<Target, DynamicObject> {
        let mut all = BTreeMap::new();
        for &place in self.extent.places {
            for kind in ["Group", "Tenant", "Reseller"] {
                let api = self.api(kind, place);
                let params = ListParams::default();
                let list = patiently(async || api.list(&params).await).await;
                let list = list.unwrap_or_else(|error| panic!("the {kind}s cannot be listed: {error}"));
                all.extend(list.into_iter().map(|object| {
                    let name = object.metadata.name.clone().unwrap_or_default();
                    (Target { kind, place, name }, object)
                }));
            }
        }
        all
    }

    fn api(&self, kind: &str, place: &str) -> Api<DynamicObject> {
        let resource = match kind {
            "Tenant" => ApiResource::erase::<Tenant>(&()),
            "Reseller" => ApiResource::erase::<Reseller>(&()),
            _ => ApiResource::erase::<Group>(&()),
        };
        Api::namespaced_with(self.ground.client().clone(), &namespace(self.ground.systems(), place), &resource)
    }

    /// What the platform and the operator say of the round.
    pub fn story(&self) -> String {
        let journal: Vec<_> = self.platform.journal().iter().map(|call| format!("{} {call}", call.seq)).collect();
        let logs: Vec<_> = self.operators().map(|number| format!("operator:\n{}", self.ground.log(number))).collect();
        format!("platform:\n{}\n{}", journal.join("\n"), logs.join("\n"))
    }
}
