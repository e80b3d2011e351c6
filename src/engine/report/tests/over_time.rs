use serde_json::json;

use super::*;
use crate::{
    api::{AutoCreating, Contents, Identity, Ownership, OwnershipState},
    engine::{
        annotations::Annotations,
        check_group::Blocked,
        facts::{Answer, Cluster, Query},
        ids::{Level, Object},
        on_the_way::MOST,
        plan::{Sent, Step},
        report::holding,
        size::LARGEST,
    },
};

/// A resource that was told to be Ready at second 0.
pub(super) fn ready() -> Story {
    let mut story = Story::of(new());
    story.ends(&Verdict::Synced, 0);
    story
}

fn knowing(steps: impl IntoIterator<Item = Step>) -> Facts {
    let mut facts = Facts::new(Cluster::default());
    steps.into_iter().for_each(|step| facts.record(step, Ok(())));
    facts
}

#[test]
fn what_is_not_found_may_come_for_two_minutes_then_stalls_and_stays_so() {
    for reason in [DomainNotFound, ResellerNotFound] {
        let mut story = Story::of(new());
        for second in [0, 60, 119] {
            story.ends(&refused(reason), second);
            assert!(story.conditions().contains(&format!("Reconciling=True {reason}")), "{second}");
        }
        story.ends(&refused(reason), 120);
        assert_eq!(story.conditions(), [format!("Ready=False {reason}"), format!("Stalled=True {reason}")]);
        // A restart forgets everything but the status.
        story.memory = Memory::default();
        assert_eq!(story.ends(&refused(reason), 121).status, None);
    }
}

#[test]
fn the_two_minutes_begin_when_it_is_missed_and_not_when_something_else_was_waited_for() {
    let mut story = Story::of(new());
    story.ends(&refused(WaitingForTenant), 0);
    story.ends(&refused(ResellerNotFound), 1000);
    assert_eq!(story.conditions(), ["Ready=False ResellerNotFound", "Reconciling=True ResellerNotFound"]);
}

fn record(state: OwnershipState) -> Ownership {
    let key = Identity { reseller_name: Some("R".into()), ..Identity::default() };
    Ownership { platform: "p".into(), key, state, sent: None }
}

#[test]
fn holding_a_new_generation_does_not_make_it_ready() {
    let mut story = ready();
    story.subject.generation = 2;
    story.subject.status = holding(&story.subject, record(OwnershipState::Adopted), &AutoCreating::default(), at(5));
    assert_eq!(story.subject.status.observed_generation, Some(1), "not compared yet");
    story.ends(&failed(Cause::Unreachable), 10);
    assert_eq!(story.conditions()[0], "Ready=False PlatformUnreachable");
}

#[test]
fn a_new_resource_is_said_to_be_created_before_it_is() {
    let status = holding(&new(), record(OwnershipState::Pending), &AutoCreating::default(), at(5));
    let story = Story::of(Subject { status, ..new() });
    assert_eq!(story.conditions(), ["Ready=False Creating", "Reconciling=True Creating"]);
    assert_eq!(story.subject.status.identity.unwrap().reseller_name.as_deref(), Some("R"));
}

#[test]
fn an_equal_status_is_not_written() {
    let blocked = Verdict::Blocked(Blocked {
        contents: Some(Box::new(Contents { users: Some(1), ..Contents::default() })),
        ..Blocked::new(GroupNotEmpty, "1 user")
    });
    let ends = [
        Verdict::Synced,
        Verdict::Drifted(vec![difference("x")]),
        Verdict::NotAccepted(vec![difference("x")], Sent::Before),
        Verdict::NotAccepted(vec![difference("x")], Sent::First),
        Verdict::Paused,
        refused(WaitingForTenant),
        refused(NotOwned),
        blocked,
        failed(Cause::Forbidden),
        failed(Cause::Unreachable),
    ];
    for verdict in ends {
        let mut story = Story::of(new());
        assert!(story.ends(&verdict, 0).status.is_some(), "{verdict:?}");
        let again = story.ends(&verdict, 60);
        assert_eq!((again.status, again.notes), (None, vec![]), "{verdict:?}");
    }
}

