//! The operator in its container, as the chart's Deployment has a kubelet run it, against the API server and a platform that
//! has a certificate.

use std::{fs, net::UdpSocket, path::Path, process::Command};

use apio_operator::api::{Group, Reseller, Tenant};
use serde_json::{Value, json};
use testkit::{helm::Major, pod::Pod, simulator::TlsFront};

use crate::{
    built::Image,
    fixtures::hq,
    podman::{Podman, said},
    release::{Release, SYSTEM, TELEPHONY},
    world::{SOON, World, message},
};

/// Where the image has the public certificates.
const PUBLIC: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The only container of a test.
const NAME: &str = "operator";

/// The chart on a cluster, a platform with a certificate of a private authority, and the operator in a container of the image.
struct Running {
    release: Release,
    world: World,
    pod: Pod,
    podman: Podman,
    _front: TlsFront,
}

impl Running {
    /// The chart knows the authority of the platform.
    async fn start() -> Self {
        Self::with(json!({"caBundle": {"configMap": "own-ca"}}), |_, _| ()).await
    }

    /// With these values of the platform, and a change of the command line that is given the authority's file.
    async fn with(mut platform: Value, change: impl FnOnce(&mut Command, &Path)) -> Self {
        let release = Release::none().await;
        let front = TlsFront::before(&release.platform).await.unwrap();
        release.kubectl(&["create", "namespace", SYSTEM]);
        release.add_credentials();
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own-ca"}, "data": {"ca.crt": front.certificate}});
        release.plane.apply_in(SYSTEM, &map.to_string()).unwrap();
        if platform["url"].is_null() {
            platform["url"] = json!(front.url);
        }
        release.install(Major::Four, &json!({ "platform": platform }));

        let pod = release.pod();
        let podman = Podman::load(&Image::built().archive());
        // The chart names the image; a registry is what is missing.
        podman.output(&["tag", &podman.image, &pod.image]);
        let file = release.plane.folder().join("authority.pem");
        fs::write(&file, &front.certificate).unwrap();
        let mut run = podman.run();
        run.args(["--name", NAME, "--pull=never"]);
        change(&mut run, &file);
        let world = release.run(TELEPHONY, pod.container(release.plane, run, &pod.image)).await;
        Self { release, world, pod, podman, _front: front }
    }

    async fn works(&self) {
        for file in ["reseller", "tenant", "group", "group-warehouse"] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{file}.yaml"));
            self.world.apply(&fs::read_to_string(path).unwrap());
        }
        self.world.ready::<Reseller>("best-reseller").await;
        self.world.ready::<Tenant>("acme").await;
        for group in ["headquarters", "warehouse"] {
            self.world.group(group).await;
        }
        assert!(self.world.platform.edit(|state| state.group("Acme", "HQ").is_some()));
    }

    /// Ends it as a kubelet would: asks, and kills after the pod's grace period. Its exit code.
    fn stop(&self) -> Option<i32> {
        self.podman.output(&["stop", &format!("--time={}", self.pod.grace.as_secs()), NAME]);
        self.world.operator.ended(SOON)
    }

    fn holder(&self) -> Value {
        self.release.get("lease/apio-operator")["spec"]["holderIdentity"].clone()
    }
}

#[tokio::test]
async fn the_operator_in_the_container_of_the_chart_makes_the_examples_ready() {
    let running = Running::start().await;
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let path = running.pod.probe(probe);
        let says_yes = || async { running.world.page(path).await.is_some_and(|(code, _)| code == 200) };
        running.world.poll(probe, says_yes).await;
    }
    running.works().await;
    assert!(!running.world.operator.log().contains("forbidden"), "{}", running.world.operator.log());
}

#[tokio::test]
async fn a_container_that_is_to_end_ends_as_a_success_and_gives_its_lease_back() {
    let running = Running::start().await;
    running.works().await;
    assert_eq!(running.holder(), "apio-apio-operator-0", "the pod's name");
    assert_eq!(running.stop(), Some(0), "{}", running.world.operator.log());
    assert_eq!(running.holder(), "");
}

/// Names are looked up by a thread that nothing can interrupt.
#[tokio::test]
async fn a_name_server_that_does_not_answer_keeps_no_container_from_ending() {
    let address = "127.0.0.77";
    let _silent = UdpSocket::bind((address, 53)).expect("root may listen on port 53");
    let patient = |run: &mut Command, _: &Path| {
        // Longer than the pod has to end.
        run.args([&format!("--dns={address}"), "--dns-option=timeout:30", "--dns-option=attempts:5"]);
    };
    let running = Running::with(json!({"url": "https://platform.example"}), patient).await;
    running.world.apply(&hq(""));
    running.world.reason::<Group>("hq", "Ready", "PlatformUnreachable").await;
    assert_eq!(running.stop(), Some(0), "{}", running.world.operator.log());
    assert_eq!(running.holder(), "");
}

/// What the kernel says of its process, for each word of the chart's security contexts.
#[tokio::test]
async fn the_container_has_no_more_than_the_security_context_of_the_chart() {
    let running = Running::start().await;
    let pid = running.podman.output(&["inspect", "--format={{.State.Pid}}", NAME]);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let shown = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let nothing = "0000000000000000";
    for (name, expected) in [
        ("Uid", "65532 65532 65532 65532"),
        ("Gid", "65532 65532 65532 65532"),
        ("CapEff", nothing),
        ("CapPrm", nothing),
        ("CapBnd", nothing),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    ] {
        assert_eq!(shown(name), expected, "{name}");
    }
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let options = |place: &str| {
        let line = mounts.lines().find(|line| line.split(' ').nth(4) == Some(place));
        line.unwrap_or_else(|| panic!("{place} is not mounted")).split(' ').nth(5).unwrap().to_owned()
    };
    for place in ["/", "/etc/apio-operator/ca", "/var/run/secrets/kubernetes.io/serviceaccount"] {
        assert!(options(place).split(',').any(|option| option == "ro"), "{place}: {}", options(place));
    }
}

#[tokio::test]
async fn a_platform_whose_authority_is_not_given_is_not_trusted() {
    let running = Running::with(json!({}), |_, _| ()).await;
    running.world.apply(&hq(""));
    let group: Group = running.world.reason("hq", "Ready", "PlatformUnreachable").await;
    assert!(message(&group, "Ready").contains("certificate"), "{}", message(&group, "Ready"));
    assert_eq!(running.world.platform.journal().len(), 0, "nothing was said to it");
}

/// No test has a certificate of a public authority: one in the file of the public ones shows that this is the file that is read.
#[tokio::test]
async fn the_authorities_in_the_file_of_the_public_ones_are_trusted_without_a_flag() {
    let over = |run: &mut Command, file: &Path| {
        run.arg(format!("--volume={}:{PUBLIC}:ro", file.display()));
    };
    Running::with(json!({}), over).await.works().await;
}

#[test]
fn the_program_in_the_image_is_of_this_version_and_writes_its_definitions() {
    let podman = Podman::load(&Image::built().archive());
    let run = |argument: &str| {
        let mut command = podman.run();
        command.args(["--network=none", &podman.image, argument]);
        said(command)
    };
    assert_eq!(run("--version"), concat!("apio-operator ", env!("CARGO_PKG_VERSION")));
    let definitions = run("crds");
    assert!(apio_operator::api::manifests().unwrap().iter().all(|(_, text)| definitions.contains(text.trim())));
}
