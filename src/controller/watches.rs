//! One watch per kind and namespace. It feeds the index, wakes what a change concerns, and triggers the resource's own pass.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, Stream, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use kube::{
    Api, Client, ResourceExt,
    runtime::{
        Controller,
        controller::{self, Error as ControllerError},
        reflector::{self, ObjectRef, Store, store::Writer},
        watcher,
    },
};
use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, unbounded_channel},
        watch,
    },
    time::Instant,
};
use tracing::{info, warn};

use super::{
    Operator, credentials, driver, follow,
    index::{Index, Sight, Slice, Watched},
    packed::Packed,
    publish,
    rivals::Agreed,
    settings,
};
use crate::{
    api::{Group, Reseller, Tenant},
    engine::{
        kind::Subject,
        managers::{Holder, Managers},
    },
};

/// How long running passes may go on when the operator is to stop. Writes that are under way then are waited for all the same;
/// a call of the platform takes 30 seconds at most, unless told otherwise, and the chart's pods have 60 seconds to end.
const LAST_PASSES: Duration = Duration::from_secs(20);

/// How many resources may ask for their turns at the same time. That takes no time, but a task for each.
const ASKING: u16 = 32;

/// The writing ends of the index, to be run.
pub struct Streams {
    groups: Vec<Source<Group>>,
    tenants: Vec<Source<Tenant>>,
    resellers: Vec<Source<Reseller>>,
}

struct Source<K: Watched> {
    api: Api<Packed<K>>,
    slice: Slice<K>,
    writer: Writer<Packed<K>>,
    woken: UnboundedReceiver<ObjectRef<Packed<K>>>,
    sight: watch::Sender<Sight>,
}

/// An empty index and what will fill it. `None` among the namespaces means all of them.
pub fn open(client: &Client, namespaces: &[Option<String>]) -> (Index, Streams) {
    fn kind<K: Watched>(client: &Client, namespaces: &[Option<String>]) -> (Vec<Slice<K>>, Vec<Source<K>>) {
        let both = namespaces.iter().map(|namespace| {
            let (store, writer) = reflector::store();
            let (wake, woken) = unbounded_channel();
            let (seen, sight) = watch::channel(Sight::default());
            let api = match namespace {
                Some(namespace) => Api::namespaced(client.clone(), namespace),
                None => Api::all(client.clone()),
            };
            let (agreed, doubts) = (Agreed::default(), Arc::default());
            let slice = Slice { store, woken: wake, namespace: namespace.clone(), sight, agreed, doubts };
            (slice.clone(), Source { api, slice, writer, woken, sight: seen })
        });
        both.unzip()
    }
    let (groups, group_streams) = kind(client, namespaces);
    let (tenants, tenant_streams) = kind(client, namespaces);
    let (resellers, reseller_streams) = kind(client, namespaces);
    (
        Index { groups, tenants, resellers, ..Index::default() },
        Streams { groups: group_streams, tenants: tenant_streams, resellers: reseller_streams },
    )
}

/// Runs the operator until `stop` resolves: no new passes then, the running ones finish. One that takes too long for that is
/// ended as by a crash, which the next operator mends; a write to the platform that is under way is waited for, as long as a call
/// may take.
///
/// # Errors
/// One sentence when a watch ends although nobody asked for it.
pub async fn run(
    operator: Arc<Operator>,
    streams: Streams,
    credentials_watch: credentials::Watch,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), String> {
    let (stopping, stopped) = watch::channel(false);
    let mut controllers: FuturesUnordered<BoxFuture<'static, ()>> = FuturesUnordered::new();
    for source in streams.groups {
        controllers.push(control(operator.clone(), source, stopped.clone()).boxed());
    }
    for source in streams.tenants {
        controllers.push(control(operator.clone(), source, stopped.clone()).boxed());
    }
    for source in streams.resellers {
        controllers.push(control(operator.clone(), source, stopped.clone()).boxed());
    }
    let mut follow_settings = std::pin::pin!(settings::follow(operator.clone()));
    let mut follow_credentials = std::pin::pin!(credentials::follow(operator.clone(), credentials_watch));
    let mut stop = std::pin::pin!(stop);
    let (claim, longest_call) = (operator.claim.clone(), operator.platform.longest_call());
    let mut overdue = std::pin::pin!(async move {
        tokio::time::sleep(LAST_PASSES).await;
        let mut rest = std::pin::pin!(claim.rest());
        let resting = tokio::time::timeout(longest_call, &mut rest).await;
        // Before those that wait behind the rest can begin to write.
        claim.end();
        resting
    });
    let mut asked = false;
    loop {
        tokio::select! {
            () = &mut stop, if !asked => {
                asked = true;
                operator.turns.close();
                // Nobody listens only when every controller has ended.
                let _ = stopping.send(true);
            }
            ended = controllers.next() => match ended {
                None => return Ok(()),
                Some(()) if asked => {}
                Some(()) => return Err("a controller ended by itself".to_owned()),
            },
            resting = &mut overdue, if asked => {
                info!("passes that still run are ended: they did not finish within {LAST_PASSES:?}");
                drop(controllers);
                drop(resting);
                return Ok(());
            }
            // What was held back need not wait until it would try again by itself.
            () = operator.turns.answers_again() => operator.index.wake_unsettled(),
            () = operator.platform.lets_in_again() => operator.index.wake_unsettled(),
            () = &mut follow_settings => return Err("the watch of the settings ended by itself".to_owned()),
            () = &mut follow_credentials => return Err("the watch of the credentials ended by itself".to_owned()),
        }
    }
}

