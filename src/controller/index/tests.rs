use futures::FutureExt;
use kube::runtime::{
    reflector::{self, store::Writer},
    watcher::Event,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

/// The watch of the groups, as far as the index knows it, and the passes that it asks for.
struct Groups {
    index: Index,
    writer: Writer<Packed<Group>>,
    woken: UnboundedReceiver<ObjectRef<Packed<Group>>>,
}

impl Groups {
    fn new() -> Self {
        let (store, writer) = reflector::store();
        let (wake, woken) = unbounded_channel();
        let slice = Slice {
            store,
            woken: wake,
            namespace: None,
            sight: watch::channel(Sight::default()).1,
            agreed: Agreed::default(),
            doubts: Doubts::default(),
        };
        let index = Index { groups: vec![slice], ..Index::default() };
        Self { index, writer, woken }
    }

    /// A resource of group HQ changes; gives the names of those that are asked for a pass.
    fn show(&mut self, name: &str, generation: i64, told: i64, ready: &str, more: &str) -> Vec<String> {
        let shown: serde_json::Value = serde_yaml::from_str(&format!(
            "{{apiVersion: apio.netaxis.be/v1alpha1, kind: Group, \
             metadata: {{name: {name}, namespace: ns, uid: {name}, generation: {generation}}}, \
             spec: {{tenantId: Acme, groupId: HQ, groupName: G, {more}}}, \
             status: {{conditions: [{{type: Ready, status: '{ready}', reason: R, message: '', \
             observedGeneration: {told}, lastTransitionTime: '2026-01-01T00:00:00Z'}}]}}}}"
        ))
        .unwrap();
        let packed = Packed::of(shown).unwrap();
        self.writer.apply_watcher_event(&Event::Apply(packed.clone()));
        self.index.tell(&packed.open().unwrap());
        std::iter::from_fn(|| self.woken.try_recv().ok()).map(|woken| woken.name).collect()
    }
}

#[test]
fn a_change_wakes_what_waits_and_what_was_not_looked_at_since_it_changed() {
    for (generation, ready, woken) in [(1, "True", false), (1, "False", true), (1, "Unknown", true), (2, "True", true)]
    {
        let mut groups = Groups::new();
        groups.show("other", generation, 1, ready, "");
        let expected: &[&str] = if woken { &["other"] } else { &[] };
        assert_eq!(groups.show("one", 1, 1, "True", ""), expected, "Ready={ready}, generation {generation}");
    }
}

#[test]
fn what_a_pass_left_unsettled_is_woken_although_its_watch_does_not_show_that_yet() {
    let mut groups = Groups::new();
    groups.show("one", 1, 1, "True", "");
    let woken = |groups: &mut Groups| {
        groups.index.wake_unsettled();
        std::iter::from_fn(|| groups.woken.try_recv().ok()).map(|woken| woken.name).collect::<Vec<_>>()
    };
    assert_eq!(woken(&mut groups), [""; 0]);
    groups.index.begins::<Group>("ns", "one");
    assert_eq!(woken(&mut groups), [""; 0], "nobody knows how its pass ends");
    assert!(!groups.index.ends::<Group>("ns", "one", false), "what ends well needs no other one");
    for is_all in [true, false] {
        groups.index.begins::<Group>("ns", "one");
        if is_all {
            groups.index.wake_unsettled();
        } else {
            groups.show("other", 1, 1, "True", "");
        }
        assert!(groups.index.ends::<Group>("ns", "one", true), "what it waits for may have come");
    }
    assert_eq!(woken(&mut groups), ["one"], "it is not shown yet");
    assert_eq!(groups.show("other", 1, 1, "True", "managementPolicy: Observe"), ["one"]);
    groups.show("one", 1, 1, "False", "");
    assert_eq!(woken(&mut groups), ["one"], "once");
    groups.show("one", 1, 1, "True", "");
    groups.index.begins::<Group>("ns", "one");
    assert!(!groups.index.ends::<Group>("ns", "one", false));
    assert_eq!(woken(&mut groups), [""; 0]);
}

#[test]
fn who_begins_to_observe_claims_no_more_so_who_waits_for_the_object_is_woken() {
    let mut groups = Groups::new();
    groups.show("waits", 1, 1, "False", "");
    groups.show("holds", 1, 1, "True", "");
    assert_eq!(groups.show("holds", 2, 1, "True", "userLimit: 5"), [""; 0], "nothing that concerns others");
    assert_eq!(groups.show("holds", 3, 1, "True", "managementPolicy: Observe"), ["waits"]);
}

#[tokio::test]
async fn a_namespace_that_cannot_be_listed_does_not_hold_the_others() {
    let slice = |namespace: &str| {
        let (sight, seen) = watch::channel(Sight::default());
        let (store, _) = reflector::store();
        let woken = unbounded_channel().0;
        (
            sight,
            Slice::<Group> {
                store,
                woken,
                namespace: Some(namespace.to_owned()),
                sight: seen,
                agreed: Agreed::default(),
                doubts: Doubts::default(),
            },
        )
    };
    let ((a, in_a), (b, in_b)) = (slice("a"), slice("b"));
    let index = Index { groups: vec![in_a, in_b], ..Index::default() };
    a.send_replace(Sight { is_listed: true, failed: None, shown: 0 });
    assert!(!index.is_ready() && index.ready("a").now_or_never().is_none(), "b was not tried yet");
    let failed = Some(Instant::now());
    b.send_replace(Sight { is_listed: false, failed, shown: 0 });
    assert!(index.is_ready() && index.ready("a").await);
    assert!(index.ready("b").now_or_never().is_none());
    assert_eq!(index.never_listed::<Group>().collect::<Vec<_>>(), ["b"]);
    assert_eq!(index.blind(), BTreeSet::from(["b".to_owned()]));
    a.send_replace(Sight { is_listed: true, failed, shown: 0 });
    b.send_replace(Sight { is_listed: true, failed: None, shown: 0 });
    assert_eq!((index.blind(), index.never_listed::<Group>().count()), (BTreeSet::from(["a".to_owned()]), 0));
    b.send_replace(Sight { is_listed: false, failed, shown: 0 });
    a.send_replace(Sight { is_listed: false, failed, shown: 0 });
    assert!(!index.is_ready(), "none was listed");
}
