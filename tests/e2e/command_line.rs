//! What the program says when it cannot do its work, and what it answers while it does.

use std::{fs, path::Path, process::Command};

use tempfile::TempDir;
use testkit::cluster::{ControlPlane, Silent};

use crate::world::{DEFINITIONS, World, new_name, plane};

const URL: &str = "https://platform.example";

/// How the program ended.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// It failed with one line that holds these words.
    fn says(&self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{}", self.stderr);
        assert_eq!(self.stdout, "");
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "{}", self.stderr);
        for word in words.iter().chain(&["apio-operator: "]) {
            assert!(self.stderr.contains(word), "{word:?} is not in: {}", self.stderr);
        }
    }
}

/// Runs the program until it ends by itself.
pub async fn operator(kubeconfig: Option<&Path>, args: &[&str]) -> Ended {
    let home = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_apio-operator"));
    command.args(args).env_clear().env("HOME", home.path());
    if let Some(kubeconfig) = kubeconfig {
        command.env("KUBECONFIG", kubeconfig);
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

async fn run(kubeconfig: Option<&Path>, more: &[&str]) -> Ended {
    operator(kubeconfig, &[&["run", "--platform-url", URL, "--listen", "127.0.0.1:0"], more].concat()).await
}

#[tokio::test]
async fn without_a_cluster_it_says_what_to_set() {
    run(None, &[]).await.says(&["KUBECONFIG", "ServiceAccount"]);
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_is_named() {
    let folder = TempDir::new().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let text = fs::read_to_string(plane().kubeconfig()).unwrap();
    let value: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    let server = value["clusters"][0]["cluster"]["server"].as_str().unwrap();
    // Port 1 is nobody's.
    fs::write(&kubeconfig, text.replace(server, "https://127.0.0.1:1")).unwrap();
    run(Some(&kubeconfig), &[]).await.says(&["https://127.0.0.1:1", "cannot be reached", "refused"]);
}

#[tokio::test]
async fn a_cluster_without_the_definitions_is_told_with_the_command_that_installs_them() {
    let plane = tokio::task::spawn_blocking(|| ControlPlane::start(&Silent).unwrap()).await.unwrap();
    run(Some(plane.kubeconfig()), &[])
        .await
        .says(&["groups.apio.netaxis.be", "apio-operator crds | kubectl apply -f -"]);
    tokio::task::spawn_blocking(move || drop(plane)).await.unwrap();
}

#[tokio::test]
async fn missing_rights_are_told_in_the_words_of_the_cluster() {
    let namespace = new_name();
    plane().create_namespace(&namespace).unwrap();
    plane().run(&["create", "serviceaccount", "nobody", "-n", &namespace]).unwrap();
    let kubeconfig = plane().service_account_kubeconfig(&namespace, "nobody").unwrap();
    let ended = run(Some(&kubeconfig), &["--watch-namespaces", &namespace]).await;
    ended.says(&["refuses to list groups.apio.netaxis.be", "forbidden"]);
}

#[tokio::test]
async fn wrong_values_are_refused_before_anything_is_tried() {
    for (args, words) in [
        (&["--platform-url", "platform.example"][..], &["\"platform.example\"", "not a URL"][..]),
        (&["--platform-url", "https://u:secret@platform.example"], &["credentials Secret"]),
        (&["--platform-url", URL, "--log", "a=b=c"], &["log filter"]),
        (&["--platform-url", URL, "--platform-rate", "1", "--platform-concurrency", "16"], &["use at most 15"]),
    ] {
        let ended = operator(None, &[&["run"], args].concat()).await;
        ended.says(words);
        assert!(!ended.stderr.contains("secret@"));
    }
    for (args, words) in [
        (&["run", "--platform-url", URL, "--drift-intervall", "1m"][..], &["--drift-interval"][..]),
        (&["run", "--platform-url", URL, "--drift-interval", "10"], &["10m", "--drift-interval"]),
        (
            &["run", "--platform-url", URL, "--tenants-by-namespace", "a=Acme"],
            &["--tenants-by-namespace", "write it as"],
        ),
        (
            &["run", "--platform-url", URL, "--tenants-by-namespace", "{a: {reseller: [Best]}}"],
            &["--tenants-by-namespace", "a: unknown key reseller; did you mean resellers?"],
        ),
        (&["run", "--platform-url", URL, "--succeed", "apio-old"], &["--succeed", "as apio-old/apio-operator"]),
        (&["run", "--platform-url", URL, "--platform-mode", "door"], &["gateway", "core"]),
        (&["run"], &["--platform-url"]),
        (&["walk"], &["walk"]),
    ] {
        let ended = operator(None, args).await;
        assert_eq!(ended.code, Some(2));
        assert!(words.iter().all(|word| ended.stderr.contains(word)), "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"));
    }
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_its_remedy() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = operator(Some(plane().kubeconfig()), &["run", "--platform-url", URL, "--listen", &address]).await;
    ended.says(&[&address, "--listen"]);
}

#[tokio::test]
async fn the_definitions_it_prints_and_writes_are_those_of_the_folder() {
    let kept = |name: &str| fs::read_to_string(Path::new(DEFINITIONS).join(name)).unwrap();
    let names = ["groups.yaml", "resellers.yaml", "tenants.yaml"];
    let printed = operator(None, &["crds"]).await;
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    assert_eq!(printed.stdout, names.map(kept).join("---\n"));
    let folder = TempDir::new().unwrap();
    let written = operator(None, &["crds", "--into", folder.path().to_str().unwrap()]).await;
    assert_eq!((written.code, written.stdout.as_str()), (Some(0), ""));
    for name in names {
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), kept(name));
    }
    let no_folder = folder.path().join("groups.yaml").display().to_string();
    operator(None, &["crds", "--into", &no_folder]).await.says(&[&no_folder]);
}

#[tokio::test]
async fn a_running_operator_answers_for_its_health_and_its_metrics() {
    let world = World::new().await;
    assert_eq!(world.page("/livez").await, Some((200, "alive\n".into())));
    assert_eq!(world.page("/readyz").await, Some((200, "ready\n".into())));
    let (code, metrics) = world.page("/metrics").await.unwrap();
    assert_eq!(code, 200);
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    assert!(metrics.contains("# HELP apio_operator_settings_valid 1 while"), "{metrics}");
    assert!(!metrics.contains(&world.namespace));
    assert_eq!(world.operator.stop(), Some(0));
    assert!(!world.operator.log().contains("panicked"));
}

#[tokio::test]
async fn settings_are_checked_before_they_are_applied() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("settings.yaml");
    let check = async |text: &str| {
        fs::write(&file, text).unwrap();
        operator(None, &["check-settings", file.to_str().unwrap()]).await
    };
    let good = check("CHECK_GROUP:\n  CHECK_USERS: false\nRESELLER_GROUP: true\n").await;
    assert_eq!(good.code, Some(0), "{}", good.stderr);
    assert!(good.stdout.contains("CHECK_GROUP.CHECK_USERS: false\n"), "{}", good.stdout);
    assert!(good.stderr.contains("warning") && good.stderr.contains("line 3: RESELLER_GROUP"), "{}", good.stderr);
    check("CHECK_GROUP:\n  CHECK_USER: false\n").await.says(&["settings.yaml: line 2", "did you mean CHECK_USERS?"]);
    operator(None, &["check-settings", "/none"]).await.says(&["cannot read /none"]);
}
