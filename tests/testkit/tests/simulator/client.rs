//! A plain HTTP client of the platform.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::simulator::{M2M_TOKEN, PASSWORD, Simulator, USERNAME};

/// A client with a session at one of the doors.
pub struct Client {
    pub http: reqwest::Client,
    pub base: String,
    pub bearer: Option<String>,
}

/// What came back: a body that is not JSON is a string.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub fn code(&self) -> Option<i64> {
        self.body["errors"][0]["code"].as_i64()
    }

    pub fn reason(&self) -> &str {
        self.body["errors"][0]["details"]["reason"].as_str().unwrap_or_default()
    }

    /// A refusal of a value, which names the key in question.
    pub fn assert_invalid(&self, key: &str) {
        assert_eq!(self.status, 400, "{self:?}");
        assert!(self.reason().contains(key), "{self:?} does not name {key}");
    }

    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        self.body
    }
}

impl Client {
    /// With a session of door A.
    pub async fn gateway(platform: &Simulator) -> Client {
        Client::login(platform, USERNAME, PASSWORD).await
    }

    pub async fn login(platform: &Simulator, username: &str, password: &str) -> Client {
        let client = Client::stranger(&format!("{}/api/v1", platform.url()));
        let login = client.post("/login/", json!({"username": username, "password": password})).await;
        assert_eq!(login.status, 200, "{login:?}");
        client
    }

    /// With a token of door B that does not expire.
    pub fn core(platform: &Simulator) -> Client {
        Client::stranger(&format!("{}/api/v01/p1", platform.url())).with_bearer(M2M_TOKEN)
    }

    /// Without any session.
    pub fn stranger(base: &str) -> Client {
        let http = reqwest::Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none());
        // So that a call which should have been answered or cut fails its test, rather than hangs it.
        let http = http.timeout(Duration::from_secs(20));
        let http = http.build().expect("a client without special needs");
        Client { http, base: base.to_owned(), bearer: None }
    }

    pub fn with_bearer(self, token: &str) -> Client {
        Client { bearer: Some(token.to_owned()), ..self }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None).await
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.try_call(method, path, body).await.expect("an answer")
    }

    /// Makes a call whose connection has to end without an answer.
    pub async fn unanswered(&self, method: &str, path: &str, body: Option<Value>) -> reqwest::Error {
        let error = self.try_call(method, path, body).await.expect_err("no answer");
        assert!(!error.is_timeout(), "the connection stayed open: {error:?}");
        error
    }

    /// An error if the connection failed or no complete answer came.
    pub async fn try_call(&self, method: &str, path: &str, body: Option<Value>) -> reqwest::Result<Answer> {
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        if let Some(token) = &self.bearer {
            request = request.bearer_auth(token);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, body })
    }
}

/// A platform with a tenant `Acme`, which has a domain of its own, and a client at door A.
pub async fn acme() -> (Simulator, Client) {
    let platform = Simulator::start().await.expect("a free port");
    platform.edit(|s| {
        s.add_tenant("Acme");
        s.add_tenant_domain("Acme", "sip.acme.example");
    });
    let client = Client::gateway(&platform).await;
    (platform, client)
}

/// The same with a group `HQ` that holds nothing.
pub async fn acme_hq() -> (Simulator, Client) {
    let (platform, client) = acme().await;
    platform.edit(|s| {
        s.add_group("Acme", "HQ", json!({"groupName": "Head office", "defaultDomain": "sip.acme.example"}));
    });
    (platform, client)
}

pub const GROUPS: &str = "/tenants/Acme/groups/";
pub const HQ: &str = "/tenants/Acme/groups/HQ/";