#[test]
fn conditions_stand_in_one_order_whichever_came_first_and_the_order_alone_is_not_written() {
    let kinds = |story: &Story| -> Vec<_> { story.subject.status.conditions.iter().map(|c| c.type_.clone()).collect() };
    let mut story = Story::of(new());
    story.ends(&refused(NotOwned), 0);
    assert_eq!(kinds(&story), ["Ready", "Stalled"]);
    story.ends(&Verdict::NotAccepted(vec![difference("x")], Sent::Before), 1);
    assert_eq!(kinds(&story), ["Ready", "Synced", "Stalled"]);
    story.subject.deleting = true;
    story.ends(&failed(Cause::Unreachable), 2);
    assert_eq!(kinds(&story), ["Ready", "Synced", "DeletionBlocked", "Reconciling"]);
    // As an older version wrote it, or as the API server keeps it.
    story.subject.status.conditions.reverse();
    assert_eq!(story.ends(&failed(Cause::Unreachable), 3).status, None);
    story.ends(&failed(Cause::ServerError), 4);
    story.ends(&awaiting(Deleting), 5);
    assert_eq!(kinds(&story), ["Ready", "Synced", "Reconciling"]);
}

#[test]
fn the_transition_time_moves_only_when_the_status_flips() {
    let mut story = Story::of(new());
    story.ends(&refused(WaitingForTenant), 0);
    story.ends(&refused(NotOwned), 10);
    assert_eq!((story.flipped("Ready"), story.flipped("Stalled")), (0, 10));
    story.ends(&Verdict::Synced, 20);
    assert_eq!(story.flipped("Ready"), 20);
    story.subject.generation = 2;
    story.ends(&Verdict::Synced, 30);
    let ready = story.subject.condition("Ready").unwrap();
    assert_eq!((ready.observed_generation, ready.last_transition_time.0.as_second()), (Some(2), 20));
}

#[test]
fn times_are_whole_seconds_as_kubernetes_keeps_them() {
    let mut subject = new();
    let now = at(7) + SignedDuration::from_millis(900);
    let told = report(
        &subject,
        &Declaration::default(),
        &Facts::default(),
        |_| None,
        &Verdict::Synced,
        Memory::default(),
        now,
    );
    subject.status = told.status.unwrap();
    assert_eq!(subject.condition("Ready").unwrap().last_transition_time.0, at(7));
}

#[test]
fn events_come_with_transitions_only() {
    let mut story = Story::of(new());
    let reasons =
        |report: Report| -> Vec<_> { report.notes.into_iter().map(|note| (note.warning, note.reason)).collect() };
    let mut after = |verdict: &Verdict, second| reasons(story.ends(verdict, second));
    assert_eq!(after(&refused(WaitingForTenant), 0), [(false, "WaitingForTenant".to_owned())]);
    assert_eq!(after(&refused(WaitingForTenant), 1), []);
    assert_eq!(after(&Verdict::Synced, 2), [(false, "Synced".to_owned())]);
    assert_eq!(after(&Verdict::Drifted(vec![difference("x")]), 3), [(true, "Drifted".to_owned())]);
    assert_eq!(after(&Verdict::Drifted(vec![difference("x"), difference("y")]), 4), []);
    assert_eq!(after(&Verdict::Synced, 5), []);
    assert_eq!(after(&Verdict::NotAccepted(vec![difference("x")], Sent::First), 6), [(false, "Updating".to_owned())]);
    assert_eq!(after(&Verdict::NotAccepted(vec![difference("x")], Sent::Again), 6), []);
    assert_eq!(after(&Verdict::NotAccepted(vec![difference("x")], Sent::Again), 6), [(true, "NotAccepted".to_owned())]);
    assert_eq!(after(&refused(NotOwned), 7), [(true, "NotOwned".to_owned())]);
    assert_eq!(after(&Verdict::Paused, 8), [(false, "Paused".to_owned())]);
    let blocked = Verdict::Blocked(Blocked::new(GroupNotEmpty, "1 user"));
    assert_eq!(after(&blocked, 9), [(true, "GroupNotEmpty".to_owned())]);
    assert_eq!(after(&blocked, 10), []);
}

#[test]
fn each_thing_that_was_done_is_an_event() {
    let key = Key::Group("Acme".into(), "hq".into());
    let body = Object::from_iter([("groupName".to_owned(), json!("a"))]);
    let facts = knowing([
        Step::Hold(record(OwnershipState::Pending), AutoCreating::default()),
        Step::CreateDomain("d".into()),
        Step::AssignDomain(Level::Tenant("Acme".into()), "d".into()),
        Step::CreateReseller("R".into()),
        Step::Create(key.clone(), body.clone()),
        Step::Update(key, body),
    ]);
    let notes = ready().ends_knowing(&facts, &Verdict::Synced, 1).notes;
    let texts: Vec<_> = notes.iter().map(|note| format!("{}: {}", note.reason, note.message)).collect();
    assert_eq!(
        texts,
        [
            "DomainCreated: created domain d at system level",
            "DomainAssigned: assigned domain d to tenant Acme",
            "ResellerCreated: created reseller R",
            "Created: created group hq of tenant Acme",
            "Updated: updated groupName of group hq of tenant Acme",
        ]
    );
}

