//! Alerts and dashboard before a real Prometheus that scrapes a real operator.

use std::{collections::BTreeSet, fs, net::TcpListener, path::Path, process::Command};

use apio_operator::api::Group;
use serde_json::{Value, json};
use testkit::{cluster::Guarded, helm::Major};

use crate::{
    fixtures::{acme, hq},
    release::{Release, SYSTEM, TELEPHONY, chart},
    world::World,
};

/// The module that has the definitions of ServiceMonitor and PrometheusRule.
const PROMETHEUS_OPERATOR: &str = "github.com/prometheus-operator/prometheus-operator@v0.85.0";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn output(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Release {
    /// Of the kinds ServiceMonitor and PrometheusRule.
    pub fn add_definitions_of_prometheus_operator(&self) {
        let mut go = Command::new("go");
        go.args(["mod", "download", "-json", PROMETHEUS_OPERATOR]);
        let module: Value = serde_json::from_str(&output(go)).unwrap();
        let folder = Path::new(module["Dir"].as_str().unwrap()).join("example/prometheus-operator-crd");
        for name in ["servicemonitors", "prometheusrules"] {
            let file = folder.join(format!("monitoring.coreos.com_{name}.yaml"));
            self.kubectl(&["apply", "--server-side", "-f", file.to_str().unwrap()]);
        }
        self.kubectl(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    }
}

/// A running Prometheus.
struct Prometheus {
    address: String,
    _process: Guarded,
}

impl Prometheus {
    /// Scrapes an operator every second, and evaluates these rules.
    fn start(world: &World, groups: &Value) -> Self {
        let folder = world.plane.folder().join("prometheus");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("alerts.yaml"), json!({"groups": groups}).to_string()).unwrap();
        let target = world.operator.url("").replace("http://", "");
        let scrape =
            json!({"job_name": "op", "static_configs": [{"targets": [target], "labels": {"namespace": SYSTEM}}]});
        let config = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["alerts.yaml"],
            "scrape_configs": [scrape],
        });
        fs::write(folder.join("prometheus.yaml"), config.to_string()).unwrap();
        let mut fetch = Command::new("python3");
        fetch.arg(root().join("tests/judges/debian.py")).arg("prometheus");
        let program = Path::new(output(fetch).trim()).join("prometheus");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut command = Command::new(program);
        command.arg(format!("--web.listen-address={address}")).current_dir(&folder);
        command.args(["--config.file=prometheus.yaml", "--storage.tsdb.path=data"]);
        let process = Guarded::spawn(&command, &folder.join("prometheus.log")).unwrap();
        Self { address, _process: process }
    }

    /// The data of an answer; `None` while it does not listen, or when it refuses.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let url = format!("http://{}/api/v1/{path}", self.address);
        let answer = reqwest::Client::new().get(url).query(query).send().await.ok()?;
        let answer: Value = answer.json().await.ok()?;
        (answer["status"] == "success").then(|| answer["data"].clone())
    }

    /// How many series an expression has now.
    async fn series(&self, expression: &str) -> usize {
        let data = self.get("query", &[("query", expression)]).await;
        data.and_then(|data| data["result"].as_array().map(Vec::len)).unwrap_or_default()
    }
}

/// The metrics of ours that a text names.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
    words.filter(|word| word.starts_with("apio_operator_")).map(str::to_owned).collect()
}

