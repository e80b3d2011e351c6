//! Watches: JSON lines that go on until their time is over, or until a driver cuts them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::stream;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::read::{is_meant, shown};
use super::request::Request;
use super::server::Inner;
use super::state::KindKey;
use super::status::Refusal;

/// How long a watch lasts that names no time.
const DEFAULT: Duration = Duration::from_secs(1_800);
/// How often the version is told when nothing happens.
const BOOKMARK: Duration = Duration::from_secs(60);

struct Watch {
    inner: Arc<Inner>,
    kind: KindKey,
    request: Request,
    /// The last version that was seen.
    seen: u64,
    epoch: u64,
    ends: Instant,
    bookmark: Instant,
    is_over: bool,
}

/// What comes next.
enum Next {
    Line(Value),
    Wait(Option<Instant>),
    End,
}

/// The body of a watch.
pub(super) fn body(inner: Arc<Inner>, kind: KindKey, request: Request) -> Body {
    let epoch = inner.with(|state| state.shelves.get(&kind).map_or(0, |shelf| shelf.epoch));
    let lasts = request.number("timeoutSeconds").map_or(DEFAULT, Duration::from_secs);
    let seen = request.number("resourceVersion").unwrap_or_default();
    let now = Instant::now();
    let watch =
        Watch { inner, kind, request, seen, epoch, ends: now + lasts, bookmark: now + BOOKMARK, is_over: false };
    Body::from_stream(stream::unfold(watch, |mut watch| async move {
        let line = watch.line().await?;
        let mut text = line.to_string();
        text.push('\n');
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), watch))
    }))
}

impl Watch {
    async fn line(&mut self) -> Option<Value> {
        loop {
            if self.is_over {
                return None;
            }
            let changed =
                self.inner.with(|state| state.shelves.get(&self.kind).map(|shelf| Arc::clone(&shelf.changed)))?;
            let notified = changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let until = match self.next() {
                Next::Line(line) => return Some(line),
                Next::End => return None,
                Next::Wait(until) => until,
            };
            let now = Instant::now();
            let bookmarks = self.request.flag("allowWatchBookmarks");
            if now >= self.ends || (bookmarks && now >= self.bookmark) {
                self.is_over = now >= self.ends;
                self.bookmark = now + BOOKMARK;
                if bookmarks {
                    return Some(self.bookmark_line());
                }
                continue;
            }
            let wake = until.into_iter().chain([self.ends]).chain(bookmarks.then_some(self.bookmark)).min()?;
            // What lags is looked at again when it is cut off, too.
            _ = timeout_at(wake, notified).await;
        }
    }

    fn next(&mut self) -> Next {
        let inner = Arc::clone(&self.inner);
        inner.with(|state| {
            let Some(shelf) = state.shelves.get(&self.kind) else { return Next::End };
            if shelf.epoch != self.epoch {
                return Next::End;
            }
            if self.seen < shelf.compacted {
                self.is_over = true;
                let why = format!("too old resource version: {} ({})", self.seen, shelf.compacted);
                return Next::Line(json!({"type": "ERROR", "object": Refusal::new(410, "Expired", why).body}));
            }
            let first = shelf.history.partition_point(|change| change.version <= self.seen);
            for change in &shelf.history[first..] {
                let visible = change.at + shelf.lag;
                if visible > Instant::now() {
                    return Next::Wait(Some(visible));
                }
                self.seen = change.version;
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let metadata = &change.object["metadata"];
                if is_meant(&self.request, &(text(&metadata["namespace"]), text(&metadata["name"]))) {
                    let object = shown(&change.object, self.request.wants_metadata);
                    return Next::Line(json!({"type": change.event, "object": object}));
                }
            }
            Next::Wait(None)
        })
    }

    /// Of what this watch has seen, as one that lags has not seen the rest.
    fn bookmark_line(&self) -> Value {
        let version = self.inner.with(|state| {
            let shelf = state.shelves.get(&self.kind)?;
            let is_behind = shelf.history.last().is_some_and(|change| change.version > self.seen);
            let kind = state.kinds.all.get(&self.kind)?;
            Some((if is_behind { self.seen } else { state.version }, kind.api_version(), kind.name.clone()))
        });
        let (version, api_version, kind) = version.unwrap_or_default();
        let metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        json!({"type": "BOOKMARK", "object": {"apiVersion": api_version, "kind": kind, "metadata": metadata}})
    }
}
