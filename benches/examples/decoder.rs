//! A large decoder of random weights: forwards of perturbed prompts a second, share of the device's peak, and what shared beginnings save.
//!
//! `cargo run --release -p pellucid-benches --example decoder -- --device gpu --parameters 1b --precision bf16 --prompt-tokens 512 --players 64`
//!
//! Players are equal runs of the prompt; absent ones are deleted. The coalitions are those that a run with this budget would try.

#![allow(clippy::print_stdout)]

use burn::tensor::{DType, Distribution, Tensor};
use clap::Parser;
use ndarray::Array2;
use pellucid::data::Background;
use pellucid::design::Budget;
use pellucid::device::DeviceChoice;
use pellucid::explain::KernelShap;
use pellucid::model::HostFn;
use pellucid::transformer::{Decoder, DecoderConfig, Family, Precision, Rope, Saving, Scaling};
use pellucid::{Device, Error, Result, kernels};
use pellucid_benches::clock::Clock;
use std::sync::{Arc, Mutex};
use std::time::Instant;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value = "cpu")]
    device: DeviceChoice,
    /// The size of the model: 10m, 135m, 1b, 3b or 8b
    #[arg(long, default_value = "1b")]
    parameters: String,
    /// f32, f16 or bf16
    #[arg(long, default_value = "f32")]
    precision: Precision,
    #[arg(long, default_value_t = 512)]
    prompt_tokens: usize,
    #[arg(long, default_value_t = 64)]
    players: usize,
    #[arg(long, default_value_t = 4)]
    answer_tokens: usize,
    /// Perturbed prompts at most
    #[arg(long, default_value_t = 1280)]
    forwards: usize,
    /// Peak of the GPU, or of one core of the CPU, in GFLOP/s in this precision: prints the share of it that is reached
    #[arg(long)]
    peak: Option<f64>,
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Read every prompt from its start
    #[arg(long)]
    no_sharing: bool,
}

/// Sizes of Llama 3.2, Llama 3.1 and SmolLM2, and of a small one for tests of this program.
fn config(name: &str, longest: usize) -> Result<DecoderConfig> {
    let (vocabulary, hidden, inner, layers, heads, kv_heads, head_size, tied) = match name {
        "10m" => (4096, 256, 1024, 8, 4, 2, 64, true),
        "135m" => (49152, 576, 1536, 30, 9, 3, 64, true),
        "1b" => (128_256, 2048, 8192, 16, 32, 8, 64, true),
        "3b" => (128_256, 3072, 8192, 28, 24, 8, 128, true),
        "8b" => (128_256, 4096, 14336, 32, 32, 8, 128, false),
        _ => return Err(Error::input(format!("--parameters {name}: 10m, 135m, 1b, 3b or 8b"))),
    };
    Ok(DecoderConfig {
        family: Family::Llama,
        vocabulary,
        hidden,
        inner,
        layers,
        heads,
        kv_heads,
        head_size,
        epsilon: 1e-5,
        rope: Rope { theta: 500_000.0, scaling: Scaling::None },
        longest,
        qkv_bias: false,
        output_bias: false,
        mlp_bias: false,
        qk_norm: false,
        tied,
        begin: None,
        ends: Vec::new(),
    })
}

/// The products of a layer with its weights, `[in, out]`.
fn products(c: &DecoderConfig) -> [[usize; 2]; 7] {
    let (queries, keys) = (c.heads * c.head_size, c.kv_heads * c.head_size);
    [
        [c.hidden, queries],
        [c.hidden, keys],
        [c.hidden, keys],
        [queries, c.hidden],
        [c.hidden, c.inner],
        [c.hidden, c.inner],
        [c.inner, c.hidden],
    ]
}

