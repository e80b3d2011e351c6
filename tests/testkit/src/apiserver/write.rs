//! Create, replace and patch.

use axum::http::Method;
use serde_json::{Value, json};

use super::fields::Fields;
use super::kinds::Kind;
use super::managers::{self, Writer};
use super::object::{apply_operations, complete, default, drop_empty, empty, metadata, names, text};
use super::request::Request;
use super::state::{Name, State};
use super::status::Refusal;
use super::typed;
use super::validate;

/// A write that is being made.
pub(super) struct Write<'a> {
    pub kind: &'a Kind,
    pub request: &'a Request,
    pub name: Name,
    pub now: String,
}

type Done = Result<(u16, Value), Refusal>;

impl Write<'_> {
    pub fn is_status(&self) -> bool {
        self.request.subresource == "status"
    }

    fn with_writer<T>(&self, then: impl FnOnce(&Writer<'_>) -> T) -> T {
        let reset: &[&[&str]] = match (self.kind.is_custom, self.is_status()) {
            (true, true) => &[&["metadata"], &["spec"]],
            (true, false) => &[&["status"]],
            _ => &[],
        };
        then(&Writer {
            name: self.request.manager(),
            subresource: &self.request.subresource,
            api_version: &self.kind.api_version(),
            now: &self.now,
            reset: Fields::of_paths(reset),
        })
    }

    pub fn create(&self, state: &mut State) -> Done {
        let mut object = self.decoded(self.request.object()?)?;
        let name = text(&object["metadata"]["name"]);
        let name: Name = (self.name.0.clone(), name);
        self.may_create(state, &name)?;
        self.with_writer(|writer| managers::update(&empty(self.kind), &mut object, &self.kind.schema, writer));
        self.store_new(state, &name, object)
    }

    /// Admission: the namespace takes new objects, and has room.
    fn may_create(&self, state: &State, name: &Name) -> Result<(), Refusal> {
        if !self.kind.is_namespaced {
            return Ok(());
        }
        let Some(namespaces) = state.kinds.get("", "namespaces") else { return Ok(()) };
        let Some(namespace) = state.get(namespaces, &(String::new(), name.0.clone())) else {
            return Err(Refusal::not_found(namespaces, &name.0));
        };
        if namespace["status"]["phase"] == "Terminating" {
            let why = format!("unable to create new content in namespace {} because it is being terminated", name.0);
            let mut refusal = Refusal::forbidden(self.kind, &name.1, &why);
            let message = format!("namespace {} is being terminated", name.0);
            let cause = json!({"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"});
            refusal.body["details"]["causes"] = json!([cause]);
            return Err(refusal);
        }
        let Some(shelf) = state.shelves.get(&super::state::key(self.kind)) else { return Ok(()) };
        let Some(quota) = shelf.quota else { return Ok(()) };
        let used = shelf.objects.keys().filter(|(namespace, _)| *namespace == name.0).count();
        if used < quota {
            return Ok(());
        }
        let counted = format!("count/{}", self.kind.resource());
        let why = format!(
            "exceeded quota: quota, requested: {counted}=1, used: {counted}={used}, limited: {counted}={quota}"
        );
        Err(Refusal::forbidden(self.kind, &name.1, &why))
    }

    fn store_new(&self, state: &mut State, name: &Name, mut object: Value) -> Done {
        self.check_namespace(&mut object)?;
        let metadata = metadata(&mut object);
        for field in ["generation", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"] {
            metadata.remove(field);
        }
        metadata.insert("uid".into(), json!(state.identity()));
        metadata.insert("creationTimestamp".into(), json!(self.now));
        let Value::Object(fields) = &mut object else { return Err(Refusal::bad_request("not an object")) };
        if self.kind.is_custom {
            fields.remove("status");
            object["metadata"]["generation"] = json!(1);
        }
        complete(self.kind, &mut object);
        let mut causes = names(&object);
        if self.kind.is_custom {
            causes.extend(validate::errors(&object, None, &self.kind.schema));
            validate::rules(&object, None, &self.kind.schema, &mut causes);
        }
        if !causes.is_empty() {
            return Err(Refusal::invalid(self.kind, &name.1, &causes));
        }
        if let Some(there) = state.get(self.kind, name) {
            let mut refusal = Refusal::exists(self.kind, &name.1);
            if !there["metadata"]["deletionTimestamp"].is_null() {
                let message = format!("object is being deleted: {}", text(&refusal.body["message"]));
                refusal.body["message"] = json!(message);
            }
            return Err(refusal);
        }
        let stored = object.clone();
        self.kind.schema.set_defaults(&mut object);
        let is_bare = stored != object;
        let object = state.put(self.kind, name, object);
        if let Some(shelf) = state.shelves.get_mut(&super::state::key(self.kind)).filter(|_| is_bare) {
            shelf.bare.insert(name.clone());
        }
        Ok((201, object))
    }

    pub fn replace(&self, state: &mut State) -> Done {
        let mut object = self.decoded(self.request.object()?)?;
        self.check_name(&object)?;
        let Some(live) = state.get(self.kind, &self.name).cloned() else {
            if !self.kind.creates_on_update {
                return Err(Refusal::not_found(self.kind, &self.name.1));
            }
            self.check_identity(&object, "")?;
            self.may_create(state, &self.name)?;
            self.with_writer(|writer| managers::update(&empty(self.kind), &mut object, &self.kind.schema, writer));
            return self.store_new(state, &self.name, object);
        };
        self.check_identity(&object, &text(&live["metadata"]["uid"]))?;
        self.with_writer(|writer| managers::update(&live, &mut object, &self.kind.schema, writer));
        self.store(state, &live, object)
    }

    /// The identity in the body of a PUT is a condition. That of a patch is not: it is a field, which cannot be changed.
    fn check_identity(&self, object: &Value, real: &str) -> Result<(), Refusal> {
        let asked = text(&object["metadata"]["uid"]);
        if asked.is_empty() || asked == real {
            return Ok(());
        }
        let why = format!("Precondition failed: UID in precondition: {asked}, UID in object meta: {real}");
        Err(Refusal::conflict(self.kind, &self.name.1, &why))
    }

    pub fn patch(&self, state: &mut State) -> Done {
        let live = state.get(self.kind, &self.name).cloned();
        let is_apply = self.request.content_type.contains("apply-patch");
        let Some(live) = live else {
            if !is_apply || !self.request.subresource.is_empty() {
                return Err(Refusal::not_found(self.kind, &self.name.1));
            }
            let object = self.applied(&empty(self.kind))?;
            if !text(&object["metadata"]["uid"]).is_empty() {
                let uid = text(&object["metadata"]["uid"]);
                let why =
                    format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
                return Err(Refusal::conflict(self.kind, &self.name.1, &why));
            }
            self.check_name(&object)?;
            self.may_create(state, &self.name)?;
            return self.store_new(state, &self.name, object);
        };
        let object = if is_apply { self.applied(&live)? } else { self.patched(&live)? };
        self.check_name(&object)?;
        self.store(state, &live, object)
    }

    fn applied(&self, live: &Value) -> Result<Value, Refusal> {
        let config = self.request.object()?;
        if config["apiVersion"] != self.kind.api_version() || config["kind"] != self.kind.name {
            return Err(Refusal::bad_request(format!(
                "invalid object type: {}, Kind={}",
                config["apiVersion"].as_str().unwrap_or_default(),
                config["kind"].as_str().unwrap_or_default()
            )));
        }
        if config["metadata"].get("managedFields").is_some_and(|fields| !fields.is_null()) {
            return Err(Refusal::bad_request("metadata.managedFields must be nil"));
        }
        if let Some(problem) = typed::problem(&config, &self.kind.schema) {
            let (of, name) = (&config["metadata"]["namespace"], &config["metadata"]["name"]);
            let object = format!("{}/{}; {}, Kind={}", text(of), text(name), self.kind.api_version(), self.kind.name);
            return Err(Refusal::unforeseen(format!("failed to create typed patch object ({object}): {problem}")));
        }
        let force = self.request.flag("force");
        let applied = self.with_writer(|writer| managers::apply(live, &config, &self.kind.schema, writer, force));
        let mut object = applied.map_err(|conflicts| Refusal::applied_conflict(&conflicts))?;
        self.kind.schema.prune(&mut object);
        self.kind.schema.set_defaults(&mut object);
        default(self.kind, &mut object);
        Ok(object)
    }

    fn patched(&self, live: &Value) -> Result<Value, Refusal> {
        let bad = |error: &dyn std::fmt::Display| Refusal::bad_request(format!("error decoding patch: {error}"));
        let mut object = live.clone();
        if self.request.content_type.contains("json-patch") {
            let patch: json_patch::Patch = serde_json::from_slice(&self.request.body).map_err(|error| bad(&error))?;
            let refused = "the server rejected our request due to an error in our request";
            apply_operations(&mut object, patch).map_err(|_| {
                let mut refusal = Refusal::new(422, "Invalid", refused);
                refusal.body["details"] = json!({});
                refusal
            })?;
        } else {
            let patch: Value = serde_json::from_slice(&self.request.body).map_err(|error| bad(&error))?;
            json_patch::merge(&mut object, &patch);
        }
        let mut object = self.decoded(object)?;
        self.with_writer(|writer| managers::update(live, &mut object, &self.kind.schema, writer));
        Ok(object)
    }

    /// What the decoder makes of a body: unknown fields, nulls that stand for nothing and absent fields with a default.
    fn decoded(&self, mut object: Value) -> Result<Value, Refusal> {
        if object["apiVersion"] != self.kind.api_version() || object["kind"] != self.kind.name {
            return Err(Refusal::bad_request("the object provided is not of the kind that the path is for"));
        }
        if !self.kind.is_custom && !validate::errors(&object, None, &self.kind.schema).is_empty() {
            return Err(Refusal::bad_request("the object cannot be read"));
        }
        self.kind.schema.prune(&mut object);
        self.kind.schema.prune_nulls(&mut object);
        self.kind.schema.set_defaults(&mut object);
        default(self.kind, &mut object);
        drop_empty(self.kind, &mut object);
        self.check_namespace(&mut object)?;
        Ok(object)
    }

    pub fn check_namespace(&self, object: &mut Value) -> Result<(), Refusal> {
        let namespace = text(&object["metadata"]["namespace"]);
        if !namespace.is_empty() && namespace != self.name.0 && self.kind.is_namespaced {
            let why = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Refusal::bad_request(why));
        }
        if self.kind.is_namespaced {
            metadata(object).insert("namespace".into(), json!(self.name.0));
        } else {
            metadata(object).remove("namespace");
        }
        Ok(())
    }

    fn check_name(&self, object: &Value) -> Result<(), Refusal> {
        let name = text(&object["metadata"]["name"]);
        if name == self.name.1 {
            return Ok(());
        }
        let on_url = &self.name.1;
        if name.is_empty() {
            let why =
                format!("the name of the object ({on_url} based on URL) was undeterminable: name must be provided");
            return Err(Refusal::bad_request(why));
        }
        Err(Refusal::bad_request(format!(
            "the name of the object ({name}) does not match the name on the URL ({on_url})"
        )))
    }

    pub fn run(&self, state: &mut State) -> Done {
        match self.request.method {
            Method::POST => self.create(state),
            Method::PUT => self.replace(state),
            _ => self.patch(state),
        }
    }
}
