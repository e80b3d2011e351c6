//! The two sides that are asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{Stream, StreamExt};
use serde_json::{Value, json};
use testkit::apiserver::{ApiServer, Kinds};
use testkit::cluster::ControlPlane;
use tower_service::Service;

use crate::normal::Names;
use crate::script::Ask;

/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request as it is sent.
pub struct Sent {
    pub method: &'static str,
    pub path: String,
    pub content_type: &'static str,
    pub accept: &'static str,
    pub body: Vec<u8>,
}

type Lines = std::pin::Pin<Box<dyn Stream<Item = Vec<u8>>>>;

/// An API server.
pub trait Side {
    /// The code, and the body as it comes.
    async fn send(&self, sent: Sent) -> (u16, Lines);

    async fn whole(&self, sent: Sent) -> (u16, Value) {
        let (code, lines) = self.send(sent).await;
        let bytes = lines.concat().await;
        let text = String::from_utf8_lossy(&bytes);
        (code, serde_json::from_slice(&bytes).unwrap_or_else(|_| json!({"text": text})))
    }
}

/// What one side has answered.
#[derive(Default)]
pub struct Memory {
    names: Names,
    /// Versions, the last one last, and the identity.
    objects: BTreeMap<String, (Vec<String>, String)>,
    token: String,
    /// Before the first object of the namespace.
    start: String,
}

impl Memory {
    pub async fn ask(&mut self, side: &impl Side, ask: &Ask) -> Value {
        let body = if ask.body.is_null() { Vec::new() } else { self.filled(&ask.body).to_string().into_bytes() };
        let is_list = ask.method == "GET" && ask.path.split('?').next().is_some_and(|path| path.ends_with('s'));
        let accept = match (ask.metadata_only, is_list) {
            (false, _) => "application/json",
            (true, true) => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            (true, false) => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        };
        let path =
            ask.path.replace("@continue", &self.token.replace('%', "%25").replace('"', "%22").replace('+', "%2B"));
        let sent = Sent { method: ask.method, path, content_type: ask.content_type, accept, body };
        let (code, body) = side.whole(sent).await;
        self.learn(ask, &body);
        let body = self.names.normal(&body);
        json!({"code": code, "body": body})
    }

    fn learn(&mut self, ask: &Ask, body: &Value) {
        let metadata = &body["metadata"];
        if let Some(token) = metadata["continue"].as_str() {
            self.token = token.to_owned();
        }
        if body["kind"] == "Namespace" {
            self.start = metadata["resourceVersion"].as_str().unwrap_or_default().to_owned();
        }
        let plural = ask.path.split(['/', '?']).skip_while(|part| *part != "namespaces").nth(2).unwrap_or_default();
        if let (Some(name), Some(version), Some(uid)) =
            (metadata["name"].as_str(), metadata["resourceVersion"].as_str(), metadata["uid"].as_str())
        {
            let (versions, known) = self.objects.entry(format!("{plural}/{name}")).or_default();
            if versions.last().is_none_or(|last| last != version) {
                versions.push(version.to_owned());
            }
            *known = uid.to_owned();
        }
    }

