//! The operator's binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    apio_operator::run::main()
}
