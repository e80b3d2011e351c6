//! What an operator goes by: what it remembers beside what its watches show, and its writes to the cluster.

use apio_operator::{
    api::Status,
    engine::{
        diff::differences,
        failure::{Cause, Failure},
        ids::Key,
        kind::Subject,
        ownership,
    },
};
use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};

use super::{
    Basis, Known, Op, Remembered, World,
    resources::{Manifest, Name, each},
};

/// How a write to the cluster ends that does not reach it, or whose answer does not come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unheard {
    Taken,
    NotTaken,
}

impl World {
    /// What is remembered of a resource.
    pub fn remembered(&self, op: Op, name: Name, life: u8) -> Remembered {
        let memory = &self.op(op).memories[name as usize];
        if memory.life == life { (**memory).clone() } else { Remembered { life, ..Remembered::default() } }
    }

    pub fn remember(&mut self, op: Op, name: Name, life: u8, change: impl FnOnce(&mut Remembered)) {
        let mut remembered = self.remembered(op, name, life);
        change(&mut remembered);
        self.op_mut(op).memories[name as usize] = Known::new(remembered);
    }

    /// `Operator::subject`.
    pub fn subject(&self, op: Op, name: Name, life: u8, object: &Manifest) -> Subject {
        let mut subject = each!(object, one => Subject::of(one));
        let remembered = self.remembered(op, name, life);
        let shown = self.sight(op).same(name, life);
        let newer = shown.filter(|shown| Some(shown.version) > subject.version);
        let newest = newer.map(|newer| newer.version).or(subject.version);
        let written = remembered.written.filter(|(written, _)| newest.is_none_or(|shown| shown < *written));
        if let Some(status) = remembered.unwritten.or(written.map(|(_, status)| status)) {
            subject.status = status;
        } else if let Some(newer) = newer {
            subject.status = (*newer.status).clone();
        }
        subject.awaited = remembered.memory.awaited(self.now());
        subject.sends_again = remembered.memory.sends_again(&subject, self.now());
        subject
    }

    /// `Operator::base`: the version that was read, or that our own last write gave.
    fn base(&self, op: Op, name: Name, basis: &Basis) -> Option<u64> {
        let touched = self.remembered(op, name, basis.life).touched;
        touched.filter(|touched| basis.subject.version.is_none_or(|shown| shown < *touched)).or(basis.subject.version)
    }

    /// `Operator::finalize`, to put the finalizer on.
    pub fn finalize(&mut self, op: Op, name: Name, basis: &Basis) -> Result<(), Failure> {
        let base = self.base(op, name, basis);
        let Some(live) = self.live.of_mut(name).as_mut().filter(|live| live.life == basis.life) else {
            return Err(Failure::new(Cause::Cluster, "the resource is gone"));
        };
        if live.held {
            return Ok(());
        }
        if Some(live.version) != base || live.deleting {
            return Err(Failure::superseded());
        }
        live.held = true;
        live.version += 1;
        let version = live.version;
        self.remember(op, name, basis.life, |remembered| remembered.touched = Some(version));
        Ok(())
    }

    /// `Operator::finalize`, to take the finalizer off: what is being deleted then goes.
    pub fn release(&mut self, name: Name, life: u8) {
        let live = self.live.of_mut(name);
        if live.as_ref().is_some_and(|live| live.life == life && live.deleting) {
            *live = None;
        }
    }

    /// `Operator::hold`: on the version that was read, or not at all.
    pub fn hold(&mut self, op: Op, name: Name, basis: &Basis, status: Status) -> Result<u64, Failure> {
        let base = self.base(op, name, basis);
        match self.live.same(name, basis.life) {
            Some(live) if Some(live.version) == base => Ok(self.put(name, &timeless(status))),
            _ => Err(Failure::superseded()),
        }
    }

    /// `Operator::tell`: over whatever is there, as long as it is the same resource.
    pub fn tell(&mut self, op: Op, name: Name, life: u8, status: Status, unheard: Option<Unheard>) {
        let status = timeless(status);
        if self.live.same(name, life).is_none() {
            return self.remember(op, name, life, |remembered| remembered.unwritten = None);
        }
        let version = (unheard != Some(Unheard::NotTaken)).then(|| self.put(name, &status));
        match version.filter(|_| unheard.is_none()) {
            Some(version) => self.wrote(op, name, life, version, status),
            None => self.remember(op, name, life, |remembered| remembered.unwritten = Some(status)),
        }
    }

    /// `Memories::wrote`.
    pub fn wrote(&mut self, op: Op, name: Name, life: u8, version: u64, status: Status) {
        self.remember(op, name, life, |remembered| {
            remembered.touched = Some(version);
            remembered.unwritten = None;
            remembered.written = Some((version, timeless(status)));
        });
    }

    /// A record may say only that a creation was begun, and of what. What is there then is its own if it is that, whoever created
    /// it, and otherwise somebody else's (docs/decisions.md, "What differs in form only was created here").
    pub fn doubt(&mut self) {
        let records: Vec<_> =
            self.live.all().map(|(name, it)| (name.uid(it.life), it.status.ownership.clone())).collect();
        let begun = records.into_iter().filter_map(|(uid, record)| {
            let record = record.filter(ownership::is_pending)?;
            Some((uid, Key::of(&record.key)?, record.sent?))
        });
        let begun: Vec<_> = begun.collect();
        if begun.is_empty() {
            return;
        }
        self.on_platform(|platform| {
            for (uid, key, sent) in begun {
                let Some(thing) = platform.things.get_mut(&key) else { continue };
                let is_it = differences(&sent, &thing.fields).is_empty();
                if is_it != thing.owners.contains(&uid) {
                    thing.owners.remove(&uid);
                    thing.doubtful.insert(uid);
                }
            }
        });
    }

    fn put(&mut self, name: Name, status: &Status) -> u64 {
        let Some(live) = self.live.of_mut(name) else { return 0 };
        if *live.status == *status {
            return live.version;
        }
        live.status = Known::new(status.clone());
        live.version += 1;
        live.version
    }
}

/// No decision goes by when a condition changed, so that tells no two states apart.
fn timeless(mut status: Status) -> Status {
    for condition in &mut status.conditions {
        condition.last_transition_time = Time(Timestamp::UNIX_EPOCH);
    }
    status
}
