//! The command line.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, Parser, Subcommand};

use crate::{
    engine::{grants::Grants, managers::Release},
    platform::Mode,
    telemetry::logs::Format,
};

/// Makes the APIO telephony provisioning platform declarative: Tenant, Group and Reseller resources are reconciled against
/// its REST API.
#[derive(Debug, Parser)]
#[command(name = "apio-operator", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator until SIGTERM or Ctrl-C.
    Run(Box<Run>),
    /// Check settings before they are applied: the verdict of the operator, with line numbers.
    CheckSettings {
        /// The settings, or the manifest of the ConfigMap; - for standard input.
        #[arg(value_name = "FILE")]
        file: std::path::PathBuf,
    },
    /// Print the definitions of Group, Reseller and Tenant as YAML, ready for `kubectl apply -f -`.
    Crds {
        /// Write one file per definition into this folder instead.
        #[arg(long, value_name = "FOLDER")]
        into: Option<std::path::PathBuf>,
    },
    /// Write the pages of the documentation that derive from the code into a folder.
    #[command(hide = true)]
    Docs {
        /// The folder.
        #[arg(long, value_name = "FOLDER")]
        into: std::path::PathBuf,
    },
}

/// Flags of `run`; each can be given by environment too.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// Base URL of the platform, such as <https://apio.example.net>.
    #[arg(long, env = "APIO_PLATFORM_URL", value_name = "URL")]
    pub platform_url: String,
    /// Front door of the platform: the gateway itself (session cookie), or APIO core in front of it (bearer token).
    #[arg(long, env = "APIO_PLATFORM_MODE", value_enum, default_value_t = Mode::Gateway)]
    pub platform_mode: Mode,
    /// Path prefix of the API [default: /api/v1 for gateway, /api/v01/p1 for core].
    #[arg(long, env = "APIO_PLATFORM_PREFIX", value_name = "PATH")]
    pub platform_prefix: Option<String>,
    /// Longest time to connect to the platform, such as 5s.
    #[arg(long, env = "APIO_PLATFORM_CONNECT_TIMEOUT", value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub platform_connect_timeout: Duration,
    /// Longest silence of the platform within an answer.
    #[arg(long, env = "APIO_PLATFORM_READ_TIMEOUT", value_name = "DURATION", default_value = "20s", value_parser = duration)]
    pub platform_read_timeout: Duration,
    /// Longest call to the platform in all.
    #[arg(long, env = "APIO_PLATFORM_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub platform_timeout: Duration,
    /// Shortest time between two logins; a refused one is tried again after 5 and after 60 times as long.
    #[arg(long, env = "APIO_PLATFORM_LOGIN_INTERVAL", value_name = "DURATION", default_value = "1m", value_parser = duration)]
    pub platform_login_interval: Duration,
    /// PEM file with certificate authorities to trust besides the system's. (A proxy is taken from HTTPS_PROXY, HTTP_PROXY and NO_PROXY.)
    #[arg(long, env = "APIO_PLATFORM_CA_BUNDLE", value_name = "FILE")]
    pub platform_ca_bundle: Option<std::path::PathBuf>,
    /// How many resources may talk to the platform at the same time.
    #[arg(long, env = "APIO_PLATFORM_CONCURRENCY", value_name = "N", default_value_t = 12, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=256))]
    pub platform_concurrency: usize,
    /// Most calls to the platform a second; what a group holds is counted at one moment, by up to five at once [default: as many as the concurrency gives].
    #[arg(long, env = "APIO_PLATFORM_RATE", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub platform_rate: Option<u16>,
    /// Namespace of the settings ConfigMap and the credentials Secret [default: the operator's own, or the kubeconfig's].
    #[arg(long, env = "APIO_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Secret with the keys username and password, or token.
    #[arg(long, env = "APIO_CREDENTIALS_SECRET", value_name = "NAME", default_value = "apio-credentials")]
    pub credentials_secret: String,
    /// ConfigMap with the key settings.yaml.
    #[arg(long, env = "APIO_SETTINGS_CONFIGMAP", value_name = "NAME", default_value = "apio-settings")]
    pub settings_configmap: String,
    /// Namespaces whose resources are handled, separated by commas [default: all].
    #[arg(long, env = "APIO_WATCH_NAMESPACES", value_name = "NAMESPACES", value_delimiter = ',', value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub watch_namespaces: Vec<String>,
    /// What of the platform each namespace may use, as {"team-a": ["Acme"], "team-b": {"tenants": ["Globex"], "resellers": ["Best"], "systemDomains": true}, "*": []}.
    /// A list is of tenants: resellers, and the creation of domains for the whole platform, have to be granted by name once there is a limit. "*" is every
    /// other namespace, or every name [default: no limit].
    #[arg(
        long,
        env = "APIO_TENANTS_BY_NAMESPACE",
        value_name = "JSON",
        default_value = "{}",
        hide_default_value = true
    )]
    pub tenants_by_namespace: Grants,
    /// How often a healthy resource is compared with the platform, give or take a fifth.
    #[arg(long, env = "APIO_DRIFT_INTERVAL", value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub drift_interval: Duration,
    /// Lease of the leader election, in the same namespace as the settings: one operator writes at a time.
    #[arg(long, env = "APIO_LEASE_NAME", value_name = "NAME", default_value = "apio-operator")]
    pub lease_name: String,
    /// Operators that are gone for good and whose resources this one takes over, each by the namespace and the lease of its
    /// release, as apio-old/apio-operator, separated by commas. (A resource that another operator serves is left alone.)
    #[arg(long, env = "APIO_SUCCEED", value_name = "NAMESPACE/LEASE", value_delimiter = ',')]
    pub succeed: Vec<Release>,
    /// How long a silent holder keeps the lease; it stops writing after two thirds of it. At least 3s, in whole seconds.
    #[arg(long, env = "APIO_LEASE_DURATION", value_name = "DURATION", default_value = "15s", value_parser = lease_duration)]
    pub lease_duration: Duration,
    /// Name of this operator in the lease and in events, such as its pod's; it must be unique [default: host name and a random number].
    #[arg(long, env = "APIO_IDENTITY", value_name = "NAME")]
    pub identity: Option<String>,
    /// Address of /livez, /readyz and /metrics.
    #[arg(long, env = "APIO_LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// What is logged, as a tracing filter. (What the Kubernetes client logs of a failed call is told by its caller.)
    #[arg(long, env = "APIO_LOG", value_name = "FILTER", default_value = "info,kube=warn,kube_client::client=off")]
    pub log: String,
    /// How it is logged.
    #[arg(long, env = "APIO_LOG_FORMAT", value_enum, default_value_t = Format::Text)]
    pub log_format: Format,
}

