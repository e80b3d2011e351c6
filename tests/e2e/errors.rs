//! What each bad answer of the platform leads to, as a user sees it: condition, event, metric, and the platform's own words.
//! One world per kind of call; each case has a tenant of its own, so that its calls are told apart.

use std::collections::{BTreeMap, BTreeSet};

use apio_operator::api::Group;
use futures::future::join_all;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use testkit::simulator::{Call, Fault, State};

use crate::{
    credentials::assert_no_secret_is_told,
    fixtures::{hq, manifest},
    world::{SOON, Wish, World, has, is_held, message},
};

/// Reason and condition of a failure.
type End = (&'static str, &'static str);

const INVALID: End = ("Invalid", "Stalled");
const DENIED: End = ("Denied", "Stalled");
const NOT_VISIBLE: End = ("NotVisible", "Stalled");
const UNREACHABLE: End = ("PlatformUnreachable", "Reconciling");
const REFUSED: End = ("PlatformRefused", "Reconciling");

/// A bad answer and what it leads to.
struct Case {
    /// Name of the resource.
    name: &'static str,
    fault: Fault,
    /// Label of the metric.
    outcome: &'static str,
    end: End,
    /// What a user reads of it.
    words: &'static str,
}

fn case(name: &'static str, fault: Fault, outcome: &'static str, end: End, words: &'static str) -> Case {
    Case { name, fault, outcome, end, words }
}

/// What only a person can help is tried apart from what time helps: when the platform answers again after many calls in a row
/// that it did not, everything that waits is tried again. And of what is no answer there are fewer than stop the calls.
fn apart(cases: Vec<Case>) -> Vec<Vec<Case>> {
    const TOO_FEW_TO_STOP: usize = 4;
    let (stalled, tried_again): (Vec<_>, Vec<_>) = cases.into_iter().partition(|case| case.end.1 == "Stalled");
    let mut tried_again = tried_again.into_iter();
    let few = std::iter::repeat_with(|| tried_again.by_ref().take(TOO_FEW_TO_STOP).collect::<Vec<_>>());
    let few = few.take_while(|few| !few.is_empty());
    std::iter::once(stalled).filter(|few| !few.is_empty()).chain(few).collect()
}

/// What means the same whatever was asked, but for a page of a server's failure.
fn of_any_call(failed: &'static str) -> Vec<Case> {
    let refused = |status| Fault::error(status, 77, "ODD", "because");
    vec![
        case("another-code", refused(400), "rejected", INVALID, "400: ODD: because (code 77)"),
        case("details-only", Fault::details_only(400, "no such thing"), "rejected", INVALID, "400: no such thing"),
        case("s403", refused(403), "forbidden", DENIED, "403: ODD: because (code 77)"),
        case("s406", refused(406), "rejected", INVALID, "406: ODD: because"),
        case("s416", refused(416), "rejected", INVALID, "416: ODD: because"),
        case("s422", refused(422), "rejected", INVALID, "422: ODD: because"),
        case("s302", refused(302), "wrong_endpoint", UNREACHABLE, "302: ODD: because"),
        case("s410", refused(410), "wrong_endpoint", UNREACHABLE, "410: ODD: because"),
        case("s429", refused(429), "rate_limited", UNREACHABLE, "429: ODD: because"),
        case("s503", refused(503), "server_error", UNREACHABLE, "503: ODD: because"),
        case("page-200", Fault::html(200), "unreadable", UNREACHABLE, "was answered with no JSON: <html>"),
        case("s207", refused(207), "partial", UNREACHABLE, "was done in part only"),
        case("s500", Fault::html(500), failed, UNREACHABLE, "<h1>50"),
        case("s502", Fault::html(502), failed, UNREACHABLE, "<h1>50"),
        case("s504", Fault::html(504), failed, UNREACHABLE, "<h1>50"),
    ]
}

