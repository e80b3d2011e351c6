//! The rules of a definition (`x-kubernetes-validations`), in CEL.
//!
//! All rules of our definitions are evaluated by the `cel` crate. One thing is ours: the crate compiles a pattern at each call,
//! so `text.matches(pattern)` becomes a function that keeps the patterns it has compiled.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

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
}

/// Of all rules: making one takes longer than compiling a rule.
static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));
/// The patterns that were compiled.
static PATTERNS: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());

impl Rule {
    /// # Errors
    /// When it cannot be compiled.
    pub fn parse(source: &Value) -> Result<Self, String> {
        let rule = source["rule"].as_str().unwrap_or_default();
        let program = ENVIRONMENT.compile(&rule.replace(".matches(", ".isMatch("));
        let text = |name: &str| source[name].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            program: program.map_err(|error| format!("{rule}: {error}"))?,
            message: text("message"),
            field_path: text("fieldPath"),
            is_transition: rule.contains("oldSelf"),
        })
    }

    /// Whether a value keeps to it.
    ///
    /// # Errors
    /// When the evaluation fails, which the API server shows to the user.
    pub fn holds(&self, about: &About) -> Result<bool, String> {
        match self.program.execute(about.0.as_ref().map_err(Clone::clone)?) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("{other:?} is not a truth value")),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// What rules are asked of, put into their words once for all of them: that takes longer than most rules.
pub(super) struct About(Result<Context<'static, 'static>, String>);

impl About {
    /// A value, after an old one if there is one.
    pub fn new(value: &Value, old: Option<&Value>) -> Self {
        Self(in_words(value, old).map_err(|error| error.to_string()))
    }
}

fn in_words(value: &Value, old: Option<&Value>) -> Result<Context<'static, 'static>, Box<dyn Error>> {
    let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
    context.add_variable("self", value)?;
    if let Some(old) = old {
        context.add_variable("oldSelf", old)?;
    }
    let is_match = |This(text): This<Arc<String>>, pattern: Arc<String>| is_match(&text, &pattern);
    context.add_function("isMatch", is_match)?;
    Ok(context)
}

/// A pattern that cannot be compiled matches nothing; the real API server refuses the definition that has it.
fn is_match(text: &str, pattern: &str) -> bool {
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    if !patterns.contains_key(pattern)
        && let Ok(compiled) = Regex::new(pattern)
    {
        patterns.insert(pattern.to_owned(), compiled);
    }
    patterns.get(pattern).is_some_and(|compiled| compiled.is_match(text))
}
