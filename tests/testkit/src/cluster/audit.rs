//! The API server's record of requests.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::Error;

/// Each request of a ServiceAccount once it is answered; a watch, which stays open, once it has begun.
const POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: [system:serviceaccounts]
  - level: None
";

/// Where the record is.
pub(super) struct Audit {
    policy: PathBuf,
    log: PathBuf,
}

impl Audit {
    pub fn in_folder(folder: &Path) -> Result<Self, Error> {
        let audit = Self { policy: folder.join("audit-policy.yaml"), log: folder.join("audit.log") };
        fs::write(&audit.policy, POLICY).map_err(Error::io("write", &audit.policy))?;
        Ok(audit)
    }

    /// A request is written before it is answered, so that whoever saw an answer finds it in the record.
    pub fn flags(&self) -> [(&'static str, OsString); 3] {
        let (policy, log) = (self.policy.clone().into(), self.log.clone().into());
        [("audit-policy-file", policy), ("audit-log-path", log), ("audit-log-mode", "blocking-strict".into())]
    }

    pub fn requests(folder: &Path, user: &str) -> Vec<Request> {
        let log = folder.join("audit.log");
        let text = fs::read_to_string(&log).unwrap_or_else(|error| panic!("no record in {}: {error}", log.display()));
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        events.filter(|event| event["user"]["username"] == user).map(|event| Request::of(&event)).collect()
    }
}

/// What was asked for, in the words of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// Empty for an object of the cluster.
    pub namespace: String,
    /// API group.
    pub group: String,
    /// Resource, with its subresource after a slash.
    pub resource: String,
    /// Empty for a list without a name.
    pub name: String,
    /// Verb of a rule.
    pub verb: String,
    /// Whether the rules forbade it.
    pub denied: bool,
}

impl Request {
    fn of(event: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = &event["objectRef"];
        let subresource = object["subresource"].as_str().map(|name| format!("/{name}")).unwrap_or_default();
        Self {
            namespace: text(&object["namespace"]),
            group: text(&object["apiGroup"]),
            // Something else than a resource is shown as its path, which no rule of a resource allows.
            resource: object["resource"]
                .as_str()
                .map_or_else(|| text(&event["requestURI"]), |name| name.to_owned() + &subresource),
            name: text(&object["name"]),
            verb: text(&event["verb"]),
            denied: event["annotations"]["authorization.k8s.io/decision"] == "forbid",
        }
    }
}