    fn filled(&self, body: &Value) -> Value {
        let nobody = (Vec::new(), String::new());
        match body {
            Value::String(text) => match text.split_once(':') {
                Some(("@version", of)) => {
                    let (versions, _) = self.objects.get(of).unwrap_or(&nobody);
                    json!(versions.last().map_or("1", String::as_str))
                }
                Some(("@stale", of)) => {
                    let (versions, _) = self.objects.get(of).unwrap_or(&nobody);
                    json!(versions.iter().rev().nth(1).map_or("1", String::as_str))
                }
                Some(("@uid", of)) => {
                    let uid = &self.objects.get(of).unwrap_or(&nobody).1;
                    json!(if uid.is_empty() { "11111111-2222-4333-8444-555555555555" } else { uid })
                }
                _ => body.clone(),
            },
            Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), self.filled(value))).collect(),
            Value::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            other => other.clone(),
        }
    }

    /// All events of a kind since the namespace was made, up to the object that ends a script.
    pub async fn events(&mut self, side: &impl Side, namespace: &str, plural: &str) -> Vec<Value> {
        let root = if plural == "leases" { "coordination.k8s.io/v1" } else { "apio.netaxis.be/v1alpha1" };
        let start = &self.start;
        let path = format!(
            "/apis/{root}/namespaces/{namespace}/{plural}?watch=true&resourceVersion={start}&timeoutSeconds=60"
        );
        let sent = Sent {
            method: "GET",
            path,
            content_type: "application/json",
            accept: "application/json",
            body: Vec::new(),
        };
        let mut events = Vec::new();
        let read = async {
            let (_, mut lines) = side.send(sent).await;
            let mut buffer = Vec::new();
            while let Some(bytes) = lines.next().await {
                buffer.extend(bytes);
                while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = buffer.drain(..=end).collect();
                    let event: Value = serde_json::from_slice(&line).unwrap();
                    let is_end = event["object"]["metadata"]["name"] == "zz-end";
                    events.push(event);
                    if is_end {
                        return;
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .unwrap_or_else(|_| panic!("no end of the events of {plural}: {events:?}"));
        events.iter().map(|event| self.names.normal(event)).collect()
    }
}

/// The real one.
pub struct Real {
    client: reqwest::Client,
    url: String,
}

impl Real {
    pub fn of(control_plane: &ControlPlane) -> Self {
        let text = std::fs::read_to_string(control_plane.kubeconfig()).unwrap();
        let config: Value = serde_yaml::from_str(&text).unwrap();
        let data = |value: &Value| BASE64_STANDARD.decode(value.as_str().unwrap()).unwrap();
        let (cluster, user) = (&config["clusters"][0]["cluster"], &config["users"][0]["user"]);
        let pem = [data(&user["client-certificate-data"]), b"\n".to_vec(), data(&user["client-key-data"])].concat();
        let authority = reqwest::Certificate::from_pem(&data(&cluster["certificate-authority-data"])).unwrap();
        let builder = reqwest::Client::builder().identity(reqwest::Identity::from_pem(&pem).unwrap());
        let client = builder.tls_certs_only([authority]).build().unwrap();
        Self { client, url: cluster["server"].as_str().unwrap().to_owned() }
    }

    pub async fn serves_the_kinds(&self) {
        for plural in ["groups", "tenants", "resellers"] {
            let path = format!("/apis/apio.netaxis.be/v1alpha1/{plural}");
            loop {
                let (content_type, accept) = ("application/json", "application/json");
                let sent = Sent { method: "GET", path: path.clone(), content_type, accept, body: Vec::new() };
                if self.whole(sent).await.0 == 200 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Side for Real {
    async fn send(&self, sent: Sent) -> (u16, Lines) {
        let method = reqwest::Method::from_bytes(sent.method.as_bytes()).unwrap();
        let request = self.client.request(method, format!("{}{}", self.url, sent.path)).body(sent.body);
        let request = request.header("content-type", sent.content_type).header("accept", sent.accept);
        let response = request.header("user-agent", "differential/1").send().await.unwrap();
        let code = response.status().as_u16();
        let chunks = futures::stream::unfold(response, |mut response| async move {
            let chunk = response.chunk().await.ok()??;
            Some((chunk.to_vec(), response))
        });
        (code, Box::pin(chunks))
    }
}

/// Ours.
pub struct Simulated(ApiServer);

impl Simulated {
    pub fn new(definitions: &[String]) -> Self {
        let texts: Vec<&str> = definitions.iter().map(String::as_str).collect();
        Self(ApiServer::new(Arc::new(Kinds::new(&texts).unwrap()), jiff::Timestamp::now))
    }
}

impl Side for Simulated {
    async fn send(&self, sent: Sent) -> (u16, Lines) {
        let request = Request::builder().method(sent.method).uri(&sent.path).header("content-type", sent.content_type);
        let request = request.header("accept", sent.accept).header("user-agent", "differential/1");
        let response = self.0.service().call(request.body(Body::from(sent.body)).unwrap()).await.unwrap();
        let code = response.status().as_u16();
        let chunks = response.into_body().into_data_stream().map(|chunk| chunk.unwrap().to_vec());
        (code, Box::pin(chunks))
    }
}
