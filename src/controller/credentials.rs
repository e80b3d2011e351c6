//! The credentials Secret, watched, so that a changed one is in use at once.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Resource,
    runtime::{WatchStreamExt, watcher},
};
use secrecy::SecretString;
use tokio::sync::watch;
use tracing::{info, warn};

use super::Operator;
use crate::{
    engine::{events::Note, reason::Reason},
    platform::Credentials,
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

/// Follows the Secret.
pub async fn follow(operator: Arc<Operator>, watch: Watch) {
    let api: Api<Secret> = Api::namespaced(operator.client.clone(), &watch.namespace);
    let only = watcher::Config::default().fields(&format!("metadata.name={}", watch.name));
    let mut events = watcher(api, only).default_backoff().boxed();
    let mut found = false;
    // What was wrong with the last one, if anything.
    let mut said = None;
    loop {
        let (credentials, about) = match events.try_next().await {
            Ok(Some(watcher::Event::Apply(secret) | watcher::Event::InitApply(secret))) => {
                found = true;
                (read(&secret), Some(secret.object_ref(&())))
            }
            Ok(Some(watcher::Event::Init)) => {
                found = false;
                continue;
            }
            Ok(Some(watcher::Event::InitDone)) if found => continue,
            Ok(Some(watcher::Event::InitDone | watcher::Event::Delete(_))) => {
                let place = format!("{}/{}", watch.namespace, watch.name);
                (Err(format!("there is no Secret {place}, so the platform cannot be used")), None)
            }
            Ok(None) => return,
            Err(error) => {
                operator.metrics.watch_failed("credentials");
                warn!(%error, "cannot watch the credentials Secret");
                continue;
            }
        };
        let unreadable = credentials.as_ref().err().cloned();
        let credentials = credentials.ok();
        let changed = watch.sender.send_if_modified(|held| {
            let changed = *held != credentials;
            *held = credentials;
            changed
        });
        operator.first_read.credentials.send_replace(true);
        // A list shows again what was there.
        let is_news = said.replace(unreadable.clone()).is_none_or(|said| said != unreadable);
        if !changed && !is_news {
            continue;
        }
        // Tried at once, so that a bad one is told now and not when it is needed.
        let problem = match unreadable {
            Some(problem) => {
                operator.platform.forgive();
                Some(problem)
            }
            None => match operator.platform.log_in().await {
                Err(failure) if matches!(failure.cause.reason(), Reason::Denied | Reason::CredentialsUnavailable) => {
                    Some(failure.message)
                }
                // Whether they are good shows when the platform is back.
                Ok(()) | Err(_) => None,
            },
        };
        match problem {
            None => info!(secret = %watch.name, "new credentials in use"),
            Some(message) => {
                warn!(secret = %watch.name, "credentials: {message}");
                if let Some(about) = about {
                    let note = Note { warning: true, reason: Reason::CredentialsInvalid.to_string(), message };
                    operator.emit(&about, &[note]).await;
                }
            }
        }
        operator.index.wake_unsettled();
    }
}

/// The credentials of a Secret; an error names the key and never a value.
fn read(secret: &Secret) -> Result<Credentials, String> {
    let text = |key: &str| -> Result<Option<String>, String> {
        let Some(bytes) = secret.data.as_ref().and_then(|data| data.get(key)) else { return Ok(None) };
        let text = String::from_utf8(bytes.0.clone()).map_err(|_| format!("the key {key} is not UTF-8 text"))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()).filter(|text| !text.is_empty()))
    };
    let token = text("token")?.map(SecretString::from);
    let (username, password) = (text("username")?, text("password")?);
    if token.is_none() && (username.is_none() || password.is_none()) {
        return Err("the Secret needs the keys username and password, or the key token".to_owned());
    }
    Ok(Credentials {
        username: username.unwrap_or_default(),
        password: SecretString::from(password.unwrap_or_default()),
        token,
    })
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