#[test]
fn what_was_created_on_the_way_accumulates_without_repeating_and_is_bounded() {
    let mut story = ready();
    let tenant = Level::Tenant("Acme".into());
    let group = Level::Group("Acme".into(), "hq".into());
    let done = |domain: &str| {
        knowing([
            Step::CreateDomain(domain.into()),
            Step::AssignDomain(tenant.clone(), domain.into()),
            Step::AssignDomain(group.clone(), format!("{domain}-of-group")),
            Step::CreateReseller("R".into()),
        ])
    };
    for domain in ["d", "e", "d"] {
        story.ends_knowing(&done(domain), &Verdict::Synced, 1);
    }
    let created = story.subject.status.auto_created.clone().unwrap();
    assert_eq!((created.domains, created.resellers), (vec!["d".to_owned(), "e".into()], vec!["R".to_owned()]));
    for number in 0..100 {
        story.ends_knowing(&done(&format!("d{number}")), &Verdict::Synced, 2);
    }
    let created = story.subject.status.auto_created.unwrap();
    assert_eq!((created.domains.len(), created.domains[MOST - 1].as_str()), (MOST, "d99"));
}

#[test]
fn drift_is_bounded_and_goes_when_it_is_gone() {
    let mut story = ready();
    let many: Vec<_> = (0..100).map(|number| difference(&format!("field{number}"))).collect();
    story.ends(&Verdict::Drifted(many), 1);
    assert_eq!(story.subject.status.drift.len(), 32);
    assert!(story.subject.condition("Synced").unwrap().message.contains("and 95 more"));
    story.ends(&failed(Cause::Unreachable), 2);
    assert_eq!(story.subject.status.drift.len(), 32, "not known to be gone");
    story.ends(&Verdict::Synced, 3);
    assert_eq!(story.subject.status.drift, []);
}

#[test]
fn contents_are_told_only_while_a_deletion_is_blocked() {
    let mut story = Story::of(Subject { deleting: true, ..new() });
    let contents = Contents { users: Some(1), ..Contents::default() };
    let blocked = Blocked { contents: Some(Box::new(contents.clone())), ..Blocked::new(GroupNotEmpty, "1 user") };
    story.ends(&Verdict::Blocked(blocked), 0);
    assert_eq!(story.subject.status.contents, Some(contents));
    story.ends(&awaiting(Deleting), 1);
    assert_eq!((story.subject.status.contents.clone(), story.subject.condition("DeletionBlocked")), (None, None));
}

#[test]
fn the_last_look_is_told_and_an_absent_object_is_not_told_as_there() {
    let mut story = Story::of(new());
    let query = || Query::Object(Key::Reseller("R".into()));
    let mut facts = Facts::default();
    facts.learn(query(), Ok(Answer::Object(Some(Object::from_iter([("unheard".to_owned(), json!(1))])))));
    story.ends_knowing(&facts, &Verdict::Synced, 0);
    assert_eq!(story.subject.status.observed.as_ref().unwrap().values().get("unheard"), Some(&json!(1)));
    facts.learn(query(), Err(Failure::new(Cause::Unreachable, "away")));
    story.ends_knowing(&facts, &failed(Cause::Unreachable), 1);
    assert!(story.subject.status.observed.is_some());
    facts.learn(query(), Ok(Answer::Object(None)));
    story.ends_knowing(&facts, &refused(Removed), 2);
    assert_eq!(story.subject.status.observed, None);
}

#[test]
fn a_value_that_no_status_can_hold_is_left_out_of_it() {
    let mut story = Story::of(new());
    let observed = json!({"externalName": "e", "extraData": {"text": "x".repeat(LARGEST)}});
    let mut facts = Facts::default();
    facts.learn(Query::Object(Key::Reseller("R".into())), Ok(Answer::Object(observed.as_object().cloned())));
    story.ends_knowing(&facts, &Verdict::Synced, 0);
    assert_eq!(story.subject.status.observed.map(|it| it.values()), json!({"externalName": "e"}).as_object().cloned());
}

#[test]
fn a_request_to_look_is_echoed_once_it_was_served() {
    let mut story = ready();
    story.subject.requested_at = Some("now".into());
    story.ends(&failed(Cause::Unreachable), 1);
    assert_eq!(story.subject.status.last_handled_requested_at, None);
    story.ends(&Verdict::Synced, 2);
    assert_eq!(story.subject.status.last_handled_requested_at.as_deref(), Some("now"));
}

#[test]
fn a_long_message_is_shortened() {
    let mut story = Story::of(new());
    story.ends(&Verdict::Failed(Failure::new(Cause::Rejected, "é".repeat(5000))), 0);
    assert_eq!(story.subject.condition("Ready").unwrap().message.chars().count(), 1003);
}

