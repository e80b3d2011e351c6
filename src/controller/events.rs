//! The recorder of events, with a memory of bounded size: an event that repeats counts up instead of being another one.
//! (kube's own names an event by the whole name of what it is about, which is longer than a name may be when that is long, and
//! looks at all that it ever told at each.)

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::{
    api::{
        core::v1::ObjectReference,
        events::v1::{Event, EventSeries},
    },
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
    jiff::Timestamp,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{api::text::visible, engine::events::Note, surroundings::Surroundings};

/// How many events are remembered.
const MOST: usize = 256;
/// For how long a repetition counts up.
const SERIES: Duration = Duration::from_secs(360);
/// Longest note of an event, in bytes (Kubernetes convention).
const NOTE: usize = 1024;
/// Longest name of an object.
const NAME: usize = 253;
/// What was done, as far as an event has to say: its reason tells more.
const ACTION: &str = "Reconcile";

/// Emits events.
pub struct Events {
    client: Client,
    controller: String,
    instance: String,
    surroundings: Surroundings,
    told: Mutex<Told>,
}

/// An event is the same as another when it says the same of the same thing.
type Same = (Option<String>, String, String);

#[derive(Default)]
struct Told {
    last: HashMap<Same, Seen>,
    order: VecDeque<Same>,
}

/// An event that was told, so often, the last time then.
#[derive(Clone, Debug)]
struct Seen {
    name: Arc<str>,
    count: i32,
    at: Timestamp,
}

impl Events {
    /// Events of this controller, and of this instance of it.
    pub fn new(client: Client, controller: &str, instance: String, surroundings: Surroundings) -> Self {
        Self { client, controller: controller.to_owned(), instance, surroundings, told: Mutex::default() }
    }

    /// Emits an event about something.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn publish(&self, note: &Note, about: &ObjectReference) -> Result<(), kube::Error> {
        let now = self.surroundings.now();
        let api: Api<Event> = Api::namespaced(self.client.clone(), about.namespace.as_deref().unwrap_or("default"));
        let same = (about.uid.clone(), note.reason.clone(), note.message.clone());
        let before = self.told().last.get(&same).cloned();
        let seen = match before.filter(|before| now.duration_since(before.at).unsigned_abs() < SERIES) {
            Some(before) => {
                let count = before.count.saturating_add(1);
                let series = EventSeries { count, last_observed_time: MicroTime(now) };
                let patch = Patch::Merge(json!({"series": series}));
                api.patch(&before.name, &PatchParams::default(), &patch).await?;
                Seen { count, at: now, ..before }
            }
            None => {
                let event = self.event(note, about, now);
                api.create(&PostParams::default(), &event).await?;
                Seen { name: event.metadata.name.unwrap_or_default().into(), count: 1, at: now }
            }
        };
        self.told().put(same, seen);
        Ok(())
    }

    fn event(&self, note: &Note, about: &ObjectReference, now: Timestamp) -> Event {
        Event {
            metadata: ObjectMeta {
                namespace: about.namespace.clone(),
                name: Some(name(about.name.as_deref().unwrap_or(&self.controller), now)),
                ..ObjectMeta::default()
            },
            action: Some(ACTION.to_owned()),
            reason: Some(note.reason.clone()),
            note: Some(shortened(&note.message)),
            type_: Some(if note.warning { "Warning" } else { "Normal" }.to_owned()),
            event_time: Some(MicroTime(now)),
            regarding: Some(about.clone()),
            reporting_controller: Some(self.controller.clone()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn put(&mut self, same: Same, seen: Seen) {
        if self.last.insert(same.clone(), seen).is_some() {
            return;
        }
        self.order.push_back(same);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.last.remove(&oldest);
        }
    }
}

/// The name of an event: of what it is about as much as fits, and the moment, which nothing else has.
fn name(about: &str, now: Timestamp) -> String {
    let moment = format!(".{:x}", now.as_nanosecond());
    let about = about.get(..NAME - moment.len()).unwrap_or(about);
    format!("{}{moment}", about.trim_end_matches(['-', '.']))
}

/// A note within the limit, cut between characters.
fn shortened(text: &str) -> String {
    let text = visible(text);
    if text.len() <= NOTE {
        return text;
    }
    let end = (0..=NOTE - 3).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_cut_between_characters() {
        let cut = shortened(&"é".repeat(600));
        assert!(cut.len() <= NOTE && cut.ends_with("é..."));
        assert_eq!(shortened("short"), "short");
        assert_eq!(shortened("\u{1b}[2J"), "\\u001b[2J", "no terminal obeys it");
    }

    #[test]
    fn whatever_the_name_of_a_resource_its_events_have_one_that_is_allowed() {
        let now = Timestamp::new(1_800_000_000, 5).unwrap();
        assert_eq!(name("hq", now), format!("hq.{:x}", now.as_nanosecond()));
        for length in [236, 237, 253] {
            for about in ["a".repeat(length), format!("{}.{}", "a".repeat(235), "b".repeat(17)), "a-".repeat(126) + "a"]
            {
                let name = name(&about, now);
                assert!(name.len() <= NAME && !name.contains("..") && !name.contains("-."), "{name}");
                assert!(about.starts_with(name.split('.').next().unwrap()));
            }
        }
    }

    #[test]
    fn the_oldest_events_are_forgotten_first() {
        let mut told = Told::default();
        let same = |number: usize| (None, "Synced".to_owned(), number.to_string());
        for number in 0..=MOST {
            let seen = Seen { name: "e".into(), count: 1, at: Timestamp::UNIX_EPOCH };
            told.put(same(number), seen.clone());
            told.put(same(number), Seen { count: 2, ..seen });
        }
        assert_eq!((told.last.len(), told.order.len()), (MOST, MOST));
        assert!(!told.last.contains_key(&same(0)) && told.last[&same(MOST)].count == 2);
    }
}
