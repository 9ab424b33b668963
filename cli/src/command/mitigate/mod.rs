//! `pellucid mitigate`: survey the groups, change a copy of the table, tell before and after.

mod compare;
mod massage;
mod opened;
mod repair;
mod reweigh;
mod thresholds;

use crate::Exit;
use crate::args::{Method, MitigateArgs};
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;
use pellucid::Result;

pub fn run(args: &MitigateArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    match &args.method {
        Method::Reweigh(args) => reweigh::run(args, terminal, interrupt),
        Method::Massage(args) => massage::run(args, terminal, interrupt),
        Method::Repair(args) => repair::run(args, terminal, interrupt),
        Method::Thresholds(args) => thresholds::run(args, terminal, interrupt),
    }?;
    Ok(Exit::Done)
}
