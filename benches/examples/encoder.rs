//! Tokens per CPU second of a text encoder on one thread, at the shapes of text explanations; beside onnxruntime, which takes turns.
//!
//! ```text
//! cargo run --release -p pellucid-benches --example encoder -- [MODEL.onnx | FOLDER with config.json] [--peer "python benches/peers/encoder.py"] [--steps]
//! ```

#![allow(clippy::print_stdout)]

use clap::Parser;
use pellucid::model::onnx::{Network, Session, Value};
use pellucid::text::{Encoder, OnnxEncoder, TokenBatch};
use pellucid::transformer::{Bert, Precision};
use pellucid::{Device, Result};
use pellucid_benches::clock::Clock;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

#[derive(Parser)]
struct Arguments {
    #[arg(default_value = "tests/fixtures/models/sms_bert_tiny/model.onnx")]
    model: PathBuf,
    /// The command that runs benches/peers/encoder.py
    #[arg(long)]
    peer: Option<String>,
    /// Sequences × tokens
    #[arg(long, value_delimiter = ',', default_value = "256x8,64x8,128x16,64x32,16x32,34x60,8x60")]
    shapes: Vec<String>,
    #[arg(long, default_value_t = 40)]
    rounds: usize,
    /// Floating-point operations of a token beside attention, to print the share of the peak
    #[arg(long, default_value_t = 131_072.0)]
    flops: f64,
    /// Layers × width, of which attention takes 4·tokens operations each
    #[arg(long, default_value_t = 128.0)]
    attends: f64,
    /// GFLOP/s of a core
    #[arg(long, default_value_t = 116.0)]
    peak: f64,
    /// Also tells what each operator takes
    #[arg(long)]
    steps: bool,
}

/// The other runtime, which answers a shape with CPU seconds.
struct Peer(Child, BufReader<std::process::ChildStdout>);

impl Peer {
    fn start(command: &str, model: &std::path::Path) -> Self {
        let mut words = command.split_whitespace();
        let mut process = Command::new(words.next().expect("a command"));
        let mut child =
            process.args(words).arg(model).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the peer");
        let mut answers = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        answers.read_line(&mut line).expect("its version");
        println!("peer: {}", line.trim());
        Self(child, answers)
    }

    fn seconds(&mut self, [sequences, tokens]: [usize; 2]) -> f64 {
        writeln!(self.0.stdin.as_mut().expect("its input"), "{sequences} {tokens}").expect("its input");
        let mut line = String::new();
        self.1.read_line(&mut line).expect("its answer");
        line.trim().parse().expect("seconds")
    }
}

fn batch([sequences, length]: [usize; 2]) -> TokenBatch {
    let n = sequences * length;
    let ids = (0..n as i32).map(|i| i * 37 % 900 + 5).collect();
    TokenBatch { sequences, length, ids, mask: vec![1; n], types: vec![0; n], ..TokenBatch::default() }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let device = Device::cpu();
    let is_onnx = arguments.model.extension().is_some_and(|extension| extension == "onnx");
    let encoder: Box<dyn Encoder> = match is_onnx {
        true => Box::new(OnnxEncoder::load(&arguments.model, &device)?),
        false => Box::new(Bert::load(&arguments.model, &device, Precision::F32)?),
    };
    let onnx = if is_onnx { arguments.model.clone() } else { arguments.model.join("model.onnx") };
    let mut peer = arguments.peer.as_ref().map(|command| Peer::start(command, &onnx));
    // As in a text run: a batch stays on the thread of the pool that took it.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    println!("| sequences × tokens | tokens/CPU s | share of peak | onnxruntime | ratio |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    for shape in &arguments.shapes {
        let sizes: Vec<usize> = shape.split('x').map(|n| n.parse().expect("sequences x tokens")).collect();
        let shape = [sizes[0], sizes[1]];
        let batch = batch(shape);
        let (mut ours, mut theirs) = (f64::INFINITY, f64::INFINITY);
        let tokens = (shape[0] * shape[1]) as f64;
        // So many forwards at once that the clock costs nothing.
        let turns = (8192.0 / tokens).ceil();
        for _ in 0..arguments.rounds {
            let run = || encoder.forward(&batch).map(|y| drop(pellucid::kernels::read(y))).expect("it runs");
            let many = || (0..turns as usize).for_each(|_| run());
            ours = ours.min(Clock::time(|| pool.install(many)).cpu / turns);
            if let Some(peer) = &mut peer {
                theirs = theirs.min(peer.seconds(shape));
            }
        }
        let flops = arguments.flops + 4.0 * shape[1] as f64 * arguments.attends;
        println!(
            "| {}×{} | {:.0} | {:.0} % | {:.0} | {:.2} |",
            shape[0],
            shape[1],
            tokens / ours,
            100.0 * flops * tokens / ours / 1e9 / arguments.peak,
            tokens / theirs,
            theirs / ours
        );
        if arguments.steps && is_onnx {
            let session = Network::open(&arguments.model)?.on(&device)?;
            pool.install(|| steps(&session, &batch))?;
        }
    }
    Ok(())
}

/// What each operator takes, the least of several runs.
fn steps(session: &Session, batch: &TokenBatch) -> Result<()> {
    let dims = [batch.sequences, batch.length];
    let value = |name: &str| {
        let values = if name.contains("mask") { &batch.mask } else { &batch.ids };
        let values = if name.contains("type") { &batch.types } else { values };
        Value::ints(values.iter().map(|&v| v.into()).collect(), &dims)
    };
    let inputs = session.network().inputs().to_vec();
    let given = inputs.iter().map(|port| Ok((port.name.as_str(), value(&port.name)?))).collect::<Result<Vec<_>>>()?;
    let mut least = session.profile(&given)?;
    for _ in 0..20 {
        for (operator, seconds, _) in session.profile(&given)? {
            let known = least.iter_mut().find(|(name, ..)| *name == operator).expect("the same steps");
            known.1 = known.1.min(seconds);
        }
    }
    least.sort_by(|a, b| b.1.total_cmp(&a.1));
    let all: f64 = least.iter().map(|step| step.1).sum();
    for (operator, seconds, count) in least {
        println!("    {operator:32} {count:4} × {:8.1} µs  {:4.1} %", 1e6 * seconds, 100.0 * seconds / all);
    }
    Ok(())
}