async fn control<K: Watched>(operator: Arc<Operator>, source: Source<K>, mut stopped: watch::Receiver<bool>) {
    let Source { api, slice, writer, woken, sight } = source;
    let reader = slice.store.clone();
    let stream = watched(operator.clone(), api, slice, writer, sight);
    let woken = futures::stream::unfold(woken, |mut woken| async { woken.recv().await.map(|object| (object, woken)) });
    let turns = operator.turns.clone();
    // Few run at once: those that have their turn, and those that are about to ask for theirs.
    let most = u16::try_from(operator.turns.most()).unwrap_or(u16::MAX).saturating_add(ASKING);
    Controller::for_stream(stream, reader)
        .with_config(controller::Config::default().concurrency(most))
        .reconcile_on(woken)
        .graceful_shutdown_on(async move {
            // An error means that the sender is gone: stop as well.
            let _ = stopped.wait_for(|stop| *stop).await;
        })
        .run(driver::reconcile, driver::error_policy, operator)
        .for_each(move |result| {
            match result {
                Ok(_) => {}
                // Deleted before its pass.
                Err(ControllerError::ObjectNotFound(object)) => turns.leave(&object.to_string()),
                Err(error) => warn!(kind = %K::kind(&()), %error, "controller"),
            }
            futures::future::ready(())
        })
        .await;
}

/// The watch of a kind: keeps the index, and wakes what is to be looked at. It gives nothing itself, not even its errors: a
/// controller would let everything wait that is woken meanwhile.
fn watched<K: Watched>(
    operator: Arc<Operator>,
    api: Api<Packed<K>>,
    slice: Slice<K>,
    writer: Writer<Packed<K>>,
    sight: watch::Sender<Sight>,
) -> impl Stream<Item = watcher::Result<Packed<K>>> {
    let watched = follow::Watched { what: K::kind(&()).into_owned(), namespace: slice.namespace.clone() };
    let events = follow::follow(api, watcher::Config::default(), watched, &operator);
    let mut intake = Intake { operator, slice, writer, sight, listing: Vec::new(), newest: 0 };
    events.filter_map(move |event| {
        match event {
            Ok(event) => intake.take_in(event),
            Err(()) => intake.sight.send_modify(|sight| sight.failed = Some(Instant::now())),
        }
        futures::future::ready(None)
    })
}

/// What takes in the events of a watch.
struct Intake<K: Watched> {
    operator: Arc<Operator>,
    slice: Slice<K>,
    writer: Writer<Packed<K>>,
    sight: watch::Sender<Sight>,
    /// What is due of a list: it counts when that is whole.
    listing: Vec<ObjectRef<Packed<K>>>,
    /// The newest version that it was told of.
    newest: u64,
}

impl<K: Watched> Intake<K> {
    fn take_in(&mut self, event: watcher::Event<Packed<K>>) {
        let operator = self.operator.clone();
        let is_whole = !matches!(event, watcher::Event::Init | watcher::Event::InitApply(_));
        let event = event.modify(|packed| {
            self.newest = self.newest.max(publish::version(packed).unwrap_or_default());
            packed.take_in(&operator.managers);
        });
        let due = match &event {
            watcher::Event::Apply(now) | watcher::Event::InitApply(now) => {
                due(&operator.managers, &self.slice.store, now)
            }
            _ => None,
        };
        self.writer.apply_watcher_event(&event);
        match event {
            watcher::Event::Apply(now) => {
                if let Some(object) = now.open() {
                    let uid = object.uid().unwrap_or_default();
                    operator.memories.shown(&uid, publish::version(&*object).unwrap_or_default());
                    operator.index.tell(&object);
                }
                due.into_iter().for_each(|one| self.slice.wake(one));
            }
            watcher::Event::Delete(last) => {
                self.slice.forgets_the_gone();
                if let Some(uid) = last.open().and_then(|object| object.uid()) {
                    operator.index.gone(&uid);
                    operator.memories.forget(&uid);
                }
            }
            watcher::Event::Init => self.listing.clear(),
            watcher::Event::InitApply(_) => self.listing.extend(due),
            watcher::Event::InitDone => self.listed(),
        }
        // Behind everything that was told of it.
        if is_whole {
            self.sight.send_modify(|sight| sight.shown = self.newest);
        }
    }

    /// A list is whole.
    fn listed(&mut self) {
        self.slice.forgets_the_gone();
        for uid in self.operator.index.relisted(self.slice.namespace.as_deref(), &self.slice.store.state()) {
            self.operator.memories.forget(&uid);
        }
        std::mem::take(&mut self.listing).into_iter().for_each(|one| self.slice.wake(one));
        // After the first list everything has a pass of its own. After a later one, or one that comes late, what went or came
        // while nobody watched may be waited for.
        let before = *self.sight.borrow();
        self.sight.send_replace(Sight { is_listed: true, failed: None, ..before });
        if before.is_listed || before.failed.is_some() {
            self.operator.index.wake_unsettled();
        }
    }
}

/// A resource that is shown, if it is to be looked at.
fn due<K: Watched>(managers: &Managers, store: &Store<Packed<K>>, now: &Packed<K>) -> Option<ObjectRef<Packed<K>>> {
    let one = ObjectRef::from_obj(now);
    let before = store.get(&one).and_then(|before| before.open());
    let is_due = match (before, now.open()) {
        (Some(before), Some(now)) => {
            let (before, now) = (before.subject(), now.subject());
            let is_anothers = |subject: &Subject| matches!(managers.holder(&subject.operators), Holder::Other(_));
            now.is_due_after(&before) || is_anothers(&now) != is_anothers(&before)
        }
        _ => true,
    };
    is_due.then_some(one)
}
