//! The operator in its container, against the API server and a platform that has a certificate.

use std::{fs, path::Path};

use apio_operator::api::{Group, Reseller, Tenant};
use testkit::{
    deployment::{Operator, rights},
    simulator::{PASSWORD, Simulator, TlsFront, USERNAME},
};

use crate::{
    built::Image,
    fixtures::{credentials, hq, settings},
    podman::{Podman, said},
    world::{RULES, SETTINGS, World, client, message, new_name, plane},
};

/// Where the image has the public certificates.
const PUBLIC: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Where the chart mounts a private authority.
const PRIVATE: &str = "/etc/apio-operator/ca/ca.crt";
/// Where a kubelet mounts who the pod is.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// A cluster, a platform with a certificate of a private authority, and the operator in a container of the image.
struct Pod {
    world: World,
    podman: Podman,
    _front: TlsFront,
}

impl Pod {
    /// The certificate of the platform's authority is mounted at `authority`; `arguments` are the operator's.
    async fn start(authority: &str, arguments: &[&str]) -> Self {
        let (plane, namespace) = (plane(), new_name());
        plane.run(&["create", "namespace", &namespace]).unwrap();
        let set_up = rights(RULES, &namespace, Some(&namespace)) + &settings(SETTINGS);
        plane.apply_in(&namespace, &(set_up + &credentials(USERNAME, PASSWORD))).unwrap();

        let platform = Simulator::start().await.unwrap();
        let front = TlsFront::before(&platform).await.unwrap();
        let folder = plane.folder().join(&namespace);
        fs::create_dir_all(folder.join("account")).unwrap();
        fs::write(folder.join("authority.pem"), &front.certificate).unwrap();
        let token = plane.run(&["create", "token", "apio-operator", "-n", &namespace, "--duration=1h"]).unwrap();
        let server_ca = fs::read(plane.folder().join("server-ca.crt")).unwrap();
        for (name, content) in
            [("token", token.trim().as_bytes()), ("ca.crt", &server_ca), ("namespace", namespace.as_bytes())]
        {
            fs::write(folder.join("account").join(name), content).unwrap();
        }

        let mount = |from: &str, to: &str| format!("--volume={}:{to}:ro", folder.join(from).display());
        let server = plane.run(&["config", "view", "--output=jsonpath={.clusters[0].cluster.server}"]).unwrap();
        let port = server.rsplit(':').next().unwrap();
        let (service, port) =
            ("--env=KUBERNETES_SERVICE_HOST=127.0.0.1", format!("--env=KUBERNETES_SERVICE_PORT={port}"));
        let podman = Podman::load(&Image::built().archive());
        let mut program =
            podman.restricted(&[service, &port, &mount("account", ACCOUNT), &mount("authority.pem", authority)]);
        program.arg("run");
        let watched = ["--watch-namespaces", &namespace];
        let log = plane.folder().join(format!("{namespace}.log"));
        // No kubeconfig: a pod has none.
        let operator =
            Operator::start(&program, Path::new(""), &front.url, &[&watched, arguments].concat(), &log).unwrap();
        let world = World { plane, namespace, platform, operator, client: client(plane).await };
        let listens = || async {
            let ended = world.operator.ended(std::time::Duration::ZERO);
            assert!(ended.is_none(), "{ended:?}: {}", world.operator.log());
            world.page("/readyz").await.is_some_and(|(code, _)| code == 200)
        };
        world.poll("the operator is ready", listens).await;
        Self { world, podman, _front: front }
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
}

#[tokio::test]
async fn the_operator_in_a_restricted_container_makes_the_examples_ready() {
    let pod = Pod::start(PRIVATE, &["--platform-ca-bundle", PRIVATE]).await;
    pod.works().await;
    let top = pod.podman.output(&["top", "--latest", "huser", "capeff", "args"]);
    let running = top.lines().nth(1).unwrap();
    assert!(running.starts_with("65532") && running.contains("none"), "{top}");
    assert!(!pod.world.operator.log().contains("forbidden"), "{}", pod.world.operator.log());
}

#[tokio::test]
async fn a_platform_whose_authority_is_not_given_is_not_trusted() {
    let pod = Pod::start(PRIVATE, &[]).await;
    pod.world.apply(&hq(""));
    let group: Group = pod.world.reason("hq", "Ready", "PlatformUnreachable").await;
    assert!(message(&group, "Ready").contains("certificate"), "{}", message(&group, "Ready"));
    assert_eq!(pod.world.platform.journal().len(), 0, "nothing was said to it");
}

/// No test has a certificate of a public authority: one in the file of the public ones shows that this is the file that is read.
#[tokio::test]
async fn the_authorities_in_the_file_of_the_public_ones_are_trusted_without_a_flag() {
    Pod::start(PUBLIC, &[]).await.works().await;
}

#[test]
fn the_program_in_the_image_is_of_this_version_and_writes_its_definitions() {
    let podman = Podman::load(&Image::built().archive());
    let run = |argument: &str| {
        let mut command = podman.restricted(&[]);
        command.arg(argument);
        said(command)
    };
    assert_eq!(run("--version"), concat!("apio-operator ", env!("CARGO_PKG_VERSION")));
    let definitions = run("crds");
    assert!(apio_operator::api::manifests().unwrap().iter().all(|(_, text)| definitions.contains(text.trim())));
}
