//! An object that the platform has: whether it is ours, what differs, and whether that is corrected.

use super::{Halt, Next, Plan, Refusal, Sent, Step, Verdict, domains, done, hold};
use crate::{
    api::{DriftPolicy, Ownership, OwnershipState},
    engine::{
        declared::{Compared, digest},
        diff::{Difference, are_told, differences, foreign, incomparable, update_body, whole},
        facts::{Facts, Query},
        failure::{Cause, Failure},
        ids::{Key, Object},
        kind::{Change, Kind, Subject, Verb},
        ownership,
        reason::Reason,
        stray,
    },
};

/// What is declared beside what is there.
pub(super) struct Comparison<'a, K> {
    pub object: &'a K,
    pub subject: &'a Subject,
    pub facts: &'a Facts,
    pub key: &'a Key,
    pub record: Option<Ownership>,
    pub declared: &'a Object,
    pub observed: &'a Object,
}

impl<K: Kind> Comparison<'_, K> {
    pub fn decide(&self) -> Next<Plan> {
        self.is_comparable()?;
        let found = differences(self.declared, self.observed);
        if self.subject.observes() {
            return done(if found.is_empty() { Verdict::Synced } else { Verdict::Drifted(found) });
        }
        self.is_ours(&found)?;
        self.can_be_changed(&found)?;
        if found.is_empty() && !self.template_is_due() {
            return self.as_it_is(Verdict::Synced);
        }
        if self.has_updated() {
            let sent = if self.was_unkept() { Sent::Again } else { Sent::First };
            return done(Verdict::NotAccepted(found, sent));
        }
        let is_known = self.was_unkept() && are_told(&self.subject.status.drift, &found);
        if is_known && !self.subject.sends_again {
            return done(Verdict::NotAccepted(found, Sent::Before));
        }
        if !is_known && self.verb() == Verb::Correct && self.subject.policies.drift() == DriftPolicy::Report {
            return self.as_it_is(Verdict::Drifted(found));
        }
        self.update(&found)
    }

    fn is_comparable(&self) -> Next<()> {
        let Some(odd) = incomparable(self.declared, self.observed) else { return Ok(()) };
        let message = format!("the platform's answer for {} is not as documented: {odd}", self.key);
        Err(Halt::Stop(Verdict::Failed(Failure::new(Cause::Unreadable, message))))
    }

    fn is_ours(&self, found: &[Difference]) -> Next<()> {
        if self.record.is_some() {
            return Ok(());
        }
        let policy = self.subject.policies.adoption();
        ownership::adopt(policy, self.key, found, self.facts.cluster.auto_created).or_else(Refusal::refuse)?;
        // Nothing is taken over while somebody who is not seen may hold it.
        self.facts.cluster.unknown_claims.clone().map_or(Ok(()), Refusal::refuse)
    }

    fn can_be_changed(&self, found: &[Difference]) -> Next<()> {
        let Some(fixed) = found.iter().find(|d| K::IMMUTABLE.contains(&d.path.as_str())) else { return Ok(()) };
        let message = format!(
            "{} of {} is {} on the platform and cannot be changed to {}; create this resource anew with what is there",
            fixed.path, self.key, fixed.observed, fixed.desired
        );
        Refusal::new(Reason::Invalid, message).refuse()
    }

    /// Nothing is written, but for a finalizer or a record that is not there yet.
    fn as_it_is(&self, verdict: Verdict) -> Next<Plan> {
        match self.hold(&[]) {
            steps if steps.is_empty() => done(verdict),
            steps => Ok(Plan::Act(steps)),
        }
    }

    fn hold(&self, on_the_way: &[Step]) -> Vec<Step> {
        let ours = self.record.clone().unwrap_or_else(|| ownership::taken_over(self.facts, self.key));
        hold(self.subject, self.facts, self.record.as_ref(), ours, on_the_way)
    }

    fn compared(&self) -> Compared {
        self.subject.compared(&digest(self.object, self.declared, &self.facts.cluster))
    }

    /// What a difference calls for: when what is declared was compared already, it is the platform's doing.
    fn verb(&self) -> Verb {
        let compared = self.compared();
        let never_compared = compared == Compared::Never || self.subject.status.ownership.is_none();
        match &self.record {
            None => Verb::Adopt,
            Some(record) if record.state == OwnershipState::Adopted && never_compared => Verb::Adopt,
            Some(_) if compared == Compared::Same => Verb::Correct,
            Some(_) => Verb::Update,
        }
    }

    /// Whether a template is sent although nothing differs.
    ///
    /// | what the comparison follows | the template |
    /// | --- | --- |
    /// | the object is taken over | is never sent |
    /// | what is declared is as it was, whatever policy changed | is not sent again |
    /// | what is declared changed | is sent, once |
    /// | the object was created, and was not compared yet | was sent; goes along with a difference |
    fn template_is_due(&self) -> bool {
        self.sends_template() && self.compared() == Compared::Changed && !self.has_created() && !self.has_updated()
    }

    /// Whether an update carries the template.
    fn sends_template(&self) -> bool {
        self.verb() == Verb::Update && self.object.template().is_some()
    }

    fn has_created(&self) -> bool {
        self.facts.done().any(|step| matches!(step, Step::Create(..)))
    }

    fn has_updated(&self) -> bool {
        self.facts.done().any(|step| matches!(step, Step::Update(..)))
    }

    /// Whether the platform took what is declared before and did not keep it.
    fn was_unkept(&self) -> bool {
        self.compared() == Compared::Same && self.subject.was_unkept()
    }

    fn update(&self, found: &[Difference]) -> Next<Plan> {
        let change = Change { declared: self.declared, observed: Some(self.observed) };
        let on_the_way = self.object.prerequisites(self.key, &change, self.facts)?;
        let body = if self.sends_template() {
            stray::may_have_template(self.object, &self.facts.cluster)?;
            // A template fills every key that is absent, so all declared ones are sent.
            let whole = |(key, value): (&String, _)| (key.clone(), whole(key, value, self.observed.get(key)));
            self.declared.iter().map(whole).collect()
        } else {
            update_body(self.declared, self.observed, found)
        };
        let mut body = domains::spelt_as_known(body, self.key, self.facts);
        body.extend(self.object.options(self.verb(), self.key, &body, &self.facts.cluster));
        let mut steps = self.hold(&on_the_way);
        steps.extend(on_the_way);
        if !foreign(self.declared, &body).is_empty() {
            // Somebody may change these meanwhile, and would be overruled: they are sent as they were seen right before.
            steps.retain(|step| !self.facts.done().any(|done| done == step));
            if !steps.is_empty() {
                return Ok(Plan::Act(steps));
            }
            if !self.facts.has_just_seen(self.key) {
                return Ok(Plan::Ask(vec![Query::Object(self.key.clone())]));
            }
        }
        steps.push(Step::Update(self.key.clone(), body));
        Ok(Plan::Act(steps))
    }
}

/// A refused update that carried what is not declared here: that may be what the platform refuses.
pub(super) fn refused_with_foreign(declared: &Object, facts: &Facts) -> Next<()> {
    let Some((Step::Update(key, body), failure)) = facts.failed().filter(|(_, it)| it.cause == Cause::Rejected) else {
        return Ok(());
    };
    let foreign = foreign(declared, body);
    if foreign.is_empty() {
        return Ok(());
    }
    let foreign = foreign.join(", ");
    let message = format!(
        "the platform refuses it: {failure}; change the spec, or on {key} what is not declared here and is sent along as it is there: {foreign}"
    );
    Refusal::new(Reason::Invalid, message).refuse()
}
