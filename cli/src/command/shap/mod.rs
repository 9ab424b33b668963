//! `pellucid shap`: open and check everything, then explain the table block by block.

mod prompt;
mod results;
mod text;
mod textual;

use super::open::Opened;
use super::shapley::Shapley;
use crate::Exit;
use crate::args::ShapArgs;
use crate::interrupt::Interrupt;
use crate::number::{duration, thousands};
use crate::terminal::Terminal;
use pellucid::Result;
use results::Results;

pub use results::{LEGEND, describe};

pub fn run(args: &ShapArgs, terminal: &Terminal, interrupt: &Interrupt) -> Result<Exit> {
    if args.prompt.prompt.is_some() {
        return prompt::run(args, terminal, interrupt);
    }
    if args.text.tokenizer.is_some() {
        return text::run(args, terminal, interrupt);
    }
    let opened = Opened::new(&args.input(), &args.background, &args.run, &[], terminal, interrupt)?;
    // Files are opened before any work, so that a wrong path costs nothing.
    let layout = opened.input.layout(opened.outputs(), args.result.stderr, args.design.interactions)?;
    let mut results = Results::create(&args.result, layout)?;
    let shapley = Shapley::prepare(&opened, &args.background, &args.design, &args.run, terminal)?;
    if args.run.dry_run {
        return dry_run(&shapley, &opened, terminal);
    }
    shapley.announce(&opened, &args.run, terminal);
    let pass = shapley.explain(&opened, terminal, &mut |explained, block| results.write(explained, &block.ids))?;
    results.finish(&pass, shapley.shap.provenance(), terminal)?;
    shapley.tell_pass(&pass, terminal);
    Ok(Exit::Done)
}

/// Prints what the whole would take.
pub fn dry_run(shapley: &Shapley, opened: &Opened, terminal: &Terminal) -> Result<Exit> {
    let (rate, time, done) = shapley.measure(opened)?;
    if terminal.json() {
        terminal.data(
            &serde_json::json!({
                "rows": shapley.rows, "model_rows_per_row": shapley.shap.rows_per_instance(),
                "model_rows": shapley.model_rows(), "model_rows_per_second": rate, "seconds": time.as_secs_f64(),
                "provenance": shapley.shap.provenance(),
            })
            .to_string(),
        )?;
        return Ok(Exit::Done);
    }
    terminal.data(&format!(
        "{}\nabout {} at {} model rows/s, measured on {done} rows; nothing was written",
        shapley.plan(),
        duration(time),
        thousands(rate as u64)
    ))?;
    Ok(Exit::Done)
}
