//! Scripts of requests, from a seed.

use std::fmt;

use serde_json::{Value, json};

use crate::dice::Dice;

/// The kinds whose events are compared.
pub const WATCHED: [&str; 4] = ["tenants", "groups", "resellers", "leases"];

pub const APPLY: &str = "application/apply-patch+yaml";
pub const MERGE: &str = "application/merge-patch+json";
const PATCH: &str = "application/json-patch+json";
pub const JSON: &str = "application/json";

/// One request. `@version:PLURAL/NAME`, `@stale:..` and `@uid:..` in the body stand for what that side answered before.
pub struct Ask {
    pub method: &'static str,
    pub path: String,
    pub content_type: &'static str,
    pub metadata_only: bool,
    pub body: Value,
}

pub struct Script {
    pub namespace: String,
    pub asks: Vec<Ask>,
}

impl fmt::Display for Ask {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.content_type.split(['/', '+']).nth(1).unwrap_or_default();
        let shown = if self.metadata_only { ", metadata only" } else { "" };
        write!(to, "{} {} ({kind}{shown}) {}", self.method, self.path, self.body)
    }
}

impl Script {
    pub fn new(seed: u64) -> Self {
        let namespace = format!("script-{seed}");
        let mut dice = Dice(seed);
        let manifest = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
        let mut asks = vec![ask("POST", "/api/v1/namespaces?fieldManager=user".to_owned(), JSON, manifest)];
        let ours = dice.pick(&["tenants", "groups", "resellers"]);
        let other = dice.pick(&["tenants", "groups", "resellers", "configmaps", "leases"]);
        let mut maker = Maker { dice: &mut dice, namespace: namespace.clone(), plurals: [ours, other] };
        for _ in 0..32 {
            asks.push(maker.next());
        }
        // A last object of each kind tells that all events were read.
        asks.extend(WATCHED.iter().map(|plural| maker.create(plural, "zz-end")));
        Self { namespace, asks }
    }
}

pub fn ask(method: &'static str, path: String, content_type: &'static str, body: Value) -> Ask {
    Ask { method, path, content_type, metadata_only: false, body }
}

pub struct Maker<'a> {
    dice: &'a mut Dice,
    namespace: String,
    /// A script is about two kinds.
    plurals: [&'static str; 2],
}

