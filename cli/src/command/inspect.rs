//! `pellucid inspect`: what a model takes and gives.

use crate::Exit;
use crate::args::InspectArgs;
use crate::number::thousands;
use crate::terminal::Terminal;
use pellucid::Result;
use pellucid::model::onnx::{Card, OperatorCard, TensorCard};

pub fn run(args: &InspectArgs, terminal: &Terminal) -> Result<Exit> {
    let card = Card::load(&args.model)?;
    let text = if terminal.json() { format!("{:#}", json(&card)) } else { describe(&card) };
    terminal.data(&text)?;
    Ok(Exit::Done)
}

fn describe(card: &Card) -> String {
    let opsets: Vec<String> = card.opsets.iter().map(|(domain, version)| format!("{domain} {version}")).collect();
    let mut lines = vec![
        card.name.clone(),
        format!("  written by  {}", or_unknown(&card.producer)),
        format!("  opsets      {}", opsets.join(", ")),
    ];
    let heads = |name: &'static str| std::iter::once(name).chain(std::iter::repeat(""));
    lines.extend(card.inputs.iter().zip(heads("inputs")).map(|(input, head)| format!("  {head:<10}  {input}")));
    lines.extend(card.outputs.iter().zip(heads("outputs")).map(|(output, head)| format!("  {head:<10}  {output}")));
    if let Some(labels) = &card.class_labels {
        lines.push(format!("  classes     {}", labels.join(", ")));
    }
    let operators: Vec<String> = card.operators.iter().map(operator).collect();
    lines.push(format!("  operators   {}", operators.join(", ")));
    lines.push(format!("  parameters  {}", thousands(card.parameters)));
    if let Some(flops) = card.flops_per_row {
        lines.push(format!("  work        {} floating-point operations a row", thousands(flops)));
    }
    match &card.problem {
        None => lines.push("  it can be explained".into()),
        Some(problem) => lines.push(format!("  it cannot be explained: {problem}")),
    }
    lines.join("\n")
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

fn operator(operator: &OperatorCard) -> String {
    let count = if operator.count > 1 { format!(" x{}", operator.count) } else { String::new() };
    let note = if operator.supported { "" } else { " (not supported)" };
    format!("{}{count}{note}", operator.name)
}

fn json(card: &Card) -> serde_json::Value {
    let tensor =
        |tensor: &TensorCard| serde_json::json!({ "name": tensor.name, "dtype": tensor.dtype, "shape": tensor.shape });
    let operator = |operator: &OperatorCard| serde_json::json!({ "name": operator.name, "count": operator.count, "supported": operator.supported });
    let opset = |(domain, version): &(String, i64)| serde_json::json!({ "domain": domain, "version": version });
    serde_json::json!({
        "name": card.name,
        "producer": card.producer,
        "opsets": card.opsets.iter().map(opset).collect::<Vec<_>>(),
        "inputs": card.inputs.iter().map(tensor).collect::<Vec<_>>(),
        "outputs": card.outputs.iter().map(tensor).collect::<Vec<_>>(),
        "operators": card.operators.iter().map(operator).collect::<Vec<_>>(),
        "class_labels": card.class_labels,
        "parameters": card.parameters,
        "flops_per_row": card.flops_per_row,
        "problem": card.problem,
    })
}
