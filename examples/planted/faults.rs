//! Faults that the simulation has to find. Each replaces one line of `src`, which is there exactly once.

/// One fault.
pub struct Fault {
    /// How it is called.
    pub name: &'static str,
    /// What it takes away.
    pub takes: &'static str,
    /// A line of `src`, without the blanks around it.
    pub line: &'static str,
    /// What it becomes where `IT` is whether the fault is on.
    pub becomes: &'static str,
}

macro_rules! faults {
    ($($name:literal $takes:literal $line:literal => $becomes:literal)*) => {
        /// All of them.
        pub const FAULTS: &[Fault] = &[$(Fault { name: $name, takes: $takes, line: $line, becomes: $becomes }),*];
    };
}

faults! {
    "no-record" "the record before a creation"
    "if held && is_recorded { Vec::new() } else { vec![Step::Hold(ours, begun)] }"
    => "if IT || held && is_recorded { Vec::new() } else { vec![Step::Hold(ours, begun)] }"

    "record-not-taken" "that a creation which the platform took is ours"
    "(Step::Create(..), Ok(())) => record = record.map(taken),"
    => "(Step::Create(..), Ok(())) if !IT => record = record.map(taken),"

    "old-count" "the age of a count"
    "now.saturating_sub(self.counted) > FRESH"
    => "!IT && now.saturating_sub(self.counted) > FRESH"

    "old-decision" "the look at what decided a write, right before it"
    "if !is_same || self.cluster(basis.object, basis.subject).await? != *seen {"
    => "if !IT && (!is_same || self.cluster(basis.object, basis.subject).await? != *seen) {"

    "old-deletion" "the live look before a deletion"
    "let api: Api<Packed<K>> = Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default());"
    => "if IT { return Ok(self.index.get::<K>(&object.namespace().unwrap_or_default(), &object.name_any())); } let api: Api<Packed<K>> = Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default());"

    "broken-watch" "that a watch which failed is not believed"
    "K::slices(self).iter().filter(here).any(|slice| slice.sight.borrow().is_blind())"
    => "!IT && K::slices(self).iter().filter(here).any(|slice| slice.sight.borrow().is_blind())"

    "old-status" "the status that was written and is not shown yet"
    "if let Some(status) = remembered.meant().or(written.map(|(_, status)| status)) {"
    => "if let Some(status) = remembered.meant().or(written.map(|(_, status)| status)).filter(|_| !IT) {"

    "unwritten-forgotten" "the report that could not be written"
    "if let Some(report) = operator.memories.of(&subject.uid).unwritten"
    => "if let Some(report) = operator.memories.of(&subject.uid).unwritten.filter(|_| !IT)"

    "lost-race-won" "that a record is written on the version that was read"
    "if purpose == Purpose::Hold && on != base.version {"
    => "if !IT && purpose == Purpose::Hold && on != base.version {"

    "no-difference" "that an equal status is not written"
    "Report { status: conditions::differ(&status, old).then_some(status), notes, again: outlook.again }"
    => "Report { status: (IT || conditions::differ(&status, old)).then_some(status), notes, again: outlook.again }"

    "others-resources" "that another operator's resource is left alone"
    "let Holder::Other(other) = self.managers.holder(&subject.operators) else { return false };"
    => "let Holder::Other(other) = self.managers.holder(&subject.operators) else { return false }; if IT { return false; }"

    "settings-assumed" "that nothing is deleted without settings"
    "let Some(settings) = facts.cluster.settings else {"
    => "let none = Checks { users: false, trunk_users: false, trunk_groups: false, service_users: false }; let Some(settings) = facts.cluster.settings.or(IT.then(|| super::settings::Settings { checks: none, ..super::settings::Settings::default() })) else {"

    "unreadable-list" "that a list which cannot be read is not empty"
    "listing.items(of).map(taken).map_err(|why| unreadable(&why))"
    => "if IT { return Ok(taken(listing.items(of).unwrap_or(&Items::default()))); } listing.items(of).map(taken).map_err(|why| unreadable(&why))"

    "unreadable-annotation" "that a misspelt annotation blocks a deletion"
    "if let Some(unreadable) = subject.unreadable.iter().find(|one| one.blocks_deletion()) {"
    => "if let Some(unreadable) = subject.unreadable.iter().find(|one| !IT && one.blocks_deletion()) {"

    "orphan" "the policy Orphan"
    "() if subject.orphan => Some(\"the deletion policy of the resource is Orphan\"),"
    => "() if subject.orphan && !IT => Some(\"the deletion policy of the resource is Orphan\"),"

    "heir" "that an object for which another resource stands is handed over"
    "if let Some(heir) = &facts.cluster.heir {"
    => "if let Some(heir) = facts.cluster.heir.as_ref().filter(|_| !IT) {"

    "rival" "that of two resources one stands for an object"
    "if let Some(rival) = facts.cluster.rival.as_ref().filter(|_| !subject.observes()) {"
    => "if let Some(rival) = facts.cluster.rival.as_ref().filter(|_| !IT && !subject.observes()) {"

    "adoption" "the adoption policy"
    "AdoptionPolicy::Always => Ok(()),"
    => "_ if IT => Ok(()), AdoptionPolicy::Always => Ok(()),"

    "paused" "the annotation paused"
    "if subject.paused {"
    => "if subject.paused && !IT {"

    "report-only" "the drift policy Report"
    "if !is_known && self.verb() == Verb::Correct && self.subject.policies.drift() == DriftPolicy::Report {"
    => "if !IT && !is_known && self.verb() == Verb::Correct && self.subject.policies.drift() == DriftPolicy::Report {"

    "unreadable-policy" "that nothing is decided on a part of a resource"
    "if subject.unread.is_empty() { Ok(()) } else { subject.unread.refusal().refuse() }"
    => "if IT || subject.unread.is_empty() { Ok(()) } else { subject.unread.refusal().refuse() }"

    "released-early" "the deletion before the finalizer"
    "let cleared = K::clearance(&key, observed, facts)?;"
    => "if IT { return release(None); } let cleared = K::clearance(&key, observed, facts)?;"

    "absent-by-a-page" "that a page with 404 proves no absence"
    "reply.status == 404 && reply.body.as_ref().is_ok_and(is_of_gateway)"
    => "reply.status == 404 && (IT || reply.body.as_ref().is_ok_and(is_of_gateway))"

    "turn-kept" "that a turn is given back"
    "state.queue.leave(&self.caller.who);"
    => "if !IT { state.queue.leave(&self.caller.who); }"

    "neighbours-asleep" "that a change wakes what waits for it"
    "operator.index.tell(&object);"
    => "if !IT { operator.index.tell(&object); }"

    "asleep-after-the-outage" "that a platform which answers again wakes what waits"
    "() = operator.turns.answers_again() => operator.index.wake_unsettled(),"
    => "() = operator.turns.answers_again() => if !IT { operator.index.wake_unsettled() },"

    "asleep-after-the-login" "that a login which is accepted wakes what waits"
    "() = operator.platform.lets_in_again() => operator.index.wake_unsettled(),"
    => "() = operator.platform.lets_in_again() => if !IT { operator.index.wake_unsettled() },"

    "asleep-after-a-list" "that what was missed by a watch wakes what waits"
    "if before.is_listed || before.failed.is_some() {"
    => "if !IT && (before.is_listed || before.failed.is_some()) {"

    "no-retry" "that what failed is tried again"
    "Again::Transient(attempts, asked) => Some(no_sooner(spread(doubled(FIRST_RETRY, attempts, LAST_RETRY)), asked)),"
    => "Again::Transient(..) if IT => None, Again::Transient(attempts, asked) => Some(no_sooner(spread(doubled(FIRST_RETRY, attempts, LAST_RETRY)), asked)),"

    "no-second-count" "that a blocked deletion is tried again"
    "Again::Blocked(attempts) => Some(spread(doubled(FIRST_BLOCKED, attempts, LAST_BLOCKED))),"
    => "Again::Blocked(_) if IT => None, Again::Blocked(attempts) => Some(spread(doubled(FIRST_BLOCKED, attempts, LAST_BLOCKED))),"

    "no-drift" "the look for drift"
    "Again::Drift => Some(spread(drift)),"
    => "Again::Drift => Some(spread(drift) * if IT { 1000 } else { 1 }),"

    "early-tries" "that a try before its time is none"
    "Some(last) if now.duration_since(last).unsigned_abs() < soonest => self,"
    => "Some(last) if !IT && now.duration_since(last).unsigned_abs() < soonest => self,"
}