impl Maker<'_> {
    fn next(&mut self) -> Ask {
        let plural = self.dice.pick(&self.plurals);
        let name = self.dice.pick(&["a", "a", "a", "b"]);
        let is_ours = !["configmaps", "leases"].contains(&plural);
        match self.dice.roll(24) {
            0..=3 => self.create(plural, name),
            4..=8 => self.apply(plural, name),
            9..=11 if is_ours => self.apply_status(plural, name),
            9..=13 => self.merge(plural, name),
            14..=15 => self.json_patch(plural, name),
            16..=17 => self.replace(plural, name),
            18..=19 => self.finalizers(plural, name),
            20..=21 => self.delete(plural, name),
            22 => self.get(plural, name),
            _ => self.list(plural),
        }
    }

    fn path(&self, plural: &str, rest: &str) -> String {
        let root = match plural {
            "configmaps" | "secrets" => "/api/v1",
            "leases" => "/apis/coordination.k8s.io/v1",
            _ => "/apis/apio.netaxis.be/v1alpha1",
        };
        format!("{root}/namespaces/{}/{plural}{rest}", self.namespace)
    }

    pub fn object(plural: &str, name: &str, content: Value) -> Value {
        let (api_version, kind) = match plural {
            "configmaps" => ("v1", "ConfigMap"),
            "leases" => ("coordination.k8s.io/v1", "Lease"),
            "tenants" => ("apio.netaxis.be/v1alpha1", "Tenant"),
            "groups" => ("apio.netaxis.be/v1alpha1", "Group"),
            _ => ("apio.netaxis.be/v1alpha1", "Reseller"),
        };
        let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
        for (field, value) in content.as_object().into_iter().flatten() {
            object[field] = value.clone();
        }
        object
    }

    fn content(&mut self, plural: &str) -> Value {
        match plural {
            "configmaps" => json!({"data": self.texts()}),
            "leases" => self.lease(),
            "tenants" => json!({"spec": self.tenant()}),
            "groups" => json!({"spec": self.group()}),
            _ => json!({"spec": self.reseller()}),
        }
    }

    fn texts(&mut self) -> Value {
        let mut texts = json!({});
        for name in ["x", "y", "z"] {
            if !self.dice.one_in(3) {
                texts[name] = json!(self.dice.pick(&["one", "two", ""]));
            }
        }
        texts
    }

    fn lease(&mut self) -> Value {
        let holder = self.dice.pick(&["me", "you"]);
        json!({"spec": {"holderIdentity": holder, "leaseDurationSeconds": self.dice.pick(&[15, 30]), "leaseTransitions": 1}})
    }

    fn group(&mut self) -> Value {
        let mut spec = json!({"groupName": self.dice.pick(&["Office", "Branch", "Office"])});
        match self.dice.roll(12) {
            0 => {}
            1 => spec["tenantId"] = json!("acme"),
            _ => spec["tenantRef"] = json!({"name": "acme"}),
        }
        let optional = [
            ("userLimit", [json!(5), json!(7), json!(7), json!(0), json!("many")]),
            ("cliName", [json!("Desk"), json!(""), json!("Desk"), json!(" blank"), json!(null)]),
            ("defaultDomain", [json!("a.example"), json!("b.example"), json!("a.example"), json!("a..b"), json!("")]),
            ("excludedAppIds", [json!(["p", "q"]), json!(["q"]), json!(["r", "p"]), json!(["p", "p"]), json!([])]),
            (
                "addressInformation",
                [
                    json!({"city": "Ghent"}),
                    json!({"city": "Mons"}),
                    json!({}),
                    json!({"street": "x"}),
                    json!({"city": 4}),
                ],
            ),
            ("managementPolicy", [json!("Manage"), json!("Observe"), json!("Manage"), json!("Adopt"), json!("Manage")]),
            ("groupId", [json!("HQ"), json!("HQ"), json!("HQ"), json!("HQ2"), json!("a/b")]),
        ];
        self.some_of(&mut spec, &optional);
        if self.dice.one_in(8) {
            spec["colour"] = json!("red");
        }
        spec
    }

    fn tenant(&mut self) -> Value {
        let mut spec = json!({"type": self.dice.pick(&["Enterprise", "Enterprise", "Enterprise", "ServiceProvider"])});
        let optional = [
            ("name", [json!("Acme"), json!("Acme Ltd"), json!("Acme"), json!("Ac\nme"), json!("")]),
            ("useTenantLanguages", [json!(true), json!(false), json!(true), json!("yes"), json!(null)]),
            (
                "contactInformation",
                [json!({"name": "Ann"}), json!({"phoneNumber": "1"}), json!({"name": "Bob"}), json!({}), json!([])],
            ),
            ("resellerRef", [json!({"name": "r"}), json!({"name": "s"}), json!({"name": "r"}), json!({}), json!(null)]),
            ("resellerId", [json!("r"), json!("r"), json!("r"), json!("."), json!("r")]),
            ("useCustomRoutingProfile", [json!(true), json!(true), json!(false), json!(true), json!(true)]),
        ];
        self.some_of(&mut spec, &optional);
        spec
    }

    fn reseller(&mut self) -> Value {
        let mut spec = json!({});
        let optional = [
            ("externalName", [json!("R"), json!("S"), json!("R"), json!("R "), json!(7)]),
            (
                "extraData",
                [json!({"k": 1}), json!({"k": {"l": [1]}}), json!({}), json!({"n": null}), json!({"k": 1.5})],
            ),
            ("driftPolicy", [json!("Correct"), json!("Report"), json!("Correct"), json!("Ignore"), json!("Report")]),
        ];
        self.some_of(&mut spec, &optional);
        spec
    }

    /// Some of these fields, mostly with values that are allowed: the first three.
    fn some_of(&mut self, spec: &mut Value, optional: &[(&str, [Value; 5])]) {
        let reach = if self.dice.one_in(5) { 5 } else { 3 };
        for (field, values) in optional {
            if self.dice.one_in(2) {
                spec[field] = values[self.dice.roll(reach)].clone();
            }
        }
    }

    fn manager(&mut self) -> &'static str {
        self.dice.pick(&["user", "argo", "operator"])
    }

    fn create(&mut self, plural: &str, name: &str) -> Ask {
        let is_end = name.starts_with("zz");
        let content = match plural {
            "groups" if is_end => json!({"spec": {"groupName": "End", "tenantId": "t"}}),
            "tenants" if is_end => json!({"spec": {"type": "Enterprise"}}),
            "resellers" if is_end => json!({"spec": {}}),
            _ => self.content(plural),
        };
        let mut object = Self::object(plural, name, content);
        if !is_end && self.dice.one_in(3) {
            object["metadata"]["labels"] = self.texts();
        }
        if !is_end && self.dice.one_in(6) {
            object["status"] = json!({"usage": "1/2"});
        }
        let manager = self.manager();
        ask("POST", self.path(plural, &format!("?fieldManager={manager}")), JSON, object)
    }

    fn apply(&mut self, plural: &str, name: &str) -> Ask {
        let content = self.content(plural);
        let mut object = Self::object(plural, name, content);
        // Not an empty map: the real one stores it, shows none, and writes again at the next chance.
        let annotations = self.texts();
        if self.dice.one_in(3) && annotations != json!({}) {
            object["metadata"]["annotations"] = annotations;
        }
        if self.dice.one_in(6) {
            object["metadata"]["finalizers"] = json!(["apio.netaxis.be/finalizer"]);
        }
        self.condition(&mut object, plural, name);
        let force = self.dice.pick(&["false", "true"]);
        let manager = self.manager();
        ask("PATCH", self.path(plural, &format!("/{name}?fieldManager={manager}&force={force}")), APPLY, object)
    }

    /// Sometimes a version or an identity that the object must have.
    fn condition(&mut self, object: &mut Value, plural: &str, name: &str) {
        match self.dice.roll(10) {
            0 => object["metadata"]["resourceVersion"] = json!(format!("@stale:{plural}/{name}")),
            1 => object["metadata"]["resourceVersion"] = json!(format!("@version:{plural}/{name}")),
            2 => object["metadata"]["uid"] = json!(format!("@uid:{plural}/{name}")),
            3 if self.dice.one_in(2) => object["metadata"]["uid"] = json!("11111111-2222-4333-8444-555555555555"),
            _ => {}
        }
    }

    fn apply_status(&mut self, plural: &str, name: &str) -> Ask {
        let mut conditions = Vec::new();
        for kind in ["Ready", "Synced", "Stalled"] {
            if !self.dice.one_in(3) {
                let status = self.dice.pick(&["True", "False"]);
                conditions.push(json!({
                    "type": kind, "status": status, "reason": "Because", "message": "", "observedGeneration": 1,
                    "lastTransitionTime": "2026-01-01T00:00:00Z",
                }));
            }
        }
        if self.dice.one_in(8) {
            conditions.push(json!({"type": "Odd", "status": "True"}));
        }
        let mut status = json!({"conditions": conditions});
        let optional = [
            ("observedGeneration", [json!(1), json!(2), json!(1), json!("1"), json!(null)]),
            ("usage", [json!("1/2"), json!("2/2"), json!("1/2"), json!(3), json!(null)]),
            ("observed", [json!({"a": 1}), json!({"a": {"b": null}}), json!({}), json!({"a": [1]}), json!([])]),
            (
                "drift",
                [json!([]), json!([{"path": "p", "desired": "d", "observed": "o"}]), json!([]), json!([{}]), json!({})],
            ),
            (
                "autoCreated",
                [
                    json!({"domains": ["x", "y"]}),
                    json!({"domains": ["y"]}),
                    json!({}),
                    json!({"domains": ["x", "x"]}),
                    json!({"domains": [1]}),
                ],
            ),
        ];
        self.some_of(&mut status, &optional);
        let mut object = Self::object(plural, name, json!({"status": status}));
        if self.dice.one_in(6) {
            object["spec"] = json!({"driftPolicy": "Report"});
        }
        self.condition(&mut object, plural, name);
        let force = self.dice.pick(&["false", "true"]);
        let manager = self.dice.pick(&["operator", "operator", "other"]);
        ask("PATCH", self.path(plural, &format!("/{name}/status?fieldManager={manager}&force={force}")), APPLY, object)
    }

    fn merge(&mut self, plural: &str, name: &str) -> Ask {
        let mut patch = self.content(plural);
        if self.dice.one_in(3) {
            patch["metadata"]["labels"] = json!({"x": self.dice.pick(&[json!("1"), json!(null)])});
        }
        if self.dice.one_in(8) {
            patch["status"] = json!({"usage": "9/9"});
        }
        self.condition(&mut patch, plural, name);
        let status = if ["configmaps", "leases"].contains(&plural) || !self.dice.one_in(5) { "" } else { "/status" };
        let mut ask = ask("PATCH", String::new(), MERGE, patch);
        ask.metadata_only = self.dice.one_in(4);
        let manager = self.manager();
        ask.path = self.path(plural, &format!("/{name}{status}?fieldManager={manager}"));
        ask
    }

    fn json_patch(&mut self, plural: &str, name: &str) -> Ask {
        let at = match plural {
            "configmaps" => "/data/x",
            "leases" => "/spec/holderIdentity",
            "groups" => "/spec/cliName",
            "tenants" => "/spec/name",
            _ => "/spec/externalName",
        };
        let patch = match self.dice.roll(6) {
            0 => json!([{"op": "remove", "path": at}]),
            1 => json!([{"op": "test", "path": at, "value": "R"}, {"op": "add", "path": at, "value": "T"}]),
            2 => json!([{"op": "replace", "path": at, "value": "R"}]),
            3 => json!([{"op": "add", "path": "/metadata/labels", "value": {"j": "1"}}]),
            4 => json!([{"op": "add", "path": "/metadata/finalizers/-", "value": "apio.netaxis.be/second"}]),
            _ => json!([{"op": "add", "path": at, "value": "T"}]),
        };
        let manager = self.manager();
        ask("PATCH", self.path(plural, &format!("/{name}?fieldManager={manager}")), PATCH, patch)
    }

    fn replace(&mut self, plural: &str, name: &str) -> Ask {
        let content = self.content(plural);
        let mut object = Self::object(plural, name, content);
        match self.dice.roll(5) {
            0 => {}
            1 => object["metadata"]["resourceVersion"] = json!(format!("@stale:{plural}/{name}")),
            _ => object["metadata"]["resourceVersion"] = json!(format!("@version:{plural}/{name}")),
        }
        if self.dice.one_in(4) {
            object["metadata"]["uid"] = json!(format!("@uid:{plural}/{name}"));
        }
        let manager = self.manager();
        ask("PUT", self.path(plural, &format!("/{name}?fieldManager={manager}")), JSON, object)
    }

    fn finalizers(&mut self, plural: &str, name: &str) -> Ask {
        let finalizers = self.dice.pick(&[json!(["apio.netaxis.be/finalizer"]), json!([]), json!(null)]);
        let mut patch = json!({"metadata": {"finalizers": finalizers}});
        self.condition(&mut patch, plural, name);
        let mut ask = ask("PATCH", self.path(plural, &format!("/{name}?fieldManager=operator")), MERGE, patch);
        ask.metadata_only = self.dice.one_in(2);
        ask
    }

    fn delete(&mut self, plural: &str, name: &str) -> Ask {
        let preconditions = match self.dice.roll(6) {
            0 => json!({"preconditions": {"uid": format!("@uid:{plural}/{name}")}}),
            1 => json!({"preconditions": {"resourceVersion": format!("@stale:{plural}/{name}")}}),
            2 => json!({"preconditions": {"uid": "11111111-2222-4333-8444-555555555555"}}),
            _ => json!(null),
        };
        ask("DELETE", self.path(plural, &format!("/{name}")), JSON, preconditions)
    }

    fn get(&mut self, plural: &str, name: &str) -> Ask {
        let mut ask = ask("GET", self.path(plural, &format!("/{name}")), JSON, json!(null));
        ask.metadata_only = self.dice.one_in(2);
        ask
    }

    fn list(&mut self, plural: &str) -> Ask {
        let plural = if plural == "configmaps" { "groups" } else { plural };
        let query = self.dice.pick(&[
            "",
            "?limit=1",
            "?limit=2",
            "?limit=1&continue=@continue",
            "?fieldSelector=metadata.name%3Da",
        ]);
        let mut ask = ask("GET", self.path(plural, query), JSON, json!(null));
        ask.metadata_only = self.dice.one_in(3);
        ask
    }
}
