//! The recorder of events, with a memory of bounded size.

use std::sync::{Mutex, PoisonError};

use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{Event, Recorder, Reporter},
};

/// How many events in a row share a memory. Within it an event that repeats counts up instead of being another one.
const TOGETHER: usize = 256;

/// Emits events. kube's recorder keeps each one for six minutes and looks at all of them at the next: with ten thousand
/// new resources that is most of the operator's memory, and of its time.
pub struct Events {
    client: Client,
    reporter: Reporter,
    current: Mutex<(Recorder, usize)>,
}

impl Events {
    /// For a reporter.
    pub fn new(client: Client, reporter: Reporter) -> Self {
        let first = Recorder::new(client.clone(), reporter.clone());
        Self { client, reporter, current: Mutex::new((first, 0)) }
    }

    /// Emits an event about a resource.
    ///
    /// # Errors
    /// When the API server refuses.
    pub async fn publish(&self, event: &Event, about: &ObjectReference) -> Result<(), kube::Error> {
        self.recorder().publish(event, about).await
    }

    fn recorder(&self) -> Recorder {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (recorder, used) = &mut *current;
        if *used == TOGETHER {
            *recorder = Recorder::new(self.client.clone(), self.reporter.clone());
            *used = 0;
        }
        *used += 1;
        recorder.clone()
    }
}
