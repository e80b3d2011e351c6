//! `/livez`, `/readyz` and `/metrics`.

use std::{collections::BTreeSet, sync::Arc};

use axum::{Router, http::StatusCode, response::IntoResponse, routing::get};
use tokio::net::TcpListener;

/// What `/readyz` says.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    /// What is waited for; nothing when the operator is ready.
    pub pending: Vec<&'static str>,
    /// The namespaces that cannot be listed, while the others are served.
    pub unlisted: BTreeSet<String>,
}

impl Readiness {
    fn text(&self) -> String {
        let ready = if self.pending.is_empty() {
            "ready\n".to_owned()
        } else {
            format!("waiting for: {}\n", self.pending.join(", "))
        };
        self.unlisted.iter().fold(ready, |text, namespace| text + "cannot list namespace: " + namespace + "\n")
    }
}

/// What says whether the operator is ready.
pub type Ready = Arc<dyn Fn() -> Readiness + Send + Sync>;

/// What gives the text of the metrics.
pub type Text = Arc<dyn Fn() -> Result<String, std::fmt::Error> + Send + Sync>;

/// Serves until the process ends.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(listener: TcpListener, metrics: Text, ready: Ready) -> std::io::Result<()> {
    let ready = move || {
        let ready = ready();
        let code = if ready.pending.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        std::future::ready((code, ready.text()))
    };
    let shown = move || {
        std::future::ready(match metrics() {
            Ok(text) => {
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                ([("content-type", kind)], text).into_response()
            }
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        })
    };
    let router = Router::new()
        .route("/livez", get(|| std::future::ready("alive\n")))
        .route("/readyz", get(ready))
        .route("/metrics", get(shown));
    axum::serve(listener, router).await
}
