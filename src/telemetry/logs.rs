//! Logs on standard error, as text or as JSON.

use tracing_subscriber::EnvFilter;

/// Format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts logging.
///
/// # Errors
/// One sentence when the filter is not one.
pub fn start(filter: &str, format: Format) -> Result<(), String> {
    // The last one wins. At level debug the cookie jar tells the platform's session. What the Kubernetes client tells of a
    // failure, the operator tells too, in one line and for people.
    let always = "cookie_store=warn,kube_runtime::watcher=off,kube_client::client=off,kube_client::client::tls=warn";
    let filter = EnvFilter::try_new(format!("{filter},{always}"))
        .map_err(|error| format!("the log filter {filter:?} is not one: {error}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match format {
        Format::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        Format::Json => builder.json().init(),
    }
    Ok(())
}