#[test]
fn an_annotation_that_cannot_be_read_is_told_when_it_comes_and_never_again() {
    let read = |name: &str, value: &str| {
        let all = [(format!("apio.netaxis.be/{name}"), value.to_owned())].into();
        Annotations::read(&all).unreadable
    };
    let mut story = ready();
    story.subject.unreadable = read("deletion", "Orfan");
    let told = story.ends(&Verdict::Synced, 1);
    assert_eq!(told.notes.len(), 1);
    assert!(told.notes[0].warning && told.notes[0].message.contains("\"Orfan\""), "{told:?}");
    assert_eq!(
        story.conditions(),
        ["AnnotationUnreadable=True AnnotationUnreadable", "Ready=True Synced", "Synced=True Synced"]
    );
    let again = story.ends(&Verdict::Synced, 2);
    assert_eq!((again.status, again.notes), (None, vec![]));
    story.subject.unreadable = Vec::new();
    assert_eq!(story.ends(&Verdict::Synced, 3).notes, []);
    assert_eq!(story.conditions(), ["Ready=True Synced", "Synced=True Synced"]);

    story.subject.unreadable = read("pause", "true");
    story.ends(&Verdict::Paused, 4);
    assert_eq!(
        story.subject.condition("Ready").unwrap().message,
        "paused, because the annotation apio.netaxis.be/pause is not known (did you mean apio.netaxis.be/paused?); correct it, or remove it to go on"
    );
}

#[test]
fn a_long_pause_that_the_platform_asks_for_is_told_in_the_same_words_at_each_look() {
    let mut story = Story::of(new());
    let asks = |seconds| {
        let retry_after = Some(std::time::Duration::from_secs(seconds));
        Verdict::Failed(Failure { retry_after, ..Failure::new(Cause::ServerError, "MAINTENANCE") })
    };
    story.ends(&asks(3600), 0);
    let said = story.subject.condition("Ready").unwrap().message.clone();
    assert!(said.starts_with("MAINTENANCE; ") && said.contains("within 5 minutes"), "{said}");
    assert_eq!(story.ends(&asks(3300), 300).status, None);
    story.ends(&asks(60), 600);
    assert!(!story.subject.condition("Ready").unwrap().message.contains("minutes"), "a short one is not worth a word");
}

#[test]
fn what_is_said_not_to_be_kept_stays_said_until_something_else_is_declared() {
    let not_kept = |sent| Verdict::NotAccepted(vec![difference("x")], sent);
    let mut story = Story::of(new());
    for (sent, said) in [(Sent::First, false), (Sent::Again, false), (Sent::Again, true)] {
        story.ends(&not_kept(sent), 0);
        assert_eq!(story.conditions().contains(&"Ready=False NotAccepted".to_owned()), said, "{sent:?}");
    }
    // A restart forgets how often it was sent.
    story.memory = Memory::default();
    for (sent, said) in [(Sent::Again, true), (Sent::Before, true), (Sent::First, false)] {
        story.ends(&not_kept(sent), 0);
        assert_eq!(story.conditions().contains(&"Ready=False NotAccepted".to_owned()), said, "{sent:?}");
    }
}

#[test]
fn what_another_finalizer_keeps_does_not_go_on_saying_that_it_is_ready() {
    for verdict in [Verdict::Ignored, Verdict::Released] {
        let subject = Subject { generation: 1, lingers: true, deleting: true, ..Subject::default() };
        let mut story = Story::of(subject);
        story.ends(&Verdict::Synced, 1);
        assert!(story.ends(&verdict, 2).status.is_some());
        assert_eq!(story.conditions(), ["Ready=False Deleting", "Reconciling=True Deleting", "Synced=True Synced"]);
        assert_eq!(story.ends(&verdict, 3).status, None, "told once");
        story.subject.lingers = false;
        story.ends(&Verdict::Synced, 4);
        assert_eq!(story.ends(&verdict, 5).status, None, "it is gone");
    }
}

#[test]
fn how_long_what_was_begun_is_waited_for_is_counted_and_never_across_a_failure() {
    let mut story = Story::of(new());
    for (verdict, second, awaited) in [
        (awaiting(Creating), 0, 0),
        (awaiting(Creating), 59, 59),
        (failed(Cause::Unreachable), 60, 0),
        (awaiting(Creating), 62, 0),
        (Verdict::Superseded, 63, 1),
        (awaiting(Creating), 122, 60),
        (Verdict::Synced, 123, 0),
    ] {
        story.ends(&verdict, second);
        assert_eq!(story.memory.awaited(at(second)).as_secs(), awaited, "{second}");
    }
}
