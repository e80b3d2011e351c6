//! What the person at the terminal sees while they wait.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Told what goes on while a control plane is built and started.
pub trait Progress: Send + Sync {
    /// A step begins.
    fn started(&self, step: &str);
    /// The step goes on; called several times a second, with what it does now ("" if there is nothing to tell).
    fn tick(&self, detail: &str);
    /// The step has ended well. (After a step that failed comes nothing; the error says it.)
    fn done(&self);
}

/// Back to the beginning of the terminal's line, and empty it.
const CLEAR: &str = "\r\x1b[K";

/// Says nothing.
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _step: &str) {}
    fn tick(&self, _detail: &str) {}
    fn done(&self) {}
}

/// Tells on standard error. A step is a line; in a terminal the line under it is rewritten while the step goes on, elsewhere there is
/// a line every 30 seconds.
pub struct Terminal {
    rewrites: bool,
    step: Mutex<Option<Step>>,
}

struct Step {
    name: String,
    began: Instant,
    told: Instant,
}

impl Terminal {
    /// Looks whether standard error is a terminal.
    #[expect(clippy::new_without_default, reason = "it looks at the process's surroundings")]
    pub fn new() -> Self {
        Self { rewrites: io::stderr().is_terminal(), step: Mutex::new(None) }
    }

    fn with_step(&self, act: impl FnOnce(&mut Option<Step>)) {
        act(&mut self.step.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Progress for Terminal {
    fn started(&self, step: &str) {
        let now = Instant::now();
        self.with_step(|current| *current = Some(Step { name: step.to_owned(), began: now, told: now }));
        write(format_args!("{step}\n"));
    }

    fn tick(&self, detail: &str) {
        let every = if self.rewrites { Duration::from_millis(500) } else { Duration::from_secs(30) };
        self.with_step(|current| {
            let Some(step) = current.as_mut().filter(|step| step.told.elapsed() >= every) else { return };
            step.told = Instant::now();
            let colon = if detail.is_empty() { "" } else { ": " };
            let line = format!("  {} s{colon}{detail}", step.began.elapsed().as_secs());
            if self.rewrites {
                // A line that is wider than the terminal could not be rewritten.
                write(format_args!("{CLEAR}{}", line.chars().take(79).collect::<String>()));
            } else {
                write(format_args!("{}{line}\n", step.name));
            }
        });
    }

    fn done(&self) {
        self.with_step(|current| {
            if let Some(step) = current.take().filter(|_| self.rewrites) {
                write(format_args!("{CLEAR}  done in {:.1} s\n", step.began.elapsed().as_secs_f32()));
            }
        });
    }
}

/// What comes after a failed step begins on a line of its own.
impl Drop for Terminal {
    fn drop(&mut self) {
        let rewrites = self.rewrites;
        self.with_step(|current| {
            if rewrites && current.is_some() {
                write(format_args!("{CLEAR}"));
            }
        });
    }
}

/// Not `eprint!`, which the test runner captures: a wait must be seen while it lasts.
fn write(text: std::fmt::Arguments<'_>) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_fmt(text);
    let _ = stderr.flush();
}