/// The coalitions that kernel SHAP tries for so many players and forwards, each once.
fn coalitions(players: usize, forwards: usize) -> Result<Vec<Vec<bool>>> {
    let seen = Arc::<Mutex<Vec<Vec<bool>>>>::default();
    let noted = seen.clone();
    let names = (0..players).map(|player| player.to_string()).collect();
    let model = HostFn::new(names, vec!["y".into()], move |rows: ndarray::ArrayView2<f32>| {
        let mut noted = noted.lock().expect("no thread fails");
        noted.extend(rows.rows().into_iter().map(|row| row.iter().map(|&x| x != 0.0).collect::<Vec<_>>()));
        rows.sum_axis(ndarray::Axis(1)).insert_axis(ndarray::Axis(1))
    });
    let whole = Array2::ones((1, players));
    let builder = KernelShap::builder(model, Background::uniform(Array2::zeros((1, players))));
    builder.budget(Budget::Rows(forwards)).pilot(whole.clone()).build(&Device::cpu())?.explain(whole.view())?;
    let mut all = std::mem::take(&mut *seen.lock().expect("no thread fails"));
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// A number below `most` for each place, the same each time.
fn token(at: usize, most: usize) -> u32 {
    ((at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u32 % most as u32
}

/// Wall and CPU seconds that a layer's products with its weights take alone, for so many tokens side by side.
fn bare(c: &DecoderConfig, rows: usize, precision: Precision, device: &Device) -> Result<(f64, f64, ())> {
    let dtype = match precision {
        Precision::F32 => DType::F32,
        Precision::F16 => DType::F16,
        Precision::BF16 => DType::BF16,
    };
    let random =
        |shape: [usize; 2]| Tensor::<2>::random(shape, Distribution::Uniform(-1.0, 1.0), device.burn()).cast(dtype);
    let operands = products(c).map(|[from, to]| (random([rows, from]), random([to, from])));
    best(3, || {
        operands.iter().try_for_each(|(x, weight)| {
            let y = x.clone().matmul(weight.clone().transpose());
            kernels::read(y.narrow(0, 0, 1).narrow(1, 0, 1).cast(DType::F32)).map(drop)
        })
    })
}

/// The least wall and CPU seconds of several rounds.
fn best<T>(rounds: usize, mut work: impl FnMut() -> Result<T>) -> Result<(f64, f64, T)> {
    let (mut wall, mut cpu) = (f64::INFINITY, f64::INFINITY);
    let mut round = || {
        let mut found = None;
        let times = Clock::time(|| found = Some(work()));
        (wall, cpu) = (wall.min(times.wall), cpu.min(times.cpu));
        found.expect("the work was done")
    };
    let mut found = round()?;
    for _ in 1..rounds {
        found = round()?;
    }
    Ok((wall, cpu, found))
}

fn main() -> Result<()> {
    let args = Args::parse();
    let device = Device::open(args.device)?;
    let config = config(&args.parameters, args.prompt_tokens + args.answer_tokens)?;
    let weights: usize = products(&config).iter().map(|[from, to]| from * to).sum::<usize>() * config.layers;
    let head = config.hidden * config.vocabulary;
    let parameters = weights + if config.tied { head } else { 2 * head };
    let started = Instant::now();
    let decoder = Decoder::random(&config, 0, &device, args.precision)?;
    println!(
        "{}: {:.2} G parameters in {:?}, {:.2} GB, made in {:.1} s",
        device.name(),
        parameters as f64 / 1e9,
        args.precision,
        args.precision.bytes() as f64 * parameters as f64 / 1e9,
        started.elapsed().as_secs_f64()
    );

    let started = Instant::now();
    let coalitions = coalitions(args.players, args.forwards)?;
    println!(
        "{} different coalitions of {} players in {:.1} s",
        coalitions.len(),
        args.players,
        started.elapsed().as_secs_f64()
    );
    let player_of = |at: usize| at * args.players / args.prompt_tokens;
    let prompt = |coalition: &Vec<bool>| -> Vec<u32> {
        let there = (0..args.prompt_tokens).filter(|&at| coalition[player_of(at)]);
        there.map(|at| token(at, config.vocabulary)).collect()
    };
    let prompts: Vec<Vec<u32>> = coalitions.iter().map(prompt).collect();
    let prompts: Vec<&[u32]> = prompts.iter().map(Vec::as_slice).collect();
    let answer: Vec<u32> = (0..args.answer_tokens).map(|at| token(7_000_000 + at, config.vocabulary)).collect();
    // A token that every prompt begins with, so that one without players can be read.
    let before = decoder.head_of(&[1])?;

    let (wall, cpu, saving) = best(args.repeats, || {
        let saving = Saving::default();
        let found = decoder.log_probabilities(&before, &prompts, &answer, !args.no_sharing, &saving)?;
        let sum: f64 = kernels::read(found)?.iter().map(|&x| f64::from(x)).sum();
        assert!(sum.is_finite(), "log-probabilities that are not finite");
        Ok(saving)
    })?;
    let (run, asked) = (saving.run(), saving.asked());
    println!(
        "{} forwards in {wall:.2} s, {cpu:.2} CPU s (least of {}): {:.1} forwards/s, {:.0} tokens/s run, {:.0} tokens/s asked for",
        prompts.len(),
        args.repeats,
        prompts.len() as f64 / wall,
        run as f64 / wall,
        asked as f64 / wall
    );
    println!("shared beginnings: {asked} tokens asked for, {run} run, {:.1} % saved", 100.0 * saving.share());
    // A GPU's time is the wall's; on the CPU the peak is that of a core.
    let time = |wall: f64, cpu: f64| if device.is_cpu() { cpu } else { wall };
    let of_peak =
        |rate: f64| args.peak.map_or(String::new(), |peak| format!(", {:.1} % of the peak", rate / 1e7 / peak));
    let flops = 2.0 * (weights as f64 * run as f64 + (head * prompts.len() * answer.len()) as f64);
    let rate = flops / time(wall, cpu);
    println!("products with weights: {:.1} GFLOP/s{}", rate / 1e9, of_peak(rate));
    let rows = (run as usize).clamp(1, 2048);
    let (wall, cpu, ()) = bare(&config, rows, args.precision, &device)?;
    let alone = 2.0 * (weights / config.layers * rows) as f64 / time(wall, cpu);
    println!(
        "a layer's products alone, {rows} tokens side by side: {:.1} GFLOP/s{}: the run reaches {:.0} % of that",
        alone / 1e9,
        of_peak(alone),
        100.0 * rate / alone
    );
    if let Some(peak) = std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(|line| line.trim().to_string()))
    {
        println!("memory of the process at most: {peak}");
    }
    Ok(())
}
