//! The rules of a definition (`x-kubernetes-validations`), in CEL.
//!
//! All rules of our definitions are evaluated by the `cel` crate. One thing is ours: the crate compiles a pattern at each call,
//! so `text.matches(pattern)` becomes a function that keeps the patterns it has compiled.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use cel::{Context, Env, Program, extractors::This};
use regex::Regex;
use serde_json::Value;

/// One rule.
pub(super) struct Rule {
    program: Program,
    pub message: String,
    /// Where the error is, seen from what the rule stands at.
    pub field_path: String,
    /// Whether it compares with what was there: then it is asked of updates only.
    pub is_transition: bool,
    world: Arc<World>,
}

/// What every evaluation of a rule shares.
struct World {
    environment: Arc<Env>,
    patterns: Mutex<BTreeMap<String, Regex>>,
}

impl Rule {
    /// # Errors
    /// When it cannot be compiled.
    pub fn parse(source: &Value) -> Result<Self, String> {
        let rule = source["rule"].as_str().unwrap_or_default();
        let environment = Arc::new(Env::stdlib());
        let program = environment.compile(&rule.replace(".matches(", ".isMatch("));
        let text = |name: &str| source[name].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            program: program.map_err(|error| format!("{rule}: {error}"))?,
            message: text("message"),
            field_path: text("fieldPath"),
            is_transition: rule.contains("oldSelf"),
            world: Arc::new(World { environment, patterns: Mutex::default() }),
        })
    }

    /// Whether a value keeps to it, after an old one if there is one.
    ///
    /// # Errors
    /// When the evaluation fails, which the API server shows to the user.
    pub fn holds(&self, value: &Value, old: Option<&Value>) -> Result<bool, String> {
        let mut context = Context::with_env(Arc::clone(&self.world.environment));
        let failed = |error: &dyn std::fmt::Display| error.to_string();
        context.add_variable("self", value).map_err(|error| failed(&error))?;
        if let Some(old) = old {
            context.add_variable("oldSelf", old).map_err(|error| failed(&error))?;
        }
        let world = Arc::clone(&self.world);
        let is_match = move |This(text): This<Arc<String>>, pattern: Arc<String>| world.is_match(&text, &pattern);
        context.add_function("isMatch", is_match).map_err(|error| failed(&error))?;
        match self.program.execute(&context) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("{other:?} is not a truth value")),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl World {
    /// A pattern that cannot be compiled matches nothing; the real API server refuses the definition that has it.
    fn is_match(&self, text: &str, pattern: &str) -> bool {
        let mut patterns = self.patterns.lock().unwrap_or_else(PoisonError::into_inner);
        if !patterns.contains_key(pattern)
            && let Ok(compiled) = Regex::new(pattern)
        {
            patterns.insert(pattern.to_owned(), compiled);
        }
        patterns.get(pattern).is_some_and(|compiled| compiled.is_match(text))
    }
}
