//! Child processes that die with this process.

use std::fs::{self, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::waiting::within;

/// How long an ended program may take to leave the process table.
const VANISHES_WITHIN: Duration = Duration::from_secs(10);

/// A running program that dies with this process, even when this process is killed by SIGKILL.
///
/// Between the two stands a small `sh` that blocks on a pipe whose other end only this process holds; at its end the `sh` kills
/// its process group. (A parent-death signal would follow the starting thread instead of the process, and needs `unsafe`.)
/// The group is the program's own, so that Ctrl-C in a terminal reaches this process only. Dropping the guard ends the program.
pub struct Guarded {
    shell: Mutex<Shell>,
    pid: u32,
    log: PathBuf,
}

struct Shell {
    child: Child,
    /// `None` once the program was told to end.
    signals: Option<ChildStdin>,
}

impl Guarded {
    /// Starts the command's program with its arguments, its folder and the variables set on it, on top of this process's environment.
    ///
    /// Its input is `/dev/null` and all it prints is appended to `log`; what the command says of those is not looked at, and
    /// neither is `env_clear`.
    pub fn spawn(command: &Command, log: &Path) -> io::Result<Self> {
        let mut shell = Command::new("sh");
        shell.args(["-c", include_str!("guard.sh"), "guard"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        let output = OpenOptions::new().create(true).append(true).open(log)?;
        let mut child =
            shell.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::from(output)).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let signals = child.stdin.take();
        let Ok(pid) = line.trim().parse() else {
            drop(signals);
            child.wait()?;
            return Err(io::Error::other(format!("sh did not start the program: {}", log_tail(log, 20))));
        };
        Ok(Self { shell: Mutex::new(Shell { child, signals }), pid, log: log.to_owned() })
    }

    /// The process id of the program itself.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The file that holds what the program printed.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Sends SIGKILL to the program. Returns at once; [`Guarded::wait`] tells when it is gone.
    pub fn kill(&self) {
        self.signal("KILL");
    }

    /// Sends SIGTERM to the program.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    fn signal(&self, name: &str) {
        if let Some(signals) = &mut self.shell().signals {
            // Fails only when the program has ended already.
            let _ = writeln!(signals, "{name}");
        }
    }

    /// Whether the program still runs.
    pub fn is_running(&self) -> bool {
        matches!(self.shell().child.try_wait(), Ok(None))
    }

    /// Waits until the program has ended; `None` if it still runs after `limit`.
    ///
    /// As in a shell, the exit code is 128 + n when signal n ended it, and 127 when it could not be started (the log says why).
    pub fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        within(limit, || self.shell().child.try_wait().ok().flatten())
    }

    fn shell(&self) -> MutexGuard<'_, Shell> {
        self.shell.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if self.is_running() {
            let mut shell = self.shell();
            shell.signals = None;
            let _ = shell.child.wait();
            // The shell is gone, the program may take a moment longer: whoever drops the guard counts on its ports and files.
            let _ = within(VANISHES_WITHIN, || (!is_alive(self.pid)).then_some(()));
        }
    }
}

/// Whether a process with this id exists and is more than a zombie.
pub fn is_alive(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // "pid (name) state ...": the name may itself hold spaces and parentheses.
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    !matches!(state, Some('Z' | 'X'))
}

/// The last `lines` lines of a log.
pub(super) fn log_tail(log: &Path, lines: usize) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn guarded(script: &str) -> (Guarded, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("GREETING", "hello it's me").current_dir(folder.path());
        (Guarded::spawn(&command, &folder.path().join("log")).unwrap(), folder)
    }

    #[test]
    fn exit_status_output_environment_and_folder_are_the_programs_own() {
        let (program, _folder) = guarded("echo \"$GREETING\"; touch here; cat; exit 3");
        assert_eq!(program.wait(SOON).unwrap().code(), Some(3));
        assert!(!program.is_running());
        assert_eq!(log_tail(program.log(), 20), "hello it's me");
        assert!(program.log().with_file_name("here").exists());
    }

    #[test]
    fn terminate_lets_the_program_end_in_its_own_way() {
        let (program, _folder) = guarded("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done");
        within(SOON, || (log_tail(program.log(), 1) == "ready").then_some(())).unwrap();
        assert!(program.is_running());
        program.terminate();
        assert_eq!(program.wait(SOON).unwrap().code(), Some(7));
        assert_eq!(log_tail(program.log(), 1), "bye");
    }

    #[test]
    fn kill_ends_the_program_and_its_shell() {
        let (program, _folder) = guarded("exec sleep 600");
        assert!(is_alive(program.pid()));
        program.kill();
        assert_eq!(program.wait(SOON).unwrap().code(), Some(128 + 9));
        assert!(!is_alive(program.pid()));
        assert!(!is_alive(program.shell().child.id()));
    }

    #[test]
    fn drop_ends_the_program_and_its_children() {
        let (program, _folder) = guarded("sleep 600 & echo $!; wait");
        let child = within(SOON, || log_tail(program.log(), 1).parse().ok()).unwrap();
        let pid = program.pid();
        drop(program);
        assert!(!is_alive(pid));
        within(SOON, || (!is_alive(child)).then_some(())).unwrap();
    }

    #[test]
    fn a_program_that_does_not_exist_is_told_in_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let program = Guarded::spawn(&Command::new("/nowhere/program"), &folder.path().join("log")).unwrap();
        assert_eq!(program.wait(SOON).unwrap().code(), Some(127));
        assert!(log_tail(program.log(), 1).contains("/nowhere/program"));
    }
}
