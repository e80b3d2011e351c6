//! What cannot be brought about in a test: the operator's own functions say what they would tell, the API server shows it.

use std::{sync::Arc, time::Duration};

use apio_operator::{
    api::Group,
    engine::{
        declared::Declaration,
        diff::Difference,
        facts::{Answer, Cluster, Facts, Query},
        failure::Failure,
        ids::Key,
        kind::{Kind, Subject},
        plan::{Plan, Sent, Verdict, plan},
        report::{GRACE, Memory, Report, report},
        shown,
    },
    platform::{Address, Claim, Credentials, Http, Mode, Platform, Transport},
};
use k8s_openapi::jiff::Timestamp;
use kube::{
    Api, Resource,
    api::{Patch, PatchParams},
    runtime::events::{Event, EventType, Recorder, Reporter},
};
use serde_json::json;
use tokio::sync::watch;

use super::{
    page::Page,
    stage::{Shown, Stage},
};
use crate::{
    fixtures::manifest,
    world::{client, new_name, plane},
};

/// Port 1 is nobody's.
const NOWHERE: &str = "http://127.0.0.1:1";

pub async fn scenarios(page: Arc<Page>) -> Shown {
    let namespace = new_name();
    plane().run(&["create", "namespace", &namespace]).unwrap();
    let stage = Stage::new(page, plane(), &namespace, NOWHERE);
    let memory = Memory::default();
    told(&namespace, "zele", &[(unreadable_answer(), memory)]).await;
    stage.play("internal-error");
    told(&namespace, "zaventem", &[(of_a_newer_version(), memory)]).await;
    stage.play("unreadable");
    told(&namespace, "zottegem", &[(no_lease().await, memory)]).await;
    stage.play("not-leader");
    let long_since = Timestamp::now() - GRACE;
    let failing = Memory { failing_since: Some(long_since), ..memory };
    told(&namespace, "zwalm", &[(Verdict::Synced, memory), (outage().await, failing)]).await;
    stage.play("platform-unreachable-for-long");
    told(&namespace, "zoersel", &[(Verdict::Synced, memory), unkept(memory)]).await;
    stage.play("updating");
    stage.end()
}

/// The first look after an update that the platform did not keep.
fn unkept(memory: Memory) -> (Verdict, Memory) {
    let difference = Difference { path: "cliName".into(), desired: "Zoersel".into(), observed: "Acme".into() };
    let verdict = Verdict::NotAccepted(vec![difference], Sent::First);
    let memory = memory.after(&verdict, Timestamp::now());
    (verdict, memory)
}

/// A group of which the operator would tell these ends of passes, one after another.
async fn told(namespace: &str, name: &str, ends: &[(Verdict, Memory)]) {
    let yaml = manifest("Group", name, &format!("tenantId: Acme, groupName: {name}"));
    plane().apply_in(namespace, &yaml).unwrap();
    let client = client(plane()).await;
    let api: Api<Group> = Api::namespaced(client.clone(), namespace);
    let recorder = Recorder::new(client, Reporter { controller: "apio-operator".into(), instance: None });
    for (verdict, memory) in ends {
        let group = api.get(name).await.unwrap();
        let declaration = Declaration::of(&group, &Cluster::default());
        let subject = Subject::of(&group);
        let Report { status, notes, .. } =
            report(&subject, &declaration, &Facts::default(), Group::usage, verdict, *memory, Timestamp::now());
        let patch = Patch::Merge(json!({"status": status}));
        api.patch_status(name, &PatchParams::default(), &patch).await.unwrap();
        for note in notes {
            let type_ = if note.warning { EventType::Warning } else { EventType::Normal };
            let event = Event {
                type_,
                action: note.reason.clone(),
                reason: note.reason,
                note: Some(note.message),
                secondary: None,
            };
            recorder.publish(&event, &group.object_ref(&())).await.unwrap();
        }
    }
}

/// An answer that no platform client of ours gives.
fn unreadable_answer() -> Verdict {
    let group: Group = serde_yaml::from_str(&manifest("Group", "zele", "tenantId: Acme, groupName: zele")).unwrap();
    let mut facts = Facts::default();
    facts.learn(Query::Object(Key::Group("Acme".into(), "zele".into())), Ok(Answer::Groups(Vec::new())));
    match plan(&group, &Subject::of(&group), &facts) {
        Plan::Done(verdict) => verdict,
        other => panic!("{other:?}"),
    }
}

/// A value that the definition on this server does not know either.
fn of_a_newer_version() -> Verdict {
    let yaml = manifest("Group", "zaventem", "tenantId: Acme, groupName: zaventem, driftPolicy: Approve");
    let group = shown::Shown::<Group>::read(&serde_yaml::from_str(&yaml).unwrap()).unwrap();
    match plan(&*group, &group.subject(), &Facts::default()) {
        Plan::Done(verdict) => verdict,
        other => panic!("{other:?}"),
    }
}

async fn no_lease() -> Verdict {
    Verdict::Failed(Claim::default().guard(async { Ok(()) }).await.unwrap_err())
}

async fn outage() -> Verdict {
    let soon = Duration::from_secs(5);
    let transport = Transport::http(Http { connect: soon, read: soon, total: soon, authorities: Vec::new() }, soon);
    let credentials = Credentials { username: "operator".into(), password: "secret".to_owned().into(), token: None };
    let (_sender, credentials) = watch::channel(Some(credentials));
    let platform = Platform::new(Address::new(NOWHERE, None, Mode::Gateway).unwrap(), transport, credentials);
    let failure: Failure = platform.log_in().await.unwrap_err();
    Verdict::Failed(failure)
}