/// Longest duration: longer than anybody waits, and short enough for every wait that derives from it.
const LONGEST: Duration = Duration::from_secs(1000 * 60 * 60);
/// Longest text of one, in bytes.
const LONGEST_TEXT: usize = 16;

/// A duration such as 500ms, 30s, 10m or 1h30m, above zero.
fn duration(text: &str) -> Result<Duration, String> {
    let remedy = "write it as 500ms, 30s, 10m or 1h30m";
    // The library panics at a sign in the middle, and at a number that no duration holds.
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    if number.len() > LONGEST_TEXT || number.contains(['+', '-']) {
        return Err(format!("must be a duration of 1000h at most; {remedy}"));
    }
    let parsed: kube::core::Duration = text.parse().map_err(|error| format!("{error}; {remedy}"))?;
    let duration = Duration::from(parsed);
    if text.starts_with('-') || duration.is_zero() {
        Err(format!("must be above zero; {remedy}"))
    } else if duration > LONGEST {
        Err(format!("must be 1000h at most; {remedy}"))
    } else {
        Ok(duration)
    }
}

/// Whole seconds, because that is what a Lease object holds.
fn lease_duration(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    let whole = duration.subsec_nanos() == 0 && duration.as_secs() >= 3;
    if whole { Ok(duration) } else { Err("must be at least 3s, in whole seconds; write it as 15s".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wrong_duration_is_told_with_its_remedy() {
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("1000h"), Ok(LONGEST));
        for wrong in ["", "10", "soon", "0s", "-5s", "1001h", "18446744073709551615s", "1h-5m", "999999999999999h"] {
            assert!(duration(wrong).unwrap_err().contains("write it as"), "{wrong}");
        }
    }
}
