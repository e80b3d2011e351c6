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

/// Says nothing.
pub struct Silent;

impl Progress for Silent {
    fn started(&self, _step: &str) {}
    fn tick(&self, _detail: &str) {}
    fn done(&self) {}
}

/// Tells on standard error: in a terminal by a line that is rewritten, otherwise by a line at the start of a step and every 30 seconds.
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
        write(format_args!("{step}{}", if self.rewrites { "" } else { "\n" }));
    }

    fn tick(&self, detail: &str) {
        let every = if self.rewrites { Duration::from_millis(500) } else { Duration::from_secs(30) };
        self.with_step(|current| {
            let Some(step) = current.as_mut().filter(|step| step.told.elapsed() >= every) else { return };
            step.told = Instant::now();
            let colon = if detail.is_empty() { "" } else { ": " };
            let line = format!("{}, {} s{colon}{detail}", step.name, step.began.elapsed().as_secs());
            if self.rewrites {
                write(format_args!("\r\x1b[K{}", line.chars().take(110).collect::<String>()));
            } else {
                write(format_args!("{line}\n"));
            }
        });
    }

    fn done(&self) {
        self.with_step(|current| {
            if let Some(step) = current.take().filter(|_| self.rewrites) {
                write(format_args!("\r\x1b[K{}: {:.1} s\n", step.name, step.began.elapsed().as_secs_f32()));
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