fn items(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_prometheus_finds_every_metric_that_alerts_dashboard_and_documentation_name() {
    let release = Release::none().await;
    release.add_definitions_of_prometheus_operator();
    let on = json!({"enabled": true});
    release.install(Major::Four, &json!({"serviceMonitor": on, "prometheusRule": on, "dashboard": on}));
    release.add_credentials();
    let world = release.operate(TELEPHONY).await;
    world.apply(&(acme("") + &hq("")));
    world.group("hq").await;
    world.platform.edit(|state| state.add_user("Acme", "HQ", "a@acme.example", false));

    let groups = release.get("prometheusrule/apio-apio-operator")["spec"]["groups"].clone();
    let all: usize = items(&groups).iter().map(|group| items(&group["rules"]).len()).sum();
    let prometheus = Prometheus::start(&world, &groups);
    // A deletion that is blocked is there while Prometheus looks.
    world.delete("group/hq");
    world.reason::<Group>("hq", "DeletionBlocked", "GroupNotEmpty").await;
    let blocked = r#"apio_operator_resources{kind="Group", state="blocked"} == 1"#;
    world.poll("the blocked deletion is counted", || async { prometheus.series(blocked).await == 1 }).await;

    // Each rule was evaluated without an error; of the alerts only the one that should be is on its way.
    let evaluated = || async {
        let rules = prometheus.get("rules", &[]).await.unwrap_or_default();
        let rules: Vec<_> = items(&rules["groups"]).iter().flat_map(|group| items(&group["rules"])).collect();
        rules.len() == all && rules.iter().all(|rule| rule["health"] == "ok")
    };
    world.poll("every rule is evaluated", evaluated).await;
    let active = || async {
        let alerts = prometheus.get("alerts", &[]).await.unwrap_or_default();
        let names =
            items(&alerts["alerts"]).into_iter().map(|alert| alert["labels"]["alertname"].as_str().map(str::to_owned));
        names.collect::<Option<BTreeSet<_>>>().unwrap_or_default()
    };
    let expected = BTreeSet::from(["ApioOperatorDeletionBlocked".to_owned()]);
    world.poll("the alert of the blocked deletion, alone", || async { active().await == expected }).await;

    let known = prometheus.get("label/__name__/values", &[]).await.unwrap();
    let known: BTreeSet<_> = items(&known).iter().filter_map(|name| Some(name.as_str()?.to_owned())).collect();
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let table = named(&read("docs/reference/metrics.md"));
    assert!(table.len() >= 10, "{table:?}");
    for text in [groups.to_string(), read("charts/apio-operator/files/dashboard.json"), read("docs/monitoring.md")] {
        let missing: Vec<_> = named(&text).difference(&known).cloned().collect();
        assert!(missing.is_empty(), "{missing:?} are in no scrape: {known:?}");
    }
    // And the table is the scrape.
    let parts = ["_bucket", "_count", "_sum"];
    let base = |name: &String| parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name).to_owned();
    let scraped: BTreeSet<_> = known.iter().filter(|name| name.starts_with("apio_operator_")).map(base).collect();
    assert_eq!(scraped, table);
    let told = prometheus.get("metadata", &[]).await.unwrap();
    for name in &table {
        // OpenMetrics tells of a counter under its name without the ending.
        let about = &told[name.trim_end_matches("_total")][0];
        assert!(
            about["help"].as_str().is_some_and(|help| help.len() > 10) && about["type"] != "unknown",
            "{name}: {told}"
        );
    }

    // Each panel has something to show.
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(chart().join("files/dashboard.json")).unwrap()).unwrap();
    let map = release.get("configmap/apio-apio-operator-dashboard");
    let rendered: Value = serde_json::from_str(map["data"]["apio-operator.json"].as_str().unwrap()).unwrap();
    assert_eq!(rendered, dashboard);
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    let targets: Vec<_> = items(&dashboard["panels"]).iter().flat_map(|panel| items(&panel["targets"])).collect();
    assert!(targets.len() > 10, "{targets:?}");
    for target in targets {
        let expression = target["expr"].as_str().unwrap().replace("$namespace", ".*");
        world.poll(&expression, || async { prometheus.series(&expression).await > 0 }).await;
    }
}

#[tokio::test]
async fn a_service_monitor_leads_to_the_port_of_the_service() {
    let release = Release::none().await;
    release.add_definitions_of_prometheus_operator();
    let on = json!({"enabled": true, "labels": {"release": "prometheus"}});
    release.install(Major::Three, &json!({"serviceMonitor": on, "prometheusRule": on}));
    let (monitor, service) =
        (release.get("servicemonitor/apio-apio-operator"), release.get("service/apio-apio-operator"));
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    let wanted = monitor["spec"]["selector"]["matchLabels"].as_object().unwrap();
    assert!(wanted.iter().all(|(key, value)| &service["metadata"]["labels"][key] == value), "{wanted:?}");
    assert_eq!(monitor["spec"]["endpoints"][0]["port"], service["spec"]["ports"][0]["name"]);
    let pod = &release.get("deployment/apio-apio-operator")["spec"]["template"];
    let chosen = service["spec"]["selector"].as_object().unwrap();
    assert!(chosen.iter().all(|(key, value)| &pod["metadata"]["labels"][key] == value), "{chosen:?}");
    assert_eq!(service["spec"]["ports"][0]["targetPort"], pod["spec"]["containers"][0]["ports"][0]["name"]);
}
