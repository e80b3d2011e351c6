//! A watch of the API server, whatever it shows: it begins again by itself when it fails, ever more slowly until it has shown
//! something, and each failure is one line in the log.

use std::time::Duration;

use futures::{Stream, StreamExt, stream::unfold};
use kube::{
    Api, Resource,
    runtime::watcher::{self, Config, Error, Event, watcher},
};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::warn;

use super::{Operator, resolve::words};
use crate::engine::schedule::Failures;

/// What is watched: for the log, and for the metric.
#[derive(Clone, Debug)]
pub struct Watched {
    /// As the metric calls it.
    pub what: String,
    /// The namespace, unless it is all of them.
    pub namespace: Option<String>,
}

/// What a watch shows. It never ends, and it fails only as long as nobody else can tell: `Err` is a failure that was told.
pub fn follow<K>(
    api: Api<K>,
    only: Config,
    watched: Watched,
    operator: &Operator,
) -> impl Stream<Item = Result<Event<K>, ()>> + Send + use<K>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + 'static,
{
    let (metrics, surroundings) = (operator.metrics.clone(), operator.surroundings.clone());
    let failed = move |error: &Error| {
        metrics.watch_failed(&watched.what);
        let namespace = watched.namespace.as_deref().unwrap_or_default();
        warn!(watch = %watched.what, namespace, "cannot watch: {}", told(error));
    };
    paced(watcher(api, only), failed, tokio::time::sleep, move || surroundings.random())
}

/// Waits after each failure. (The `default_backoff` of kube begins anew with every event, and each list begins with one.)
fn paced<K: Send + 'static, P: Future<Output = ()> + Send>(
    events: impl Stream<Item = watcher::Result<Event<K>>> + Send,
    failed: impl FnMut(&Error) + Send,
    pause: impl Fn(Duration) -> P + Send + Sync,
    random: impl Fn() -> f64 + Send + Sync,
) -> impl Stream<Item = Result<Event<K>, ()>> + Send {
    let begun = (Box::pin(events), failed, (pause, random), Failures::default(), None::<Instant>, Duration::ZERO);
    unfold(begun, |(mut events, mut failed, (pause, random), mut failures, mut shown, wait)| async move {
        if !wait.is_zero() {
            pause(wait).await;
        }
        let (event, wait) = match events.next().await? {
            Ok(event) => {
                // What a list shows counts when it is whole.
                if !matches!(event, Event::Init | Event::InitApply(_)) {
                    shown.get_or_insert_with(Instant::now);
                }
                (Ok(event), Duration::ZERO)
            }
            Err(error) => {
                failed(&error);
                let went_on = shown.take().map(|since| since.elapsed()).unwrap_or_default();
                (Err(()), failures.wait(went_on, random()))
            }
        };
        Some((event, (events, failed, (pause, random), failures, shown, wait)))
    })
}

/// What the API server says; the rest is for programs.
fn told(error: &Error) -> String {
    match error {
        Error::InitialListFailed(error) => format!("the list failed: {}", words(error)),
        Error::WatchStartFailed(error) | Error::WatchFailed(error) => words(error),
        Error::WatchError(status) => status.message.clone(),
        Error::NoResourceVersion => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::{FutureExt, stream};
    use kube::core::Status;

    use super::*;

    fn refused() -> Error {
        let status = Status {
            message: "groups is forbidden".into(),
            reason: "Forbidden".into(),
            code: 403,
            ..Status::default()
        };
        Error::InitialListFailed(kube::Error::Api(status.boxed()))
    }

    /// How long a watch waits that shows this again and again, in seconds.
    fn waits(round: fn() -> Vec<watcher::Result<Event<u8>>>) -> Vec<u64> {
        let (waits, told) = (Mutex::new(Vec::new()), Mutex::new(0));
        let events = stream::iter(std::iter::repeat_with(round).take(12).flatten());
        let pause = |wait: Duration| {
            waits.lock().unwrap().push(wait.as_secs());
            std::future::ready(())
        };
        let paced = paced(events, |_| *told.lock().unwrap() += 1, pause, || 0.5);
        assert_eq!(paced.filter(|event| std::future::ready(event.is_err())).count().now_or_never(), Some(12));
        assert_eq!(*told.lock().unwrap(), 12);
        waits.into_inner().unwrap()
    }

    #[test]
    fn a_watch_that_never_shows_anything_for_long_is_tried_ever_more_slowly() {
        for round in [
            // A first list that fails, at once or in the middle, and a watch that fails as soon as all was listed.
            || vec![Ok(Event::Init), Err(refused())],
            || vec![Ok(Event::Init), Ok(Event::InitApply(1)), Err(refused())],
            || vec![Ok(Event::Init), Ok(Event::InitDone), Err(refused())],
        ] {
            let waits = waits(round);
            assert!(waits[0] <= 1 && waits[10] >= 48 && waits.is_sorted_by(|a, b| *a <= b + 25), "{waits:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_breaks_off_has_shown_nothing_however_long_it_took() {
        let events = stream::iter(0..6).then(async |at| match at % 2 {
            0 => Ok(Event::InitApply(at)),
            _ => {
                tokio::time::sleep(Duration::from_secs(100)).await;
                Err(refused())
            }
        });
        let waits = Mutex::new(Vec::new());
        let pause = |wait: Duration| {
            waits.lock().unwrap().push(wait.as_secs());
            std::future::ready(())
        };
        let paced = paced(events, |_| (), pause, || 0.5);
        assert_eq!(paced.filter(|event| std::future::ready(event.is_err())).count().await, 3);
        // The last one is not waited for: nothing comes after it.
        assert_eq!(waits.into_inner().unwrap(), [1, 2, 4]);
    }

    #[test]
    fn a_failure_is_told_in_the_words_of_the_api_server() {
        assert_eq!(told(&refused()), "the list failed: groups is forbidden");
    }
}
