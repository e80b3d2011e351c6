//! What becomes of an object that is there: conditions, strategy, validation; and whether anything is written at all.

use serde_json::{Value, json};

use super::object::{complete, set, text, with_old_times};
use super::state::{State, key};
use super::status::{Cause, Refusal};
use super::validate;
use super::write::Write;

/// What real ones say to a version that is not the last one.
const MODIFIED: &str = "the object has been modified; please apply your changes to the latest version and try again";

impl Write<'_> {
    /// The rest of every update: conditions, strategy, validation; and whether anything is written at all.
    pub fn store(&self, state: &mut State, live: &Value, mut object: Value) -> Result<(u16, Value), Refusal> {
        self.check_namespace(&mut object)?;
        self.check_version(live, &mut object)?;
        let object = self.prepared(live, object);
        let causes = self.update_errors(live, &object);
        if !causes.is_empty() {
            return Err(Refusal::invalid(self.kind, &self.name.1, &causes));
        }
        let object = with_old_times(live, object);
        let is_deleting = !live["metadata"]["deletionTimestamp"].is_null();
        let has_finalizers =
            |object: &Value| object["metadata"]["finalizers"].as_array().is_some_and(|all| !all.is_empty());
        let is_namespace = self.kind.plural == "namespaces";
        if is_deleting && !has_finalizers(&object) && !is_namespace {
            state.remove(self.kind, &self.name);
            super::delete::finish_namespace(state, &self.name.0);
            return Ok((200, object));
        }
        let is_bare = state.shelves.get(&key(self.kind)).is_some_and(|shelf| shelf.bare.contains(&self.name));
        if object == *live && !is_bare {
            return Ok((200, object));
        }
        Ok((200, state.put(self.kind, &self.name, object)))
    }

    fn check_version(&self, live: &Value, object: &mut Value) -> Result<(), Refusal> {
        let asked = text(&object["metadata"]["resourceVersion"]);
        if asked.is_empty() && !self.kind.updates_blindly {
            let why = "must be specified for an update";
            let cause = Cause::invalid("metadata.resourceVersion", &json!(0), why);
            let mut refusal = Refusal::invalid(self.kind, &self.name.1, &[cause]);
            let message = format!(
                "{} {:?} is invalid: metadata.resourceVersion: Invalid value: 0: {why}",
                self.kind.resource(),
                self.name.1
            );
            refusal.body["message"] = json!(message);
            refusal.body["details"]["kind"] = json!(self.kind.plural);
            return Err(refusal);
        }
        if asked.is_empty() {
            object["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        } else if live["metadata"]["resourceVersion"] != asked {
            return Err(Refusal::conflict(self.kind, &self.name.1, MODIFIED));
        }
        Ok(())
    }

    /// What of a new object counts.
    fn prepared(&self, live: &Value, mut object: Value) -> Value {
        if self.kind.is_custom && self.is_status() {
            let managed = object["metadata"].get("managedFields").cloned();
            let status = object.get("status").cloned();
            object = live.clone();
            set(&mut object["metadata"], "managedFields", managed);
            set(&mut object, "status", status);
        } else if self.kind.is_custom {
            set(&mut object, "status", live.get("status").cloned());
        }
        for field in ["creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds"] {
            set(&mut object["metadata"], field, live["metadata"].get(field).cloned());
        }
        if text(&object["metadata"]["uid"]).is_empty() {
            object["metadata"]["uid"] = live["metadata"]["uid"].clone();
        }
        let rest = |object: &Value| {
            let mut rest = object.as_object().cloned().unwrap_or_default();
            rest.remove("metadata");
            rest
        };
        if self.kind.is_custom && !self.is_status() && rest(&object) != rest(live) {
            let generation = live["metadata"]["generation"].as_i64().unwrap_or_default();
            object["metadata"]["generation"] = json!(generation + 1);
        }
        complete(self.kind, &mut object);
        self.kind.schema.set_defaults(&mut object);
        object
    }

    fn update_errors(&self, live: &Value, object: &Value) -> Vec<Cause> {
        let mut causes = Vec::new();
        let (new, old) = (&object["metadata"], &live["metadata"]);
        let strings = |value: &Value| -> Vec<String> { value.as_array().into_iter().flatten().map(text).collect() };
        let (finalizers, before) = (strings(&new["finalizers"]), strings(&old["finalizers"]));
        let added: Vec<_> = finalizers.iter().filter(|name| !before.contains(name)).cloned().collect();
        if !old["deletionTimestamp"].is_null() && !added.is_empty() {
            let why = format!(
                "Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers {}",
                go_strings(&added)
            );
            causes.push(Cause::new("FieldValueForbidden", "metadata.finalizers", why));
        }
        if new["uid"] != old["uid"] {
            causes.push(Cause::invalid("metadata.uid", &new["uid"], "field is immutable"));
        }
        // It is looked at as any object and as one of its kind.
        causes.extend(causes.clone());
        if self.kind.is_custom {
            let schema = &self.kind.schema;
            if self.is_status() {
                let of_status = schema.properties.get("status").zip(object.get("status"));
                if let Some((of, status)) = of_status {
                    // The texts have the paths inside the status, the fields those of the object.
                    let of_status = validate::errors(status, live.get("status"), of).into_iter();
                    causes.extend(of_status.map(|cause| Cause { field: within_status(&cause.field), ..cause }));
                }
            } else {
                causes.extend(validate::errors(object, Some(live), schema));
            }
            validate::rules(object, Some(live), schema, &mut causes);
        }
        causes
    }
}

fn within_status(field: &str) -> String {
    if field.is_empty() { "status".to_owned() } else { format!("status.{field}") }
}

/// A list as Go prints it.
fn go_strings(all: &[String]) -> String {
    let quoted: Vec<_> = all.iter().map(|text| format!("{text:?}")).collect();
    format!("[]string{{{}}}", quoted.join(", "))
}
