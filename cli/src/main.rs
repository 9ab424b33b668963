//! `pellucid` on the command line: what was typed becomes calls into the library, what went wrong becomes an exit code.
//!
//! stdout carries data, stderr everything else. No logic of its own lives here: see the library crate `pellucid`.

mod args;
mod bias_table;
mod command;
mod config;
mod effect_table;
mod interaction_table;
mod interrupt;
mod number;
mod progress;
mod segment_table;
mod table;
mod terminal;
mod text_table;

use args::{Cli, Command};
use clap::Parser;
use interrupt::Interrupt;
use pellucid::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use terminal::Terminal;

/// How a run ended, as the shell sees it. The help lists the same codes: `args::EXIT_CODES`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Done = 0,
    /// Done, but a limit the user stated was broken.
    LimitBroken = 1,
    BadInput = 2,
    Unexpected = 3,
    Interrupted = 130,
}

fn main() -> ExitCode {
    quiet_vulkan();
    let panic = terminal::record_panics();
    let exit = match catch_unwind(AssertUnwindSafe(start)) {
        Ok(exit) => exit,
        Err(_) => {
            terminal::report_panic(&panic);
            Exit::Unexpected
        }
    };
    ExitCode::from(exit as u8)
}

/// Reads the command line (help, version and usage errors end here), runs the command, reports how it ended.
fn start() -> Exit {
    let cli = match config::merge(std::env::args_os()) {
        Ok(arguments) => Cli::parse_from(arguments),
        Err(error) => return report(&error, &Terminal::default()),
    };
    let terminal = Terminal::new(&cli.output);
    match run(&cli, &terminal) {
        Ok(exit) => exit,
        Err(error) => report(&error, &terminal),
    }
}

fn run(cli: &Cli, terminal: &Terminal) -> Result<Exit> {
    let interrupt = Interrupt::install();
    match &cli.command {
        Command::Demo(args) => command::demo::run(args, terminal, &interrupt),
        Command::Shap(args) => command::shap::run(args, terminal, &interrupt),
        Command::Pdp(args) => command::pdp::run(args, terminal, &interrupt),
        Command::Report(args) => command::report::run(args, terminal, &interrupt),
        Command::Bias(args) => command::bias::run(args, terminal, &interrupt),
        Command::Analyze(args) => command::analyze::run(args, terminal, &interrupt),
        Command::Mitigate(args) => command::mitigate::run(args, terminal, &interrupt),
        Command::Monitor(args) => command::monitor::run(args, terminal, &interrupt),
        Command::Image(args) => command::image::run(args, terminal, &interrupt),
        Command::Devices => command::devices::run(terminal),
        Command::Inspect(args) => command::inspect::run(args, terminal),
    }
}

fn report(error: &Error, terminal: &Terminal) -> Exit {
    let exit = exit_of(error);
    // Done, with an error: the reader of our output has gone, and there is nobody to tell.
    if exit != Exit::Done {
        terminal.error(error);
    }
    exit
}

fn exit_of(error: &Error) -> Exit {
    match error {
        Error::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe => Exit::Done,
        Error::Input { .. } | Error::Io { .. } | Error::Device { .. } => Exit::BadInput,
        Error::Interrupted => Exit::Interrupted,
        _ => Exit::Unexpected,
    }
}

/// Mesa's software Vulkan complains on stderr when `XDG_RUNTIME_DIR` is unset, as it is in containers and under cron.
fn quiet_vulkan() {
    if cfg!(unix) && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // SAFETY: this is the first statement of `main`; no other thread exists that could read the environment.
        unsafe { std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_exit_code() {
        let io = |kind: std::io::ErrorKind| Error::io("write", "out.csv", kind.into());
        for (error, exit) in [
            (Error::input("no"), Exit::BadInput),
            (io(std::io::ErrorKind::NotFound), Exit::BadInput),
            (io(std::io::ErrorKind::BrokenPipe), Exit::Done),
            (Error::Device { device: "gpu:0".into(), message: "lost".into() }, Exit::BadInput),
            (Error::Interrupted, Exit::Interrupted),
        ] {
            assert_eq!(exit_of(&error), exit, "{error}");
        }
    }
}