fn of_a_look() -> Vec<Case> {
    let mut cases = of_any_call("server_error");
    cases.extend([
        case("empty", Fault::empty(200), "unreadable", UNREACHABLE, "was answered with no JSON"),
        // The beginning of a 404 of the platform's own is no absence.
        case("truncated", Fault::truncated(), "not_found", UNREACHABLE, r#"404: {"errors":[{"code":"#),
        case("page-403", Fault::html(403), "unreadable", UNREACHABLE, "403: <html>"),
        case("page-404", Fault::html(404), "not_found", UNREACHABLE, "404: <html>"),
        case("page-423", Fault::html(423), "server_error", UNREACHABLE, "423: <html>"),
        case("shape", Fault::wrong_shape(), "unreadable", UNREACHABLE, "was not answered with an object"),
        case("slow", Fault::stuck(), "timed_out", UNREACHABLE, "cannot be reached: "),
        case("reset", Fault::drop_before(), "unreachable", UNREACHABLE, "cannot be reached: "),
    ]);
    cases
}

/// After these nobody knows whether the write was carried out. It was not.
fn of_a_write() -> Vec<Case> {
    let mut cases = of_any_call("ambiguous");
    cases.extend([
        case("page-403", Fault::html(403), "ambiguous", UNREACHABLE, "403: <html>"),
        case("page-404", Fault::html(404), "ambiguous", UNREACHABLE, "404: <html>"),
        case("page-409", Fault::html(409), "ambiguous", UNREACHABLE, "409: <html>"),
        case("s423", Fault::status(423), "ambiguous", UNREACHABLE, "423: INJECTED: injected fault"),
        case("page-503", Fault::html(503), "ambiguous", UNREACHABLE, "503: <html>"),
        case("empty-500", Fault::empty(500), "ambiguous", UNREACHABLE, "500: an empty body"),
        case("code-29", Fault::error(400, 29, "NOT_EMPTY", "why"), "not_empty", REFUSED, "NOT_EMPTY: why (code 29)"),
        case("slow", Fault::stuck(), "ambiguous", UNREACHABLE, "cannot be reached: "),
        case("reset", Fault::drop_before(), "ambiguous", UNREACHABLE, "cannot be reached: "),
    ]);
    cases
}

fn of_a_creation() -> Vec<Case> {
    let mut cases = of_a_write();
    let hidden = "exists but does not show it to this account";
    cases.extend([
        case("code-11", Fault::error(400, 11, "ALREADY_EXISTS", ""), "already_exists", NOT_VISIBLE, hidden),
        case("s409", Fault::status(409), "already_exists", NOT_VISIBLE, hidden),
        case("s404", Fault::status(404), "not_found", UNREACHABLE, "404: INJECTED: injected fault"),
    ]);
    cases
}

/// Of something that is there: that it exists says nothing.
fn of_a_change() -> Vec<Case> {
    let mut cases = of_a_write();
    cases.extend([
        case(
            "code-11",
            Fault::error(400, 11, "ALREADY_EXISTS", "name"),
            "rejected",
            INVALID,
            "400: ALREADY_EXISTS: name",
        ),
        case("s409", Fault::status(409), "rejected", INVALID, "409: INJECTED: injected fault"),
    ]);
    cases
}

/// A refused deletion is tried again: what refuses it may go.
fn of_a_deletion() -> Vec<Case> {
    let tried_again = |case: Case| {
        let reason = if case.end == INVALID { "PlatformRefused" } else { case.end.0 };
        Case { end: (reason, "DeletionBlocked"), ..case }
    };
    of_a_change().into_iter().map(tried_again).collect()
}

/// The groups of the cases, with a faulty platform beneath.
struct Trial {
    world: World,
    cases: Vec<Case>,
    method: &'static str,
    operation: &'static str,
}

impl Trial {
    /// Through one of the two front doors, with everything logged.
    async fn new(door: &str, method: &'static str, operation: &'static str, cases: Vec<Case>) -> Self {
        let platform = ["--platform-mode", door, "--platform-timeout", "1s", "--platform-concurrency", "64"];
        let arguments = &[&platform[..], &["--log", "trace,h2=info"]].concat();
        let world = World::with(Wish { arguments, ..Wish::default() }).await;
        world.platform.edit(|state| cases.iter().for_each(|case| state.add_tenant(case.name)));
        Self { world, cases, method, operation }
    }

    fn apply(&self, more: &str) {
        let group = |case: &Case| {
            manifest("Group", case.name, &format!("tenantId: {}, groupId: HQ, groupName: G, {more}", case.name))
        };
        self.world.apply(&self.cases.iter().map(group).collect::<String>());
    }

    async fn are_ready(&self) {
        for case in &self.cases {
            self.world.group(case.name).await;
        }
    }

    fn is_hit(&self, case: &Case, call: &Call) -> bool {
        let collection = format!("/tenants/{}/groups/", case.name);
        let path = if self.method == "POST" { collection } else { collection + "HQ/" };
        call.method == self.method && call.path == path
    }

    fn hits(&self, case: &Case, calls: &[Call]) -> usize {
        calls.iter().filter(|call| self.is_hit(case, call)).count()
    }

    fn break_platform(&self) {
        self.world.platform.clear_journal();
        for case in &self.cases {
            let collection = format!("/tenants/{}/groups/", case.name);
            let path = if self.method == "POST" { collection } else { collection + "HQ/" };
            self.world.platform.inject(case.fault.clone().on(self.method, &path).forever());
        }
    }

    /// Everything that a user sees while the platform answers so.
    async fn assert_told(&self) {
        let told = if self.method == "DELETE" { "DeletionBlocked" } else { "Ready" };
        for case in &self.cases {
            self.world.reason::<Group>(case.name, told, case.end.0).await;
            // One that was held back at first is told why later.
            let said = |group: &Group| message(group, told).contains(case.words);
            let group = self.world.until(case.name, case.words, said).await;
            assert!(has(&group, case.end.1), "{}: {:?}", case.name, group.status);
            let other = if case.end.1 == "Stalled" { "Reconciling" } else { "Stalled" };
            assert!(!has(&group, other), "{}: {:?}", case.name, group.status);
        }
        // Time helps or it does not: while the one is tried again, the other is left alone.
        let again: Vec<_> = self.cases.iter().filter(|case| case.end.1 == "Reconciling").collect();
        let tried = |calls: &[Call], _: &State| again.iter().all(|case| self.hits(case, calls) >= 2);
        self.world.platform.wait_for("another try", SOON, tried).await;
        let calls = self.world.platform.journal();
        for case in self.cases.iter().filter(|case| case.end.1 == "Stalled") {
            assert_eq!(self.hits(case, &calls), 1, "{} is tried again", case.name);
        }
        self.assert_described();
        self.assert_counted().await;
        self.assert_one_event_each().await;
        assert_no_secret_is_told(&self.world, &[]).await;
    }

    fn assert_described(&self) {
        let text = self.world.kubectl(&["describe", "groups"]);
        let pages: BTreeMap<_, _> = format!("\n{text}")
            .split("\nName:")
            .filter_map(|page| Some((page.lines().next()?.trim().to_owned(), page.to_owned())))
            .collect();
        for case in &self.cases {
            let lines: Vec<_> = pages[case.name].lines().filter(|line| line.contains(case.words)).collect();
            assert!(lines.iter().any(|line| line.trim_start().starts_with("Message:")), "{}", pages[case.name]);
            assert!(lines.iter().any(|line| line.contains("apio-operator")), "no event: {}", pages[case.name]);
        }
    }

    async fn assert_counted(&self) {
        let begin = format!("apio_operator_platform_calls_total{{operation=\"{}\",outcome=", self.operation);
        let (_, text) = self.world.page("/metrics").await.unwrap();
        let counted = text.lines().filter_map(|line| {
            let (outcome, count) = line.strip_prefix(&begin)?.split_once("} ")?;
            Some((outcome.trim_matches('"'), count.parse::<usize>().ok()?))
        });
        // Enough unanswered calls in a row, and others are held back.
        let counted: BTreeMap<_, _> = counted.filter(|(outcome, _)| !["ok", "held_back"].contains(outcome)).collect();
        let expected: BTreeSet<_> = self.cases.iter().map(|case| case.outcome).collect();
        assert_eq!(counted.keys().copied().collect::<BTreeSet<_>>(), expected);
        for (outcome, count) in counted {
            let cases: Vec<_> = self.cases.iter().filter(|case| case.outcome == outcome).collect();
            if cases.iter().all(|case| case.end.1 == "Stalled") {
                assert_eq!(count, cases.len(), "{outcome}");
            }
        }
    }

    /// However often it is tried.
    async fn assert_one_event_each(&self) {
        let mut told: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for event in self.world.api::<Event>().list(&ListParams::default()).await.unwrap() {
            let name = event.regarding.and_then(|about| about.name).unwrap_or_default();
            let repeated = event.series.map_or(1, |series| series.count);
            told.entry(name).or_default().push((event.type_, event.reason, repeated));
        }
        for case in &self.cases {
            let bad = ["Stalled", "DeletionBlocked"].contains(&case.end.1);
            let kind = if bad { "Warning" } else { "Normal" };
            let of_it: Vec<_> =
                told[case.name].iter().filter(|(_, reason, _)| reason.as_deref() == Some(case.end.0)).collect();
            let expected = (Some(kind.to_owned()), Some(case.end.0.to_owned()), 1);
            assert_eq!(of_it, [&expected], "{}", case.name);
        }
    }

    /// The platform is well again. What waits for a person is told to look; the rest finds out by itself.
    async fn mend_platform(&self) {
        self.world.platform.clear_faults();
        let waits = |case: &&Case| case.end.1 == "Stalled" || case.end.0 == REFUSED.0;
        for case in self.cases.iter().filter(waits) {
            self.world.nudge::<Group>(case.name).await;
        }
    }
}

#[tokio::test]
async fn every_bad_answer_to_a_look_is_told_and_creates_nothing() {
    join_all(apart(of_a_look()).into_iter().map(creates_nothing)).await;
}

async fn creates_nothing(cases: Vec<Case>) {
    let trial = Trial::new("gateway", "GET", "get_group", cases).await;
    trial.break_platform();
    trial.apply("");
    trial.assert_told().await;
    assert_eq!(trial.world.writes(), [""; 0], "nothing is created from an answer that says nothing");
    trial.mend_platform().await;
    trial.are_ready().await;
    assert_eq!(trial.world.writes().len(), trial.cases.len(), "{}", trial.world.story());
}

#[tokio::test]
async fn every_bad_answer_to_a_creation_is_told_and_creates_nothing_twice() {
    join_all(apart(of_a_creation()).into_iter().map(creates_nothing_twice)).await;
}

async fn creates_nothing_twice(cases: Vec<Case>) {
    let trial = Trial::new("core", "POST", "create_group", cases).await;
    trial.break_platform();
    trial.apply("");
    trial.assert_told().await;
    trial.mend_platform().await;
    trial.are_ready().await;
    let created = trial.world.platform.writes().iter().filter(|call| call.status == Some(201)).count();
    assert_eq!(created, trial.cases.len());
    let refused = trial.world.platform.writes().into_iter().find(|call| call.method != "POST");
    assert!(refused.is_none(), "{refused:?}");
}

#[tokio::test]
async fn every_bad_answer_to_an_update_is_told_and_the_update_sent_again() {
    join_all(apart(of_a_change()).into_iter().map(sends_the_update_again)).await;
}

async fn sends_the_update_again(cases: Vec<Case>) {
    let trial = Trial::new("gateway", "PUT", "update_group", cases).await;
    trial.apply("");
    trial.are_ready().await;
    trial.break_platform();
    trial.apply("userLimit: 7");
    trial.assert_told().await;
    trial.mend_platform().await;
    trial.are_ready().await;
    let sent: BTreeSet<_> =
        trial.world.platform.writes().iter().map(|call| call.body.clone().unwrap().to_string()).collect();
    assert_eq!(sent, BTreeSet::from([r#"{"userLimit":7}"#.to_owned()]));
}

#[tokio::test]
async fn every_bad_answer_to_a_deletion_keeps_the_resource_and_the_group_is_counted_before_each_try() {
    join_all(apart(of_a_deletion()).into_iter().map(keeps_the_resource_and_counts_again)).await;
}

async fn keeps_the_resource_and_counts_again(cases: Vec<Case>) {
    let trial = Trial::new("core", "DELETE", "delete_group", cases).await;
    trial.apply("");
    trial.are_ready().await;
    trial.break_platform();
    trial.world.kubectl(&["delete", "groups", "--all", "--wait=false"]);
    trial.assert_told().await;
    for case in &trial.cases {
        let group: Group = trial.world.api().get(case.name).await.unwrap();
        assert!(is_held(&group), "{}", case.name);
        trial.world.nudge::<Group>(case.name).await;
    }
    let tried = |calls: &[Call], _: &State| trial.cases.iter().all(|case| trial.hits(case, calls) >= 2);
    trial.world.platform.wait_for("another try", SOON, tried).await;
    trial.mend_platform().await;
    for case in &trial.cases {
        // After two refusals it would try again by itself within a minute or two.
        trial.world.nudge::<Group>(case.name).await;
        trial.world.until_gone::<Group>(case.name).await;
    }
    for case in &trial.cases {
        let within = format!("/tenants/{}/groups/HQ/", case.name);
        let calls: Vec<_> =
            trial.world.platform.journal().into_iter().filter(|call| call.path.starts_with(&within)).collect();
        for (at, _) in calls.iter().enumerate().filter(|(_, call)| call.method == "DELETE") {
            // All five lists, which are asked at once.
            let counted = ["users", "trunk_groups", "ivrs", "call_centers", "hunt_groups"];
            let is_counted =
                |list: &str| calls[at - 5..at].iter().any(|call| call.path.ends_with(&format!("/{list}/")));
            assert!(counted.into_iter().all(is_counted), "{}", trial.world.story());
        }
    }
    assert_eq!(trial.world.platform.edit(|state| state.deletions.len()), trial.cases.len());
}

#[tokio::test]
async fn a_value_that_does_not_stick_from_the_creation_on_is_sent_three_times_and_then_told() {
    let world = World::new().await;
    world.platform.edit(|state| state.add_tenant("Acme"));
    world.platform.inject(Fault::refuse_value("contactInformation.name").on("*", "/tenants/Acme/groups/*").forever());
    world.apply(&hq("contactInformation: {name: Jo, phoneNumber: '+32'}"));
    let group: Group = world.reason("hq", "Ready", "NotAccepted").await;
    assert!(has(&group, "Stalled"));
    let words = r#"contactInformation.name is "" and should be "Jo""#;
    assert!(message(&group, "Ready").contains(words), "{}", message(&group, "Ready"));
    assert!(world.kubectl(&["describe", "group/hq"]).contains(words));
    world.told("hq", "NotAccepted").await;
    let put = "PUT /tenants/Acme/groups/HQ/";
    assert_eq!(world.writes(), ["POST /tenants/Acme/groups/", put, put, put]);
    world.platform.clear_faults();
    world.apply(&hq("contactInformation: {name: Jo, phoneNumber: '+33'}"));
    world.group("hq").await;
    assert_eq!(world.events("hq").await.get("NotAccepted"), Some(&1));
}
