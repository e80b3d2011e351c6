//! The credentials Secret, watched, so that a changed one is in use at once.

use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{ObjectReference, Secret};
use kube::{Api, Resource, ResourceExt, runtime::watcher};
use tokio::sync::watch;
use tracing::{info, warn};

use super::{
    Operator,
    follow::{self, Watched},
};
use crate::{
    api::REQUESTED_AT,
    engine::{events::Note, reason::Reason},
    platform::{Credentials, News},
};

/// Where the credentials are, and who is told of them.
pub struct Watch {
    /// Namespace of the Secret.
    pub namespace: String,
    /// Name of the Secret.
    pub name: String,
    /// Told of every change.
    pub sender: watch::Sender<Option<Credentials>>,
}

/// What the Secret was last seen to be, and what was told of it.
#[derive(Default)]
struct Seen {
    /// Whether a list showed it.
    found: bool,
    /// Where to tell of it; `None` while it is not there.
    about: Option<ObjectReference>,
    /// The value of the annotation that asks for a try.
    requested_at: Option<String>,
    /// What is wrong with it, if anything.
    unreadable: Option<String>,
    /// What was told of it last; `None` when nothing was yet.
    said: Option<Option<String>>,
}

/// Follows the Secret, and what the platform makes of it.
pub async fn follow(operator: Arc<Operator>, watch: Watch) {
    let api: Api<Secret> = Api::namespaced(operator.client.clone(), &watch.namespace);
    let only = watcher::Config::default().fields(&format!("metadata.name={}", watch.name));
    let watched = Watched { what: "credentials".to_owned(), namespace: Some(watch.namespace.clone()) };
    let mut events = follow::follow(api, only, watched, &operator).boxed();
    let mut seen = Seen::default();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            news = operator.platform.news() => {
                seen.hear(&operator, &watch, news).await;
                continue;
            }
        };
        match event {
            Some(Ok(event)) => seen.look(&operator, &watch, event).await,
            Some(Err(())) => {}
            None => return,
        }
    }
}

impl Seen {
    /// The watch shows something.
    async fn look(&mut self, operator: &Operator, watch: &Watch, event: watcher::Event<Secret>) {
        let (credentials, requested_at) = match event {
            watcher::Event::Apply(secret) | watcher::Event::InitApply(secret) => {
                self.found = true;
                self.about = Some(secret.object_ref(&()));
                (read(&secret), secret.annotations().get(REQUESTED_AT).cloned())
            }
            watcher::Event::Init => {
                self.found = false;
                return;
            }
            watcher::Event::InitDone if self.found => return,
            watcher::Event::InitDone | watcher::Event::Delete(_) => {
                self.about = None;
                let place = format!("{}/{}", watch.namespace, watch.name);
                (Err(format!("there is no Secret {place}, so the platform cannot be used")), None)
            }
        };
        self.unreadable = credentials.as_ref().err().cloned();
        let credentials = credentials.ok();
        let changed = watch.sender.send_if_modified(|held| {
            let changed = *held != credentials;
            *held = credentials;
            changed
        });
        let asked = std::mem::replace(&mut self.requested_at, requested_at) != self.requested_at;
        if asked || self.unreadable.is_some() {
            // Whoever took them away and gives them again wants them tried again too.
            operator.platform.try_again();
        }
        operator.first_read.credentials.send_replace(true);
        // A list shows again what was there.
        let is_news = self.said.as_ref().is_none_or(|said| self.unreadable.is_some() && *said != self.unreadable);
        if changed || asked || is_news {
            self.try_it(operator, watch).await;
            operator.index.wake_unsettled();
        }
    }

    /// The platform may have accepted or refused them, or it is time to try them again.
    async fn hear(&mut self, operator: &Operator, watch: &Watch, news: News) {
        if self.unreadable.is_some() || self.said.is_none() {
            return;
        }
        let tried = if news == News::Due { operator.platform.log_in().await } else { Ok(()) };
        let refusal = operator.platform.refusal();
        let goes_on = news == News::Due || refusal.is_none() && self.said != Some(None);
        if self.said.as_ref() != Some(&refusal) {
            let message = refusal.clone().map(|refusal| tried.err().map_or(refusal, |failure| failure.message));
            self.tell(operator, watch, message).await;
            self.said = Some(refusal);
        }
        if goes_on {
            // What waits for a login need not wait until it would try again by itself.
            operator.index.wake_unsettled();
        }
    }

    /// Tries them at once, so that bad ones are told now and not when they are needed.
    async fn try_it(&mut self, operator: &Operator, watch: &Watch) {
        let problem = match &self.unreadable {
            Some(problem) => Some(problem.clone()),
            None => match operator.platform.log_in().await {
                Err(failure) if matches!(failure.cause.reason(), Reason::Denied | Reason::CredentialsUnavailable) => {
                    Some(failure.message)
                }
                // Whether they are good shows when the platform is back.
                Ok(()) | Err(_) => None,
            },
        };
        let said = self.unreadable.clone().or_else(|| operator.platform.refusal());
        self.tell(operator, watch, problem).await;
        self.said = Some(said);
    }

    async fn tell(&self, operator: &Operator, watch: &Watch, problem: Option<String>) {
        let Some(message) = problem else { return info!(secret = %watch.name, "new credentials in use") };
        warn!(secret = %watch.name, "credentials: {message}");
        if let Some(about) = &self.about {
            let note = Note { warning: true, reason: Reason::CredentialsInvalid.to_string(), message };
            operator.emit(about, &[note]).await;
        }
    }
}

/// The credentials of a Secret; an error names the key and never a value.
fn read(secret: &Secret) -> Result<Credentials, String> {
    Credentials::of(|key| secret.data.as_ref()?.get(key).map(|value| value.0.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::ByteString;
    use secrecy::ExposeSecret;

    fn secret(data: &[(&str, &str)]) -> Secret {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), ByteString(value.as_bytes().to_vec()))).collect();
        Secret { data: Some(data), ..Secret::default() }
    }

    #[test]
    fn a_newline_at_the_end_is_not_part_of_a_password() {
        let credentials = read(&secret(&[("username", "op\n"), ("password", "p w\r\n")])).unwrap();
        assert_eq!((credentials.username.as_str(), credentials.password.expose_secret()), ("op", "p w"));
    }

    #[test]
    fn what_is_missing_is_named_and_no_value_is_shown() {
        let error = read(&secret(&[("password", "hunter2")])).unwrap_err();
        assert!(error.contains("username") && !error.contains("hunter2"), "{error}");
        assert!(!format!("{:?}", read(&secret(&[("token", "hunter2")])).unwrap()).contains("hunter2"));
    }
}
